# SPDX-License-Identifier: GPL-3.0-or-later
"""Schedules as tables: numbers by hand from public files and from a small one, and both readers of VEX alike."""

from __future__ import annotations

import math
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import difxnb
from difxnb.errors import FileFormatError
from difxnb.formats import vex as vex_module
from difxnb.formats.vex import Vex, parse_vex, read_vex
from tests.formats.vex_samples import SMALL, public_schedules, read, sample

TABLES = ("scans", "scan_stations", "stations", "sources", "modes", "bands", "clocks", "eop")
ARCSEC = math.pi / 180 / 3600
COLUMNS = {
    "scans": "scan start stop duration mode source sources n_stations stations line",
    "scan_stations": "scan station start stop data_start data_stop pass wrap records",
    "stations": "station name site_id x y z vx vy vz position_epoch axis_type axis_offset das recorder n_scans "
    "observed",
    "sources": "source name ra dec frame n_scans observed",
    "modes": "mode station data_format n_channels sample_rate bits tracks_def n_scans",
    "bands": "mode station channel link frequency sideband bandwidth sample_rate polarization bbc if_name phase_cal",
    "clocks": "station valid_from offset rate epoch source",
    "eop": "mjd time tai_utc ut1_utc x_pole y_pole name",
}


@pytest.fixture
def small() -> Vex:
    return parse_vex(SMALL)


def test_every_public_schedule_is_read_and_kept_byte_for_byte(shared: Path) -> None:
    paths = public_schedules(shared)
    assert len(paths) == 14
    for path in paths:
        vex = read(path)
        assert vex.text.encode("utf-8", "surrogateescape") == path.read_bytes()
        assert vex.version == ("2.0" if path.suffix == ".vex2" else "1.5")
        for name in TABLES:
            table = vex.frame(name)
            assert " ".join(table.columns) == COLUMNS[name]
        assert len(vex.scans())
        assert not vex.scans()[["start", "stop", "duration"]].isna().any().any()
        assert not vex.stations()[["x", "y", "z"]].isna().any().any()
        assert not vex.sources()[["ra", "dec"]].isna().any().any()
        assert not vex.bands()[["frequency", "bandwidth", "sample_rate"]].isna().any().any()
        assert set(vex.bands()["polarization"]) <= {"R", "L", "X", "Y"}
        assert vex.stop > vex.start


def test_sizes_of_public_schedules(shared: Path) -> None:
    sizes = {
        path.name: (len(vex.scans()), len(vex.stations()), vex.modes()["mode"].nunique())
        for path in public_schedules(shared)
        if (vex := read(path))
    }
    assert sizes["ma008.vex.difx"] == (73, 15, 1)
    assert sizes["c212c.vex"] == (184, 19, 2)
    assert sizes["v434a.vex"] == (252, 5, 1)
    assert sizes["dq601.vex.obs"] == (16, 10, 13)


def test_both_revisions_of_one_schedule_say_the_same(shared: Path) -> None:
    old, new = sample(shared, "tr040g.vex"), sample(shared, "tr040g.vex2")
    for name in ("scan_stations", "stations", "sources", "bands"):
        apart = ["recorder"] if name == "stations" else []
        pd.testing.assert_frame_equal(
            old.frame(name).drop(columns=apart), new.frame(name).drop(columns=apart)
        )
    assert set(old.stations()["recorder"]) == {"Mark5C"}
    assert set(new.stations()["recorder"]) == {"Mark6"}
    for vex, written in ((old, "VDIF5032"), (new, "VDIF/5032/2")):
        modes = vex.modes()
        assert set(modes["data_format"]) == {written}
        assert set(modes["bits"]) == {2}
        assert set(modes["n_channels"]) == {1}
        assert set(modes["sample_rate"]) == {32e6}
    (band,) = new.bands("x16").query("station == 'Mk'").to_dict("records")
    assert band == {
        "mode": "x16", "station": "Mk", "channel": 0, "link": "&CH01", "frequency": 8470e6, "sideband": "U",
        "bandwidth": 16e6, "sample_rate": 32e6, "polarization": "R", "bbc": "BBC01", "if_name": "B",
        "phase_cal": 1e6,
    }  # fmt: skip


