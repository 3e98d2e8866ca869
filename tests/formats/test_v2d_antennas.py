# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of a .v2d that several places need: what is not named stays, and the difference is as small as it can be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from difxnb.formats.calc_model import Eop
from difxnb.formats.v2d import V2d, parse_v2d, read_v2d

TEXT = """\
vex = r1234.vex
antennas = Aa, Bb, Cc  # all of them
# clocks of the week before
ANTENNA aa
{
  # GPS
  clockOffset = 1.5
  clockAccel = 1e-9
  deltaClock = 0.25  # by hand
  filelist = aa.list
}
ANTENNA Bb { name = B7 module = NRAO+123 } # late
ANTENNA DEFAULT { phaseCalInt = 0 }
SETUP wide { tInt = 1 }
EOP 60309 { tai_utc = 37 }
EOP 60310 { tai_utc = 37 }  # rapid
# the end
"""


def changed_lines(v2d: V2d) -> list[str]:
    """What a difference shows, without its heads."""
    return [line for line in v2d.edit().diff.split("\n")[2:] if line[:1] in "+-"]


def test_a_station_goes_with_its_block_and_leaves_a_comment() -> None:
    v2d = parse_v2d(TEXT)
    new = v2d.without("AA", "B7")
    assert v2d.text == TEXT
    assert changed_lines(new) == [
        "-antennas = Aa, Bb, Cc  # all of them",
        "+antennas = Cc  # all of them",
        "-ANTENNA aa",
        "-{",
        "+COMMENT",
        "+{ ANTENNA aa",
        "-ANTENNA Bb { name = B7 module = NRAO+123 } # late",
        "+COMMENT { ANTENNA Bb name = B7 module = NRAO+123 } # late",
    ]
    assert list(new.antennas) == ["DEFAULT"]
    with pytest.raises(ValueError, match=r"no station Zz; it has Aa, Bb, Cc, aa, DEFAULT"):
        v2d.without("Zz")
    with pytest.raises(ValueError, match="no station would be left"):
        v2d.without("Aa", "Bb", "Cc")
    with pytest.raises(ValueError, match="no station DEFAULT"):
        v2d.without("DEFAULT")


def test_without_a_list_of_antennas_the_schedule_has_them(shared: Path) -> None:
    v2d = read_v2d(shared / "data/difx-samples/public/vex2difx-samples/v434a.v2d")
    new = v2d.without("AT")
    assert "antennas" not in v2d
    assert new["antennas"]
    assert "AT" not in new["antennas"]
    assert "AT" not in new.antennas
    with pytest.raises(ValueError, match="schedule is not here"):
        parse_v2d(v2d.text).without("AT")


def test_other_scans_are_skipped_by_a_first_rule(shared: Path) -> None:
    v2d = read_v2d(shared / "data/difx-samples/public/vex2difx-samples/corr1.v2d")
    vex = v2d.schedule()
    assert vex is not None
    scans = vex.scans()
    some = scans[scans["source"] == scans["source"].iloc[0]]
    assert 0 < len(some) < len(scans)
    for wanted in (some, list(some["scan"])):
        new = v2d.only_scans(wanted)
        assert [rule.name for rule in new.rules] == ["skipped", "default"]
        assert set(new.rules[0]["scan"]) == set(scans["scan"]) - set(some["scan"])
        assert new.rules[0]["setup"] == "SKIP"
        assert all(line.startswith("+") for line in changed_lines(new))
    again = new.only_scans(scans["scan"].iloc[0])
    assert len(again.rules) == 2
    assert len(again.rules[0]["scan"]) == len(scans) - 1
    assert again.only_scans(scans).text == v2d.text
    with pytest.raises(ValueError, match=r"no scan nothing; .* has No0001, No0002\b"):
        v2d.only_scans(["nothing"])
    with pytest.raises(ValueError, match="no scan was given"):
        v2d.only_scans([])
    with pytest.raises(ValueError, match="needs a column scan"):
        v2d.only_scans(pd.DataFrame({"name": []}))
    with pytest.raises(ValueError, match="schedule is not here"):
        parse_v2d(TEXT).only_scans(["No0001"])


def test_a_first_rule_brings_the_setup_that_was_taken_without_one(shared: Path) -> None:
    folder = shared / "data/difx-samples/vex2difx-output/tiny"
    v2d = read_v2d(folder / "tiny.v2d")
    vex = v2d.schedule()
    assert vex is not None
    new = v2d.only_scans(vex.scans().iloc[:1])
    assert [(rule.name, rule["setup"]) for rule in new.rules] == [("skipped", "SKIP"), ("default", "default")]


