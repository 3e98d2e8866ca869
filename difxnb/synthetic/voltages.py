# SPDX-License-Identifier: GPL-3.0-or-later
"""The recordings: the sky's signal plus each station's own noise, in 2 bits, as VDIF files.

An experiment and its delay model come in, one file per station and scan goes out. The data are made in short runs of
blocks, so memory does not grow with the length of a scan; scans are made at the same time. Every run has random numbers
of its own seed, so the same experiment always gives the same bytes.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import scipy.special
from numpy.typing import NDArray

from difxnb.formats.im import Im
from difxnb.synthetic.experiment_model import QUANTISATION_BITS, Experiment
from difxnb.synthetic.sampling import THRESHOLD
from difxnb.synthetic.signal import BLOCK, Geometry, ScanSignal
from difxnb.synthetic.tones import steady_voltage
from difxnb.synthetic.vdif import FrameWriter, word_type

_BLOCKS_AT_ONCE = 64
_SPARE_FRAMES_BEFORE = 8
_SPARE_FRAMES_AFTER = 48  # mpifxcorr's reader of INTERLACEDVDIF may drop some 30 frames at the end of a file
_QUANTILES = 1 << 16
_ZERO_VOLTS = 2.0  # code at which positive voltages begin
_TOP_CODE = 3.5


def write_recordings(experiment: Experiment, im: Im, directory: Path) -> list[Path]:
    """Write every station's recording of every scan.

    Parameters
    ----------
    experiment : Experiment
        What is observed, with the clocks and residuals of its stations.
    im : Im
        Delay model.
    directory : Path
        Where the files go.

    Returns
    -------
    list of Path
        The files, scan by scan.
    """
    scans = range(len(experiment.scans))
    with ThreadPoolExecutor(max_workers=min(len(scans), os.cpu_count() or 1)) as pool:
        written = pool.map(lambda scan: ScanRecording(experiment, im, scan).write(directory), scans)
        return [path for paths in written for path in paths]


class ScanRecording:
    """The recordings of one scan."""

    def __init__(self, experiment: Experiment, im: Im, scan: int) -> None:
        self._experiment = experiment
        self._scan = scan
        self._signal = ScanSignal(experiment, im, scan)
        self._frames = [self._needed_frames(station) for station in range(len(experiment.stations))]
        self._amplitudes = normal_quantiles(np.sqrt(2 / BLOCK))
        stations = experiment.stations
        self._sky_rms = [np.sqrt(a.common_power) * a.level / THRESHOLD for a in stations]
        self._noise = [
            normal_quantiles(np.sqrt(1 - a.common_power) * a.level / THRESHOLD, _ZERO_VOLTS) for a in stations
        ]
        self._steady = [
            [steady_voltage(experiment, row, band) for band in range(len(experiment.bands))]
            for row in range(len(stations))
        ]

    def write(self, directory: Path) -> list[Path]:
        """Write one file per station; give their paths."""
        stations = range(len(self._experiment.stations))
        paths = [directory / self._experiment.recording_name(a, self._scan) for a in stations]
        with contextlib.ExitStack() as files:
            writers = [
                FrameWriter(
                    files.enter_context(path.open("wb")), self._experiment, a, self._scan, self._frames[a]
                )
                for a, path in enumerate(paths)
            ]
            for part, blocks in enumerate(self._runs_of_blocks()):
                sky = self._sky(part, blocks)
                for station, writer in enumerate(writers):
                    self._record(station, writer, part, blocks, sky)
        return paths

    def _needed_frames(self, station: int) -> range:
        """Frames that the correlator may want, and some to spare at both ends, numbered from the scan start."""
        duration = self._experiment.scans[self._scan].duration_s
        (first, last), _ = self._signal.delays[station](np.array([0.0, duration]))
        rate = self._experiment.frames_per_second
        start = int(np.floor(-first * rate)) - _SPARE_FRAMES_BEFORE
        return range(start, int(np.ceil((duration - last) * rate)) + _SPARE_FRAMES_AFTER)

    def _runs_of_blocks(self) -> Iterator[range]:
        """Runs of blocks that cover the recordings of all stations."""
        per_frame = self._experiment.samples_per_frame
        delays = [
            float(delay(np.zeros(1))[0][0]) * self._experiment.sample_rate_hz for delay in self._signal.delays
        ]
        first = min(frames.start * per_frame + d for frames, d in zip(self._frames, delays, strict=True))
        last = max(frames.stop * per_frame + d for frames, d in zip(self._frames, delays, strict=True))
        stop = int(np.ceil(last / BLOCK)) + 2
        for begin in range(int(np.floor(first / BLOCK)) - 2, stop, _BLOCKS_AT_ONCE):
            yield range(begin, min(begin + _BLOCKS_AT_ONCE, stop))

    def _random_bits(self, part: int, source: int) -> np.random.SFC64:
        """Random bits of a run of blocks, for the sky (source 0) or a station (1…)."""
        return np.random.SFC64(np.random.SeedSequence((self._experiment.seed, self._scan, part, source)))

    def _sky(self, part: int, blocks: range) -> NDArray[np.complex64]:
        """Amplitudes of the sky's signal in a run of blocks, shape (channel, block, bin)."""
        shape = (self._experiment.recorded_channels, len(blocks), 2 * self._signal.bins)
        return self._signal.sky(_draw(self._random_bits(part, 0), self._amplitudes, shape))

    def _record(
        self, station: int, writer: FrameWriter, part: int, blocks: range, sky: NDArray[np.complex64]
    ) -> None:
        """Make a station's samples of a run of blocks and hand over those that its recording holds."""
        experiment, geometry = self._experiment, self._signal.geometry(station, blocks)
        bits = self._random_bits(part, 1 + station)
        words = np.zeros((len(blocks), BLOCK), word_type(experiment.bits_per_time))
        slopes = {pol: self._signal.slope(station, pol, geometry) for pol in experiment.polarizations}
        rotations = [self._signal.rotation(band, geometry) for band in range(len(experiment.bands))]
        for channel, (band, _) in enumerate(experiment.channels):
            received = experiment.received_channel(station, channel)
            slope = slopes[experiment.channels[received][1]]
            signal = self._signal.voltage(
                received, slope, rotations[band], sky[received], rms=self._sky_rms[station]
            )
            self._add_steady(station, band, blocks, geometry, signal)
            codes = _quantise(signal, _draw(bits, self._noise[station], signal.shape))
            if band in experiment.stations[station].silent_bands:
                codes[:] = _ZERO_VOLTS
            words |= codes.astype(words.dtype) << words.dtype.type(QUANTISATION_BITS * channel)
        first_sample = blocks.start * BLOCK - int(geometry.whole[0])
        samples = _follow_slips(words, geometry.whole)
        writer.write(samples[max(0, writer.next_sample - first_sample) :])

    def _add_steady(
        self, station: int, band: int, blocks: range, geometry: Geometry, signal: NDArray[np.float32]
    ) -> None:
        """Add tones and carriers, which follow the station's own time, to the voltage of some blocks."""
        period = self._steady[station][band]
        if period is not None:
            starts = np.arange(blocks.start, blocks.stop) * BLOCK - geometry.whole[:-1]
            samples = (starts[:, np.newaxis] + np.arange(BLOCK)) % len(period)
            signal += np.float32(self._experiment.stations[station].level / THRESHOLD) * period[samples]


