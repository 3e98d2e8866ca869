# SPDX-License-Identifier: GPL-3.0-or-later
"""The recordings: sky noise, delayed and turned as each station would receive it, plus noise of its own, in 2 bits.

The sky's signal of a band and polarization is Gaussian noise that is white over exactly the band. A station that
records the time u receives it as it was at the reference point at t, where u = t - D(t) + r(t): D is the whole model of
the job (``.im`` and clock), r the residual that the fringes are to show. With f the frequency of the band edge, the
voltage is Re[s(t) exp(2πi f (D - r) + iφ)], for lower sidebands too, whose s has negative frequencies only: the same
method and signs as for the reference jobs, so that V = S1 conj(S2) ∝ exp(+2πi ν (r2 - r1) + i (φ1 - φ2)).

How it is computed fast: on the time axis of the reference point the signal is made of blocks of `BLOCK` samples, each
one period of a sum of sinusoids with random complex amplitudes. A station's samples of a block are one inverse
transform of these amplitudes, of which the fractional delay is a phase slope and whole turns of the fringe rate are a
shift by bins (so that its receiver takes exactly its band); what is left of the fringe rate, below half a bin, is a
slow rotation afterwards. All stations sample the same function of time, so nothing is lost by making it of blocks.
Within a block the delay of the envelope is constant; it is right in the middle, and errs by less than a thousandth of
a sample at the ends with opposite signs.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.fft
import scipy.special
from numpy.typing import NDArray

from difxnb.demo.experiment_model import QUANTISATION_BITS, Experiment
from difxnb.demo.sampling import THRESHOLD
from difxnb.demo.sky import StationDelay
from difxnb.demo.vdif import FrameWriter, word_type
from difxnb.formats.im import Im

BLOCK = 1024
_BLOCKS_AT_ONCE = 64
_COARSE = 32
_SPARE_FRAMES_BEFORE = 8
_SPARE_FRAMES_AFTER = 48  # mpifxcorr's reader of INTERLACEDVDIF may drop some 30 frames at the end of a file
_QUANTILES = 1 << 16
_TOP_CODE = 3.5

FloatArray = NDArray[np.float64]


def write_recordings(experiment: Experiment, im: Im, directory: Path) -> list[Path]:
    """Write every station's recording of every scan.

    Parameters
    ----------
    experiment : Experiment
    im : Im
        Delay model; the clocks come from the experiment.
    directory : Path

    Returns
    -------
    list of Path
        The files. The same experiment gives the same bytes.
    """
    scans = range(len(experiment.scans))
    with ThreadPoolExecutor(max_workers=min(len(scans), os.cpu_count() or 1)) as pool:
        written = pool.map(lambda scan: ScanRecording(experiment, im, scan).write(directory), scans)
        return [path for paths in written for path in paths]


@dataclass(frozen=True, slots=True)
class _Geometry:
    """Where a station stands in each of a run of blocks.

    Attributes
    ----------
    delay_s, rate : ndarray
        D - r without what the left-hand polarization has beyond it, at the middles of the blocks, s and s/s.
    whole : ndarray of int
        Delay in whole samples.
    """

    delay_s: FloatArray
    rate: FloatArray
    whole: NDArray[np.int64]


class ScanRecording:
    """The recordings of one scan."""

    def __init__(self, experiment: Experiment, im: Im, scan: int) -> None:
        self._experiment = experiment
        self._scan = scan
        self._delays = [StationDelay(experiment, im, scan, a) for a in range(len(experiment.stations))]
        self._frames = [self._needed_frames(delay) for delay in self._delays]
        self._noise = [_noise_table(station.common_power) for station in experiment.stations]
        self._spare_bins = self._most_fringe_bins() + 1

    def write(self, directory: Path) -> list[Path]:
        """Write one file per station; give their paths."""
        stations = range(len(self._experiment.stations))
        paths = [directory / self._experiment.recording_name(a, self._scan) for a in stations]
        with contextlib.ExitStack() as files:
            writers = [
                FrameWriter(files.enter_context(path.open("wb")), self._experiment, a, self._scan, self._frames[a])
                for a, path in enumerate(paths)
            ]
            for part, blocks in enumerate(self._runs_of_blocks()):
                sky = self._sky(part, len(blocks))
                for station, writer in enumerate(writers):
                    self._record(station, writer, part, blocks, sky)
        return paths

    def _needed_frames(self, delay: StationDelay) -> range:
        """Frames that the correlator may want, and some to spare at both ends, numbered from the scan start."""
        duration = self._experiment.scans[self._scan].duration_s
        (first, last), _ = delay(np.array([0.0, float(duration)]))
        rate = self._experiment.frames_per_second
        start = int(np.floor(-first * rate)) - _SPARE_FRAMES_BEFORE
        return range(start, int(np.ceil((duration - last) * rate)) + _SPARE_FRAMES_AFTER)

    def _most_fringe_bins(self) -> int:
        """Bins of a block by which the fringe rate shifts a band at most."""
        _, rates = zip(*(delay(np.zeros(1)) for delay in self._delays), strict=True)
        edge = max(band.edge_hz for band in self._experiment.bands)
        fastest = float(np.max(np.abs(rates))) * 1.1
        return int(np.ceil(fastest * edge * BLOCK / self._experiment.sample_rate_hz)) + 1

    def _runs_of_blocks(self) -> Iterator[range]:
        """Runs of blocks that cover all stations' recordings; block k begins at sample k·BLOCK after the scan start."""
        per_frame = self._experiment.samples_per_frame
        delays = [delay(np.zeros(1))[0][0] * self._experiment.sample_rate_hz for delay in self._delays]
        first = min(frames.start * per_frame + d for frames, d in zip(self._frames, delays, strict=True))
        last = max(frames.stop * per_frame + d for frames, d in zip(self._frames, delays, strict=True))
        stop = int(np.ceil(last / BLOCK)) + 2
        for begin in range(int(np.floor(first / BLOCK)) - 2, stop, _BLOCKS_AT_ONCE):
            yield range(begin, min(begin + _BLOCKS_AT_ONCE, stop))

    def _random_numbers(self, part: int, source: int) -> np.random.SFC64:
        """Random numbers of a run of blocks, for the sky (source 0) or a station (1…)."""
        return np.random.SFC64(np.random.SeedSequence((self._experiment.seed, self._scan, part, source)))

    def _sky(self, part: int, blocks: int) -> NDArray[np.complex64]:
        """Amplitudes of the sky's signal, shape (channel, block, bin), so that its voltage has variance 1.

        Bins run from `_spare_bins` below the band to as many above it.
        """
        experiment = self._experiment
        bins = BLOCK // 2 + 2 * self._spare_bins
        table = _noise_table(0.0, step=1.0, middle=0.0) * np.float32(np.sqrt(2 / BLOCK))
        bits = self._random_numbers(part, 0)
        shape = (experiment.recorded_channels, blocks, 2 * bins)
        sky = _draw(bits, table, shape).view(np.complex64)
        if experiment.polarizations == "RL":
            mixing = experiment.polarization_mixing
            sky[1::2] *= np.float32(np.sqrt(1 - mixing**2))
            sky[1::2] += np.float32(mixing) * sky[0::2]
        return sky

    def _geometry(self, station: int, blocks: range) -> _Geometry:
        """Geometry of a run of blocks and of the one after it."""
        rate_hz = self._experiment.sample_rate_hz
        middles = (np.arange(blocks.start, blocks.stop + 1) + 0.5) * BLOCK / rate_hz
        delay, rate = self._delays[station](middles)
        about = self._experiment.stations[station]
        since_job = middles + self._experiment.scans[self._scan].start_s
        delay -= about.residual_delay_s + about.residual_rate * since_job
        return _Geometry(delay, rate - about.residual_rate, np.rint(delay * rate_hz).astype(np.int64))

    def _record(
        self, station: int, writer: FrameWriter, part: int, blocks: range, sky: NDArray[np.complex64]
    ) -> None:
        """Make a station's samples of a run of blocks and hand over those that its recording holds."""
        geometry = self._geometry(station, blocks)
        bits = self._random_numbers(part, 1 + station)
        words = np.zeros((len(blocks), BLOCK), word_type(self._experiment.bits_per_time))
        for channel in range(self._experiment.recorded_channels):
            signal = self._signal(station, channel, geometry, sky[channel])
            codes = _quantise(signal, _draw(bits, self._noise[station], signal.shape))
            words |= codes.astype(words.dtype) << words.dtype.type(QUANTISATION_BITS * channel)
        first_sample = blocks.start * BLOCK - int(geometry.whole[0])
        samples = _follow_slips(words, geometry.whole)
        wanted = max(0, writer.next_sample - first_sample)
        writer.write(samples[wanted:])

    def _signal(
        self, station: int, channel: int, geometry: _Geometry, sky: NDArray[np.complex64]
    ) -> NDArray[np.float32]:
        """Voltage of the sky's signal in a channel, shape (block, sample), in units of the sampler's threshold."""
        experiment = self._experiment
        row, polarization = experiment.channels[channel]
        band, about = experiment.bands[row], experiment.stations[station]
        delay = geometry.delay_s[:-1] - (about.left_delay_s if polarization == "L" else 0.0)
        fraction = delay * experiment.sample_rate_hz - geometry.whole[:-1]
        fringe_bins = band.edge_hz * geometry.rate[:-1] * BLOCK / experiment.sample_rate_hz
        shift = -round(float(fringe_bins.mean()))
        rest = fringe_bins + shift
        first_bin = 0 if band.sideband == "U" else -(BLOCK // 2)
        turns = np.mod(band.edge_hz * delay, 1.0) + shift / 2 + rest * (fraction / BLOCK - 0.5)
        turns += first_bin * fraction / BLOCK + about.signal_phase_rad(polarization) / (2 * np.pi)
        taken = slice(self._spare_bins + shift, self._spare_bins + shift + BLOCK // 2)
        spectrum = np.zeros((len(fraction), BLOCK), np.complex64)
        here = slice(first_bin % BLOCK, first_bin % BLOCK + BLOCK // 2)
        scale = np.sqrt(about.common_power) / THRESHOLD
        np.multiply(sky[:, taken], _phasors(turns, fraction / BLOCK, BLOCK // 2, scale), out=spectrum[:, here])
        voltage = scipy.fft.ifft(spectrum, axis=-1, norm="forward", overwrite_x=True)
        voltage *= _phasors(np.zeros_like(rest), rest / BLOCK, BLOCK, 1.0)
        real: NDArray[np.float32] = voltage.real
        return real


def _phasors(turns: FloatArray, turns_per_step: FloatArray, steps: int, scale: float) -> NDArray[np.complex64]:
    """Evaluate scale · exp(2πi (turns + turns_per_step · n)) for n = 0 … steps-1, shape (…, steps).

    Products of a coarse and a fine table: one complex multiplication instead of a sine and a cosine each.
    """
    fine = np.exp(2j * np.pi * turns_per_step[:, None] * np.arange(_COARSE)).astype(np.complex64)
    coarse_steps = np.arange(0, steps, _COARSE)
    coarse = scale * np.exp(2j * np.pi * (turns[:, None] + turns_per_step[:, None] * coarse_steps))
    return (coarse.astype(np.complex64)[:, :, None] * fine[:, None, :]).reshape(len(turns), steps)


def _noise_table(common_power: float, *, step: float = THRESHOLD, middle: float = 2.0) -> NDArray[np.float32]:
    """Gaussian noise as a table of quantiles, to be looked up with random 16-bit numbers.

    The table holds the noise of a station, in units of the sampler's threshold, around the number of the code
    that begins at zero voltage.
    """
    quantiles = scipy.special.ndtri((np.arange(_QUANTILES) + 0.5) / _QUANTILES)
    return np.asarray(quantiles * (np.sqrt(1 - common_power) / step) + middle, dtype=np.float32)


def _draw(
    bits: np.random.SFC64, table: NDArray[np.float32], shape: tuple[int, ...]
) -> NDArray[np.float32]:
    """Values of a table at random places."""
    count = int(np.prod(shape))
    raw = np.asarray(bits.random_raw(-(-count // 4)), dtype="<u8").view("<u2")[:count]
    return table.take(raw).reshape(shape)


def _quantise(signal: NDArray[np.float32], noise: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Codes 0 … 3 of signal plus noise, both in units of the threshold, the noise shifted by 2."""
    noise += signal
    np.clip(noise, 0.0, _TOP_CODE, out=noise)
    return noise.astype(np.uint8)


def _follow_slips(words: NDArray[np.unsignedinteger], whole: NDArray[np.int64]) -> NDArray[np.unsignedinteger]:
    """Join blocks to a stream: where the whole delay grows by a sample one is dropped, where it shrinks one is doubled.

    That happens at most once in some hundred thousand samples.
    """
    counts = BLOCK - np.diff(whole)
    if np.all(counts == BLOCK):
        return words.reshape(-1)
    pieces = [np.resize(block, count) for block, count in zip(words, counts, strict=True)]
    return np.concatenate(pieces)
