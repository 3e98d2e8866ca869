# SPDX-License-Identifier: GPL-3.0-or-later
"""Channels, sub-integrations and tones, on plain numbers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from difxnb.making.refusals import Refusals
from difxnb.making.setups import Buffers, Resolution, SetupOrder, Timing, resolution, timing, worst_guard_ns
from difxnb.making.tones import SELECTIONS, tones


def channels(*widths: float, **order: object) -> tuple[int, int] | str:
    refusals = Refusals()
    found = resolution(SetupOrder(**order), widths or (8e6,), refusals)  # type: ignore[arg-type]
    if found is None:
        assert refusals
        return refusals.reasons[0]
    assert not refusals
    return found.channels((widths or (8e6,))[0]), found.average


@pytest.mark.parametrize(
    ("order", "wanted"),
    [
        ({}, (32, 2)),
        ({"out_channels": 512}, (512, 1)),
        ({"out_channels": 32}, (128, 4)),
        ({"out_channels": 32, "fft_channels": 64}, (64, 2)),
        ({"out_channels": 512, "average": 8}, (4096, 8)),
        ({"fft_channels": 512, "average": 8}, (512, 8)),
        ({"fft_hz": 62500.0, "out_hz": 125000.0}, (128, 2)),
        ({"fft_hz": 62500.0, "average": 4}, (128, 4)),
        ({"out_hz": 125000.0, "average": 4}, (256, 4)),
        ({"fft_hz": 500000.0, "out_hz": 250000.0}, (32, 1)),
    ],
)
def test_channels_are_those_of_vex2difx(order: dict[str, object], wanted: tuple[int, int]) -> None:
    assert channels(**order) == wanted


@pytest.mark.parametrize(
    ("widths", "order", "text"),
    [
        ((), {"fft_channels": 64}, "give nChan too"),
        ((), {"fft_channels": 64, "out_channels": 32, "average": 2}, "three ways"),
        ((), {"fft_channels": 100, "out_channels": 64}, "no multiple of nChan"),
        ((4e6, 8e6), {"out_channels": 64}, "bands of one width"),
        ((), {"fft_hz": 300000.0, "out_hz": 300000.0}, "do not fill a band"),
        ((), {"fft_hz": 100000.0, "out_hz": 250000.0}, "no whole number"),
        ((), {"out_channels": 128, "xmac": 48}, "xmacLength 48 does not divide"),
        ((), {"out_channels": 128, "stride": 48}, "strideLength 48 does not divide"),
        ((), {"out_channels": 128, "buffered_ffts": 10**6}, "maxNSBetweenUVShifts"),
        ((), {"fft_hz": 0.25, "out_hz": 0.25, "buffered_ffts": 0}, "longer than 2^31 ns"),
    ],
)
def test_channels_that_make_no_sense_are_refused(
    widths: tuple[float, ...], order: dict[str, object], text: str
) -> None:
    found = channels(*widths, **order)
    assert isinstance(found, str)
    assert text in found


def timed(
    fft_ns: float, rate: float, *, tweak: bool = False, **order: object
) -> tuple[Timing | None, str, list[str]]:
    refusals, notes = Refusals(), list[str]()
    found = timing(
        SetupOrder(**order),  # type: ignore[arg-type]
        fft_ns,
        rate,
        Buffers(),
        tweak=tweak,
        refusals=refusals,
        notes=notes,
    )
    return found, " ".join(refusals.reasons), notes


def test_sub_integrations_are_those_of_the_real_jobs() -> None:
    """tiny, corr1 and test-usb."""
    assert timed(32_000, 4e6, t_int=1.0)[0] == Timing(1.0, 1_000_000_000, 16)
    found, _, notes = timed(512_000, 16e6, tweak=True, t_int=2.0)
    assert found == Timing(2.097152, 65_536_000, 8)
    assert "tweakIntTime" in notes[0]


@pytest.mark.parametrize(
    ("fft_ns", "rate", "order", "text"),
    [
        (512_000, 16e6, {"t_int": 2.0}, "no multiple of a transform"),
        (32_000, 1.0, {"t_int": 1.0}, "minReadSize"),
        (32_000, 1e12, {"t_int": 1.0}, "maxReadSize"),
        (32_000, 4e6, {"t_int": 1.0, "subint_ns": 32_001}, "no multiple of a transform"),
        (32_000, 4e6, {"t_int": 1.0, "subint_ns": 96_000}, "no multiple of a sub-integration"),
        (32_000, 4e6, {"t_int": 4.0, "subint_ns": 4_000_000_000}, "longer than 2.14 s"),
    ],
)
def test_sub_integrations_that_cannot_be_are_refused(
    fft_ns: float, rate: float, order: dict[str, object], text: str
) -> None:
    found, reason, _ = timed(fft_ns, rate, **order)  # type: ignore[arg-type]
    assert found is None
    assert text in reason


@given(
    power=st.integers(5, 14),
    width=st.sampled_from([0.5e6, 2e6, 8e6, 32e6, 128e6]),
    t_int=st.sampled_from([0.1, 0.5, 1.0, 2.0, 2.5, 10.0]),
    bands=st.sampled_from([1, 2, 8, 16]),
)
def test_with_tweaks_there_is_always_a_timing_that_fits(
    power: int, width: float, t_int: float, bands: int
) -> None:
    """Whole transforms in a sub-integration, whole sub-integrations in an integration, reads shorter than 2.14 s."""
    fft_ns = 1e9 / Resolution(width / 2**power, 1).fft_hz
    found, reason, _ = timed(fft_ns, 2 * width * 2 * bands / 8, tweak=True, t_int=t_int)
    if found is None:
        assert "maxReadSize" in reason or "2.14" in reason
        return
    transforms, subints = found.subint_ns / fft_ns, 1e9 * found.t_int / found.subint_ns
    assert transforms == pytest.approx(round(transforms), abs=1e-6)
    assert subints == pytest.approx(round(subints), abs=1e-6)
    assert found.subint_ns * 32 / found.segments <= 2.2e9


def test_the_worst_guard_covers_what_the_earth_can_turn() -> None:
    assert worst_guard_ns(16e6, 1_000_000_000, 2, 8) == 125 + 1600 + 1
    assert worst_guard_ns(16e6, 10_000_000, 2, 1) > worst_guard_ns(16e6, 10_000_000, 2, 8)


def test_tones_are_those_of_the_real_jobs() -> None:
    """tiny (upper and lower sideband) and corr1."""
    assert tones(8400e6, 4e6, "U", 1.0) == (0, 2)
    assert tones(8412e6, 4e6, "L", 1.0) == (0, 2)
    assert tones(8405.49e6, 8e6, "U", 1.0) == (1, 6)


@pytest.mark.parametrize(
    ("selection", "wanted"),
    [("none", ()), ("ends", (0, 7)), ("all", tuple(range(8))), ("most", (1, 2, 3, 4, 5, 6)), ("vex", (3, 5))],
)
def test_tones_are_selected(selection: str, wanted: tuple[int, ...]) -> None:
    assert tones(8405.49e6, 8e6, "U", 1.0, selection=selection, detected=(5, 3)) == wanted


@given(
    edge=st.floats(1e8, 1e11),
    width=st.sampled_from([0.5e6, 4e6, 32e6, 512e6]),
    sideband=st.sampled_from("UL"),
    interval=st.sampled_from([0.0, 1.0, 5.0, 77.777, 200.0]),
    selection=st.sampled_from(SELECTIONS),
    guard=st.sampled_from([-1.0, 0.0, 0.3, 100.0]),
)
def test_tones_lie_in_the_band(
    edge: float, width: float, sideband: str, interval: float, selection: str, guard: float
) -> None:
    found = tones(edge, width, sideband, interval, selection=selection, guard_mhz=guard)
    assert list(found) == sorted(set(found))
    assert all(0 <= one <= math.ceil(width / 1e6 / max(interval, 1e-9)) for one in found)
