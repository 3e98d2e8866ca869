# SPDX-License-Identifier: GPL-3.0-or-later
"""The sky's signal in one scan as each station's samplers see it, before noise and quantisation.

The sky's signal of a band and polarization is Gaussian noise that is white over exactly the band. A station that
records the time u receives it as it was at the reference point at t = t' - r(t'), where u = t' - D(t') is what the
correlator believes: D is the whole model of the job (``.im`` and clock), r the residual that the fringes are to show.
With f the frequency of the band edge, the voltage is Re[s(t) exp(2πi f (D - r) + iφ)], for lower sidebands too, whose s
has negative frequencies only. So V = S1 conj(S2) ∝ exp(+2πi ν (r2 - r1) + i (φ1 - φ2)), as in ``difx-files.md`` 13.

How it is computed fast: on the time axis of the reference point the signal is made of blocks of `BLOCK` samples, each
one period of a sum of sinusoids with random complex amplitudes. A station's samples of a block are one inverse
transform of these amplitudes, of which the fractional delay is a phase slope and whole turns of the fringe rate are a
shift by bins (so that its receiver takes exactly its band); what is left of the fringe rate, below half a bin, is a
slow rotation afterwards. All stations sample the same function of time, so nothing is lost by making it of blocks.
Within a block the delay of the envelope is constant; it is right in the middle, and errs by less than a thousandth of
a sample at the ends with opposite signs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from difxnb.formats.im import Im
from difxnb.synthetic.experiment_model import Experiment
from difxnb.synthetic.sky import FloatArray, StationDelay

BLOCK = 1024
_TABLE = 16
_FRINGE_MARGIN = 1.1


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where a station stands in each of a run of blocks, and in the block after them.

    Attributes
    ----------
    middle_s : ndarray
        Middles of the blocks, s after the scan start.
    delay_s, rate : ndarray
        D - r without what the left-hand polarization has beyond it, at the middles of the blocks, s and s/s.
    whole : ndarray of int
        Delay in whole samples: sample i of block k is the station's sample k·BLOCK + i - whole, counted from the
        scan start in its own recorded time.
    """

    middle_s: FloatArray
    delay_s: FloatArray
    rate: FloatArray
    whole: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rotation:
    """Fringe rate of a band: bins by which its spectrum is shifted, and what is left, bins and as phasors."""

    shift: int
    rest: FloatArray
    phasors: NDArray[np.complex64]


@dataclass(frozen=True, slots=True)
class Slope:
    """Delay of a polarization: at the middles of the blocks, s; its fraction of a sample, and that as phasors.

    Beside it stands the phase of the station's signal there, in turns.
    """

    delay_s: FloatArray
    fraction: FloatArray
    phasors: NDArray[np.complex64]
    phase_turns: FloatArray


