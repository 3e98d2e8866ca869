# SPDX-License-Identifier: GPL-3.0-or-later
"""Recordings that are not as they should be: cut, mixed up, doubled, overwritten, or no recordings at all."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from difxnb.errors import FileFormatError
from difxnb.server.engine import voltages
from difxnb.server.engine.embedded import Integration, open_job
from tests.server.made_jobs import MadeJob

JOB = MadeJob(
    bandwidth=0.128, frame_samples=640, pols="RL", products=4, threads=2, data_format="INTERLACEDVDIF/0:1"
)
CODES = JOB.codes()
FRAMES = JOB.frames(CODES[0])


@pytest.fixture(scope="module")
def job_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return JOB.write(tmp_path_factory.mktemp("job"), CODES)


@pytest.fixture(scope="module")
def undamaged(job_file: Path) -> list[Integration]:
    return list(open_job(job_file).integrations(cores=1))


def correlated_with(job_file: Path, recording: bytes) -> tuple[list[Integration], tuple[str, ...]]:
    """Integrations and notes with another recording of the first antenna."""
    (job_file.parent / "AA.vdif").write_bytes(recording)
    job = open_job(job_file)
    return list(job.integrations(cores=1)), job.notes()


def test_undamaged_is_whole(undamaged: list[Integration]) -> None:
    assert [integration.weights for integration in undamaged] == [[1.0, 1.0]] * 5
    assert all(integration.n_records == 12 for integration in undamaged)


def mixed_up(frames: np.ndarray) -> bytes:
    order = np.arange(len(frames)) + np.random.default_rng(3).integers(-25, 25, len(frames))
    return frames[np.argsort(order, kind="stable")].tobytes()


def with_garbage(frames: np.ndarray) -> bytes:
    random = np.random.default_rng(4)
    pieces = [part.tobytes() for part in np.array_split(frames, 40)]
    return b"".join(piece + random.bytes(int(random.integers(1, 900))) for piece in pieces)


HARMLESS = {
    "out of order": mixed_up,
    "every frame twice": lambda frames: frames.repeat(2, axis=0).tobytes(),
    "garbage between": with_garbage,
    "garbage before": lambda frames: b"\x00\xff" * 777 + frames.tobytes(),
    "half a frame at the end": lambda frames: frames.tobytes() + frames[0].tobytes()[:100],
    "frames of another thread": lambda frames: np.concatenate([frames, other_thread(frames)]).tobytes(),
}


def other_thread(frames: np.ndarray) -> np.ndarray:
    foreign = frames.copy()
    foreign[:, 14] = 9
    return foreign


@pytest.mark.parametrize("damage", HARMLESS)
def test_harmless_disorder_changes_nothing(damage: str, job_file: Path, undamaged: list[Integration]) -> None:
    integrations, notes = correlated_with(job_file, HARMLESS[damage](FRAMES))
    assert [own.records for own in integrations] == [own.records for own in undamaged]
    assert bool(notes) == ("garbage" in damage)


def test_damaged_headers_are_counted(job_file: Path, undamaged: list[Integration]) -> None:
    frames = FRAMES.copy()
    frames[[100, 300, 301], 8] ^= 0xFF
    integrations, notes = correlated_with(job_file, frames.tobytes())
    lost = sum(2 * (1 - own.weights[0]) for own in integrations) * JOB.int_time * JOB.rate
    assert lost == pytest.approx(3 * JOB.frame_samples)
    assert [own.weights[1] for own in integrations] == [own.weights[1] for own in undamaged]
    assert "AA.vdif: 3 damaged frames" in notes[0]


@pytest.mark.parametrize("kept", [2, 11, 300])
def test_cut_recording_ends_early(kept: int, job_file: Path) -> None:
    integrations, _ = correlated_with(job_file, FRAMES[:kept].tobytes())
    frames = [max(0, (kept + 1 - thread) // 2 - JOB.lead) for thread in (0, 1)]
    inside = min(JOB.rate, sum(frames) / 2 * JOB.frame_samples)
    assert sum(own.weights[0] for own in integrations) * JOB.int_time * JOB.rate == pytest.approx(inside)
    silent = [own for own in integrations if own.weights[0] == 0]
    assert all(own.n_records == 4 for own in silent)


@pytest.mark.parametrize(
    ("recording", "problem"),
    [
        (b"", "0 bytes"),
        (FRAMES[:5].tobytes()[:40], "no VDIF frames"),
        (b"this is no recording " * 1000, "no VDIF frames of 192 bytes and 2 bits"),
        (
            MadeJob(bandwidth=0.128, frame_samples=1600).frames(MadeJob().codes()[0, :1, :8000]).tobytes(),
            "432 bytes",
        ),
    ],
)
def test_what_is_no_such_recording_is_named(recording: bytes, problem: str, job_file: Path) -> None:
    with pytest.raises(FileFormatError, match=problem) as caught:
        correlated_with(job_file, recording)
    assert caught.value.path.endswith("AA.vdif")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damage_crashes(data: st.DataObject, job_file: Path) -> None:
    """Whatever happens to a recording, the job ends whole or the file is refused by name."""
    content = bytearray(FRAMES.tobytes())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(content) - 1))
        kind = data.draw(st.sampled_from(["flip", "header", "cut", "insert", "double", "zero"]))
        length = data.draw(st.integers(1, 3000))
        if kind == "flip":
            content[at] ^= 1 << data.draw(st.integers(0, 7))
        elif kind == "header":
            content[at // 192 * 192 + data.draw(st.integers(0, 15))] ^= 1 << data.draw(st.integers(0, 7))
        elif kind == "cut":
            del content[at : at + length]
        elif kind == "insert":
            content[at:at] = data.draw(st.binary(min_size=1, max_size=300))
        elif kind == "double":
            content[at:at] = content[at : at + length]
        else:
            content[at : at + length] = bytes(len(content[at : at + length]))
        if not content:
            break
    try:
        integrations, _ = correlated_with(job_file, bytes(content))
    except FileFormatError:
        return
    assert len(integrations) == 5
    assert all(0 <= weight <= 1 for own in integrations for weight in own.weights)
    assert all(np.isfinite(own.result).all() for own in integrations)


def test_memory_does_not_grow_with_the_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voltages, "_RUN_BYTES", 2**16)
    peaks = []
    for seconds in (1, 5):
        job = MadeJob(bandwidth=0.5, frame_samples=1600, channels=32, seconds=seconds)
        opened = open_job(job.write(tmp_path / str(seconds), job.codes()))
        tracemalloc.start()
        assert sum(1 for _ in opened.integrations(cores=2)) == 5 * seconds
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]
