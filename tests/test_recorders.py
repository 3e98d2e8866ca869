# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of recorders: who means what by which field, modules, disks, silence, and bounds."""

from __future__ import annotations

import tracemalloc

import pandas as pd
import pytest

from difxnb.tables import RecorderTable
from difxnb.wire.events import Gap
from difxnb.wire.message import (
    Alert,
    DaughterBoard,
    DriveStats,
    Header,
    Mark5Status,
    Mark5Version,
    Mark6Activity,
    Mark6SlotStatus,
    Mark6Status,
    Message,
    Smart,
    parse,
)

T0 = 1_704_110_400.0  # 2024-01-01T12:00:00
COLUMNS = [
    "recorder", "type", "state", "job", "program", "scan_number", "scan", "position", "rate", "progress", "data_time",
    "bank_a", "bank_b", "active_bank", "active_vsn", "modules", "missing_disks", "note", "flags", "last_heard", "age",
    "inactive", "repeats",
]  # fmt: skip
HEAD = b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<difxMessage><header><from>%s</from>'
# Examples of difxmessage.md 6.5: mpifxcorr plays, mk5cp copies.
PLAYING = HEAD % b"mark5fx07" + (
    b"<mpiProcessId>2</mpiProcessId><identifier>v252f_03</identifier><type>Mark5StatusMessage</type></header><body>"
    b"<seqNumber>188</seqNumber><mark5Status><input>/data/v252f_03.input</input><bankAVSN>NRAO+321</bankAVSN>"
    b"<bankBVSN>none</bankBVSN><statusWord>0x00300100</statusWord><activeBank>A</activeBank><state>Play</state>"
    b"<scanNumber>14</scanNumber><scanName>V252F_ON_NO0014</scanName><position>1240518885376</position>"
    b"<playRate>1021.337</playRate><dataMJD>60672.3127012</dataMJD></mark5Status></body></difxMessage>"
)
COPYING = HEAD % b"mark5fx08" + (
    b"<mpiProcessId>-1</mpiProcessId><identifier>mk5cp</identifier><type>Mark5StatusMessage</type></header><body>"
    b"<seqNumber>61</seqNumber><mark5Status><bankAVSN>MPI-0042</bankAVSN><bankBVSN>none</bankBVSN>"
    b"<statusWord>0x00000001</statusWord><activeBank>A</activeBank><state>Copy</state><scanNumber>3</scanNumber>"
    b"<scanName>EVN24A_EF_NO0003[37%]</scanName><position>88046829568</position><playRate>902.114</playRate>"
    b"<dataMJD>0.0000000</dataMJD></mark5Status></body></difxMessage>"
)


def said(body, *, by="mk5daemon", rank=-1, source="mark5-1", sequence=None):
    return Message(Header(source, (), rank, by, ""), body, sequence, 500)


def table(*items, step: float = 1.0) -> RecorderTable:
    made = RecorderTable()
    for number, item in enumerate(items):
        made.add(item, T0 + step * number)
    return made


def only(recorders: RecorderTable, now: float = T0):
    (row,) = recorders.frame(now).to_dict("records")
    return row


def test_a_unit_that_is_played() -> None:
    recorders = table(parse(PLAYING))
    frame = recorders.frame(T0 + 2)
    assert list(frame) == COLUMNS
    row = only(recorders)
    assert (row["recorder"], row["type"], row["state"]) == ("mark5fx07", "Mark5", "Play")
    assert (row["job"], row["program"]) == ("v252f_03", "mpifxcorr")
    assert (row["scan_number"], row["scan"], row["position"]) == (14, "V252F_ON_NO0014", 1240518885376)
    assert row["rate"] == pytest.approx(1.021337e9)
    assert abs(row["data_time"] - pd.Timestamp("2024-12-28 07:30:17.384")) < pd.Timedelta("10ms")
    assert (row["bank_a"], row["bank_b"], row["active_bank"], row["active_vsn"]) == (
        "NRAO+321",
        None,
        "A",
        "NRAO+321",
    )
    assert row["modules"] == "A* NRAO+321"
    assert row["flags"] == "playing, A selected, A ready"
    assert frame["age"].tolist() == [2.0]


