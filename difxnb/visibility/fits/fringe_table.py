# SPDX-License-Identifier: GPL-3.0-or-later
"""``fringe_fit``: the question, and how its answer is put together block by block."""

from __future__ import annotations

from typing import Literal, TypedDict, Unpack, overload

import pandas as pd
import xarray as xr

from difxnb.fringe.convention import Convention
from difxnb.visibility.accessor.selecting import kept, listed, spectra_of, with_all_axes
from difxnb.visibility.fits.band_phases import BandPhases
from difxnb.visibility.fits.coefficients import MeanPowers
from difxnb.visibility.fits.fitting import Fits, what_is_fitted_together
from difxnb.visibility.fits.intervals import By, intervals_of
from difxnb.visibility.fits.search import Search, Window
from difxnb.visibility.fits.tones import ToneCorrections


class FringeOptions(TypedDict, total=False):
    """Options of `fringe_fit`, for those who pass them on."""

    edge_channels: int
    delay_window: Window | None
    rate_window: Window | None
    multiband: bool
    band_phases: BandPhases
    combine_polarizations: bool
    pcal: bool | xr.Dataset | None
    reference_frequency: float | None
    snr_convention: Convention
    workers: int | None


@overload
def fringe_fit(
    dataset: xr.Dataset, by: By = ..., *, as_dataset: Literal[False] = ..., **options: Unpack[FringeOptions]
) -> pd.DataFrame: ...
@overload
def fringe_fit(
    dataset: xr.Dataset, by: By = ..., *, as_dataset: Literal[True], **options: Unpack[FringeOptions]
) -> xr.Dataset: ...
def fringe_fit(
    dataset: xr.Dataset,
    by: By = "scan",
    *,
    edge_channels: int = 1,
    delay_window: Window | None = None,
    rate_window: Window | None = None,
    multiband: bool = False,
    band_phases: BandPhases = None,
    combine_polarizations: bool = False,
    pcal: bool | xr.Dataset | None = None,
    reference_frequency: float | None = None,
    snr_convention: Convention = "difxnb",
    as_dataset: bool = False,
    workers: int | None = None,
) -> pd.DataFrame | xr.Dataset:
    """Fit delay and rate per scan (or solution interval), cross baseline, band and polarization.

    The estimator is that of :mod:`difxnb.fringe`, the same for live and file data: the maximum likelihood of one
    delay and one rate. Signs: V = S1 · conj(S2) ∝ exp(+2πi ν τ), so that delay and rate are positive where antenna 2 is
    late, or falls behind, in both sidebands.

    Parameters
    ----------
    dataset : Dataset
        Of the shape in the package docstring, live or from files; an axis of one value may be gone. Of lazy data a
        block at a time is read. Where weights are unknown they count as 1.
    by : str or timedelta
        What has one delay and one rate: ``"scan"`` (integrations with the same scan and source that follow each
        other), a length of time such as ``"10s"`` or a timedelta (counted from the beginning of each scan), or
        ``"integration"`` (no rates then). Scans are not fitted together: between them phases wander by turns.
    edge_channels : int
        Channels left out at either end of each band (``difx-files.md`` 4 says why one should be).
    delay_window, rate_window : (low, high), optional
        s and s/s: where the fringe is looked for, at the middle of the interval; by default everywhere that delays
        and rates are told apart. The false alarm probability is that of the window. A window of rates may lie
        anywhere: of the rates that look the same, that in the window comes out.
    multiband : bool
        Whether all bands share one delay: the multi-band delay, with the phases of bands as `band_phases` says.
    band_phases : "free", DataFrame or Dataset, optional
        Phases of the bands that are not the sky's. None: there are none (or `pcal` takes them out). ``"free"``: they
        are not known, so that every band keeps its own, and the delay is that of the slopes within bands. A table of
        an earlier multi-band fit, of a calibrator: its ``band_phase_…`` are taken out, per baseline and polarization;
        a band of which it has none is left out.
    combine_polarizations : bool
        Whether the parallel hands share one delay and rate, each with its own phase. Rows are labelled ``"RR+LL"``;
        cross hands have none.
    pcal : True or Dataset, optional
        Phases of pulse calibration tones to apply, V · P1 · conj(P2): of the job (True), or from
        :func:`difxnb.read_pcal`. Where one antenna has no tones, those of the other are applied; see the flag
        ``no_pcal``. How they are applied: :mod:`difxnb.visibility.fits.tones`.
    reference_frequency : float, optional
        Hz at which phases are stated; by default the middle of each band, and of all bands with `multiband`.
    snr_convention : {"difxnb", "plotDiFX", "vcal", "fourfit"}
        Whose SNR the column ``snr`` states; how the others define it: :func:`difxnb.fringe.snr_in_convention`.
        Errors and the false alarm probability are always those of ours.
    as_dataset : bool
        Whether to return arrays instead of rows.
    workers : int, optional
        Threads; by default as many as there are CPUs to use. Results do not depend on it.

    Returns
    -------
    DataFrame
        One row per fit with data: ``scan``, ``source``, ``baseline``, ``antenna1_name``, ``antenna2_name``,
        ``band`` (not with `multiband`), ``polarization`` (and ``phase_center``, ``pulsar_bin`` where there are
        several); then

        * ``start``, ``stop``: UTC, ends of the interval
        * ``delay`` (s, positive where antenna 2 is late), ``delay_error``, ``delay_rate`` (s/s),
          ``delay_rate_error``, ``phase`` (rad, at ``reference_frequency`` and ``reference_time``), ``phase_error``
        * ``amplitude``, ``amplitude_error``: units of the visibilities
        * ``correlation``: the amplitude as a coefficient, by the autocorrelations of the same interval and channels;
          NaN where they are not there or not to be trusted. Nothing is done about the loss in sampling.
        * ``snr``: amplitude over the rms of one component of its noise (A. E. E. Rogers, Radio Science 5, 1239, 1970;
          :mod:`difxnb.fringe`), unless `snr_convention` asks for another
        * ``false_alarm_probability``: that noise alone shows such a peak anywhere in what was searched
        * ``n_integrations`` with data, and their mean ``weight``: NaN where unknown
        * ``delay_ambiguity`` (s), ``rate_ambiguity`` (s/s): what may be added to delay and rate with next to no change
          of the visibilities
        * ``reference_frequency`` (Hz)
        * ``flags``: words separated by blanks: ``not_detected`` (false alarm probability above 0.001),
          ``one_integration`` (hence no rate), ``few_channels`` (less than 8), ``window_edge`` (the highest point
          stands at the border of the window: the fringe is likely outside), ``ambiguous_delay`` (the multi-band delay
          may be wrong by a multiple of its ambiguity: three errors of the single-band delay are more than half of
          it), ``no_pcal`` (tones are missing at one end or both)
        * ``reference_time`` (UTC)

        With `multiband` also ``n_bands`` with data, ``single_band_delay``, ``single_band_delay_error``, and for every
        band ``band_phase_<band>`` and ``band_phase_error_<band>`` (rad): its phase less that of all bands, at the
        reference frequency. With `combine_polarizations` ``phase_<hand>`` and ``phase_error_<hand>``, ``phase`` is
        that of the first hand, and phases of bands are named ``band_phase_<band>_<hand>``; ``amplitude`` is the
        mean of the hands by their errors.

        Live data have ``server_delay`` (s) and ``server_snr`` too: guiServer's own last values, raw, known to be
        wrong.
    Dataset
        With `as_dataset`: the same on the axes ``scan``, ``baseline``, ``band``, ``polarization``; of shorter
        intervals each has its place on the axis ``scan``, with the coordinates ``start`` and ``stop``. NaN and no
        flags where there were no data.

    Raises
    ------
    TypeError
        It is no Dataset.
    ValueError
        An option makes no sense, or an axis does not; the text says what there is.
    OutputNotFound
        `pcal` is True and the job has no tones.

    Notes
    -----
    **Errors** are those of the noise. To that of a delay within one band is added, in quadrature, what the
    correlator leaves: segments of length T of data that are late by τ overlap by T - abs(τ) only, so that the lags
    are weighted with a triangle. Where τ lies between two lags this is no longer symmetric about the fringe, and pulls
    the delay of a band of width B with N channels by up to 0.2/(B·N) where there are 256 channels, more or less as
    log N where there are more or fewer; 0.1/(B·N) is added, which is the rms over all τ. Where τ falls on a lag it
    does nothing. (Found by computing the expected spectrum of white noise in a band.) To those of rates and phases
    is added what gaps within integrations do where a fringe turns: their places are not known, only the weights
    (:mod:`difxnb.visibility.fits.timing`). Neither clocks of antennas nor atmosphere are in the errors, nor this: the
    correlator takes the samples nearest to the wanted time but turns them by the delay at that time, which puts a
    saw-tooth of up to π · ν₀ · abs(D') / (samples per second) per antenna into the phases, and D'² into rates, D' being
    the rate of the delay model; it averages out where the model moves by many samples within an interval (mpifxcorr,
    ``mode.cpp``: the nearest sample and the fringe rotation).

    **Ambiguities.** The delay of one band repeats after 1/(channel width), a multi-band delay after the inverse of
    the spacing of the bands, a rate after 1/(ν₀ · spacing of the integrations): a fringe that turns faster than half
    a turn per integration comes out with another rate, weakened by sinc(ν₀ · rate · integration time), unless
    `rate_window` says where it is.

    Examples
    --------
    >>> table = difxnb.fringe_fit(ds, delay_window=(-1e-6, 1e-6))
    >>> table.loc[table["flags"] == "", ["baseline", "delay", "delay_error"]]
    >>> calibrator = difxnb.fringe_fit(ds.difx.source("3C273"), multiband=True, band_phases="free")
    >>> difxnb.fringe_fit(ds.difx.source("TARGET"), multiband=True, band_phases=calibrator)
    """
    if band_phases is not None and not multiband:
        raise ValueError("band_phases are of fits over several bands; ask for multiband=True")
    dataset = _whole(dataset)
    cross = kept(dataset, "baseline", ~dataset["is_autocorrelation"].values)
    fits = Fits(
        cross,
        MeanPowers(dataset),
        Search(edge_channels, delay_window, rate_window, reference_frequency, snr_convention, workers),
        what_is_fitted_together(cross, multiband, band_phases, combine_polarizations),
        ToneCorrections(cross, pcal) if isinstance(pcal, xr.Dataset) or pcal else None,
    )
    arrays = fits.arrays(intervals_of(cross, by))
    return arrays.array() if as_dataset else arrays.frame()


def _whole(dataset: xr.Dataset) -> xr.Dataset:
    """The same with every axis that a fit goes along."""
    spectra_of(dataset)
    missing = [name for name in ("frequency", "bandwidth", "n_channels") if name not in dataset.coords]
    if missing:
        raise ValueError(f"these visibilities have no {', '.join(missing)}; {listed(dataset.coords)}")
    return with_all_axes(dataset)
