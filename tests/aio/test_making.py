# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs, models and lists of recordings as a user makes them (7.7, 7.11), with small programs behind the own server."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pandas as pd
import pytest
from baseband.data import SAMPLE_VDIF

from difxnb import aio
from difxnb.aio.recorder_frames import recordings_frame
from difxnb.aio.remarks import complaints_of, remarks_frame
from difxnb.client.file_list import FileList
from difxnb.errors import (
    NoReply,
    NothingMade,
    RemoteFileExists,
    RemoteFileNotFound,
)
from difxnb.wire.control import Notice, NoticeSeverity
from difxnb.wire.file_list import Recording
from tests.client.peers import own_server, patience_for
from tests.server.recorder_rooms import install

MODES = [(None, "channel"), ("2.9", "dial-back")]
VEX2DIFX = """\
echo "Warning: clock" >&2
echo "2 job(s)"
for n in 1 2; do echo $n > e_$n.input; echo $n > e_$n.calc; done
"""
# It leaves out the second job, and says why.
CALC = 'case $2 in e_2.calc) echo "no ephemeris" >&2; exit 1;; *) echo im > "${2%.calc}.im";; esac'


@asynccontextmanager
async def workshop(
    tmp_path: Path,
    programs: Mapping[str, str] | None = None,
    quirks: str | None = None,
    transport: str = "channel",
) -> AsyncIterator[tuple[aio.Correlator, Path]]:
    exp = (tmp_path / "root" / "exp").resolve()
    exp.mkdir(parents=True)
    (exp / "e.v2d").write_text("vex = e.vex\n")
    where = install(tmp_path / "bin", {"vex2difx": VEX2DIFX, "difxcalc": CALC, **(programs or {})})
    async with (
        own_server(exp.parent, quirks, programs=where) as server,
        aio.connect("127.0.0.1", server.port, transport=transport, patience=patience_for(quirks)) as difx,
    ):
        yield difx, exp


@pytest.mark.parametrize(("quirks", "transport"), MODES)
async def test_jobs_are_made(tmp_path: Path, quirks: str | None, transport: str) -> None:
    """7.7: a row per job, what was said in words, and everything judged by the files."""
    async with workshop(tmp_path, None, quirks, transport) as (difx, exp):
        lines: list[str] = []
        jobs = await difx.make_jobs(f"{exp}/e.v2d", progress=lines.append)
        assert jobs["job"].tolist() == ["e_1", "e_2"]
        assert jobs["input"].tolist() == [f"{exp}/e_1.input", f"{exp}/e_2.input"]
        assert jobs["model"].tolist() == [f"{exp}/e_1.im", None]
        assert jobs["replaced"].tolist() == [False, False]
        assert (pd.Timestamp.now("UTC").tz_localize(None) - jobs["modified"]).dt.total_seconds().max() < 120
        warnings = jobs.attrs["warnings"]
        assert "vex2difx: Warning: clock" in warnings
        assert "difxcalc: no ephemeris" in warnings
        assert f"no delay model was made for {exp}/e_2.input" in warnings
        assert f"difxcalc failed to create {exp}/e_2.im" in warnings
        assert "vex2difx... 2 job(s)" in jobs.attrs["lines"]
        assert jobs.attrs["dropped"] == 0
        remarks = jobs.attrs["remarks"]
        assert remarks.columns.tolist() == ["time", "severity", "program", "text"]
        assert (str(remarks["time"].dtype), bool(remarks["time"].isna().any())) == ("datetime64[ns]", False)
        said = set(remarks[["severity", "program", "text"]].itertuples(index=False, name=None))
        assert ("warning", "vex2difx", "Warning: clock") in said
        assert ("note", "vex2difx", "2 job(s)") in said
        assert ("warning", "difxcalc", "no ephemeris") in said
        assert ("error", "difxcalc", f"difxcalc failed to create {exp}/e_2.im") in said
        assert not any("Executing" in text for text in remarks["text"])
        assert f"{exp}/e_1.input" in lines
        assert "vex2difx... 2 job(s)" in lines
        with pytest.raises(RemoteFileExists, match=r"e_1.input, e_2.input may be replaced"):
            await difx.make_jobs(f"{exp}/e.v2d")
        assert (await difx.make_jobs(f"{exp}/e.v2d", overwrite=True))["replaced"].tolist() == [True, True]


