# SPDX-License-Identifier: GPL-3.0-or-later
"""What in a .v2d does not go with its schedule is said before a job is made of the two."""

from __future__ import annotations

from pathlib import Path

import pytest

from difxnb.formats.calc_model import Eop
from difxnb.formats.v2d import V2d, parse_v2d, read_v2d
from difxnb.formats.vex import Vex, parse_vex
from difxnb.synthetic import small_experiment
from difxnb.synthetic.observing_files import v2d_text, vex_text

SETUP = "SETUP default\n{\n"
EOPS = "".join(f"EOP {day} {{ tai_utc = 37 }}\n" for day in range(60744, 60749))


@pytest.fixture(scope="module")
def vex() -> Vex:
    """A schedule with stations AL, BO and CE, scans No0001 and No0002 of LANTERN and BEACON."""
    return parse_vex(vex_text(small_experiment()), "demo.vex")


@pytest.fixture
def v2d() -> V2d:
    """What goes with it."""
    return parse_v2d(v2d_text(small_experiment(), Path("/data")))


def test_what_the_demonstration_makes_has_no_problems(v2d: V2d, vex: Vex) -> None:
    assert v2d.problems(vex).empty


@pytest.mark.parametrize(
    ("old", "new", "severity", "kind", "where", "said"),
    [
        ("AL, BO, CE", "AL, BQ, CE", "error", "unknown station", "", "perhaps BO"),
        ("AL, BO, CE", "al, bo, ce, Zz", "error", "unknown station", "", "demo.vex has AL, BO"),
        ("ANTENNA AL", "ANTENNA Zz", "note", "unknown station", "ANTENNA Zz", "AL, BO, CE"),
        (SETUP, "baselines = AL-Zz\n" + SETUP, "error", "unknown station", "", "AL-Zz: there is no station Zz"),
        (SETUP, "RULE a { scan = no0001 setup = default }\n" + SETUP, "error", "unknown scan", "RULE a", "No0001"),
        (SETUP, "RULE a { mode = m2 setup = default }\n" + SETUP, "error", "unknown mode", "RULE a", "perhaps m1"),
        (SETUP, "RULE a { source = SUN setup = SKIP }\n" + SETUP, "error", "unknown source", "RULE a", "BEACON"),
        (SETUP, "RULE a { setup = SKIP }\n" + SETUP, "error", "nothing left", "", "2 scans"),
        (SETUP, "RULE a { scan = No0001 setup = x }\nSETUP x\n{\n", "note", "no rule", "", "No0002"),
        (SETUP, "SOURCE beacon { calCode = V }\n" + SETUP, "warning", "unknown source", "SOURCE beacon", "BEACON"),
        (SETUP, "mjdStart = 2026-01-01T00:00:00\n" + SETUP, "error", "outside the schedule", "", "2025-03-12"),
        (SETUP, "mjdStop = 60000\n" + SETUP, "error", "outside the schedule", "", "2025-03-12T06:00:00"),
        (SETUP, "mjdStop = 60000\n" + SETUP, "error", "nothing left", "", "mjdStop"),
        (SETUP, "break = 60000\n" + SETUP, "warning", "outside the schedule", "", "a break at 2023-02-25"),
        ("phaseCalInt = 0", "mjdStop = 60000.0", "warning", "outside the schedule", "ANTENNA AL", "leaves nothing"),
        (SETUP, EOPS + SETUP, "error", "eop twice", "EOP 60744", "vex2difx takes both"),
    ],
)  # fmt: skip
def test_what_does_not_go_with_the_schedule_is_said(
    vex: Vex, v2d: V2d, old: str, new: str, severity: str, kind: str, where: str, said: str
) -> None:
    rows = parse_v2d(v2d.text.replace(old, new, 1)).problems(vex)
    found = rows[(rows["kind"] == kind) & (rows["where"] == where) & (rows["severity"] == severity)]
    assert len(found) == 1, rows.to_string()
    assert said in f"{found['text'].iloc[0]} {found['fix'].iloc[0]}"
    assert rows.attrs["passed"] == (rows["severity"] != "error").all()


def without_eop(vex: Vex) -> Vex:
    """The schedule without Earth orientation."""
    return parse_vex(vex.text[: vex.text.index("$EOP;")], "demo.vex")