def test_bands_are_those_that_pyvexfile_finds(shared: Path) -> None:
    import pyvexfile

    class Quick(pyvexfile.Vex):
        stations = cached_property(pyvexfile.Vex.stations.fget)

    compared = 0
    for path in public_schedules(shared):
        vex = read(path)
        other = Quick(pyvexfile.Vex.from_string(vex.text).children)
        for (mode, station), mine in vex.bands().groupby(["mode", "station"], sort=False):
            theirs = {one.name: one for one in other.channels(mode, station)}
            assert len(theirs) == len(mine)
            for row in mine.itertuples():
                channel = theirs[row.link.removeprefix("&")]
                assert row.frequency == pytest.approx(channel.sky_frequency * 1e6, rel=1e-15)
                assert row.bandwidth == pytest.approx(channel.bandwidth * 1e6, rel=1e-15)
                assert (row.sideband, row.polarization, row.bbc) == (
                    channel.sideband,
                    channel.polarization,
                    channel.bbc,
                )
                compared += 1
    assert compared > 1500


def test_earth_orientation_of_single_points_and_of_a_series(shared: Path) -> None:
    single = sample(shared, "dq601.vex.obs").eop()
    assert list(single["mjd"]) == [57393, 57394, 57395, 57396, 57397]
    assert single["time"].iloc[1] == pd.Timestamp("2016-01-07")
    assert set(single["tai_utc"]) == {36.0}
    assert list(single["ut1_utc"]) == [0.071941, 0.070070, 0.068303, 0.066558, 0.064785]
    assert single["x_pole"].iloc[4] == pytest.approx(0.03603 * ARCSEC, rel=1e-12)
    assert single["y_pole"].iloc[4] == pytest.approx(0.26891 * ARCSEC, rel=1e-12)
    assert single["name"].iloc[0] == "EOP57393_FINAL"
    series = sample(shared, "gk022.vix").eop()
    assert list(series["mjd"]) == [52333, 52334, 52335, 52336]
    assert list(series["ut1_utc"]) == [-0.1594472, -0.1610240, -0.1626690, -0.1642650]
    assert series["x_pole"].iloc[2] == pytest.approx(-0.120679 * ARCSEC, rel=1e-12)
    assert set(series["name"]) == {"EOP059"}


def test_clocks_are_late_positive(shared: Path) -> None:
    old = sample(shared, "gk022.vix").clocks().set_index("station")
    assert old.loc["Eb", "offset"] == pytest.approx(-36.398e-6, rel=1e-12)
    assert old.loc["Eb", "rate"] == pytest.approx(-8.57e-7, rel=1e-12)
    assert old.loc["Eb", "epoch"] == pd.Timestamp("2002-03-01 23:58:52")
    assert old.loc["Eb", "valid_from"] == pd.Timestamp("2002-03-01 10:00:00")
    clocks = sample(shared, "c212c.vex").clocks().set_index("station")
    assert len(clocks) == 19
    assert clocks.loc["Ef", "offset"] == pytest.approx(23.9374e-6, rel=1e-12)
    assert clocks.loc["Ef", "rate"] == pytest.approx(-1.0282e-12, rel=1e-12)
    assert clocks.loc["Ys", "offset"] == pytest.approx(21.502e-6, rel=1e-12)
    assert clocks.loc["Ys", "rate"] == pytest.approx(1.4864e-12, rel=1e-12)
    assert set(clocks["epoch"]) == {pd.Timestamp("2021-10-03 14:00:00")}
    assert set(clocks["source"]) == {"vex"}


def test_a_station_is_where_its_file_says(shared: Path) -> None:
    vex = sample(shared, "ma008.vex.difx")
    station = vex.stations().set_index("station").loc["Ef"]
    assert (station["name"], station["das"], station["recorder"]) == ("EFLSBERG", "2NONE<", "Mark5C")
    assert (station["x"], station["y"], station["z"]) == (4033947.26160, 486990.78660, 4900430.99150)
    assert station["vx"] == pytest.approx(-0.013620 / (365.25 * 86400), rel=1e-12)
    assert station["position_epoch"] == pd.Timestamp("2013-01-01")
    assert (station["axis_type"], station["axis_offset"]) == ("azel", 0.0145)
    assert vex.exper == "ma008"
    assert vex.start == np.datetime64("2017-04-03T19:10:00")


def test_scans_last_from_the_first_station_to_the_last(small: Vex) -> None:
    scan, late = small.scans().to_dict("records")
    assert scan["start"] == pd.Timestamp("2024-01-01 12:00:00")
    assert scan["stop"] == pd.Timestamp("2024-01-01 12:05:10")
    assert (scan["duration"], scan["n_stations"], scan["stations"]) == (310.0, 3, "Aa Bb Cc")
    assert (scan["mode"], scan["source"], scan["sources"]) == ("m", "S", "S")
    assert small.text.split("\n")[scan["line"] - 1] == "scan No0001;"
    assert late["start"] == pd.Timestamp("2024-01-01 23:59:30.5")
    assert late["stop"] == pd.Timestamp("2024-01-02 00:00:30.5")
    lines = small.scan_stations()
    assert list(lines["data_stop"]) == [300.0, 300.0, 310.0, 60.0, 60.0]
    assert lines["start"].iloc[1] == pd.Timestamp("2024-01-01 12:00:10")
    assert list(lines["records"]) == [True, False, True, True, True]
    assert (lines["pass"].iloc[0], lines["wrap"].iloc[0]) == ("1A", "&n")
    assert (small.start, small.stop) == (scan["start"], late["stop"])
    assert small.stations().set_index("station")["observed"].to_dict() == {
        "Aa": 360.0,
        "Bb": 350.0,
        "Cc": 308.0,
    }
    assert small.stations()["n_scans"].to_list() == [2, 2, 1]
    assert small.sources()["observed"].to_list() == [370.0]


