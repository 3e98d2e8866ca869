# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits of schedules: only what is named changes, and the new text says what was asked for."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from difxnb.errors import FileChanged, FileFormatError, OutputExists
from difxnb.formats.calc_model import Eop
from difxnb.formats.v2d import parse_v2d
from difxnb.formats.vex import Vex, parse_vex, read_vex
from difxnb.formats.vex_text import LONGEST_COMMENT
from tests.formats.vex_samples import SMALL, public_schedules, read, sample

EPOCH = "2024-01-01T12:00:00"
DAYS = [Eop(60309 + day, 37.0, -0.0087 + day * 1e-4, 0.1234567, -0.2) for day in range(5)]


@pytest.fixture
def small() -> Vex:
    return parse_vex(SMALL)


def changed_lines(old: Vex, new: Vex) -> tuple[list[str], list[str]]:
    """Lines that go and lines that come, without blanks around them."""
    lines = old.edit(new).diff.split("\n")[2:]
    gone = [line[1:].strip() for line in lines if line.startswith("-")]
    come = [line[1:].strip() for line in lines if line.startswith("+")]
    return gone, come


def hunks(old: Vex, new: Vex) -> int:
    return sum(line.startswith("@@") for line in old.edit(new).diff.split("\n"))


def test_a_clock_takes_the_place_of_the_one_in_force(shared: Path) -> None:
    vex = sample(shared, "c212c.vex")
    new = vex.with_clock("ef", offset=1.5e-6, rate=-1e-12, epoch="2021-10-03T15:00:00")
    assert changed_lines(vex, new) == (
        ["clock_early = 2021y276d14h00m00s : -23.9374 usec : 2021y276d14h00m00s : 1.0282e-12 ; * ok"],
        [
            "* clock_early = 2021y276d14h00m00s : -23.9374 usec : 2021y276d14h00m00s : 1.0282e-12 ;",
            "clock_early = 2021y276d14h00m00s : -1.5 usec : 2021y276d15h00m00s : 1e-12 sec/sec; * ok",
        ],
    )
    assert hunks(vex, new) == 1
    row = new.clocks().set_index("station").loc["Ef"]
    assert (row["offset"], row["rate"]) == (1.5e-6, -1e-12)
    assert row["epoch"] == pd.Timestamp("2021-10-03 15:00:00")
    pd.testing.assert_frame_equal(
        new.clocks()[lambda t: t["station"] != "Ef"], vex.clocks()[lambda t: t["station"] != "Ef"]
    )


def test_a_first_clock_brings_its_block_and_its_reference(shared: Path) -> None:
    vex = sample(shared, "tr040g.vex2")
    new = vex.with_clock("Br", offset=-2e-6, epoch="2022y039d23h30m00s")
    assert changed_lines(vex, new) == (
        [],
        [
            "ref $CLOCK = Br;",
            "$CLOCK;",
            "def Br;",
            # It is valid from the first scan on, though its epoch is later.
            "clock_early = 2022y039d23h25m00s : 2.0 usec : 2022y039d23h30m00s : 0.0 sec/sec;",
            "enddef;",
        ],
    )
    assert hunks(vex, new) == 2
    more = new.with_clock("Fd", offset=1e-6, epoch="2022y039d23h30m00s")
    assert hunks(new, more) == 2
    assert more.clocks().set_index("station")["offset"].to_dict() == {"Br": -2e-6, "Fd": 1e-6}
    assert not [row for row in more.own_problems() if row.kind == "bad value"]


def test_a_clock_known_before_all_others_takes_the_place_of_the_first(small: Vex) -> None:
    """Ahead of it, it would be valid until the first scan, and for none of them."""
    clocked = small.with_clock("Bb", offset=2e-6, epoch=EPOCH, valid_from="2024y001d12h00m00s")
    first = clocked.clocks().query("station == 'Bb'")["valid_from"].min()
    new = clocked.with_clock("Bb", offset=7e-6, rate=1e-12, epoch=first - np.timedelta64(9, "D"))
    was, now = (one.clocks().query("station == 'Bb'").reset_index(drop=True) for one in (clocked, new))
    assert now["valid_from"].tolist() == was["valid_from"].tolist()
    row = now.loc[now["valid_from"] == first].iloc[-1]
    assert (row["offset"], row["rate"]) == (pytest.approx(7e-6), pytest.approx(1e-12))