def test_earth_orientation_has_to_cover_the_scans(vex: Vex, v2d: V2d) -> None:
    bare = without_eop(vex)

    def kinds(days: range) -> list[str]:
        text = v2d.text + "".join(f"EOP {day} {{ tai_utc = 37 }}\n" for day in days)
        return list(parse_v2d(text).problems(bare)["kind"])

    assert kinds(range(0)) == ["no eop"]
    assert kinds(range(60744, 60749)) == []
    assert kinds(range(60745, 60748)) == ["few eop"]
    assert kinds(range(60740, 60745)) == ["eop outside"]
    assert kinds(range(60747, 60752)) == ["eop outside"]


def test_what_is_to_be_done_about_earth_orientation_makes_no_second_place_for_it(vex: Vex, v2d: V2d) -> None:
    """With days in both files vex2difx takes both."""
    far = vex.with_eop([Eop(day, 37.0, 0.0, 0.0, 0.0) for day in range(60740, 60745)])
    assert "to_vex(vex)" in v2d.problems(far).query("kind == 'eop outside'")["fix"].item()
    bare = v2d.problems(without_eop(vex))
    assert "to_v2d(v2d)" in bare.query("kind == 'no eop'")["fix"].item()
    both = parse_v2d(v2d.text.replace(SETUP, EOPS + SETUP, 1))
    fix = both.problems(vex).query("kind == 'eop twice'")["fix"].item()
    assert fix.startswith("v2d.with_eop([])")
    assert not (both.with_eop([]).problems(vex)["kind"] == "eop twice").any()


def test_a_station_without_a_clock_or_a_format_is_said(vex: Vex, v2d: V2d) -> None:
    clocks = ("clockOffset", "clockRate", "clockEpoch")
    for name in clocks:
        del v2d.antennas["AL"][name]
        del v2d.antennas["BO"][name]
    v2d.antennas["BO"]["deltaClock"] = 0.5
    rows = v2d.problems(vex)
    assert rows[["severity", "kind", "where"]].to_numpy().tolist() == [
        ["warning", "no clock", "ANTENNA BO"],
        ["note", "no clock", "ANTENNA AL"],
    ]
    bare = parse_vex(vex.text.replace("track_frame_format", "* track_frame_format"), "demo.vex")
    assert "no format" not in set(v2d.problems(bare)["kind"])
    del v2d.antennas["CE"]["format"]
    rows = v2d.problems(bare)
    assert rows.loc[rows["kind"] == "no format", "where"].tolist() == ["ANTENNA CE"]


def test_a_schedule_whose_clocks_cannot_be_read_is_said(vex: Vex, v2d: V2d) -> None:
    damaged = parse_vex(
        vex.text.replace("$EOP;", "$EOP;\ndef bad;\n num_eop_points = x;\nenddef;"), "demo.vex"
    )
    rows = v2d.problems(damaged)
    assert rows["kind"].tolist() == ["bad schedule"]
    assert not rows.attrs["passed"]


def test_the_schedule_beside_a_file_is_found_and_read_again_when_it_changes(
    vex: Vex, v2d: V2d, tmp_path: Path
) -> None:
    (tmp_path / "demo.vex").write_text(vex.text)
    (tmp_path / "demo.v2d").write_text(v2d.text.replace("AL, BO, CE", "AL, BO, Zz"))
    found = read_v2d(tmp_path / "demo.v2d")
    assert found.problems()["kind"].tolist() == ["unknown station", "no data"]
    assert found.schedule() is found.schedule()
    (tmp_path / "demo.vex").write_text(
        vex.text.replace("def CE;", "def Zz;").replace("station = CE", "station = Zz")
    )
    assert "unknown station" not in found.problems().query("severity == 'error'")["kind"].tolist()
    given = read_v2d(tmp_path / "demo.v2d", vex=vex)
    assert given.schedule() is vex
    assert given.without("BO", "Zz")["antennas"] == ["AL"]


def test_samples_go_with_their_schedules(shared: Path) -> None:
    """What vex2difx took is not called wrong, but for line ends that it refuses."""
    folder = shared / "data" / "difx-samples"
    for file in sorted(folder.rglob("*.v2d")):
        schedule = None
        if file.name == "feat.v2d":
            schedule = folder / "public/vex2difx-samples/corr1.skd"
        rows = read_v2d(file, vex=schedule).problems()
        errors = rows[rows["severity"] == "error"]
        assert set(errors["kind"]) == ({"dos line ends"} if file.name.startswith("Jan13") else set()), file
        assert "unknown parameter" not in set(rows["kind"])
