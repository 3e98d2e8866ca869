# SPDX-License-Identifier: GPL-3.0-or-later
"""A schedule against what recorders and lists on the server tell, and lists of recordings put into a ``.v2d``."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pandas as pd
import pytest
from baseband.data import SAMPLE_VDIF

from difxnb import aio
from difxnb.errors import (
    FileFormatError,
    RemoteFileChanged,
    RemoteFileExists,
    RemoteFileNotFound,
    UnsafeValue,
)
from difxnb.formats.vex import parse_vex
from difxnb.wire.message import Header, Mark6Status, Message
from tests.client.peers import own_server, patience_for
from tests.server.recorder_rooms import bank

# The modules of the bank hold scans of 10, 20 and 5 s at 100, 200 and 300 s of MJD 60000.
VEX = """\
VEX_rev = 1.5;
$GLOBAL;
  ref $EXPER = EX01;
$EXPER;
  def EX01;
    exper_name = EX01;
  enddef;
$STATION;
  def Aa;
  enddef;
  def Bb;
  enddef;
$SCHED;
""" + "".join(
    f"""\
  scan No{number:04d};
    start = 2023y056d{when};
    mode = M; source = S;
    station = Aa : 0 sec : {length} sec : 0 GB : : : 1;
    station = Bb : 0 sec : {length} sec : 0 GB : : : 1;
  endscan;
