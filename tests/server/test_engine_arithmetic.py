# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine against a plain double-precision correlation, and delays that were put in coming out again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from difxnb.formats.swin import SwinRecord, read_records
from difxnb.server.engine.embedded import correlate
from tests.server.host_correlator import correlate_host
from tests.server.made_jobs import NAMES, MadeJob

pytestmark = pytest.mark.slow

SMALL = {
    "bandwidth": 0.032,
    "channels": 16,
    "frame_samples": 640,
    "int_time": 0.12,
    "delays": ((40.0, -0.25, 2e-3), (-75.0, 0.5, -1e-3), (12.0, 0.1, 3e-3)),
}
"""64 kHz of samples, 80 transforms of 32 samples in a sub-integration: little for the host to do."""

NARROW = {"bandwidth": 0.016, "frame_samples": 320}
"""For many bands."""

CASES = {
    "usb": {},
    "lsb": {"bands": ((8400.0, "L"),)},
    "two bands, four products": {
        **NARROW,
        "antennas": 3,
        "bands": ((8400.3, "U"), (8410.0, "L")),
        "pols": "RL",
        "products": 4,
    },
    "two products": {"pols": "RL", "products": 2},
    "linear, four products": {"pols": "XY", "products": 4},
    "one bit": {"bits": 1},
    "one bit, eight channels": {
        **NARROW,
        "bits": 1,
        "bands": ((8400.0, "U"), (8401.0, "U"), (8402.0, "L"), (8403.0, "U")),
        "pols": "RL",
    },
    "sixteen bits a time": {**NARROW, "bands": tuple((8400.0 + f, "U") for f in range(4)), "pols": "RL"},
    "threads": {
        "pols": "RL",
        "products": 4,
        "threads": 2,
        "data_format": "INTERLACEDVDIF/0:1",
    },
    "threads of plain VDIF": {"bands": ((8400.0, "U"), (8402.0, "U")), "pols": "RL", "threads": 2},
    "legacy headers": {"legacy": True},
    "averaging": {"average": 4},
    "odd number of channels": {"channels": 20},
    "order 0": {"order": 0},
    "order 2": {"order": 2, "delays": ((40.0, -0.25, 0.5), (-75.0, 0.5, -0.3))},
    "clocks": {"clocks": ((3.0, 1e-3), (-5.0, 2e-4, 1e-4))},
    "whole seconds of clock": {"clocks": ((0.0,), (1e6 + 7.0,)), "lead": 110, "bands": ((8400.0, "L"),)},
    "offsets": {
        "pols": "RL",
        "products": 4,
        "recorded": {
            0: {"clock_offset_us": 3.0, "clock_offset_delta_us": 2.0, "phase_offset_deg": 50.0},
            1: {"clock_offset_us": -1.0, "phase_offset_deg": -20.0},
        },
    },
    "offsets of the local oscillator": {
        "recorded": {0: {"freq_offset_hz": 11.0}, 1: {"freq_offset_hz": -3.5}}
    },
    "offset, order 0": {"order": 0, "recorded": {0: {"freq_offset_hz": 11.0}}},
    "offset, order 2": {"order": 2, "recorded": {1: {"freq_offset_hz": 40.0}}},
    "integrations of 3.75 sub-integrations": {"int_time": 0.15},
    "scans": {"seconds": 4, "scans": ((0, 1), (2, 2)), "int_time": 0.28},
    "no autocorrelations": {"autocorrs": False},
    "late start, early end": {"lead": -4, "tail": -7},
}


def own_records(job: MadeJob, output: Path) -> list[dict]:
    """Records by integration, keyed as the host's."""
    grouped: dict[float, dict] = {}
    for record in read_records(output, job.input().channels):
        key = record.antenna1, record.antenna2, record.freq, record.polarization
        grouped.setdefault(record.seconds, {})[key] = record
    return [grouped[time] for time in sorted(grouped)]


def assert_agreement(own: list[dict], host: list[dict]) -> None:
    scans = [records.pop("scan") for records in host if len(records) > 1]
    host = [records for records in host if "scan" not in records]
    assert own
    assert [set(records) for records in own] == [set(records) for records in host]
    for records, expected, scan in zip(own, host, scans, strict=True):
        for key, record in records.items():
            assert isinstance(record, SwinRecord)
            assert record.source == scan
            assert record.weight == pytest.approx(expected[key].weight, abs=1e-9)
            scale = np.sqrt(np.mean(np.abs(expected[key].spectrum) ** 2))
            difference = np.sqrt(np.mean(np.abs(record.spectrum - expected[key].spectrum) ** 2))
            assert difference < 3e-6 * scale, key


@pytest.mark.parametrize("case", CASES)
def test_equals_plain_calculation(case: str, tmp_path: Path) -> None:
    job = MadeJob(**{**SMALL, **CASES[case]})
    codes = job.codes()
    codes[1, :, 37:] = codes[0, :, :-37]  # something in common, so that cross products are no mere noise
    good = np.ones((job.antennas, job.threads, job.n_samples), bool)
    summary = correlate(job.write(tmp_path, codes))
    assert_agreement(own_records(job, summary.output), correlate_host(job, job.input(), codes, good))