def test_values_that_are_no_numbers_are_named(small: Vex) -> None:
    with pytest.raises(TypeError, match="clock of Aa: a delay is a number of s or s/s; got '1us'"):
        small.with_clock("Aa", offset="1us", epoch=EPOCH)  # type: ignore[arg-type]
    for wrong in ("a", None, [1.0]):
        with pytest.raises(ValueError, match="is no position; a number is wanted"):
            small.with_site("Bb", position=(wrong, 0.0, 0.0))  # type: ignore[arg-type]


def test_clocks_of_further_times_stand_in_the_order_in_which_they_count(small: Vex) -> None:
    new = small.with_clock("Aa", offset=2e-6, epoch=EPOCH, valid_from="2024y001d20h00m00s")
    new = new.with_clock("Aa", offset=3e-6, epoch=EPOCH, valid_from="2024y001d16h00m00s")
    clocks = new.clocks()
    assert clocks["offset"].to_list() == [-1e-6, 3e-6, 2e-6]
    assert clocks["valid_from"].to_list()[1:] == [
        pd.Timestamp("2024-01-01 16:00:00"),
        pd.Timestamp("2024-01-01 20:00:00"),
    ]
    again = new.with_clock("Aa", offset=4e-6, epoch=EPOCH, valid_from=np.datetime64("2024-01-01T16:00:00"))
    assert again.clocks()["offset"].to_list() == [-1e-6, 4e-6, 2e-6]


def test_a_clock_without_a_reference_is_found_and_changed() -> None:
    text = SMALL.replace("  ref $CLOCK = ca;\n", "").replace("def ca;", "def Aa;")
    new = parse_vex(text).with_clock("Aa", offset=5e-6, epoch=dt.datetime(2024, 1, 1, 12, tzinfo=dt.UTC))
    assert new.clocks()["offset"].to_list() == pytest.approx([5e-6], rel=1e-12)
    assert "ref $CLOCK" not in new.text


def test_a_clock_at_a_fraction_of_a_second_is_moved_to_a_whole_one(small: Vex) -> None:
    new = small.with_clock("Bb", offset=0.0, rate=1e-6, epoch="2024-01-01T12:00:00.250")
    (clock,) = new.clocks()[lambda table: table["station"] == "Bb"].to_dict("records")
    assert clock["epoch"] == pd.Timestamp("2024-01-01 12:00:00")
    assert clock["offset"] == pytest.approx(-0.25e-6, abs=1e-15)


def test_clocks_that_cannot_be_set(small: Vex) -> None:
    with pytest.raises(ValueError, match="no station Zz; it has Aa, Bb, Cc"):
        small.with_clock("Zz", offset=0.0, epoch=EPOCH)
    with pytest.raises(ValueError, match="a delay of inf is none"):
        small.with_clock("Aa", offset=float("inf"), epoch=EPOCH)
    with pytest.raises(ValueError, match="is no time"):
        small.with_clock("Aa", offset=0.0, epoch="noon")
    shared_one = parse_vex(SMALL.replace("def Bb;\n", "def Bb;\n  ref $CLOCK = ca;\n"))
    with pytest.raises(ValueError, match="Aa, Bb share one clock_early"):
        shared_one.with_clock("Bb", offset=0.0, epoch=EPOCH)
    damaged = parse_vex(SMALL.replace("1 usec", "1 hour"))
    with pytest.raises(FileFormatError, match="line 39"):
        damaged.with_clock("Aa", offset=0.0, epoch=EPOCH)


