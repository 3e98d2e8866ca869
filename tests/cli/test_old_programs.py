# SPDX-License-Identifier: GPL-3.0-or-later
"""Every line of ``notebooks/shell.md`` does what it says, on a correlator in a box, and ends as the page says."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import difxnb
from difxnb.synthetic import default_experiment
from tests.cli.in_process import Done, difxnb_program
from tests.cli.programs import Program
from tests.sessions.made_records import put

PAGE = Path(__file__).parents[2] / "notebooks" / "shell.md"
RECIPE = """\
name = "daily"
schedule = "{root}/demo.vex"
v2d = "{root}/demo.v2d"
newest = 0
"""
FOLLOWING = ("messages", "busy")


@dataclass(frozen=True)
class Row:
    """A row of the table."""

    program: str
    line: str
    is_endless: bool

    @property
    def words(self) -> list[str]:
        return shlex.split(self.line)[1:]


def rows_of_the_page() -> list[Row]:
    rows: list[Row] = []
    for text in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in text.split("|")[1:-1]]
        if len(cells) == 4 and (line := re.fullmatch("`(difxnb .*)`", cells[2])):
            rows.append(Row(cells[0] or rows[-1].program, line[1], cells[3] == "Ctrl-C"))
    return rows


ROWS = rows_of_the_page()


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[difxnb.boxed.DemoCorrelator]:
    """A correlator in a box, with a job that was run once."""
    folder = tmp_path_factory.mktemp("old") / "exp"
    tiny = default_experiment(
        n_stations=3, n_scans=1, n_bands=1, scan_seconds=2, gap_seconds=2, bandwidth=0.256e6
    )
    with difxnb.demo(folder, experiment=tiny) as difx:
        job = difx.job(difx.experiment.input_file)
        hosts = ["localhost"] * job.input.active_datastreams
        job.set_machines(head_node="localhost", datastreams=hosts, processors={"localhost": 2})
        assert str(job.start().wait(60, progress=False)) == "done"
        yield difx


@pytest.fixture
def translated(
    box: difxnb.boxed.DemoCorrelator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """Names of the page, and those of the box; programs find it by the environment, as the old ones did.

    A recipe and a session that was done are in the current directory.
    """
    (tmp_path / "daily.toml").write_text(RECIPE.format(root=box.experiment.directory))
    put(tmp_path / "sessions", 0)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("DIFX_CONTROL_HOST", "127.0.0.1")
    monkeypatch.setenv("DIFX_CONTROL_PORT", str(box.port))
    (version,) = box.server.difx_versions["version"]
    return {
        "/data/exp": str(box.experiment.directory),
        "exp.v": f"{box.experiment.input_file.stem.removesuffix('_1')}.v",
        "exp_*": box.experiment.input_file.stem.replace("1", "*"),
        "exp_1": box.experiment.input_file.stem,
        "head-node": "127.0.0.1",
        "50200": str(box.port),
        "DIFX-2.9": version,
    }


def ran(row: Row, names: dict[str, str]) -> Done:
    """Run a line to its end; one that follows listens for a moment."""
    words = row.words
    for name, meant in names.items():
        words = [word.replace(name, meant) for word in words]
    if row.is_endless and words[0] in FOLLOWING:
        words += ["--once"]
    if "--once" in words:
        words += ["--listen", "0"]
    if not row.is_endless or words[0] in FOLLOWING:
        return difxnb_program(*words, given=b"some text")
    with Program(*words) as program:
        program.until(lambda said: names["exp_1"] in said)
        status, complaints = program.interrupt()
    assert status == 130
    return Done(0, program.said, complaints)


@pytest.mark.slow
@pytest.mark.usefixtures("zarr_awake")
@pytest.mark.parametrize("program", list(dict.fromkeys(row.program for row in ROWS)))
def test_lines_in_place_of(program: str, translated: dict[str, str]) -> None:
    """Those of one old program, one after the other."""
    if "rmdir" in program:
        assert difxnb_program("mkdir", f"{translated['/data/exp']}/new").status == 0
    for row in ROWS:
        if row.program == program:
            done = ran(row, translated)
            assert (done.status, "Traceback" in done.complaints) == (0, False), (row.line, done)


def test_the_page_has_every_old_program_that_can_be_replaced_by_now() -> None:
    programs = " ".join(row.program for row in ROWS)
    for old in (
        *("DiFXls", "DiFXmkdir", "DiFXgetFile", "DiFXsendFile", "DiFXVersion", "DiFXJobStatus"),
        *("DiFXMessages", "DiFXBusy", "DiFXJobControl", "DiFXrun", "correlatorReport.py"),
        *("DiFXQueue", "DiFXnewExperiment", "DiFXrunCalc"),
    ):
        assert old in programs
    assert len(ROWS) == PAGE.read_text(encoding="utf-8").count("| `difxnb ")