@pytest.mark.parametrize("data_format", ["VDIF", "INTERLACEDVDIF/0:1"])
def test_missing_and_invalid_frames_are_zeros_with_less_weight(data_format: str, tmp_path: Path) -> None:
    threads = 2 if "/" in data_format else 1
    settings = {"pols": "RL", "products": 4, "threads": threads, "data_format": data_format}
    job = MadeJob(**{**SMALL, **settings})
    codes = job.codes()
    good = np.ones((job.antennas, threads, job.n_samples), bool)
    input_file = job.write(tmp_path, codes)
    frames = job.frames(codes[0])
    missing, invalid, filled = (20 * threads, 21 * threads), 50 * threads, 60 * threads
    words = frames[:, :16].copy().view("<u4")
    words[invalid, 0] |= 1 << 31
    frames[:, :16] = words.view(np.uint8)
    frames[filled, -8:] = np.tile([0x44, 0x33, 0x22, 0x11], 2)
    for frame in (*missing, invalid, filled):
        first = frame // threads * job.frame_samples
        good[0, frame % threads, first : first + job.frame_samples] = False
    kept = np.delete(frames, missing, axis=0)
    (tmp_path / f"{NAMES[0]}.vdif").write_bytes(kept.tobytes())
    summary = correlate(input_file)
    assert_agreement(own_records(job, summary.output), correlate_host(job, job.input(), codes, good))
    assert summary.notes == ()


def delayed(spectrum: np.ndarray, job: MadeJob, delay_us: float, noise: np.ndarray) -> np.ndarray:
    """Codes of a band whose sky signal, given as baseband spectrum, arrives late."""
    edge, sideband = job.bands[0]
    nu = np.fft.rfftfreq(job.n_samples, 1 / (2 * job.bandwidth))
    turns = -(edge + nu) * delay_us if sideband == "U" else (edge - nu) * delay_us
    voltage = np.fft.irfft(spectrum * np.exp(2j * np.pi * turns), job.n_samples)
    voltage = voltage / voltage.std() + 0.3 * noise
    return np.digitize(voltage, np.array([-0.98, 0, 0.98]) * voltage.std()).astype(np.uint8)


@pytest.mark.parametrize("sideband", ["U", "L"])
@pytest.mark.parametrize("order", [0, 1])
def test_injected_delay_comes_out_with_its_sign(sideband: str, order: int, tmp_path: Path) -> None:
    """Antenna 2 late by τ gives exp(+2πi ν τ) over the sky frequency; taking τ from its clock removes it."""
    late_us = 3.7
    job = MadeJob(bands=((8400.0, sideband),), bandwidth=0.128, channels=32, frame_samples=640, order=order)
    random = np.random.default_rng(5)
    bins = job.n_samples // 2 + 1
    spectrum = random.standard_normal(bins) + 1j * random.standard_normal(bins)
    noise = random.standard_normal((2, job.n_samples))
    codes = np.stack(
        [delayed(spectrum, job, late, noise[a])[np.newaxis] for a, late in enumerate((0.0, late_us))]
    )
    freq_mhz = job.input().freqs[0].channel_frequencies_hz / 1e6
    for known in (0.0, late_us):
        job.clocks = ((0.0,), (-known,))
        folder = tmp_path / str(known)
        for records in own_records(job, correlate(job.write(folder, codes)).output):
            visibility = records[0, 1, 0, "RR"].spectrum[1:-1]
            turned = visibility * np.exp(-2j * np.pi * freq_mhz[1:-1] * (late_us - known))
            autos = [records[a, a, 0, "RR"].spectrum.real[1:-1].mean() for a in (0, 1)]
            assert turned.mean().real / np.sqrt(autos[0] * autos[1]) > 0.7
            assert np.abs(np.angle(turned)).max() < 0.4
            assert abs(np.angle(turned.mean())) < 0.05


@pytest.mark.parametrize("sideband", ["U", "L"])
def test_injected_rate_turns_the_phase_forward(sideband: str, tmp_path: Path) -> None:
    """A delay of antenna 2 that grows leaves a phase that grows; taking the rate from the model stops it."""
    rate_us = 3e-5
    job = MadeJob(bands=((8400.0, sideband),), bandwidth=0.128, channels=32, frame_samples=640)
    random = np.random.default_rng(6)
    analytic = np.zeros(job.n_samples, complex)
    analytic[1 : job.n_samples // 2] = random.standard_normal(job.n_samples // 2 - 1) * 1.0
    analytic = np.fft.ifft(analytic * np.exp(2j * np.pi * random.random(job.n_samples)))
    times = (np.arange(job.n_samples) + job.first_sample) / job.rate
    turns = -8400.0 * rate_us * times * (1 if sideband == "U" else -1)
    voltages = [analytic.real, (analytic * np.exp(2j * np.pi * turns)).real]
    codes = np.stack([np.digitize(v, np.array([-0.98, 0, 0.98]) * v.std())[np.newaxis] for v in voltages])
    for known in (0.0, rate_us):
        job.delays = ((0.0,), (0.0, -known))
        output = correlate(job.write(tmp_path / str(known), codes.astype(np.uint8))).output
        means = [records[0, 1, 0, "RR"].spectrum[1:-1].mean() for records in own_records(job, output)]
        steps = np.angle(np.array(means[1:]) / np.array(means[:-1]))
        expected = 2 * np.pi * 8400.0 * (rate_us - known) * job.int_time
        assert steps == pytest.approx(np.full(4, expected), abs=0.02)