def test_units_and_angles(small: Vex) -> None:
    first = small.stations().iloc[0]
    assert (first["x"], first["y"], first["z"], first["axis_offset"]) == (4e6, 5e5, 4.9e6, 2.5)
    assert small.stations()["axis_type"].to_list() == ["hadec", "hadec", "xyew"]
    source = small.sources().iloc[0]
    assert source["ra"] == pytest.approx(math.radians(120.0), rel=1e-15)
    assert source["dec"] == pytest.approx(-math.radians(0.5), rel=1e-15)
    assert source["name"] == "OJ287"


def test_channels_come_in_the_order_of_the_recording(small: Vex) -> None:
    bands = small.bands()
    vdif = bands[bands["station"] == "Aa"]
    assert vdif["link"].to_list() == ["&CH01", "&CH02"]
    assert vdif["frequency"].to_list() == [8412e6, 8400e6]
    assert vdif["polarization"].to_list() == ["L", "R"]
    assert vdif["phase_cal"].to_list() == [0.0, 1e6]
    tracks = bands[bands["station"] == "Cc"]
    assert tracks["link"].to_list() == ["&CH02", "&CH01", "&CH03"]
    assert tracks["channel"].to_list() == [0, 1, -1]
    modes = small.modes().set_index("station")
    assert modes["data_format"].to_dict() == {"Aa": "VDIF/8032/2", "Bb": "VDIF/8032/2", "Cc": "Mark5B"}
    assert modes["bits"].to_dict() == {"Aa": 2, "Bb": 2, "Cc": 1}
    assert modes["n_channels"].to_dict() == {"Aa": 2, "Bb": 2, "Cc": 2}
    assert modes["n_scans"].to_dict() == {"Aa": 2, "Bb": 2, "Cc": 1}


def test_a_clock_without_its_time_is_always_valid(small: Vex) -> None:
    clock = small.clocks().iloc[0]
    assert pd.isna(clock["valid_from"])
    assert clock["offset"] == pytest.approx(-1e-6, rel=1e-12)
    assert clock["rate"] == pytest.approx(-1e-12, rel=1e-12)


def test_streams_and_threads_of_vex_2(small: Vex) -> None:
    streams = (
        "$DATASTREAMS;\ndef d;\n datastream = &DS : VDIF;\n"
        " thread = &DS : &t1 : 7 : 1 : 8 Ms/sec : 2 : real : 8000;\n"
        " thread = &DS : &t0 : 3 : 1 : 8 Ms/sec : 2 : real : 8000;\n"
        " channel = &DS : &t1 : &CH01 : 0;\n channel = &DS : &t0 : &CH02 : 0;\nenddef;\n$SCHED;"
    )
    text = SMALL.replace("VEX_rev = 1.5", "VEX_rev = 2.0").replace("$SCHED;", streams)
    vex = parse_vex(text.replace("ref $TRACKS = t : Aa : Bb;", "ref $DATASTREAMS = d : Aa : Bb;"))
    modes = vex.modes().set_index("station")
    assert modes.loc["Aa", "data_format"] == "INTERLACEDVDIF/3:7/8032/2"
    bands = vex.bands()[lambda table: table["station"] == "Aa"]
    assert bands["link"].to_list() == ["&CH02", "&CH01"]
    assert bands["if_name"].to_list() == ["IFA", "IFB"]


def test_bit_streams_of_vex_2() -> None:
    streams = (
        "$BITSTREAMS;\ndef d;\n stream_sample_rate = 8 Ms/sec;\n"
        " stream_def = &CH01 : sign : 4 : 4; stream_def = &CH01 : mag : 5 : 5;\n"
        " stream_def = &CH02 : sign : 0 : 0; stream_def = &CH02 : mag : 1 : 1;\nenddef;\n$SCHED;"
    )
    text = SMALL.replace("VEX_rev = 1.5", "VEX_rev = 2.0").replace("$SCHED;", streams)
    vex = parse_vex(text.replace("ref $TRACKS = t : Aa : Bb;", "ref $BITSTREAMS = d : Aa;"))
    assert vex.modes().set_index("station").loc["Aa", ["data_format", "bits"]].to_list() == ["Mark5B", 2]
    assert vex.bands()[lambda table: table["station"] == "Aa"]["link"].to_list() == ["&CH02", "&CH01"]