@pytest.mark.parametrize(("quirks", "transport"), MODES)
async def test_models_are_made(tmp_path: Path, quirks: str | None, transport: str) -> None:
    """7.7 with calcOnly."""
    async with workshop(tmp_path, None, quirks, transport) as (difx, exp):
        for name in ("e_1.calc", "e_2.calc", "f_1.calc"):
            (exp / name).write_text("x")
        made = await difx.make_models(f"{exp}/e_*.input")
        assert made["model"].tolist() == [f"{exp}/e_1.im"]
        assert "difxcalc: no ephemeris" in made.attrs["warnings"]
        with pytest.raises(RemoteFileExists, match=r"e_1.im would be removed first"):
            await difx.make_models(f"{exp}/e_1")
        again = await difx.make_models(f"{exp}/e_1", overwrite=True)
        assert again["replaced"].tolist() == [True]
        with pytest.raises(RemoteFileNotFound):
            await difx.make_models(f"{exp}/g_*")
        with pytest.raises(NothingMade, match="no new model") as caught:
            await difx.make_models(f"{exp}/e_2")
        assert any("no ephemeris" in line for line in caught.value.lines)
        assert "no ephemeris" in caught.value.__notes__[0]
        assert sorted(path.name for path in exp.glob("*.im")) == ["e_1.im"]


def told(number: int, text: str) -> tuple[float, Notice]:
    """What a server says with packet 4, 5 or 6."""
    return 1.5, Notice(NoticeSeverity(number), text)


@pytest.mark.parametrize(
    ("number", "text", "row"),
    [
        (
            4,
            "vex2difx... Warning: XX has no clock",
            ("warning", "vex2difx", "Warning: XX has no clock"),
        ),
        (6, "vex2difx... Error: no mode", ("error", "vex2difx", "Error: no mode")),
        (6, "vex2difx... *** Fatal error", ("error", "vex2difx", "*** Fatal error")),
        (6, "vex2difx... Note: 2 scans left out", ("note", "vex2difx", "Note: 2 scans left out")),
        (
            6,
            "vex2difx... start date: 2020y100d07h00m00s",
            ("note", "vex2difx", "start date: 2020y100d07h00m00s"),
        ),
        (6, "calcif2... something odd", ("warning", "calcif2", "something odd")),
        (6, "vex2difx RETURNED ERRORS", ("note", "vex2difx", "vex2difx RETURNED ERRORS")),
        (
            6,
            "calcif2 failed to create /d/e_1.im\n",
            ("error", "calcif2", "calcif2 failed to create /d/e_1.im"),
        ),
        (6, "there is no directory", ("error", "", "there is no directory")),
        (5, "a host is slow", ("note", "", "a host is slow")),
    ],
)
def test_how_serious_a_remark_is_stands_in_its_words(
    number: int, text: str, row: tuple[str, str, str]
) -> None:
    frame = remarks_frame([told(number, text)])
    assert frame[["severity", "program", "text"]].itertuples(index=False, name=None).__next__() == row
    assert frame["time"].tolist() == [pd.Timestamp("1970-01-01 00:00:01.5")]


def test_complaints_of_a_real_vex2difx_are_told_once_and_progress_is_none() -> None:
    """The lines of a real run: the start date on its error output, and a warning on the other one."""
    said = [
        (6, "vex2difx... start date: 2024y001d12h00m00s"),
        (4, "vex2difx... Warning: env. variable DIFX_VERSION is not set.  Setting to 'Unknown'"),
        (4, "vex2difx... Note: changing nDataSegments from 8 to 16"),
        (6, "vex2difx... Warning: antenna Bb: no clock model was provided."),
        (6, "vex2difx... Warning: antenna Bb: no clock model was provided."),
        (6, "vex2difx RETURNED ERRORS"),
        (6, "difxcalc failed to create /d/e_1.im"),
    ]
    assert complaints_of(told(number, text)[1] for number, text in said) == [
        "vex2difx: Warning: env. variable DIFX_VERSION is not set.  Setting to 'Unknown'",
        "vex2difx: Warning: antenna Bb: no clock model was provided.",
        "difxcalc failed to create /d/e_1.im",
    ]


def test_what_is_only_being_done_is_no_remark() -> None:
    doing = [
        "Executing: cd /d; vex2difx -f e.v2d",
        "vex2difx complete",
        "running calcif2 on all new .calc files",
    ]
    empty = remarks_frame([*(told(5, text) for text in doing), told(6, "vex2difx... "), told(4, "hello")])
    assert empty.empty
    assert empty.dtypes.astype(str).tolist() == ["datetime64[ns]", "object", "object", "object"]


async def test_tables_of_jobs_with_remarks_can_be_joined(tmp_path: Path) -> None:
    """pandas compares what two tables carry, which a table among it would answer with an error."""
    async with workshop(tmp_path) as (difx, exp):
        first = await difx.make_jobs(f"{exp}/e.v2d")
        (exp / "f.v2d").write_text("vex = e.vex\njobSeries = e\n")
        second = await difx.make_jobs(f"{exp}/f.v2d", overwrite=True)
    assert len(pd.concat([first, second])) == 4
    assert len(pd.concat([first, first.copy()])) == 4
    assert len(first.iloc[:1].attrs["remarks"]) == len(first.attrs["remarks"]) > 3
    remarks = first.attrs["remarks"]
    assert type(remarks[remarks["severity"] != "note"]) is pd.DataFrame