def test_earth_orientation_takes_the_place_of_all_there_was(shared: Path) -> None:
    for name in ("dq601.vex.obs", "gk022.vix", "tiny.vex", "tr040g.vex", "Jan13B1e.vex.obs"):
        vex = sample(shared, name)
        new = vex.with_eop(DAYS)
        table = new.eop()
        assert table["mjd"].to_list() == [60309, 60310, 60311, 60312, 60313]
        assert table["ut1_utc"].to_list() == pytest.approx([one.ut1_utc_s for one in DAYS], abs=1e-12)
        assert table["x_pole"].to_list() == pytest.approx([np.radians(0.1234567 / 3600)] * 5, rel=1e-12)
        assert hunks(vex, new) <= 2
        assert ("\r\n" in new.text) == ("\r\n" in vex.text)
        assert new.text.count("\r\n") in (0, new.text.count("\n"))
        for table_name in ("scans", "stations", "bands", "clocks"):
            before, after = vex.frame(table_name), new.frame(table_name)
            apart = ["line"] if "line" in before else []
            pd.testing.assert_frame_equal(before.drop(columns=apart), after.drop(columns=apart))
    before = sample(shared, "dq601.vex.obs")
    start, stop = (before.text.index("$EOP;"), len(before.text.rstrip()))
    assert before.with_eop(DAYS).text[:start] == before.text[:start]
    assert before.with_eop(DAYS).text.endswith(before.text[stop:])


def test_references_to_earth_orientation_follow() -> None:
    eop = "$EOP;\n* of yesterday\ndef E1; enddef;\n* between\ndef E2; enddef; * behind\n"
    text = (
        SMALL.replace("  ref $EXPER = X1;\n", "  ref $EXPER = X1;\n  ref $EOP = E1;\n  ref $EOP = E2;\n")
        + eop
    )
    new = parse_vex(text).with_eop(DAYS[:2])
    main = new.statements.block("GLOBAL")
    assert main is not None
    assert [one.field(0) for one in main.statements] == [("X1",), ("EOP0",), ("EOP1",)]
    assert "* of yesterday\n" in new.text
    assert "* between\n" in new.text
    assert "* behind" in new.text


def test_earth_orientation_that_is_none(small: Vex) -> None:
    with pytest.raises(ValueError, match="one day at least"):
        small.with_eop([])
    with pytest.raises(ValueError, match="two values of Earth orientation for MJD 60309"):
        small.with_eop([DAYS[0], DAYS[0]])
    with pytest.raises(ValueError, match="nan is no value of UT1-UTC"):
        small.with_eop([Eop(60309, 37.0, float("nan"), 0.0, 0.0)])


WRONG_DAYS = [
    (Eop(60309, 37.0, float("nan"), 0.0, 0.0), "nan is no value of UT1-UTC"),
    (Eop(60309, 37.0, 12.0, 0.0, 0.0), "12.0 is no value of UT1-UTC; -10 to 10 s are possible"),
    (Eop(60309, -37.0, 0.0, 0.0, 0.0), "-37.0 is no value of TAI-UTC"),
    (Eop(60309, 37.0, 0.0, 5.5, 0.0), "5.5 is no value of the pole; -5 to 5 arcsec"),
    (Eop(6030900, 37.0, 0.0, 0.0, 0.0), "MJD 6030900 is no day"),
]


@pytest.mark.parametrize(("day", "text"), WRONG_DAYS, ids=lambda one: one if isinstance(one, str) else "")
def test_impossible_earth_orientation_goes_neither_into_a_schedule_nor_into_a_v2d(
    small: Vex, day: Eop, text: str
) -> None:
    for into in (small.with_eop, parse_v2d("vex = a.vex\n").with_eop):
        with pytest.raises(ValueError, match=re.escape(text)):
            into([DAYS[1], day])
        with pytest.raises(TypeError, match=r"EopTable\.around\(time\)"):
            into(["mjd", "tai_utc"])  # type: ignore[list-item]  # as a table gives when it is gone through


