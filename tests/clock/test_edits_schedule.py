# SPDX-License-Identifier: GPL-3.0-or-later
"""New clocks in .v2d and .vex: the job that vex2difx would make of them has the old clock less the residual.

What vex2difx makes of a .v2d and a .vex is put together here by its own rules, and held against jobs that the real one
made.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.clock.edits import edits_of
from difxnb.errors import FileFormatError
from difxnb.formats.clock_change import Clock, ClockChange
from difxnb.formats.input import read_input
from difxnb.formats.keyvalue import read_text
from difxnb.formats.mjd import DAY_S
from difxnb.formats.v2d_clocks import antenna_block, deltas, own_clock, v2d_with_clocks, vex_station
from difxnb.formats.v2d_text import parse_v2d_text
from difxnb.formats.vex_clocks import clock_in_force, station_clocks
from difxnb.formats.vex_text import parse_vex_text

MJD = 60310.25
EPOCH = np.datetime64("2024-01-01T06:00:00")
VEX = """VEX_rev = 1.5;
$STATION;
def Aa; ref $CLOCK = a; enddef;
def Bb; ref $CLOCK = b; enddef;
def Cc; enddef;
$CLOCK;
def a;
  clock_early = 2024y001d : -1.25 usec : 2023y360d : 2e-12;
enddef;
def b;
  clock_early = 2024y001d : 3 usec : 2024y001d06h00m00s : 0;