def test_a_unit_that_copies() -> None:
    row = only(table(parse(COPYING)))
    assert (row["state"], row["program"], row["job"]) == ("Copy", "mk5cp", None)
    assert (row["scan"], row["progress"], row["position"]) == (
        "EVN24A_EF_NO0003",
        pytest.approx(0.37),
        88046829568,
    )
    assert row["flags"] is None, "the status word of mk5cp is something else"
    assert pd.isna(row["data_time"])


MISSING = {"scan_number", "scan", "position", "rate", "progress", "data_time", "note"}


@pytest.mark.parametrize(
    ("body", "by", "rank", "known"),
    [
        (Mark5Status(state="Idle", scan_number=0, position=0, play_rate=0.0), "mk5daemon", -1, {}),
        (Mark5Status(state="PlayInvalid", scan_number=3, scan_name="s", position=9, play_rate=12.0, data_mjd=60310.5),
         "e_1", 2, {"scan_number": 3, "scan": "s", "position": 9, "note": "12 reads could not be decoded",
                    "data_time": pd.Timestamp("2024-01-01 12:00")}),
        (Mark5Status(state="GetDirectory", scan_number=3, scan_name="Decoded", position=12, play_rate=0.0),
         "mk5dir", -1, {"scan_number": 3, "progress": 0.25, "note": "Decoded"}),
        (Mark5Status(state="GetDirectory", scan_number=3, scan_name="Pass 2: 12.500%", position=99),
         "mk5map", -1, {"progress": 0.125, "position": 99, "note": "Pass 2"}),
        (Mark5Status(state="GetDirectory", scan_number=3, scan_name="none", position=0, data_mjd=60310.5),
         "e_1", 2, {"scan_number": 3, "data_time": pd.Timestamp("2024-01-01 12:00")}),
        (Mark5Status(state="Condition", scan_name="RW[12.50%]", position=800, play_rate=700.0, data_mjd=0.25),
         "mk5erase", -1, {"progress": 0.125, "rate": 7e8, "note": "RW 800 bytes left"}),
        (Mark5Status(state="FuseMk5", scan_number=0, position=0, play_rate=0.0, data_mjd=65000.0),
         "startfusemk5", -1, {}),
        (Mark5Status(state="Recording", scan_number=4, scan_name="label", position=0, play_rate=0.0),
         "record5c", -1, {"scan_number": 4, "scan": "label", "position": 0, "rate": 0.0}),
        (Mark6Activity(state="Play", scan_name="e_Aa.vdif", position=50, play_rate=16000.0, data_mjd=60310.5),
         "e_1", 3, {"scan": "e_Aa.vdif", "position": 50, "rate": 1.6e10,
                    "data_time": pd.Timestamp("2024-01-01 12:00")}),
        (Mark6Activity(state="GetDirectory", scan_name="e_Aa.vdif", position=2040, play_rate=0.0, data_mjd=60310.5),
         "mk6dir", -1, {"scan_number": 2, "scan": "e_Aa.vdif", "progress": 0.4,
                        "data_time": pd.Timestamp("2024-01-01 12:00")}),
        (Mark6Activity(active_vsn="\x02garbage", state="Initializing", scan_name="modinit disk 2 of 8", position=3),
         "mk5daemon", -1, {"progress": 0.25, "note": "slot 3"}),
        (Mark6Activity(state="Initializing", scan_name="done", position=3),
         "mk5daemon", -1, {"progress": 1.0, "note": "slot 3"}),
        (Mark6Activity(state="Open", position=2**63 - 1, scan_number=2**63 - 1), "fuseMk6", -1, {}),
    ],
)  # fmt: skip
def test_who_means_what_by_which_field(body, by: str, rank: int, known: dict[str, object]) -> None:
    row = only(table(said(body, by=by, rank=rank)))
    assert row["state"] == body.state
    assert {name: row[name] for name in MISSING if not pd.isna(row[name])} == known
    assert row["active_vsn"] is None