"""
    for number, when, length in [(1, "00h01m40s", 10), (2, "00h03m20s", 60), (3, "00h10m00s", 5)]
)
MODES = [(None, "channel"), ("2.9", "dial-back")]


@asynccontextmanager
async def room(
    tmp_path: Path, quirks: str | None = None, transport: str = "channel"
) -> AsyncIterator[tuple[aio.Correlator, Path]]:
    exp = (tmp_path / "root" / "exp").resolve()
    exp.mkdir(parents=True)
    (exp / "e.vex").write_text(VEX)
    async with (
        own_server(exp.parent, quirks, recorders=bank()) as server,
        aio.connect("127.0.0.1", server.port, transport=transport, patience=patience_for(quirks)) as difx,
    ):
        yield difx, exp


@pytest.mark.parametrize(("quirks", "transport"), MODES)
async def test_a_schedule_against_modules_and_lists(
    tmp_path: Path, quirks: str | None, transport: str
) -> None:
    async with room(tmp_path, quirks, transport) as (difx, exp):
        begin = 60000 + 100 / 86400
        (exp / "bb.filelist").write_text(f"/d/b.vdif {begin:.9f} {begin + 5 / 86400:.9f}\n")
        table = await difx.coverage(
            f"{exp}/e.vex", {"Aa": ["mark5fx01:NRAO+321"], "Bb": f"{exp}/bb.filelist"}, slack=1.0
        )
        states = table.pivot(index="scan", columns="station", values="state")
        assert states["Aa"].tolist() == ["complete", "partly", "missing"]
        assert states["Bb"].tolist() == ["partly", "missing", "missing"]
        assert table["media"].tolist() == ["NRAO+321", "/d/b.vdif", "NRAO+321", "", "", ""]
        assert table["recorded"].tolist() == pytest.approx([10.0, 5.0, 20.0, 0.0, 0.0, 0.0], abs=0.01)
        assert table.attrs["failed"].empty


async def test_what_cannot_be_read_is_told_and_the_rest_is_not_lost(tmp_path: Path) -> None:
    async with room(tmp_path) as (difx, exp):
        (exp / "bad.dir").write_text("NRAO+999 9 A\n")
        shutil.copy(exp.parent / "mark5dir" / "NRAO+321.dir", exp / "good.dir")
        media = {"Aa": [f"{exp}/good.dir", "mark5fx01:MPI-0042", f"{exp}/bad.dir"], "Bb": [f"{exp}/none"]}
        table = await difx.coverage(parse_vex(VEX), media)
        failed = table.attrs["failed"]
        assert failed[["station", "medium"]].to_numpy().tolist() == [
            ["Aa", "mark5fx01:MPI-0042"],
            ["Aa", f"{exp}/bad.dir"],
            ["Bb", f"{exp}/none"],
        ]
        assert "generate=True" in failed["why"][0]
        assert "9 scans are announced" in failed["why"][1]
        aa, bb = (table[table["station"] == name] for name in ("Aa", "Bb"))
        assert aa["state"].tolist() == ["complete", "partly", "missing"]
        assert aa["note"].iloc[0] == ""
        assert aa["note"].iloc[1].startswith("ends 40.0 s early; mark5fx01:MPI-0042 could not be read")
        assert set(bb["state"]) == {"nothing known"}
        assert set(bb["note"]) == {f"{exp}/none could not be read"}


async def test_a_mark6_is_not_asked_for_what_it_cannot_tell(tmp_path: Path) -> None:
    async with room(tmp_path) as (difx, _):
        status = Mark6Status(state="Idle", msn=("HPC%0001", "", "", ""))
        difx.recorders.add(Message(Header(source="mark6-01", identifier="mk5daemon"), status), 1.0)
        table = await difx.coverage(parse_vex(VEX), {"Aa": ["mark6-01:HPC%0001", "mark6-01:HPC%0002"]})
        first, second = table.attrs["failed"]["why"]
        assert "(HPC%0001 is in slot 1); mount the module, and have its files listed" in first
        assert "(HPC%0002 is in no slot of it)" in second
        assert difx.messages.counts().get("Notice", 0) == 0


async def test_mistakes_are_told_before_anything_is_asked(tmp_path: Path) -> None:
    async with room(tmp_path) as (difx, exp):
        with pytest.raises(ValueError, match="no station 'Zz' in the schedule; there are Aa, Bb"):
            await difx.coverage(f"{exp}/e.vex", {"Zz": ["mark5fx01:NRAO+321"]})
        with pytest.raises(ValueError, match="RECORDER:VSN, or by the path of a list"):
            await difx.coverage(f"{exp}/e.vex", {"Aa": "relative/list"})
        with pytest.raises(UnsafeValue, match="one host name"):
            await difx.coverage(f"{exp}/e.vex", {"Aa": "a;b:NRAO+321"})
        with pytest.raises(RemoteFileNotFound, match=r"no such file on .*, nor on this machine"):
            await difx.coverage(f"{exp}/none.vex", {})
        (exp / "bad.vex").write_text("no schedule")
        with pytest.raises(FileFormatError, match="no semicolon"):
            await difx.coverage(f"{exp}/bad.vex", {})
        assert difx.messages.counts().get("Notice", 0) == 0


V2D = """\
# Made for this test.
vex = e.vex   # beside it
antennas = Aa, Bb
ANTENNA Aa
{
  module = NRAO+321  # went back
  format = VDIF/5032/2
}
ANTENNA Bb { file = /d/b.vdif }
"""


@pytest.mark.parametrize(("quirks", "transport"), MODES)
async def test_recordings_are_listed_into_a_v2d(tmp_path: Path, quirks: str | None, transport: str) -> None:
    async with room(tmp_path, quirks, transport) as (difx, exp):
        (exp / "e.v2d").write_text(V2D)
        shutil.copy(SAMPLE_VDIF, exp / "a.vdif")
        frame = await difx.list_recordings(f"{exp}/e.v2d", "Aa", f"{exp}/?.vdif", "VDIF", 56800)
        assert frame["file"].tolist() == [f"{exp}/a.vdif"]
        assert frame["start"].tolist() == [pd.Timestamp("2014-06-16 05:56:07")]
        assert frame.attrs["destination"] == f"{exp}/e-Aa.filelist"
        assert (exp / "e-Aa.filelist").read_text().startswith(f"{exp}/a.vdif ")
        text = (exp / "e.v2d").read_text()
        assert f"filelist = {exp}/e-Aa.filelist" in text
        assert "module" not in text.partition("Bb {")[0].replace("# went back", "")
        assert text.startswith("# Made for this test.\nvex = e.vex   # beside it\n")
        assert text.endswith("ANTENNA Bb { file = /d/b.vdif }\n")
        diff = frame.attrs["diff"]
        assert f"+  filelist = {exp}/e-Aa.filelist" in diff
        assert diff.count("@@") == 2
        assert (frame.attrs["v2d"], frame.attrs["backup"]) == (f"{exp}/e.v2d", f"{exp}/e.v2d~")
        assert (exp / "e.v2d~").read_text() == V2D
        with pytest.raises(RemoteFileExists, match="overwrite=True"):
            await difx.list_recordings(f"{exp}/e.v2d", "Aa", f"{exp}/?.vdif", "VDIF", 56800)
        again = await difx.list_recordings(
            f"{exp}/e.v2d", "Aa", f"{exp}/?.vdif", "VDIF", 56800, overwrite=True
        )
        assert (again.attrs["diff"], again.attrs["backup"]) == ("", None)


async def test_a_list_that_the_v2d_cannot_name_is_not_made(tmp_path: Path) -> None:
    async with room(tmp_path) as (difx, exp):
        (exp / "e.v2d").write_text(V2D)
        shutil.copy(SAMPLE_VDIF, exp / "a.vdif")
        with pytest.raises(ValueError, match="Zz"):
            await difx.list_recordings(f"{exp}/e.v2d", "Zz", f"{exp}/a.vdif", "VDIF", 56800)
        with pytest.raises(ValueError, match="letters and digits"):
            await difx.list_recordings(f"{exp}/e.v2d", "../a", f"{exp}/a.vdif", "VDIF", 56800)
        with pytest.raises(ValueError, match=r"goes into a \.v2d"):
            await difx.list_recordings(f"{exp}/e.vex", "Aa", f"{exp}/a.vdif", "VDIF", 56800)

        def change(line: str) -> None:
            (exp / "e.v2d").write_text(V2D + "nCore = 2\n")

        with pytest.raises(RemoteFileChanged):
            await difx.list_recordings(f"{exp}/e.v2d", "Aa", f"{exp}/a.vdif", "VDIF", 56800, progress=change)
        assert sorted(path.name for path in exp.iterdir()) == ["a.vdif", "e.v2d", "e.vex"]