async def test_a_run_that_makes_nothing_says_what_was_said(tmp_path: Path) -> None:
    async with workshop(tmp_path, {"vex2difx": 'echo "Error: no antenna XX" >&2; exit 1'}) as (difx, exp):
        with pytest.raises(NothingMade, match="no antenna XX") as caught:
            await difx.make_jobs(f"{exp}/e.v2d")
        assert "vex2difx RETURNED ERRORS" in caught.value.__notes__[0]


async def test_what_vex2difx_calls_an_error_is_told_before_anything_else(tmp_path: Path) -> None:
    """Behind it come lines of the server's own, and before it what is said when all is well, too."""
    says = "".join(f'echo "Error: reason {number}" >&2; ' for number in range(5))
    programs = {"vex2difx": f'echo "start date: now" >&2; {says} exit 1'}
    async with workshop(tmp_path, programs) as (difx, exp):
        with pytest.raises(NothingMade) as caught:
            await difx.make_jobs(f"{exp}/e.v2d")
        said = str(caught.value).partition("; it said: ")[2].splitlines()[0]
        assert said == "Error: reason 0 / Error: reason 1 / Error: reason 2; and 2 more, in lines"
        assert "vex2difx... Error: reason 4" in caught.value.lines


async def test_a_run_that_takes_too_long(tmp_path: Path) -> None:
    """The time-out is for the whole, and what was said so far is told."""
    async with workshop(tmp_path, {"vex2difx": "echo thinking; exec sleep 1000"}) as (difx, exp):
        with pytest.raises(NoReply, match="did not finish, and may go on") as caught:
            await difx.make_jobs(f"{exp}/e.v2d", timeout=0.5)
        said, silence = caught.value.__notes__
        assert "thinking" in said
        assert re.fullmatch(r"guiServer said nothing more for the last [01] s", silence)


async def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    """H24: nothing is run anywhere."""
    async with workshop(tmp_path) as (difx, exp):
        with pytest.raises(RemoteFileNotFound, match="there is no directory"):
            await difx.make_jobs(f"{exp}/none/e.v2d")
        assert difx.messages.counts().get("Notice", 0) == 0


@pytest.mark.parametrize(("quirks", "transport"), MODES)
async def test_lists_of_recordings(tmp_path: Path, quirks: str | None, transport: str) -> None:
    """7.11: times as UTC, the list as vex2difx reads it, errors of single files as warnings."""
    async with workshop(tmp_path, None, quirks, transport) as (difx, exp):
        for name in ("a.vdif", "b.vdif"):
            shutil.copy(SAMPLE_VDIF, exp / name)
        (exp / "c.vdif").write_text("damaged")
        lines: list[str] = []
        made = await difx.file_list(f"{exp}/?.vdif", f"{exp}/list", "VDIF", 56800, progress=lines.append)
        assert made["file"].tolist() == [f"{exp}/a.vdif", f"{exp}/b.vdif"]
        assert made["start"].tolist() == [pd.Timestamp("2014-06-16 05:56:07")] * 2
        assert made["duration"].tolist() == [1.0, 1.0]
        assert made["listed"].all()
        assert made.attrs["errors"]
        assert any("c.vdif" in line for line in made.attrs["warnings"])
        assert made.attrs["lines"] == (exp / "list").read_text().splitlines()
        assert lines[0].startswith(f"{exp}/a.vdif ")
        with pytest.raises(RemoteFileExists, match="overwrite=True"):
            await difx.file_list(f"{exp}/a.vdif", f"{exp}/list", "VDIF", 56800)
        recorder = difx.recorder("anywhere")
        again = await recorder.file_list([f"{exp}/a.vdif"], f"{exp}/list", "VDIF", 56800, overwrite=True)
        assert (len(again), again.attrs["errors"]) == (1, False)


async def test_complaints_that_a_real_server_brings_on_itself(tmp_path: Path) -> None:
    """7.11: it runs ``vsum -s -r MJD FILE``, and vsum takes all three for files."""
    noise = 'for f in -r 56800; do echo "File $f VDIF summary failed with return value -2001"; echo; done'
    async with workshop(tmp_path, {"vsum": f'{noise}; echo "$2 60000.5 60000.6"'}) as (difx, exp):
        (exp / "a.vdif").write_text("x")
        made = await difx.file_list(f"{exp}/a.vdif", f"{exp}/list", "VDIF", 56800)
        assert made["listed"].tolist() == [True]
        assert (made.attrs["errors"], made.attrs["warnings"]) == (False, [])


def test_recordings_that_a_server_left_out() -> None:
    """7.11: a real guiServer loses all but one of those that begin together; the list itself tells."""
    found = (Recording("/a", 60000.5, 60001.0), Recording("/b", 60000.5, 60002.0), Recording("/c", 0.0, 0.0))
    frame = recordings_frame(FileList("/l", found, ("/a 60000.5 60001.0", "/c 0.0 0.0"), False, 3))
    assert frame["listed"].tolist() == [True, False, True]
    assert frame["start"].isna().tolist() == [False, False, True]
    assert frame["duration"].tolist()[:2] == [43200.0, 129600.0]
