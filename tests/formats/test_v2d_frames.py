# SPDX-License-Identifier: GPL-3.0-or-later
"""What a .v2d says as tables: in SI, with what vex2difx takes where nothing is said, and shown on one screen."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from difxnb.errors import FileFormatError
from difxnb.formats.v2d import parse_v2d

TEXT = """\
vex = r1234.vex
antennas = Aa, Bb, Cc
mjdStart = 2024-01-01T12:00:00
SETUP wide { tInt = 0.5 specRes = 0.25 subintNS = 32000000 nonsense = 1, 2 }
SETUP narrow { nChan = 64 doPolar = f binConfig = psr.binconfig }
RULE pulsar { source = PSR, CRAB  setup = narrow }
RULE rest { setup = wide }
ANTENNA aa { name = A1 file = /d/1, /d/2 clockOffset = 1.5 clockRate = 2e-6 clockEpoch = 60310.5 deltaClock = 0.25 }
ANTENNA BB { filelist = b.list format = VDIF/8032/2 phaseCalInt = 5 X = 1 Y = 2 Z = 3 axisOffset = 0.5 }
ANTENNA DEFAULT { source = FAKE phaseCalInt = 0 }
ANTENNA Dd { module = NRAO+1 datastreams = s }
EOP 60310 { tai_utc = 37 ut1_utc = -0.01 xPole = 0.1 yPole = 0.2 }
"""


def test_each_statement_is_a_row() -> None:
    table = parse_v2d(TEXT).frame()
    assert list(table.columns) == ["block", "kind", "name", "value", "default", "unit", "line"]
    row = table[table["name"] == "specRes"].iloc[0]
    assert row.tolist() == ["SETUP wide", "float", "specRes", "0.25", "0.5", "MHz", 4]
    unknown = table[table["name"] == "nonsense"].iloc[0]
    assert unknown.tolist() == ["SETUP wide", "", "nonsense", "1, 2", "", "", 4]
    assert len(table) == 34


def test_stations_are_rows_in_si() -> None:
    table = parse_v2d(TEXT).frame("antennas").set_index("station")
    assert list(table.index) == ["Aa", "Bb", "Cc", "DEFAULT", "Dd"]
    assert table["correlated"].tolist() == [True, True, True, False, False]
    first = table.loc["Aa"]
    assert first["name"] == "A1"
    assert first["files"] == ("/d/1", "/d/2")
    assert first["clock_offset"] == pytest.approx(1.5e-6, rel=1e-15)
    assert first["clock_rate"] == pytest.approx(2e-12, rel=1e-15)
    assert first["clock_epoch"] == pd.Timestamp("2024-01-01T12:00:00")
    assert first["delta_clock"] == pytest.approx(0.25e-6)
    second = table.loc["Bb"]
    assert second["filelist"] == "b.list"
    assert (second["x"], second["y"], second["z"], second["axis_offset"]) == (1, 2, 3, 0.5)
    assert second["phase_cal"] == 5e6
    assert np.isnan(second["clock_offset"])
    assert second["clock_epoch"] is pd.NaT
    assert table.loc["Cc", "source"] == "fake"  # of DEFAULT
    assert table.loc["Cc", "line"] == 10
    assert table.loc["Dd", "module"] == "NRAO+1"
    assert table.loc["Dd", "datastreams"] == ("s",)


def test_setups_rules_and_earth_orientation_are_tables() -> None:
    v2d = parse_v2d(TEXT)
    setups = v2d.frame("setups").set_index("setup")
    assert setups["t_int"].tolist() == [0.5, 2.0]
    assert setups.loc["wide", "spec_res"] == 250e3
    assert setups.loc["wide", "subint"] == pytest.approx(0.032)
    assert setups["n_chan"].isna().tolist() == [True, False]
    assert setups["do_polar"].tolist() == [True, False]
    assert setups.loc["narrow", "bin_config"] == "psr.binconfig"
    rules = v2d.frame("rules")
    assert rules["source"].tolist() == [("PSR", "CRAB"), ()]
    assert rules["setup"].tolist() == ["narrow", "wide"]
    eops = v2d.frame("eops").iloc[0]
    assert eops["mjd"] == 60310
    assert eops["x_pole"] == pytest.approx(0.1 * math.pi / 180 / 3600)
    with pytest.raises(
        ValueError, match=r"no table 'scans'; it has parameters, antennas, setups, rules, eops"
    ):
        v2d.frame("scans")


def test_defaults_say_what_vex2difx_takes() -> None:
    v2d = parse_v2d(TEXT)
    table = v2d.defaults()
    common = table[table["block"] == ""].set_index("name")
    assert common.loc["maxGap", ["value", "default", "taken", "unit"]].tolist() == ["", "180", "180", "s"]
    assert common.loc["antennas", "taken"] == "Aa, Bb, Cc"
    narrow = table[table["block"] == "SETUP narrow"].set_index("name")
    assert narrow.loc["tInt", "taken"] == "2"
    assert narrow.loc["nChan", "taken"] == "64"
    assert pd.isna(narrow.loc["tInt", "line"])
    assert narrow.loc["nChan", "line"] == 5
    assert {"DATASTREAM", "ZOOM", "SOURCE"} <= set(table["block"])  # kinds that are not there
    assert "nonsense" in set(table["name"])
    v2d["maxGap"] = 60
    taken = v2d.defaults().query("name == 'maxGap'")["taken"].tolist()
    assert taken == ["60"]


@pytest.mark.parametrize(
    ("said", "taken"),
    [
        ("", ["0.25", "0.5"]),
        ("nChan = 0", ["0.25", "0.5"]),
        ("nChan = 64 nFFTChan = 128", ["", ""]),
        ("nFFTChan = 128 specRes = 0.125", ["", "0.125"]),
        ("nChan = 64 FFTSpecRes = 0.03125", ["0.03125", "0.5"]),
    ],
)
def test_resolutions_that_vex2difx_finds_out_have_no_default(said: str, taken: list[str]) -> None:
    table = parse_v2d(f"vex = e.vex\nSETUP x {{ tInt = 1 {said} }}\n").defaults()
    rows = table[table["block"] == "SETUP x"].set_index("name")
    assert rows.loc[["FFTSpecRes", "specRes"], "taken"].tolist() == taken


def test_tables_of_a_file_that_says_nothing_are_empty() -> None:
    v2d = parse_v2d("")
    for name in ("parameters", "antennas", "setups", "rules", "eops"):
        full, empty = parse_v2d(TEXT).frame(name), v2d.frame(name)
        assert empty.empty
        assert list(empty.columns) == list(full.columns)
        kept = [one for one in full if full[one].dtype.kind in "fiMb"]
        assert [empty[one].dtype for one in kept] == [full[one].dtype for one in kept]


def test_a_value_that_is_none_names_its_line() -> None:
    for text, table in [
        ("\nANTENNA a { clockOffset = x }", "antennas"),
        ("\nSETUP s { nChan = x }", "setups"),
        ("\nEOP soon { }", "eops"),
    ]:
        with pytest.raises(FileFormatError, match="line 2"):
            parse_v2d(text).frame(table)


def test_it_is_shown_with_what_is_wrong_and_whether_it_was_changed() -> None:
    v2d = parse_v2d(TEXT, "r1234.v2d")
    text = repr(v2d)
    assert text.startswith("<V2d r1234.v2d: 3 antennas, 2 setups, 2 rules>")
    assert "Aa Bb Cc" in text
    assert "from 2024-01-01T12:00:00" in text
    assert "rest → wide" in text
    assert "problems" in text
    assert "changed" not in text
    v2d["nCore"] = 3
    assert "since it was read" in repr(v2d)
    html = parse_v2d("vex = <b>x</b>\n")._repr_html_()
    assert "<b>" not in html
    assert "&lt;b&gt;" in html
    assert repr(v2d.setups["wide"]).startswith("<SETUP wide: tInt = 0.5; specRes = 0.25")
    assert repr(v2d.antennas) == "<ANTENNA: aa, BB, DEFAULT, Dd>"