def test_a_site_changes_where_it_stands(shared: Path) -> None:
    vex = sample(shared, "tr040g.vex")
    new = vex.with_site(
        "Br", position=(1.0, -2.5, 3e6), velocity=(1e-9, 0.0, 0.0), epoch="2020y001d", axis_offset=1.25
    )
    gone, come = changed_lines(vex, new)
    assert [line for line in come if line not in gone] == [
        "site_position = 1.0 m : -2.5 m : 3000000.0 m;",
        "site_velocity = 0.031558 m/yr : 0.0 m/yr : 0.0 m/yr;",
        "site_position_epoch =   58849;",
        "axis_offset =    1.25 m;",
    ]
    assert hunks(vex, new) == 2
    row = new.stations().iloc[0]
    assert (row["x"], row["y"], row["z"], row["axis_offset"]) == (1.0, -2.5, 3e6, 1.25)
    assert row["vx"] == pytest.approx(1e-9, rel=1e-4)
    assert row["position_epoch"] == pd.Timestamp("2020-01-01")
    pd.testing.assert_frame_equal(new.stations().iloc[1:], vex.stations().iloc[1:])


def test_what_a_site_lacks_is_added(small: Vex) -> None:
    new = small.with_site("Aa", velocity=(0.0, 1e-9, 0.0), epoch="2020-01-01")
    row = new.stations().iloc[0]
    assert row["vy"] == pytest.approx(1e-9, rel=1e-4)
    assert row["position_epoch"] == pd.Timestamp("2020-01-01")


def test_sites_that_cannot_be_changed(small: Vex) -> None:
    with pytest.raises(ValueError, match=r"Aa, Bb share AN of \$ANTENNA; give each its own first"):
        small.with_site("Bb", axis_offset=1.0)
    with pytest.raises(ValueError, match="say what of the site changes"):
        small.with_site("Bb")
    with pytest.raises(ValueError, match="nan is no position"):
        small.with_site("Bb", position=(0.0, 0.0, float("nan")))
    with pytest.raises(ValueError, match="x, y and z in m; got 2"):
        small.with_site("Bb", position=(0.0, 0.0))  # type: ignore[arg-type]
    homeless = parse_vex(SMALL.replace("ref $SITE = SB", "ref $SITE = XX"))
    with pytest.raises(ValueError, match=r"Bb refers to nothing in \$SITE"):
        homeless.with_site("Bb", position=(0.0, 0.0, 0.0))


def test_chosen_scans_stay_and_the_others_are_comments(small: Vex) -> None:
    new = small.only_scans(["No0002"])
    assert new.scans()["scan"].to_list() == ["No0002"]
    gone, come = changed_lines(small, new)
    assert len(gone) == 6
    assert [line.removeprefix("*").strip() for line in come] == gone
    by_row = small.only_scans(lambda row: row["n_stations"] == 2)
    by_table = small.only_scans(small.scans().query("duration < 100"))
    assert by_row.text == by_table.text == new.text
    assert small.only_scans("No0002").text == new.text
    assert small.only_scans(small.scans()["scan"]).text == small.text


def test_scans_that_cannot_be_chosen(small: Vex) -> None:
    with pytest.raises(ValueError, match="no scan No0003; it has No0001, No0002"):
        small.only_scans(["No0001", "No0003"])
    with pytest.raises(ValueError, match="no scan would be left"):
        small.only_scans(lambda row: False)
    with pytest.raises(ValueError, match="has a column scan"):
        small.only_scans(small.stations())


def test_a_station_goes_and_with_it_scans_without_a_baseline(small: Vex) -> None:
    new = small.without_station("bb")
    assert new.scans()["scan"].to_list() == ["No0001"]
    assert new.scans()["stations"].to_list() == ["Aa Cc"]
    gone, come = changed_lines(small, new)
    assert gone[0] == "station = Bb : 10 sec : 5 min : 0 GB : : : 0;"
    assert [line.removeprefix("*").strip() for line in come] == gone
    with pytest.raises(ValueError, match="without Aa, Bb no scan has two stations"):
        small.without_station("Aa", "Bb")
    with pytest.raises(ValueError, match="no station Zz"):
        small.without_station("Zz")
    with pytest.raises(ValueError, match="name the stations"):
        small.without_station()


