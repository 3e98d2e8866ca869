# SPDX-License-Identifier: GPL-3.0-or-later
"""Small complete jobs, made to order: .input, .calc, .im and VDIF, for tests and benchmarks of the correlator.

Voltages are given as codes (0…3 or 0…1) per antenna and band; the frames carry times from `START` on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from difxnb.formats.calc import Calc, CalcScan, CalcTelescope, Source, write_calc
from difxnb.formats.im import Im, ImPolynomial, ImScan, write_im
from difxnb.formats.input import write_input
from difxnb.formats.input_model import (
    Band,
    Baseline,
    BaselineFreq,
    Configuration,
    Datastream,
    Freq,
    Input,
    RecordedFreq,
    Rule,
    Telescope,
)

MJD = 60310
"""2024-01-01, on which VDIF epoch 48 starts."""

SECONDS = 43200
NAMES = ("AA", "BB", "CC", "DD", "EE", "FF", "GG", "HH", "II", "JJ", "KK", "LL")


@dataclass
class MadeJob:
    """What a made job is like; every field may be changed before :meth:`write`.

    `delays` are polynomials in µs/s^k per antenna, `bands` pairs of band edge (MHz) and sideband. The samples of an
    antenna start `lead` frames before the job.
    """

    antennas: int = 2
    bands: tuple[tuple[float, str], ...] = ((8400.0, "U"),)
    pols: str = "R"
    products: int = 1
    bandwidth: float = 1.0
    channels: int = 16
    average: int = 1
    bits: int = 2
    threads: int = 1
    frame_samples: int = 1600
    lead: int = 2
    tail: int = 2
    seconds: int = 1
    int_time: float = 0.2
    subint_ns: int = 40_000_000
    order: int = 1
    data_format: str = "VDIF"
    delays: tuple[tuple[float, ...], ...] = ()
    clocks: tuple[tuple[float, ...], ...] = ()
    scans: tuple[tuple[int, int], ...] = ()
    autocorrs: bool = True
    recorded: dict[int, dict[str, float]] = field(default_factory=dict)
    legacy: bool = False

    @property
    def rate(self) -> int:
        """Samples per second."""
        return round(2e6 * self.bandwidth)

    @property
    def n_bands(self) -> int:
        return len(self.bands) * len(self.pols)

    @property
    def frame_bytes(self) -> int:
        return (
            16 if self.legacy else 32
        ) + self.frame_samples * self.bits * self.n_bands // self.threads // 8

    @property
    def first_sample(self) -> int:
        """Of the recordings, after the start of the job."""
        return -self.lead * self.frame_samples

    @property
    def n_samples(self) -> int:
        """Samples of a recording."""
        return self.seconds * self.rate + (self.lead + self.tail) * self.frame_samples

    def delay(self, antenna: int) -> np.ndarray:
        return np.pad(self.delays[antenna] if self.delays else (0.0,), (0, 6))[:6]

    def input(self) -> Input:
        """The .input as a value."""
        return Input(
            calc_filename="job.calc",
            threads_filename="job.threads",
            execute_time=self.seconds,
            start_mjd=MJD,
            start_seconds=SECONDS,
            active_datastreams=self.antennas,
            active_baselines=self.antennas * (self.antennas - 1) // 2,
            output_filename="job.difx",
            configurations=[self._configuration()],
            rules=[Rule(config_name="only")],
            freqs=[
                Freq(edge, self.bandwidth, sideband, self.channels, self.average)
                for edge, sideband in self.bands
            ],
            telescopes=[
                Telescope(NAMES[a], MJD + 0.5, list(self.clocks[a]) if self.clocks else [0.0])
                for a in range(self.antennas)
            ],
            datastreams=[self._datastream(a) for a in range(self.antennas)],
            baselines=[
                Baseline(a, b, [BaselineFreq(f, self._products(f)) for f in range(len(self.bands))])
                for a in range(self.antennas)
                for b in range(a + 1, self.antennas)
            ],
        )

    def _configuration(self) -> Configuration:
        return Configuration(
            name="only",
            int_time=self.int_time,
            subint_ns=self.subint_ns,
            fringe_rotation_order=self.order,
            write_autocorrs=self.autocorrs,
            datastream_indices=list(range(self.antennas)),
            baseline_indices=list(range(self.antennas * (self.antennas - 1) // 2)),
        )

    def _datastream(self, antenna: int) -> Datastream:
        return Datastream(
            telescope_index=antenna,
            data_format=self.data_format,
            quantisation_bits=self.bits,
            frame_size=self.frame_bytes,
            recorded_freqs=[
                RecordedFreq(freq_index=f, num_pols=len(self.pols), **self.recorded.get(antenna, {}))
                for f in range(len(self.bands))
            ],
            bands=[Band(pol, f) for f in range(len(self.bands)) for pol in self.pols],
            files=[f"/elsewhere/{NAMES[antenna]}.vdif"],
        )

    def _products(self, freq: int) -> list[tuple[int, int]]:
        first = freq * len(self.pols)
        pairs = [(0, 0), (1, 1), (0, 1), (1, 0)][: self.products]
        return [(first + a, first + b) for a, b in pairs]

    def calc(self) -> Calc:
        """The .calc as a value."""
        scans = self.scans or ((0, self.seconds),)
        return Calc(
            start_mjd=MJD + SECONDS / 86400,
            start_time=(2024, 1, 1, 12, 0, 0),
            obscode="MADE",
            telescopes=[CalcTelescope(name=NAMES[a]) for a in range(self.antennas)],
            sources=[Source(f"SRC{s}") for s in range(len(scans))],
            scans=[
                CalcScan(f"No{s:04d}", start, length, pointing_source=s, phase_centers=[s])
                for s, (start, length) in enumerate(scans)
            ],
            im_filename="job.im",
            flag_filename="job.flag",
        )

    def im(self) -> Im:
        """The .im as a value: one polynomial a scan, of which time 0 is the start of the job."""
        delays = np.stack([self.delay(a) for a in range(self.antennas)])[np.newaxis].repeat(2, axis=0)
        uvw = np.zeros_like(delays)
        uvw[:, :, 0] = np.arange(self.antennas)
        return Im(
            start_time=(2024, 1, 1, 12, 0, 0),
            interval_s=120,
            telescopes=list(NAMES[: self.antennas]),
            scans=[
                ImScan(
                    source.name, [source.name], [ImPolynomial(MJD, SECONDS, delays, uvw, 2 * uvw, 3 * uvw)]
                )
                for source in self.calc().sources
            ],
        )

    def codes(self, seed: int = 1) -> np.ndarray:
        """Random codes, shape (antenna, band, sample)."""
        shape = self.antennas, self.n_bands, self.n_samples
        return np.random.default_rng(seed).integers(0, 2**self.bits, shape, np.uint8)

    def write(self, folder: Path, codes: np.ndarray, inp: Input | None = None) -> Path:
        """Write all files; returns the .input."""
        folder.mkdir(parents=True, exist_ok=True)
        write_input(inp or self.input(), folder / "job.input")
        write_calc(self.calc(), folder / "job.calc")
        write_im(self.im(), folder / "job.im")
        for antenna in range(self.antennas):
            (folder / f"{NAMES[antenna]}.vdif").write_bytes(self.frames(codes[antenna]).tobytes())
        return folder / "job.input"

    def frames(self, codes: np.ndarray) -> np.ndarray:
        """VDIF frames of one antenna, shape (frame, byte): threads of a time follow each other."""
        channels = self.n_bands // self.threads
        per_thread = codes.reshape(self.threads, channels, -1, self.frame_samples)
        frames = [
            np.concatenate(
                [self._headers(per_thread.shape[2], channels, thread), pack(own, self.bits)], axis=1
            )
            for thread, own in enumerate(per_thread)
        ]
        return np.stack(frames, axis=1).reshape(-1, self.frame_bytes)

    def _headers(self, count: int, channels: int, thread: int) -> np.ndarray:
        rate = self.rate // self.frame_samples
        number = np.arange(count) - self.lead
        words = np.zeros((count, 4 if self.legacy else 8), "<u4")
        seconds = SECONDS + number // rate
        words[:, 0] = seconds + (self.legacy << 30)
        words[:, 1] = (number % rate) + (48 << 24)
        words[:, 2] = self.frame_bytes // 8 + (int(channels).bit_length() - 1 << 24)
        words[:, 3] = (self.bits - 1 << 26) + (thread << 16)
        return words.view(np.uint8)


def pack(codes: np.ndarray, bits: int) -> np.ndarray:
    """Pack codes, shape (channel, frame, sample), into payloads, shape (frame, byte)."""
    frames = codes.shape[1]
    in_order = codes.transpose(1, 2, 0).reshape(frames, -1, 8 // bits)
    shifts = np.arange(8 // bits, dtype=np.uint8) * np.uint8(bits)
    return np.bitwise_or.reduce(in_order << shifts, axis=2).astype(np.uint8)