def test_tables_are_fresh_copies(small: Vex) -> None:
    table = small.scans()
    table.loc[0, "mode"] = "other"
    assert small.scans().loc[0, "mode"] == "m"


def test_what_there_is_not(small: Vex, tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match="no table 'antennas'; it has scans, scan_stations, stations, sources"
    ):
        small.frame("antennas")
    with pytest.raises(ValueError, match="no mode x; it has m"):
        small.bands("x")
    with pytest.raises(FileNotFoundError):
        read_vex(tmp_path / "none.vex")
    path = tmp_path / "bad.vex"
    path.write_text("VEX_rev = 1.5;\n$SCHED;\nscan a;\n")
    with pytest.raises(FileFormatError, match="line 3: scan a has no endscan"):
        difxnb.read_vex(path)


def test_a_schedule_of_nothing_has_empty_tables() -> None:
    vex = parse_vex("VEX_rev = 2.0;\n")
    assert vex.path is None
    assert vex.exper == ""
    assert np.isnat(vex.start)
    assert all(vex.frame(name).empty for name in TABLES)
    assert {name: " ".join(vex.frame(name).columns) for name in TABLES} == COLUMNS


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("ut1-utc = 0.1 sec", "line 12: ut1-utc of E in .EOP needs a number with a unit in field 2"),
        ("eop_ref_epoch = soon", "eop_ref_epoch of E in .EOP needs a time"),
        ("num_eop_points = 0", "num_eop_points of E in .EOP needs a whole number up to 1000"),
        ("num_eop_points = 99999", "needs a whole number"),
        ("TAI-UTC = 37", "TAI-UTC of E in .EOP needs a number with a unit"),
        ("x_wobble = 1e999 asec : 0 asec", "x_wobble of E"),
    ],
)
def test_earth_orientation_that_cannot_be_read_is_an_error(statement: str, problem: str) -> None:
    lines = {
        "TAI-UTC": "37 sec", "eop_ref_epoch": "2024y001d", "num_eop_points": "2", "eop_interval": "24 hr",
        "ut1-utc": "0.1 sec : 0.2 sec", "x_wobble": "0 asec : 0 asec", "y_wobble": "0 asec : 0 asec",
    }  # fmt: skip
    word, _, value = statement.partition(" = ")
    text = "VEX_rev = 1.5;\n\n\n$EOP;\n\n\ndef E;\n"
    text += "".join(f" {name} = {one};\n" for name, one in {**lines, word: value}.items()) + "enddef;\n"
    with pytest.raises(FileFormatError, match=problem):
        parse_vex(text).eop()


def test_a_schedule_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileFormatError, match="a name of 129 characters; vex2difx takes 128"):
        parse_vex(f"VEX_rev = 1.5;\n$SITE;\ndef {'a' * 129};\nenddef;\n")
    many = "".join(f"def s{number}; enddef;" for number in range(400))
    with pytest.raises(FileFormatError, match="400 stations in 400 modes; no schedule has so many"):
        parse_vex(f"VEX_rev = 1.5;\n$STATION;{many}$MODE;{many}")
    monkeypatch.setattr(vex_module, "_LARGEST", 20)
    with pytest.raises(FileFormatError, match="no schedule is that long"):
        parse_vex("VEX_rev = 1.5;\n" + "*" * 10)


def test_a_schedule_shows_what_is_in_it(small: Vex, shared: Path) -> None:
    assert repr(small).split("\n")[0] == "<Vex X1: 2 scans, 3 stations, 1 source>"
    assert "2024-01-01 12:00:00 UTC to 2024-01-02 00:00:30 UTC" in repr(small)
    shown = sample(shared, "c212c.vex")
    assert "184 scans, 19 stations, 10 sources" in repr(shown)
    assert "and 160 more" in repr(shown)
    page = shown._repr_html_()
    assert "<th>problems</th><td>none by the rules of vex2difx; problems() looks closer</td>" in page
    assert len(shown.problems()) == 3  # pyvexfile has something to say
    assert "EFLSBERG" in page
    evil = parse_vex(SMALL.replace("exper_name = X1", 'exper_name = "<b>\x1b[1m"'))
    assert "<b>" not in evil._repr_html_()
    assert "\x1b" not in repr(evil)