def test_stations_of_all_public_schedules_can_go(shared: Path) -> None:
    for path in public_schedules(shared):
        vex = read(path)
        counts = vex.scan_stations()["station"].value_counts()
        if len(counts) < 3:
            continue
        name = str(counts.index[-1])
        new = vex.without_station(name)
        assert name not in set(new.scan_stations()["station"])
        gone, come = changed_lines(vex, new)
        assert [line.replace("*", "").split() for line in come] == [
            line.replace("*", "").split() for line in gone
        ]
        assert max(len(line) for line in come) <= max(LONGEST_COMMENT, *(len(line) for line in gone))


def test_statements_on_one_line_are_taken_apart() -> None:
    text = (
        "VEX_rev = 1.5;\r\n$STATION;\r\ndef Aa; enddef; def Bb; enddef; def Cc; enddef;\r\n$SCHED;\r\n"
        "scan a; station = Aa : 0 sec : 1 sec; station = Bb : 0 sec : 1 sec; station = Cc : 0 sec : 1 sec; endscan; "
        "scan b; station = Aa : 0 sec : 1 sec; station = Bb : 0 sec : 1 sec; endscan;\r\n"
    )
    new = parse_vex(text).without_station("Bb")
    assert new.scans()["stations"].to_list() == ["Aa Cc"]
    assert new.text.count("\r\n") == new.text.count("\n")
    assert all(len(line) <= LONGEST_COMMENT + 2 for line in new.text.split("\r\n") if line.startswith("*"))


def test_what_becomes_a_comment_is_not_longer_than_vex2difx_takes() -> None:
    words = "scan a; source = " + " : ".join(["x" * 20] * 12) + "; source = " + "y" * 300 + "; endscan;"
    text = f"VEX_rev = 1.5;\n$SCHED;\n    {words} scan b; endscan;\n"
    new = parse_vex(text).only_scans(["b"])
    lines = new.text.split("\n")
    assert max(map(len, lines)) <= LONGEST_COMMENT + 4
    assert "".join(new.text.replace("*", "").split()) == "".join(text.split())
    assert new.scans()["scan"].to_list() == ["b"]


def test_an_edit_is_shown_and_then_written(shared: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.vex"
    path.write_bytes(sample(shared, "Jan13B1e.vex.obs").text.encode())
    old = read_vex(path)
    new = old.without_station("By")
    assert new.path == path
    edit = new.edit_of(old)
    assert edit.diff == old.edit(new).diff
    assert repr(edit).startswith(f"--- {path}\n+++ {path} (new)\n")
    with pytest.raises(OutputExists):
        new.write()
    assert new.write(tmp_path / "y.vex") == tmp_path / "y.vex"
    assert read_vex(tmp_path / "y.vex").text == new.text
    assert new.write(overwrite=True) == path
    assert path.read_bytes() == new.text.encode()
    # What was read is not there any more, and would be lost without a look.
    with pytest.raises(FileChanged):
        new.write(overwrite=True)
    assert repr(old.edit(old)) == f"{path}: nothing changes"


def test_a_schedule_of_no_file_needs_a_name(small: Vex, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="say where to write it"):
        small.write()
    path = small.write(tmp_path / "small.vex")
    assert path.read_text() == SMALL
    with pytest.raises(OutputExists):
        small.write(path)
    assert small.only_scans(["No0001"]).write(path, overwrite=True) == path
    assert len(read_vex(path).scans()) == 1


def test_bytes_that_are_no_text_survive(tmp_path: Path) -> None:
    path = tmp_path / "latin.vex"
    path.write_bytes(SMALL.encode().replace(b"* short", b"* k\xfcrz"))
    new = read_vex(path).with_site("Cc", position=(1.0, 2.0, 5.0))
    new.write(overwrite=True)
    assert b"* k\xfcrz" in path.read_bytes()
    assert "\udcfc" not in repr(new.edit_of(read_vex(path))._repr_html_())