def normal_quantiles(rms: float, mean: float = 0.0) -> NDArray[np.float32]:
    """Quantiles of Gaussian noise, from which random 16-bit numbers choose: several times faster than exact noise."""
    quantiles = scipy.special.ndtri((np.arange(_QUANTILES) + 0.5) / _QUANTILES)
    return np.asarray(quantiles * rms + mean, dtype=np.float32)


def _draw(bits: np.random.SFC64, table: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Values of a table at random places."""
    count = int(np.prod(shape))
    raw = np.asarray(bits.random_raw(-(-count // 4)), dtype="<u8").view("<u2")[:count]
    return table.take(raw, mode="wrap").reshape(shape)  # no index is out of range; this is the fastest mode


def _quantise(signal: NDArray[np.float32], noise: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Codes 0 … 3 of signal plus noise in units of the threshold; the noise stands around `_ZERO_VOLTS`."""
    noise += signal
    np.clip(noise, 0.0, _TOP_CODE, out=noise)
    return noise.astype(np.uint8)


def _follow_slips(
    words: NDArray[np.unsignedinteger], whole: NDArray[np.int64]
) -> NDArray[np.unsignedinteger]:
    """Join blocks to a stream: where the whole delay grows by a sample one is dropped, where it shrinks one is added.

    That happens at most once in some hundred thousand samples.
    """
    counts = BLOCK - np.diff(whole)
    if np.all(counts == BLOCK):
        return words.reshape(-1)
    return np.concatenate([np.resize(block, count) for block, count in zip(words, counts, strict=True)])