def test_many_scans_are_written_on_lines_that_vex2difx_reads(shared: Path) -> None:
    v2d = read_v2d(shared / "data/difx-samples/public/vex2difx-samples/c212c-d280.v2d")
    new = v2d.only_scans(["No0024"])
    assert len(new.rules[0]["scan"]) == 183
    assert max(map(len, new.text.split("\n"))) < 1100


def test_other_data_take_the_place_of_those_before() -> None:
    v2d = parse_v2d(TEXT)
    assert changed_lines(v2d.with_files("Aa", filelist="new.list")) == [
        "-  filelist = aa.list",
        "+  filelist = new.list",
    ]
    assert changed_lines(v2d.with_files("Bb", files=["/d/1", "/d/2"])) == [
        "-ANTENNA Bb { name = B7 module = NRAO+123 } # late",
        "+ANTENNA Bb { name = B7 file = /d/1, /d/2 } # late",
    ]
    assert changed_lines(v2d.with_files("cc", module="NRAO+9")) == [
        "+ANTENNA Cc",
        "+{",
        "+  phaseCalInt = 0",
        "+  module = NRAO+9",
        "+}",
    ]
    with pytest.raises(ValueError, match="one of files, filelist and module"):
        v2d.with_files("Aa")
    with pytest.raises(ValueError, match="one of files, filelist and module"):
        v2d.with_files("Aa", files="a", module="b")
    with pytest.raises(ValueError, match="no station Dd"):
        v2d.with_files("Dd", files="a")
    with pytest.raises(ValueError, match="end a value"):
        v2d.with_files("Aa", files="a b")
    streams = parse_v2d("ANTENNA Aa { datastreams = one, two }")
    with pytest.raises(ValueError, match="DATASTREAM one, two"):
        streams.with_files("Aa", files="a")


def test_a_clock_is_written_in_the_units_of_the_file() -> None:
    v2d = parse_v2d(TEXT)
    new = v2d.with_clock("AA", offset=-2.5e-6, rate=1e-12, epoch="2024-01-01T12:00:00")
    assert changed_lines(new) == [
        "-  clockOffset = 1.5",
        "-  clockAccel = 1e-9",
        "-  deltaClock = 0.25  # by hand",
        "+  clockOffset = -2.5",
        "+  # by hand",
        "+  clockRate = 1e-06",
        "+  clockEpoch = 2024y001d12h00m00s",
    ]
    block = v2d.with_clock("Cc", offset=0.0, epoch=np.datetime64("2024-01-01T00:00:00.5")).antennas["Cc"]
    assert block["clockEpoch"] == np.datetime64("2024-01-01T00:00:00.5")
    assert (block["clockOffset"], block["clockRate"], block["phaseCalInt"]) == (0.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="none that a clock can have"):
        v2d.with_clock("Aa", offset=11.0, epoch="2024-01-01")
    with pytest.raises(ValueError, match="is no time"):
        v2d.with_clock("Aa", offset=0.0, epoch="soon")


def test_earth_orientation_takes_the_place_of_that_before() -> None:
    days = [Eop(60310 + day, 37.0, -0.01 * day, 0.1, -1e-6) for day in range(2)]
    v2d = parse_v2d(TEXT)
    new = v2d.with_eop(reversed(days))
    assert changed_lines(new) == [
        "-EOP 60309 { tai_utc = 37 }",
        "-EOP 60310 { tai_utc = 37 }  # rapid",
        "+EOP 60310 { tai_utc=37 ut1_utc=0.0 xPole=0.1 yPole=-0.000001 }",
        "+EOP 60311 { tai_utc=37 ut1_utc=-0.01 xPole=0.1 yPole=-0.000001 }",
        "+# rapid",
    ]
    assert [block["ut1_utc"] for block in new.eops.values()] == [0.0, -0.01]
    assert new.with_eop(days).text == new.text
    assert list(v2d.with_eop([]).eops) == []
    bare = parse_v2d("vex = a").with_eop(days[:1])
    assert bare.text == "vex = a\nEOP 60310 { tai_utc=37 ut1_utc=0.0 xPole=0.1 yPole=-0.000001 }\n"
    with pytest.raises(ValueError, match="two values of Earth orientation for MJD 60310"):
        v2d.with_eop([days[0], days[0]])


def test_jobs_get_another_name() -> None:
    v2d = parse_v2d("vex = a.vex\npass = old # name\n")
    assert v2d.renamed("new2").text == "vex = a.vex\npass = new2 # name\n"
    assert parse_v2d("vex = a.vex\n").renamed("r7")["jobSeries"] == "r7"
    for name in ("", "a_b", "a-b", "ä", "a b"):
        with pytest.raises(ValueError, match="letters and digits only"):
            v2d.renamed(name)