def test_modules_are_known_by_who_knows_them() -> None:
    idle = Mark5Status(bank_a_vsn="MPI-0042", bank_b_vsn="NRAO+321", state="Idle")
    recorders = table(said(idle), said(Mark5Status(state="Opening"), by="e_1", rank=2))
    row = only(recorders)
    assert (row["state"], row["bank_a"], row["bank_b"]) == ("Opening", "MPI-0042", "NRAO+321")
    recorders.add(said(Mark5Status(bank_b_vsn="NRAO+321", state="Idle")), T0 + 3)
    assert only(recorders)["bank_a"] is None, "the daemon says that it was taken out"
    fused = COPYING.replace(b"mk5cp", b"startfusemk5").replace(b"MPI-0042", b"  IN USE")
    recorders.add(said(idle, source="mark5fx08"), T0 + 4)
    recorders.add(parse(fused.replace(b"Copy", b"FuseMk5")), T0 + 5)
    row = recorders.frame(T0).set_index("recorder").loc["mark5fx08"]
    assert (row["bank_a"], row["active_bank"], row["active_vsn"]) == ("MPI-0042", "A", "MPI-0042")
    modules = recorders.modules("mark5fx08")
    assert modules["bank"].tolist() == ["A", "B"]
    assert modules["active"].tolist() == [True, False]
    assert len(recorders.modules()) == 4
    with pytest.raises(KeyError, match="mark5-7"):
        recorders.modules("mark5-7")


def test_slots_of_a_mark6() -> None:
    slots = [
        Mark6SlotStatus(None, 2, "BHC%0102", "BHC%0101:BHC%0102", 7, 1, "Idle", None),
        Mark6SlotStatus(None, 3, None, None, 0, 0, "Idle", None),
    ]
    playing = Mark6Activity(active_vsn="BHC%0102", state="Play", scan_name="f", position=1, play_rate=1.0)
    recorders = table(said(playing, by="e_1", rank=3), *map(said, slots))
    row = only(recorders)
    assert (row["type"], row["state"], row["active_vsn"]) == ("Mark6", "Play", "BHC%0102"), (
        "slots always say idle"
    )
    assert (row["modules"], row["missing_disks"]) == ("2 BHC%0102", 1)
    modules = recorders.modules()
    assert modules["vsn"].tolist() == ["BHC%0102", None]
    assert modules["disks"].tolist() == [7, 0]
    assert modules["group"].tolist() == ["BHC%0101:BHC%0102", None]
    assert modules["active"].tolist() == [True, False]
    recorders.add(said(slots[0], sequence=9), T0 + 40)
    assert only(recorders)["state"] == "Idle"
    answer = Mark6Status(msn=("A", None, None, None), disks=(8, 0, 0, 0), state="Opening")
    recorders.add(said(answer), T0 + 41)
    row = only(recorders)
    assert (row["state"], row["modules"]) == ("Idle", "1 A"), "the daemon never sets this state"
    recorders.add(said(Mark6Status(msn=(None,) * 4, state="Open"), by="vdifuse"), T0 + 42)
    row = only(recorders)
    assert (row["state"], row["modules"]) == ("Open", "1 A"), "vdifuse knows no modules"


def test_what_a_proxy_tells_again_proves_nothing() -> None:
    idle = said(Mark5Status(bank_a_vsn="MPI-0042", state="Idle"), sequence=7)
    recorders = table(idle, idle, idle, step=20.0)
    row = only(recorders, T0 + 41)
    assert (row["repeats"], row["age"], row["inactive"]) == (2, 41.0, True)
    recorders.add(said(Mark5Status(bank_a_vsn="MPI-0042", state="Idle"), sequence=8), T0 + 42)
    row = only(recorders, T0 + 43)
    assert (row["repeats"], row["age"], row["inactive"]) == (2, 1.0, False)


def test_nobody_is_inactive_while_we_cannot_hear() -> None:
    recorders = table(said(Mark5Status(state="Idle")))
    assert only(recorders, T0 + 31)["inactive"]
    recorders.add(Gap(T0 + 5, None, "lost"), T0 + 5)
    assert not only(recorders, T0 + 31)["inactive"]
    recorders.add(Gap(T0 + 5, T0 + 20, "lost"), T0 + 20)
    assert not only(recorders, T0 + 49)["inactive"]
    assert only(recorders, T0 + 51)["inactive"]
    recorders.hearing.is_open = False
    assert not only(recorders, T0 + 51)["inactive"]


