# SPDX-License-Identifier: GPL-3.0-or-later
"""The recording of a datastream, as packed samples in order of time.

VDIF files come in, windows of payload placed by the header times of their frames go out: what is missing or
marked invalid is absent from the window's `valid`. mpifxcorr places frames so only with its multiplexing
reader (``INTERLACEDVDIF``), and ignores the invalid bit there; with plain ``VDIF`` it does not notice missing
frames (``mpifxcorr-algorithm.md`` 7 and 8). Here both are done right, so results differ from mpifxcorr's in
these two cases.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from difxnb.errors import FileFormatError
from difxnb.formats.input_model import Datastream
from difxnb.server.engine.decoding import Decoder
from difxnb.server.engine.frames import NOWHERE, FrameFormat, FrameRun, VdifFile
from difxnb.server.engine.window import Packing, Window

_RUN_BYTES = 2**22
_EDGE_FRAMES = 64
_DISORDER_FRAMES = 64
"""Frames that a frame may come late or early in its file, per thread."""


class Recording:
    """All files of one datastream.

    Parameters
    ----------
    datastream : Datastream
        What the job says of them.
    paths : sequence of Path
    sample_rate : int
        Samples per second and channel.
    reference : int
        Reference second, counted from MJD 0; samples are counted from it.

    Attributes
    ----------
    packing : Packing
        How its windows are to be decoded.
    spans : tuple of (int, int)
        Samples between which there are data.
    """

    def __init__(
        self, datastream: Datastream, paths: Sequence[Path], sample_rate: int, reference: int
    ) -> None:
        self.files = [
            VdifFile(path, datastream.frame_size, datastream.quantisation_bits, sample_rate, reference)
            for path in paths
        ]
        self._format = self._common_format()
        self.threads = self._threads(datastream)
        self.packing = Packing(
            Decoder(self._format.channels, self._format.bits), self._band_places(len(datastream.bands))
        )
        self.spans = _merged([self._span(file) for file in self.files])
        self._shelves = [_Shelf(file, len(self.threads)) for file in self.files]

    @property
    def notes(self) -> list[str]:
        """What was wrong with the files so far."""
        return [
            f"{file.path.name}: {file.damaged} damaged frames and {file.passed_over} bytes between frames passed over"
            for file in self.files
            if file.damaged or file.passed_over
        ]

    def window(self, first: int, end: int) -> Window:
        """Read the frames that cover samples `first`…`end`-1; to be asked for in ascending order of time."""
        frame_samples = self._format.samples
        slots = range(first // frame_samples, -(-end // frame_samples))
        n_bytes = self._format.frame_bytes - self._format.header_bytes
        spare = -(-self.packing.decoder.quantum_bytes // n_bytes)
        payload = np.zeros((len(self.threads), len(slots) + spare, n_bytes), np.uint8)
        valid = np.zeros((len(self.threads), len(slots)), bool)
        for shelf in self._shelves:
            for run in shelf.around(slots.start, slots.stop):
                self._place(run, slots, payload, valid)
        spans = self.spans
        return Window(
            payload.reshape(len(self.threads), -1), valid, slots.start * frame_samples, frame_samples, spans
        )

    def _place(
        self, run: FrameRun, slots: range, payload: NDArray[np.uint8], valid: NDArray[np.bool_]
    ) -> None:
        inside = (run.slot >= slots.start) & (run.slot < slots.stop) & run.good
        for row, thread in enumerate(self.threads):
            rows = np.flatnonzero(inside if thread is None else inside & (run.thread == thread))
            if rows.size:
                at = run.slot[rows] - slots.start
                payload[row, at] = run.payloads[rows]
                valid[row, at] = True

    def _common_format(self) -> FrameFormat:
        formats = [file.format for file in self.files]
        for file, own in zip(self.files, formats, strict=True):
            if (own.channels, own.legacy) != (formats[0].channels, formats[0].legacy):
                raise FileFormatError(
                    file.path, "", f"{own.channels} channels a thread, unlike {self.files[0].path}"
                )
        return formats[0]

    def _threads(self, datastream: Datastream) -> list[int | None]:
        """Threads in the order of the bands; None stands for whatever thread a single-thread file has."""
        name, _, numbers = datastream.data_format.partition("/")
        needed = -(-len(datastream.bands) // self._format.channels)
        if numbers and name.upper() == "INTERLACEDVDIF":
            threads: list[int | None] = [int(number) for number in numbers.split(":")]
        elif needed == 1:
            threads = [None]
        else:
            threads = list(self._threads_found())
        if len(threads) * self._format.channels != len(datastream.bands):
            raise FileFormatError(
                self.files[0].path,
                "",
                f"{len(threads)} threads of {self._format.channels} channels do not make the "
                f"{len(datastream.bands)} recorded bands of the .input",
            )
        return threads

    def _threads_found(self) -> list[int]:
        found: set[int] = set()
        for file in self.files:
            for run in islice(file.runs(file.start, _EDGE_FRAMES), 1):
                found.update(int(thread) for thread in run.thread[run.slot != NOWHERE])
        return sorted(found)

    def _band_places(self, bands: int) -> list[tuple[int, int]]:
        return [divmod(band, self._format.channels) for band in range(bands)]

    def _span(self, file: VdifFile) -> tuple[int, int]:
        slots = file.edge_slots(_EDGE_FRAMES * len(self.threads))
        return int(slots.min()) * self._format.samples, (int(slots.max()) + 1) * self._format.samples


class _Shelf:
    """The part of a file's frames that is near the time in hand."""

    def __init__(self, file: VdifFile, threads: int) -> None:
        self._file = file
        self._threads = threads
        self._run_frames = max(1, _RUN_BYTES // file.format.frame_bytes)
        self._runs: deque[FrameRun] = deque()
        self._coming: Iterator[FrameRun] | None = None

    def around(self, first: int, end: int) -> Iterator[FrameRun]:
        """Runs that may hold frames of times `first`…`end`-1."""
        if self._coming is None or self._far_before(first):
            self._runs.clear()
            self._coming = self._from(first)
        while not self._runs or self._runs[-1].latest < end + _DISORDER_FRAMES:
            run = next(self._coming, None)
            if run is None:
                break
            self._runs.append(run)
            self._drop_before(first)
        self._drop_before(first)
        return iter(self._runs)

    def _far_before(self, first: int) -> bool:
        return bool(self._runs) and self._runs[-1].latest < first - 4 * self._run_frames

    def _drop_before(self, first: int) -> None:
        while len(self._runs) > 1 and self._runs[0].latest < first - _DISORDER_FRAMES:
            self._runs.popleft()

    def _from(self, first: int) -> Iterator[FrameRun]:
        start = self._file.offset_before(first - _DISORDER_FRAMES, 2 * _DISORDER_FRAMES * self._threads)
        return self._file.runs(start, self._run_frames)


def _merged(spans: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Join spans that touch or overlap."""
    merged: list[tuple[int, int]] = []
    for first, end in sorted(spans):
        if merged and first <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((first, end))
    return tuple(merged)