class ScanSignal:
    """The sky's signal of one scan, block by block.

    Parameters
    ----------
    experiment : Experiment
    im : Im
        Delay model; the clocks come from the experiment.
    scan : int
        Row.
    """

    def __init__(self, experiment: Experiment, im: Im, scan: int) -> None:
        self._experiment = experiment
        self._row, self._scan = scan, experiment.scans[scan]
        self.delays = [StationDelay(experiment, im, scan, a) for a in range(len(experiment.stations))]
        self._spare_bins = self._most_fringe_bins() + 1

    @property
    def bins(self) -> int:
        """Amplitudes of a block: those of the band, and some at both ends that fringe rates shift into it."""
        return BLOCK // 2 + 2 * self._spare_bins

    def _most_fringe_bins(self) -> int:
        """Bins of a block by which the fringe rate shifts a band at most."""
        ends = np.array([0.0, self._scan.duration_s])
        fastest = max(float(np.max(np.abs(delay(ends)[1]))) for delay in self.delays) * _FRINGE_MARGIN
        edge = max(band.edge_hz for band in self._experiment.bands)
        return int(np.ceil(fastest * edge * BLOCK / self._experiment.sample_rate_hz)) + 1

    def sky(self, noise: NDArray[np.float32]) -> NDArray[np.complex64]:
        """Amplitudes of the sky's signal of some blocks.

        Parameters
        ----------
        noise : ndarray of float32, shape (channel, block, 2 * bins)
            Gaussian random numbers of variance 2 / BLOCK, which give the voltage variance 1. Used up.

        Returns
        -------
        ndarray of complex64, shape (channel, block, bins)
            The left-hand polarization holds its share of the right-hand one.
        """
        amplitudes = noise.view(np.complex64)
        if self._experiment.polarizations == "RL":
            mixing = self._experiment.polarization_mixing
            amplitudes[1::2] *= np.float32(np.sqrt(1 - mixing**2))
            amplitudes[1::2] += np.float32(mixing) * amplitudes[0::2]
        return amplitudes

    def geometry(self, station: int, blocks: range) -> Geometry:
        """Geometry of a run of blocks; block k begins k·BLOCK samples after the scan start at the reference point."""
        rate_hz = self._experiment.sample_rate_hz
        middles = (np.arange(blocks.start, blocks.stop + 1) + 0.5) * BLOCK / rate_hz
        about = self._experiment.stations[station]
        residual = about.residual_delay_s + about.residual_rate * (middles + self._scan.start_s)
        model, rate = self.delays[station](middles + residual)
        delay = model - residual
        whole = np.rint(delay * rate_hz).astype(np.int64)
        return Geometry(middles, delay, rate - about.residual_rate, whole)

    def rotation(self, band: int, geometry: Geometry) -> Rotation:
        """Split the fringe rate of a band into whole bins and a slow rotation."""
        bin_hz = self._experiment.sample_rate_hz / BLOCK
        fringe_bins = self._experiment.bands[band].edge_hz * geometry.rate[:-1] / bin_hz
        shift = -round(float(fringe_bins.mean()))
        rest = fringe_bins + shift
        return Rotation(shift, rest, phasors(np.zeros_like(rest), rest / BLOCK, BLOCK))

    def slope(self, station: int, polarization: str, geometry: Geometry) -> Slope:
        """Delay of a polarization as a phase slope over the bins, for all bands alike."""
        about = self._experiment.stations[station]
        beyond = about.left_delay_s if polarization == "L" else 0.0
        delay = geometry.delay_s[:-1] - beyond * (1 - geometry.rate[:-1])
        fraction = delay * self._experiment.sample_rate_hz - geometry.whole[:-1]
        bins = phasors(np.zeros_like(fraction), fraction / BLOCK, BLOCK // 2)
        turns = np.full(delay.shape, about.signal_phase_rad(polarization) / (2 * np.pi))
        for jump in about.phase_jumps:
            if jump.scan == self._row:
                turns += jump.phase_rad / (2 * np.pi) * (geometry.middle_s[:-1] >= jump.start_s)
        return Slope(delay, fraction, bins, turns)

    def voltage(
        self,
        channel: int,
        slope: Slope,
        rotation: Rotation,
        sky: NDArray[np.complex64],
        *,
        rms: float = 1.0,
    ) -> NDArray[np.float32]:
        """Voltage of the sky's signal in a recorded channel.

        Parameters
        ----------
        channel : int
            Row.
        slope : Slope
            Of the station, for the channel's polarization in these blocks.
        rotation : Rotation
            Of the channel's band.
        sky : ndarray of complex64, shape (block, bins)
            Amplitudes of the channel.
        rms : float
            Of the voltage.

        Returns
        -------
        ndarray of float32, shape (block, BLOCK)

        Notes
        -----
        With e the fractional delay in samples, sample i is, summed over the bins m that the receiver takes,
        Re Σ S[m + shift] exp 2πi (m (i + e) / BLOCK + rest (i + e - BLOCK/2) / BLOCK + shift/2 + f (D - r) + φ/2π).
        """
        row, _ = self._experiment.channels[channel]
        band = self._experiment.bands[row]
        first_bin = 0 if band.sideband == "U" else -(BLOCK // 2)
        turns = np.mod(band.edge_hz * slope.delay_s, 1.0) + slope.phase_turns
        turns += rotation.shift / 2 + rotation.rest * (slope.fraction / BLOCK - 0.5)
        turns += first_bin * slope.fraction / BLOCK
        start = (rms * np.exp(2j * np.pi * turns)).astype(np.complex64)[:, None]
        taken = sky[:, self._spare_bins + rotation.shift :][:, : BLOCK // 2]
        spectrum = np.zeros((len(turns), BLOCK), np.complex64)
        here = spectrum[:, first_bin % BLOCK :][:, : BLOCK // 2]
        np.multiply(taken, slope.phasors, out=here)
        here *= start
        voltage = scipy.fft.ifft(spectrum, axis=-1, norm="forward", overwrite_x=True)
        voltage *= rotation.phasors
        return np.asarray(voltage.real)


def phasors(turns: FloatArray, turns_per_step: FloatArray, steps: int) -> NDArray[np.complex64]:
    """Evaluate exp(2πi (turns + turns_per_step · n)) for n = 0 … steps-1, shape (…, steps); steps is a power of two.

    A short table is doubled until it is long enough: one complex multiplication instead of a sine and a cosine each.
    """
    table = np.empty((len(turns), steps), np.complex64)
    table[:, :_TABLE] = np.exp(2j * np.pi * (turns[:, None] + turns_per_step[:, None] * np.arange(_TABLE)))
    done = _TABLE
    while done < steps:
        onward = np.exp(2j * np.pi * turns_per_step * done).astype(np.complex64)[:, None]
        np.multiply(table[:, :done], onward, out=table[:, done : 2 * done])
        done *= 2
    return table