def test_health_of_disks() -> None:
    smart = Smart(60310.5, "NRAO+321", 5, ((1, 0), (5, 12), (194, 38), (250, 2**62)))
    recorders = table(said(smart), said(Smart(None, "MPI-0042", 0, ((9, 21043),))))
    frame = recorders.smart()
    assert list(frame) == ["received", "recorder", "vsn", "disk", "time", "id", "name", "value", "suspect"]
    assert frame["value"].tolist() == [0, 12, 38, 2**62, 21043]
    assert frame["suspect"].tolist() == [False, True, False, False, False]
    assert frame["name"].tolist()[1:4] == ["reallocated sectors", "temperature, deg C", None]
    assert frame["time"].iloc[0] == pd.Timestamp("2024-01-01 12:00")
    assert pd.isna(frame["time"].iloc[4])
    assert recorders.smart("MPI-0042")["value"].tolist() == [21043]
    assert len(recorders) == 0, "a report of a disk says nothing of the unit"
    with pytest.raises(TypeError, match="vsn is a name"):
        recorders.smart(3)


def test_response_times_of_disks() -> None:
    bins = (50, 20, 10, 10, 5, 3, 1, 1)
    good = DriveStats("WD-1", "WDC", 1000, "NRAO+321", 5, 60310.5, 60310.75, "condition", 12, bins)
    copied = DriveStats("X", "Y", 0, "NRAO+32", 0, None, None, "read", 2**60, (-1,) * 8)
    frame = table(said(good, by="mk5erase"), said(copied, by="mk5cp")).drive_statistics()
    row, other = frame.to_dict("records")
    assert (row["vsn"], row["disk"], row["type"], row["serial"]) == ("NRAO+321", 5, "condition", "WD-1")
    assert (row["size"], row["start_byte"], row["bin0"], row["bin7"]) == (10**12, 12, 50, 1)
    assert (row["begin"], row["end"]) == (pd.Timestamp("2024-01-01 12:00"), pd.Timestamp("2024-01-01 18:00"))
    assert row["slow"] == pytest.approx(0.05)
    assert [other[name] for name in ("serial", "model")] == [None, None]
    assert all(pd.isna(other[name]) for name in ("size", "start_byte", "begin", "bin0", "bin7", "slow"))


def test_versions_of_parts() -> None:
    version = Mark5Version(
        api_version="9.2", serial_number=1482, daughter_board=DaughterBoard(serial_number=207)
    )
    recorders = table(said(version))
    assert recorders.versions().to_numpy().tolist() == [
        ["mark5-1", "api_version", "9.2"],
        ["mark5-1", "serial_number", "1482"],
        ["mark5-1", "daughter_board.serial_number", "207"],
    ]
    assert only(recorders)["state"] is None, "a version says nothing of the state"


def test_empty_tables_have_their_columns() -> None:
    recorders = table(said(Alert(None, "Bank B is active now.", 5)))
    assert list(recorders.frame()) == COLUMNS
    assert recorders.frame().empty
    assert recorders.modules().empty
    assert recorders.smart().empty
    assert "bin7" in recorders.drive_statistics()
    with pytest.raises(ValueError, match="room"):
        RecorderTable(0)


def test_millions_of_units_slots_and_values_take_no_room() -> None:
    recorders = RecorderTable(20, limit_smart=100, limit_drives=50)

    def feed(begin: int, end: int) -> None:
        for number in range(begin, end):
            for source in (f"unit{number}" + "x" * 500, "busy"):
                recorders.add(said(Mark6SlotStatus(None, number, f"M{number}"), source=source), T0 + number)
            recorders.add(said(Smart(None, f"V{number}", 1, ((number, number),) * 5)), T0)
            recorders.add(said(DriveStats(module_vsn=f"V{number}")), T0)

    feed(0, 500)
    recorders.smart()
    tracemalloc.start()
    feed(500, 1000)
    before = tracemalloc.get_traced_memory()[0]
    feed(1000, 4000)
    recorders.smart()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 1_000_000
    assert len(recorders) == 20
    assert len(recorders.modules("busy")) <= 16
    assert (recorders.dropped, recorders.dropped_smart, recorders.dropped_drives) == (3981, 19_900, 3950)
    assert recorders.smart().attrs["dropped"] == 19_900
    assert "3981 dropped" in repr(recorders)
    assert "<pre>" in recorders._repr_html_()