enddef;
"""


parsed_vex = lru_cache(4)(parse_vex_text)


def clock_of_job(v2d: str, vex: str, station: str, mjd: float) -> Clock:
    """Clock that vex2difx writes into an .input: of the .v2d, else of the .vex, with deltas added to either."""
    parsed = parse_v2d_text(v2d)
    block = antenna_block(parsed, station)
    clock = own_clock(parsed, block) if block else None
    if clock is None:
        early = clock_in_force(station_clocks(parsed_vex(vex), vex_station(parsed, station)), mjd)
        if early is None:
            return Clock(-1.0, (0.0, 0.0))
        clock = early.clock
    added = deltas(parsed, block) if block else ()
    return Clock(clock.epoch_mjd, tuple(map(sum, zip_longest(clock.coefficients, added, fillvalue=0.0))))


def residual(change: ClockChange, mjd: float) -> float:
    return change.delay_s + change.delay_rate * (mjd - change.epoch_mjd) * DAY_S


REAL_JOBS = {
    "tiny/tiny_1": ("vex2difx-output/tiny/tiny.v2d", "vex2difx-output/tiny/tiny.vex"),
    "feat/feat_7": ("vex2difx-output/feat/feat.v2d", "public/vex2difx-samples/corr1.skd"),
    "corr1/corr1_1": ("public/vex2difx-samples/corr1.v2d", "public/vex2difx-samples/corr1.skd"),
    "dq601/dq601_01": ("public/vex2difx-samples/dq601.v2d", "public/vex2difx-samples/dq601.vex.obs"),
    "dq601/dq601_12": ("public/vex2difx-samples/dq601.v2d", "public/vex2difx-samples/dq601.vex.obs"),
    "c212c-d280/c212c-d280_1001": (
        "public/vex2difx-samples/c212c-d280.v2d",
        "public/vex2difx-samples/c212c.vex",
    ),
    "test-usb/test-usb": (
        "public/synthetic-tests/test-usb.v2d",
        "public/synthetic-tests/test-usb.vex",
    ),
}


@pytest.mark.parametrize("job", REAL_JOBS)
def test_clocks_are_read_as_the_real_vex2difx_reads_them_and_change_by_the_residual(
    job: str, shared: Path, tmp_path: Path
) -> None:
    samples = shared / "data/difx-samples"
    inp = read_input(samples / f"vex2difx-output/{job}.input")
    v2d, vex = (read_text(samples / name) for name in REAL_JOBS[job])
    start = inp.start_mjd + inp.start_seconds / DAY_S
    for telescope in inp.telescopes:
        clock = clock_of_job(v2d, vex, telescope.name, start)
        assert clock.epoch_mjd == pytest.approx(telescope.clock_ref_mjd, abs=1e-10)
        size = len(telescope.clock_coeffs)
        assert not any(clock.coefficients[size:])
        np.testing.assert_allclose(
            np.array(clock.coefficients[:size]) * 1e6, telescope.clock_coeffs, rtol=1e-12, atol=1e-18
        )

    (tmp_path / "x.v2d").write_bytes(v2d.encode("utf-8", "surrogateescape"))
    (tmp_path / "x.vex").write_bytes(vex.encode("utf-8", "surrogateescape"))
    epoch = np.datetime64("1858-11-17") + np.timedelta64(round((start + 0.01) * DAY_S), "s")
    changes = [
        ClockChange(telescope.name, (-1) ** row * (row + 1) * 1.1e-7, (-1) ** (row // 2) * 3.3e-12, epoch)
        for row, telescope in enumerate(inp.telescopes)
    ]
    edits = edits_of(changes, v2d=tmp_path / "x.v2d", vex=tmp_path / "x.vex")
    assert edits.v2d is not None
    assert edits.vex is not None
    lost = [line for edit in edits for line in edit.diff.splitlines()[2:] if line.startswith("-")]
    assert len(lost) >= len(changes)
    assert all("clock" in line.lower() for line in lost)
    for change in changes:
        old = clock_of_job(v2d, vex, change.antenna, start)
        new = clock_of_job(edits.v2d.after, edits.vex.after, change.antenna, start)
        for mjd in (start, start + 0.2):
            assert new.at(mjd) - old.at(mjd) == pytest.approx(-residual(change, mjd), abs=2e-15)


def write(folder: Path, v2d: str, vex: str = VEX) -> Path:
    (folder / "x.vex").write_text(vex)
    path = folder / "x.v2d"
    path.write_bytes(v2d.encode())
    return path


LAYOUTS = {
    "block of lines": "vex = x.vex\nANTENNA Aa\n{\n  clockOffset = 1.75  # us\n  clockRate = 2e-6\n"
    "  clockEpoch = 60310.0\n}\n",
    "one line": "vex = x.vex ANTENNA AA { clockOffset = 1.75 clockEpoch = 2024-01-01T00:00:00 file = a }\n",
    "short names": "vex = x.vex\nANTENNA aa {\n clock0=1.75\n clock1=2e-6 clock2 = 1e-9\n"
    " clockEpoch=2024JAN01-00:00:00\n}\n",
    "without an epoch": "vex = x.vex\nANTENNA Aa {\n  clockOffset = 1.75\n  file = a,b\n}\n",
    "without an epoch, and deltas": "vex = x.vex\nANTENNA Aa { clockOffset = 1.75 deltaClock = 0.5\n"
    "  deltaClockRate = 1e-6 deltaClockAccel=1e-14\n}\n",
    "epoch alone": "vex = x.vex\nANTENNA Aa { clockEpoch = 2024y001d00h00m00s }\n",
    "sum": "vex = x.vex\nANTENNA Aa { clockOffset=1.5+0.25-1e-3 clockEpoch=60310 }\n",
    "twice": "vex = x.vex\nANTENNA Aa { clockOffset=0 clockEpoch=60310\n clockOffset = 9, 1.75 }\n",
    "both": "vex = x.vex\nANTENNA Aa { clockOffset=1.75 clockEpoch=60310 deltaClock = 0.5 deltaClockRate = 1e-6 }\n",
    "delta": "vex = x.vex\nANTENNA Aa {\r\n  deltaClock = 0.25\r\n\tdeltaClockRate = -1e-6\r\n}\r\n",
    "delta without a rate": "vex = x.vex\nANTENNA Aa { deltaClock = 0.25 }",
    "nothing set": "vex = x.vex\nANTENNA Aa { file = a.vdif,\n  b.vdif # two\n}\n",
    "empty block": "vex = x.vex\nANTENNA Aa {}\n",
    "no block": "vex = x.vex\n# the end",
    "other name": "vex = x.vex\nANTENNA Bb { name = AA clockOffset = 1 }\nANTENNA Aa { name = BB file = a }\n",
    "after a comment": "vex = x.vex\nCOMMENT { ANTENNA Aa clockOffset }\nANTENNA Aa { # clockOffset = 7\n file = a }\n",
    "unclosed": "vex = x.vex\nANTENNA Aa {\n  deltaClock = 0.25\n",
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("delay", "rate"), [(35e-9, 0.0), (-0.4e-6, -2.5e-12), (0.3e-6, 4e-9)])
def test_a_v2d_of_any_layout_gets_the_clock_less_the_residual(
    layout: str, delay: float, rate: float, tmp_path: Path
) -> None:
    path = write(tmp_path, LAYOUTS[layout])
    change = ClockChange("AA", delay, rate, EPOCH)
    (edit,) = edits_of([change], v2d=path)
    before, after = (clock_of_job(text, VEX, "AA", MJD) for text in (edit.before, edit.after))
    for mjd in (MJD, MJD + 0.5):
        assert after.at(mjd) - before.at(mjd) == pytest.approx(-residual(change, mjd), abs=2e-15)
    # Whatever else stood there, stands there still, and every old value with it.
    others = {"Bb", "file", "vex", "name"}
    for block in parse_v2d_text(edit.before).blocks:
        for one in block.statements:
            if one.name.text in others:
                assert edit.before[one.name.start : one.stop] in edit.after
            elif (now := antenna_block(parse_v2d_text(edit.after), "AA")) and block.name == now.name:
                last = now.last(one.name.text)
                assert last is not None
                written = ", ".join(value.text for value in one.values)
                changed = last.values[-1].text != one.values[-1].text and one is block.last(one.name.text)
                assert (f"{one.name.text} = {written} before" in edit.after) == changed


def test_what_is_written_into_a_block_of_lines(tmp_path: Path) -> None:
    path = write(tmp_path, LAYOUTS["block of lines"])
    (edit,) = edits_of([ClockChange("aa", 35e-9, -2.5e-12, EPOCH)], v2d=path)
    assert edit.after == (
        "vex = x.vex\nANTENNA Aa\n{\n"
        "  # aa: clockOffset = 1.75 before the fringes of 2024-01-01T06:00:00\n"
        "  clockOffset = 1.661  # us\n"
        "  # aa: clockRate = 2e-6 before the fringes of 2024-01-01T06:00:00\n"
        "  clockRate = 4.5e-06\n  clockEpoch = 60310.0\n}\n"
    )


def test_what_is_written_on_one_line(tmp_path: Path) -> None:
    path = write(tmp_path, "vex = x.vex\nANTENNA Bb { file = /data/bb.vdif deltaClock = 0.25}\n")
    (edit,) = edits_of([ClockChange("BB", 35e-9, 2.5e-12, EPOCH)], v2d=path)
    assert edit.after == (
        "vex = x.vex\n# BB: deltaClock = 0.25 before the fringes of 2024-01-01T06:00:00\n"
        "ANTENNA Bb { file = /data/bb.vdif deltaClock = 0.215 deltaClockRate = -2.5e-06 }\n"
    )


def test_a_station_without_a_block_gets_one_at_the_end(tmp_path: Path) -> None:
    path = write(tmp_path, "vex = x.vex\r\nANTENNA Aa { file = a }")
    (edit,) = edits_of([ClockChange("BB", 35e-9, 0.0, EPOCH)], v2d=path)
    assert edit.after == edit.before + "\r\nANTENNA BB\r\n{\r\n  deltaClock = -0.035\r\n}\r\n"


def test_a_delta_does_nothing_without_a_clock_so_a_whole_one_is_set(tmp_path: Path) -> None:
    path = write(tmp_path, "vex = x.vex\nANTENNA Cc { file = c }\n")
    (edit,) = edits_of([ClockChange("CC", 35e-9, 1e-12, EPOCH)], v2d=path)
    assert edit.after == (
        "vex = x.vex\nANTENNA Cc { file = c clockOffset = -0.035 clockRate = -1e-06 clockEpoch = 60310.25 }\n"
    )
    path = write(tmp_path, "vex = x.vex\nANTENNA Cc { deltaClock = 1 }\n")
    with pytest.raises(ValueError, match="CC has a deltaClock but no clock"):
        edits_of([ClockChange("CC", 35e-9, 1e-12, EPOCH)], v2d=path)


def test_each_clock_changes_once_in_the_file_where_it_is_set(tmp_path: Path) -> None:
    path = write(
        tmp_path, "vex = none.vex\nANTENNA Aa { file = a }\nANTENNA Bb { name = XX deltaClock = 1 }\n"
    )
    changes = [ClockChange(name, 1e-7, 2e-12, EPOCH) for name in ("AA", "XX", "CC")]
    edits = edits_of(changes, v2d=path, vex=tmp_path / "x.vex")
    assert edits.v2d is not None
    assert edits.vex is not None
    assert "ANTENNA Aa { file = a }" in edits.v2d.after
    assert "clock_early = 2024y001d : 3 usec : 2024y001d06h00m00s : 0;" in edits.vex.after
    for change in changes[:2]:
        before, after = (
            clock_of_job(edits.v2d.before, edits.vex.before, change.antenna, MJD),
            clock_of_job(edits.v2d.after, edits.vex.after, change.antenna, MJD),
        )
        assert after.at(MJD) - before.at(MJD) == pytest.approx(-1e-7, abs=2e-15)
        assert after.coefficients[1] - before.coefficients[1] == pytest.approx(-2e-12)
    assert clock_of_job(edits.v2d.after, edits.vex.after, "CC", MJD).at(MJD) == pytest.approx(-1e-7)


def test_a_residual_that_was_taken_out_already_is_noted(tmp_path: Path) -> None:
    v2d, vex = tmp_path / "x.v2d", tmp_path / "x.vex"
    v2d.write_text("vex = x.vex\nANTENNA Bb { clockOffset = 1 clockEpoch = 60310 }\n")
    vex.write_text(VEX)
    changes = [ClockChange("AA", 81e-9, 0.0, EPOCH), ClockChange("BB", 81e-9, 0.0, EPOCH)]
    first = edits_of(changes, v2d=v2d, vex=vex)
    assert not any(edit.notes for edit in first)
    first.write(overwrite=True)
    for edit in edits_of(changes, v2d=v2d, vex=vex):
        assert "take the same residual out only once" in edit.notes[0]
        assert edit.notes[0] in repr(edit)
    later = [ClockChange(one.antenna, 5e-9, 0.0, EPOCH + np.timedelta64(1, "h")) for one in changes]
    assert not any(edit.notes for edit in edits_of(later, v2d=v2d, vex=vex))


def test_a_vex_that_the_v2d_does_not_name_is_noted(tmp_path: Path) -> None:
    v2d, vex, other = tmp_path / "x.v2d", tmp_path / "x.vex", tmp_path / "y.vex"
    v2d.write_text("vex = ../made/x.vex\n")
    vex.write_text(VEX)
    other.write_text(VEX)
    changes = [ClockChange("AA", 81e-9, 0.0, EPOCH)]
    noted = [edits_of(changes, v2d=v2d, vex=one).v2d.notes for one in (vex, other)]
    assert noted[0] == ()
    assert noted[1] == (f"it names ../made/x.vex, but {other} was given with it",)


def test_a_rate_added_to_clocks_with_several_epochs_is_noted(tmp_path: Path) -> None:
    second = "  clock_early = 2024y005d : 1 usec : 2024y005d : 0;\nenddef;"
    path = write(
        tmp_path, "vex = x.vex\nANTENNA Aa { file = a }\n", VEX.replace("enddef;\ndef b", second + "\ndef b")
    )
    (edit,) = edits_of([ClockChange("AA", 1e-7, 2e-12, EPOCH)], v2d=path)
    assert "right for the clock of the fringes only" in edit.notes[0]
    assert "note: AA: deltaClockRate" in repr(edit)
    (edit,) = edits_of([ClockChange("AA", 1e-7, 0.0, EPOCH)], v2d=path)
    assert edit.notes == ()


@pytest.mark.parametrize(
    ("v2d", "problem"),
    [
        ("vex = x.vex\nANTENNA DEFAULT { phaseCalInt = 0 }\n", "AA is set up by ANTENNA DEFAULT"),
        ("vex = missing.vex\nANTENNA Aa { file = a }\n", r"missing\.vex, is not there"),
        ("antennas = Aa\n", r"names no \.vex"),
        ("vex = x.vex\nANTENNA Zz { name = AA }\n", "no station Zz; it has Aa, Bb, Cc"),
    ],
)
def test_what_cannot_be_changed_is_refused_with_what_to_do(v2d: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=problem):
        edits_of([ClockChange("AA", 1e-7, 1e-12, EPOCH)], v2d=write(tmp_path, v2d))


@pytest.mark.parametrize(
    "statement",
    ["clockOffset = soon", "clockOffset = 1e999", "clockRate = 1.2.3", "clockEpoch = 2024-13-01T00:00:00",
     "clockEpoch = now", "deltaClock = --", "clockOffset = nan"],
)  # fmt: skip
def test_a_value_that_cannot_be_read_is_refused_with_its_line(statement: str, tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"x\.v2d, line 3: \w+: "):
        edits_of(
            [ClockChange("AA", 1e-7, 1e-12, EPOCH)],
            v2d=write(tmp_path, f"vex = x.vex\nANTENNA Aa {{\n {statement}\n}}\n"),
        )


# Small enough that a clock about MJD 50000 is known to femtoseconds today.
SCALES = {
    "clockOffset": 1.5,
    "clockRate": 1.5e-6,
    "clockAccel": 1.5e-15,
    "deltaClock": 0.5,
    "deltaClockRate": 1e-7,
    "deltaClockAccel": 1e-15,
}


@given(
    values=st.dictionaries(st.sampled_from([*SCALES, "clockEpoch", "file"]), st.integers(-9, 9), max_size=6),
    gaps=st.lists(st.sampled_from([" ", "\n  ", "\t# deltaClock = 1\n", "\r\n"]), min_size=8, max_size=8),
    delay=st.floats(-1e-3, 1e-3),
    rate=st.floats(-1e-9, 1e-9),
)
@settings(max_examples=100, deadline=None)
def test_any_parameters_in_any_layout(
    values: dict[str, int], gaps: list[str], delay: float, rate: float
) -> None:
    texts = {name: repr(SCALES.get(name, 1) * value) for name, value in values.items()}
    if "clockEpoch" in texts:
        texts["clockEpoch"] = repr(60310 + values["clockEpoch"] / 10)
    written = "".join(f"{gap}{name} = {text}" for gap, (name, text) in zip(gaps, texts.items(), strict=False))
    text = f"vex = x.vex\nANTENNA Aa {{{written}{gaps[-1]}}}{gaps[-2]}ANTENNA Bb {{ clockOffset = 1 }}\n"
    change = ClockChange("AA", delay, rate, EPOCH)
    elsewhere = {"AA": clock_of_job("vex = x.vex\n", VEX, "AA", MJD)}
    after = v2d_with_clocks(parse_v2d_text(text), [change], elsewhere)
    old, new = (clock_of_job(one, VEX, "AA", MJD) for one in (text, after))
    for mjd in (MJD, MJD + 0.3):
        assert new.at(mjd) - old.at(mjd) == pytest.approx(-residual(change, mjd), abs=1e-14)
    assert after.endswith("ANTENNA Bb { clockOffset = 1 }\n")
