# SPDX-License-Identifier: GPL-3.0-or-later
"""What vex2difx stops at is told as a warning, though jobs are made of it here.

Each case was given to vex2difx 2.9: those with a warning end without a job, or with one that fits no scan.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from difxnb.formats.v2d import parse_v2d
from difxnb.formats.vex import parse_vex
from difxnb.making.drafting import drawn_up
from difxnb.synthetic import small_experiment
from difxnb.synthetic.observing_files import v2d_text, vex_text

VEX = vex_text(small_experiment())
V2D = v2d_text(small_experiment(), Path("/data"))
LINE = next(line for line in VEX.splitlines() if line.strip().startswith("station ="))
FIELDS = LINE.strip().removesuffix(";").split(":")
UNUSED = "SETUP other {{ tInt = 1 {} }}\n"


def short(n: int) -> str:
    """The first line of a station with less fields."""
    return ":".join(FIELDS[:n]) + ";"


@pytest.mark.parametrize(
    ("old", "new", "kind", "name"),
    [
        (LINE.strip(), short(3), "short line", "station"),
        (LINE.strip(), short(6), "short line", "station"),
        (LINE.strip(), short(6).replace(";", ": ;"), "short line", "station"),
        (LINE.strip(), 'intent = "CALIBRATE";\n' + LINE.strip(), "not in vex", "intent"),
        ("source_name = LANTERN", "source_name = lantern", "source name", "source_name"),
        ("source_name = LANTERN;", "", "source name", "source_name"),
    ],
)
def test_a_schedule_that_it_cannot_read_is_warned_of(old: str, new: str, kind: str, name: str) -> None:
    assert old in VEX
    vex = parse_vex(VEX.replace(old, new, 1))
    rows = vex.problems().query("kind == @kind")
    assert rows[["severity", "name"]].values.tolist() == [["warning", name]]
    assert vex.text.splitlines()[rows["line"].iloc[0] - 1].strip()
    assert "vex2difx" in rows["text"].iloc[0]
    assert rows["fix"].iloc[0]
    assert drawn_up(vex, V2D, "demo", Path.read_text).drafts


def test_another_name_of_a_source_beside_its_own_is_none_to_warn_of() -> None:
    name = "source_name = LANTERN;"
    vex = parse_vex(VEX.replace(name, f"source_name = J0000+00; {name}"))
    assert vex.problems().query("severity == 'warning' and kind == 'source name'").empty


@pytest.mark.parametrize(
    "channels", ["nChan = 32", "nFFTChan = 128 specRes = 0.125", "nChan = 32 nFFTChan = 128"]
)
def test_a_setup_of_no_scan_that_counts_channels_is_warned_of(channels: str) -> None:
    rows = parse_v2d(V2D + UNUSED.format(channels)).problems(parse_vex(VEX)).query("kind == 'not used'")
    assert rows[["severity", "where"]].values.tolist() == [["warning", "SETUP other"]]


@pytest.mark.parametrize(
    "channels", ["specRes = 0.125", "FFTSpecRes = 0.03125 specRes = 0.125", "FFTSpecRes = 0.125 nChan = 32"]
)
def test_a_setup_of_no_scan_that_says_resolutions_is_none_to_warn_of(channels: str) -> None:
    assert parse_v2d(V2D + UNUSED.format(channels)).problems(parse_vex(VEX)).query("kind == 'not used'").empty


def test_a_setup_of_scans_beyond_the_times_of_the_v2d_is_not_used() -> None:
    rule = "RULE a { scan = No0001 setup = other }\nRULE b { setup = default }\n"
    text = V2D + UNUSED.format("nChan = 32") + rule
    vex = parse_vex(VEX)
    assert parse_v2d(text).problems(vex).query("kind == 'not used'").empty
    last = vex.scans()["start"].iloc[1].isoformat()
    assert parse_v2d(f"mjdStart = {last}\n" + text).problems(vex)["kind"].tolist().count("not used") == 1


@pytest.mark.parametrize(
    ("rule", "kind", "said"),
    [
        ("source = LANTERN", "renamed source", "writes BRIGHT into it, but LANTERN into the .calc"),
        ("source = BEACON", "", ""),
        ("calCode = B", "calibrator code", "sources without calCode = B"),
        ("calCode = B, C", "calibrator code", "stops at a rule of several"),
    ],
)  # fmt: skip
def test_a_rule_that_jobs_do_not_know_is_warned_of(rule: str, kind: str, said: str) -> None:
    text = f"{V2D}SOURCE LANTERN {{ newName = BRIGHT }}\nRULE a {{ {rule} setup = default }}\n"
    rows = parse_v2d(text).problems(parse_vex(VEX)).query("kind in ('renamed source', 'calibrator code')")
    assert rows[["severity", "kind"]].values.tolist() == ([["warning", kind]] if kind else [])
    assert said in rows["text"].sum() if kind else rows.empty
