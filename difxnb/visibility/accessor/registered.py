# SPDX-License-Identifier: GPL-3.0-or-later
"""``difx`` on every Dataset and DataArray: selections, coefficients, lags and means that read like the question.

In: visibilities of the shape in the package docstring, however they came about: opened, live, from netCDF or zarr,
selected, joined, averaged. Out: the same shape, or what the docstring of the verb says. An accessor holds no state;
everything it knows is in the coordinates and attributes. It is there once ``difxnb.visibility`` is imported, as every
way to open visibilities does, ``xarray.open_dataset(path, engine="difx")`` too. Whoever opens a netCDF or zarr file of
visibilities with xarray alone writes ``import difxnb.visibility`` before: ``import difxnb`` does not load xarray.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Unpack, overload

import pandas as pd
import xarray as xr

from difxnb.formats.swin_scan import OnError
from difxnb.visibility.accessor.correlation import normalized
from difxnb.visibility.accessor.job_tones import tones_of
from difxnb.visibility.accessor.lag import lags
from difxnb.visibility.accessor.means import mean_over
from difxnb.visibility.accessor.selecting import spectra_of
from difxnb.visibility.accessor.selections import Selections
from difxnb.visibility.accessor.summary import VisibilitySummary
from difxnb.visibility.fits import fringe_fit
from difxnb.visibility.fits.fringe_table import FringeOptions
from difxnb.visibility.fits.intervals import By
from difxnb.visibility.stored.opening import reopen, skipped_frame

_JOB_ATTRS = ("integration_time",)


@xr.register_dataset_accessor("difx")  # type: ignore[no-untyped-call]
class DifxDataset(Selections[xr.Dataset]):
    """Questions to a Dataset of visibilities, as ``ds.difx.cross()``; see the methods."""

    def normalized(self, autos: xr.Dataset | None = None, *, over: str = "integration") -> xr.Dataset:
        """Correlation coefficients: V12 / √(A1 · A2).

        A1 and A2 are the autocorrelations of both antennas: of the parallel hand of the product's letter at that
        antenna, of the same integration and channel, under the same row of the FREQ table or one with the same edges
        and channels. Of several phase centres or pulsar bins, that of the first serves all, as mpifxcorr writes no
        other. Nothing is done about the loss in sampling: 2 bits leave some 0.88 of a coefficient, 1 bit 2/π.

        Where an autocorrelation is missing the coefficient is NaN and its weight 0. With real-sampled data the first
        channel, at the low edge, is unreliable, and the last is a little low (``difx-files.md`` 4).

        Parameters
        ----------
        autos : Dataset, optional
            Where the autocorrelations are, if not among these visibilities: give the whole Dataset to normalize one
            baseline without reading the others.
        over : {"integration", "scan"}
            What the autocorrelations are averaged over first. An integration is the default, since levels and gains
            may change and since both sides of the fraction then lack the same data; its autocorrelations add noise of
            1/√(channel width · integration time) of the value. A scan has less noise, and fills missing ones.

        Returns
        -------
        Dataset
            The same with ``VISIBILITY`` in coefficients, dimensionless; autocorrelations become 1. With dask nothing
            is computed yet.

        Raises
        ------
        ValueError
            There are no autocorrelations, none of these antennas or hands, or they are marked as not to be trusted
            (stitched bands in DiFX 2.9, ``difx-files.md`` 17.1).

        Examples
        --------
        >>> rho = ds.difx.normalized().difx.cross()
        >>> rho.VISIBILITY.attrs["long_name"]
        'correlation coefficient'
        >>> one = ds.difx.baseline("AA-BB").difx.normalized(ds)
        >>> one.VISIBILITY.equals(rho.difx.baseline("AA-BB").VISIBILITY)
        True
        """
        return normalized(self._data, autos, over=over)

    def lags(self, *, padding: int = 8, window: str | None = None, edge_channels: int = 0) -> xr.Dataset:
        """Lag functions: what the visibilities look like against delay.

        LAG(τ) = Σ V(ν) exp(-2πi (ν - ν₀) τ) / N, with ν₀ the centre of the first of N channels. A signal peaks at
        +τ where antenna 2 is late by τ, in upper and lower sideband alike, with the amplitude of its spectrum.

        With real-sampled data the first channel, at the low edge, swings with the fringe and the last is low
        (``difx-files.md`` 4): they move a peak by a small part of 1/bandwidth. ``edge_channels=1`` leaves both out;
        delays with errors are the business of ``fringes``.

        Parameters
        ----------
        padding : int
            The lags are this many times finer than 1/bandwidth, by interpolation with zeros.
        window : str, optional
            A window of :func:`scipy.signal.get_window` over the channels, such as ``"hann"``, against side lobes.
        edge_channels : int
            Channels left out at either end of each band.

        Returns
        -------
        Dataset
            ``LAG`` (…, lag_index): complex64, with the coordinates ``lag`` (band, lag_index): s, ascending, NaN behind
            the last lag of a band with fewer channels than others, and ``reference_frequency`` (band): Hz, ν₀, where
            the phase of LAG is taken. The other variables stay. A missing channel counts as absent; without any
            channel LAG is NaN. With dask nothing is computed yet.

        Raises
        ------
        ValueError
            There are no channels at equal distances, or an option makes no sense.

        Examples
        --------
        >>> peak = ds.difx.baseline("AA-BB").difx.lags().isel(time=0, baseline=0, band=0, polarization=0)
        >>> round(peak.lag[abs(peak.LAG).argmax("lag_index")].item() * 1e9)
        125
        """
        made = lags(spectra_of(self._data), padding=padding, window=window, edge_channels=edge_channels)
        return self._data.drop_vars("VISIBILITY").drop_dims("channel", errors="ignore").assign(LAG=made)

    def mean_over(self, *what: str) -> xr.Dataset:
        """Mean over time, scans, channels or other axes, weighted with WEIGHT, without what is missing.

        Parameters
        ----------
        *what : str
            ``"time"``, ``"channel"``, ``"band"``, ``"polarization"``, ``"baseline"``, ``"phase_center"``,
            ``"pulsar_bin"``: the axis goes. ``"scan"``: one integration per scan and source is left. A length of time
            such as ``"10s"``: one per so much time, counted from the beginning of each scan. Several at once are one
            mean over all their cells.

        Returns
        -------
        Dataset
            ``VISIBILITY`` (or ``LAG``), ``WEIGHT`` and ``UVW``; server values of live data are left out. ``WEIGHT`` is
            the fraction of valid data in what was averaged, and the coordinate ``n_averaged`` how many cells
            (integration times channel times product; an integration twice as long as usual is two) that was, so that
            their product counts in further means: means of means are one mean. Noise falls to 1/√(WEIGHT ·
            n_averaged) of that of one cell of weight 1. Weights that are not known (live) count as 1. ``time`` is the
            mean of the nominal times, ``integration_time`` the sum. The sums are those of
            :mod:`difxnb.visibility.accessor.means`. With dask nothing is computed yet; of files a block at a time is
            read.

        Raises
        ------
        ValueError
            There is no such axis, or the mean makes no sense: of auto- with cross-correlations, or channel by channel
            of bands that differ in channels.

        Examples
        --------
        >>> scans = ds.difx.mean_over("scan")
        >>> scans.scan_name.values.tolist(), scans.n_averaged.values.tolist()
        (['No0001', 'No0002'], [4.0, 2.0])
        >>> whole = ds.difx.cross().difx.mean_over("time", "channel")
        >>> dict(whole.VISIBILITY.sizes)
        {'baseline': 3, 'band': 2, 'polarization': 4}
        """
        return mean_over(self._data, *what)

    @overload
    def fringes(
        self, by: By = ..., *, as_dataset: Literal[False] = ..., **options: Unpack[FringeOptions]
    ) -> pd.DataFrame: ...
    @overload
    def fringes(
        self, by: By = ..., *, as_dataset: Literal[True], **options: Unpack[FringeOptions]
    ) -> xr.Dataset: ...
    def fringes(
        self, by: By = "scan", *, as_dataset: bool = False, **options: Unpack[FringeOptions]
    ) -> pd.DataFrame | xr.Dataset:
        """Delay, rate, phase, amplitude and SNR per scan and product; see :func:`difxnb.visibility.fringe_fit`.

        One baseline, band or polarization may be selected with ``isel`` or ``sel``, too. Without WEIGHT all counts.

        Parameters
        ----------
        by : str or timedelta
            ``"scan"``, a length of time such as ``"10s"``, or ``"integration"``.
        as_dataset : bool
            Whether to return arrays instead of rows.
        **options
            As of `fringe_fit`: ``edge_channels``, ``delay_window``, ``rate_window``, ``multiband``, ``band_phases``,
            ``combine_polarizations``, ``pcal``, ``reference_frequency``, ``snr_convention``, ``workers``.

        Examples
        --------
        >>> table = ds.difx.scan(1).difx.baseline("AA", "BB").difx.fringes()
        >>> table.iloc[0][["baseline", "polarization"]].tolist()
        ['AA-BB', 'RR']
        """
        if as_dataset:
            return fringe_fit(self._data, by, as_dataset=True, **options)
        return fringe_fit(self._data, by, **options)

    def summary(self) -> VisibilitySummary:
        """What is in these visibilities: antennas, bands, polarizations, scans, weights, gaps, missing products.

        Made of coordinates and weights; visibilities are not read.

        Examples
        --------
        >>> ds.difx.summary().antennas()["antenna"].tolist()
        ['AA', 'BB', 'CC']
        """
        return VisibilitySummary(self._data)

    def pcal(self, *, align: bool = False, on_error: OnError = "raise") -> xr.Dataset:
        """Pulse calibration tones of the job of these visibilities, as :func:`difxnb.read_pcal` gives them.

        The files are looked for beside the visibilities (``attrs["files"]``) and by the ``.input``.

        Parameters
        ----------
        align : bool
            Whether to put the tones onto the times of the visibilities: of each integration the tones whose middle is
            nearest, NaN where none lies within half an integration.
        on_error : {"raise", "skip"}
            As of :func:`difxnb.read_pcal`.

        Raises
        ------
        ValueError
            The visibilities do not say where they came from.
        """
        return tones_of(self._data, align=align, on_error=on_error)

    def skipped(self) -> pd.DataFrame:
        """What was passed over in damaged files: ``file``, ``offset``, ``size``, ``reason``.

        Examples
        --------
        >>> len(ds.difx.skipped())
        0
        """
        return skipped_frame(self._data)

    def refresh(self) -> xr.Dataset:
        """Open the same files again, with what has been written since; for jobs that still run.

        Only of a whole Dataset as :func:`difxnb.open_visibilities` gave it; a selection does not know its files any
        more, which is a ValueError. What is open stays as it is.
        """
        return reopen(self._data)


@xr.register_dataarray_accessor("difx")  # type: ignore[no-untyped-call]
class DifxArray(Selections[xr.DataArray]):
    """Questions to an array of visibilities, as ``ds.VISIBILITY.difx.baseline("AA", "BB")``; see the methods.

    Weights are those of a coordinate ``WEIGHT``, as ``ds.VISIBILITY.assign_coords(WEIGHT=ds.WEIGHT)`` has it;
    without one every value counts the same.
    """

    def normalized(self, autos: xr.Dataset | None = None, *, over: str = "integration") -> xr.DataArray:
        """Correlation coefficients; see :meth:`DifxDataset.normalized`."""
        return self._with_weights(lambda dataset: normalized(dataset, autos, over=over))

    def lags(self, *, padding: int = 8, window: str | None = None, edge_channels: int = 0) -> xr.DataArray:
        """Lag functions; see :meth:`DifxDataset.lags`.

        Examples
        --------
        >>> ds.VISIBILITY.difx.cross().difx.lags(padding=1).sizes["lag_index"] == ds.sizes["channel"]
        True
        """
        return lags(self._data, padding=padding, window=window, edge_channels=edge_channels)

    def mean_over(self, *what: str) -> xr.DataArray:
        """Mean over time, scans, channels or other axes; see :meth:`DifxDataset.mean_over`.

        Examples
        --------
        >>> spectra = ds.VISIBILITY.difx.cross().difx.mean_over("time")
        >>> spectra.dims
        ('baseline', 'band', 'polarization', 'channel')
        """
        return self._with_weights(lambda dataset: mean_over(dataset, *what))

    def _with_weights(self, work: Callable[[xr.Dataset], xr.Dataset]) -> xr.DataArray:
        """Let something be done to a Dataset of the array and its weights."""
        name = "LAG" if "lag_index" in self._data.dims else "VISIBILITY"
        dataset = self._data.to_dataset(name=name)
        dataset.attrs = {name: value for name, value in self._data.attrs.items() if name in _JOB_ATTRS}
        if "WEIGHT" not in dataset.coords:
            return work(dataset)[name].rename(self._data.name)
        made = work(dataset.reset_coords("WEIGHT")).set_coords("WEIGHT")
        return made[name].rename(self._data.name)
