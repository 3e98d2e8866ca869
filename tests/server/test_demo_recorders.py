# SPDX-License-Identifier: GPL-3.0-or-later
"""The recorders of a demonstration, and the ends of VDIF files that their directories are made from."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.server.demo_recorders import demo_recorders
from difxnb.server.vdif_ends import find_vdif_ends

EPOCH = 40  # 2020, January
FRAME = 64


def frames(seconds: list[int], thread: int = 3) -> bytes:
    """A frame for each second given, epoch 2020."""
    return b"".join(
        struct.pack("<4I", second, EPOCH << 24 | number, FRAME // 8, 1 << 26 | thread << 16)
        + bytes(16)
        + bytes([number & 0xFF]) * (FRAME - 32)
        for number, second in enumerate(seconds)
    )


def test_begin_and_end() -> None:
    ends = find_vdif_ends(io.BytesIO(frames([100, 100, 101, 109])))
    assert ends is not None
    assert (ends.epoch_mjd, ends.first_second, ends.last_second) == (58849, 100, 109)
    assert (ends.frame_bytes, ends.thread) == (FRAME, 3)
    assert ends.start_mjd == 58849 + 100 / 86400
    assert ends.stop_mjd == 58849 + 110 / 86400


@pytest.mark.parametrize(
    "content",
    [
        b"\xff" * 33 + frames([100, 101, 109]),
        frames([100, 101, 109]) + bytes(40),
        frames([100, 101, 109]) + frames([110])[:20],
        frames([100, 101]) + b"lost" * 3 + frames([109]),
        frames([100, 101, 109]) + b"\xff" * 70,
    ],
)
def test_whatever_stands_before_between_and_after(content: bytes) -> None:
    ends = find_vdif_ends(io.BytesIO(content))
    assert ends is not None
    assert ends.first_second == 100
    assert ends.last_second in (109, 110)


@pytest.mark.parametrize("content", [b"", b"x" * 15, frames([100]), bytes(5000), frames([100])[:40]])
def test_what_is_no_recording(content: bytes) -> None:
    assert find_vdif_ends(io.BytesIO(content)) is None


@given(st.binary(max_size=400))
@settings(max_examples=100)
def test_any_bytes_can_be_looked_at(content: bytes) -> None:
    find_vdif_ends(io.BytesIO(content))


def test_recordings_of_a_directory_are_on_modules(tmp_path: Path) -> None:
    for name, seconds in (
        ("AA_No0001", [100, 101]),
        ("AA_No0002", [200, 201, 202]),
        ("BB_No0001", [100, 101]),
    ):
        (tmp_path / f"{name}.vdif").write_bytes(frames(seconds))
    (tmp_path / "CC_No0001.vdif").write_bytes(b"damaged")
    first, second = demo_recorders(tmp_path).setups
    assert (first.name, second.name) == ("mark5fx01", "mark5fx02")
    assert first.bank_a is not None
    assert [(scan.name, scan.second, scan.duration_s) for scan in first.bank_a.scans] == [
        ("AA_No0001", 100, 2.0),
        ("AA_No0002", 200, 3.0),
    ]
    assert first.bank_a.recordings["AA_No0001"] == str(tmp_path / "AA_No0001.vdif")
    assert first.bank_b is not None
    assert not first.bank_b.has_directory_file
    assert second.bank_a is not None
    assert second.bank_a.scans == ()
    assert second.bank_b is None


def test_a_directory_without_recordings(tmp_path: Path) -> None:
    assert [setup.bank_a for setup in demo_recorders(tmp_path).setups] == [None, None]
