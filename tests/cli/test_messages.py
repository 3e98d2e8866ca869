# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages in a shell: as they come, chosen, raw, counted and kept."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

import difxnb
from difxnb.aio.messages import Messages
from difxnb.cli.message_lines import Counted
from difxnb.wire.message import Alert, Header, Load, Message
from tests.cli.in_process import difxnb_program
from tests.cli.programs import Program
from tests.client.peers import ROBUST, own_server
from tests.notebook.far_end import FarEnd

LOAD = Load(12.5, 64_000_000, 16_000_000, 120_000_000, 3_000_000, 16)


@pytest.fixture
def port(far: FarEnd, tmp_path: Path) -> int:
    return far.enter(own_server(tmp_path)).port


def speak(port: int, *, job: str = "exp_1", host: str = "node-1") -> None:
    """Have a node report its load, and a job its trouble."""
    with difxnb.connect("127.0.0.1", port, patience=ROBUST) as difx:
        for number, body in enumerate((LOAD, Alert(text="disk \x1b[2Jon fire", severity=1)), 1):
            difx.send(Message(Header(host, (), 0, job, ""), body, number, 0))


def test_messages_are_shown_as_they_come_in_every_form(port: int, tmp_path: Path) -> None:
    kept = tmp_path / "kept.parquet"
    with (
        Program("messages", "--port", port, "-p", "-i", "^exp", "-s", "node") as lines,
        Program("messages", "--port", port, "--json", "-t", "alert", "--save", kept) as data,
        Program("messages", "--port", port, "--raw", "-R", "load") as raw,
    ):
        everyone = {"lines": lines, "data": data, "raw": raw}
        seen = set()
        while len(seen) < len(everyone):  # who listens is not told of by any of them
            speak(port)
            speak(port, job="other", host="elsewhere")
            for name, program in everyone.items():
                if name not in seen and program.has_more(0.5):
                    seen.add(name)
        lines.until(lambda said: "alert" in said and "load" in said)
        data.until(lambda _: data.objects)
        raw.until(lambda said: "</difxMessage>" in said)
        ends = [program.interrupt() for program in everyone.values()]
    assert ends == [(130, "")] * 3
    (line,) = {line.split(maxsplit=1)[1] for line in lines.said.splitlines() if " alert " in line}
    assert line.split() == ["alert", "node-1", "exp_1", "SEVERE", "disk", "\\x1b[2Jon", "fire"]
    assert {one["type"] for one in data.objects} == {"alert"}
    assert data.objects[0]["fields"]["severity"] == 1
    assert data.objects[0]["severity"] == "SEVERE"
    assert "DifxLoadMessage" in raw.said
    assert "DifxAlertMessage" not in raw.said
    assert "\n    cpu_load: 12.5\n" in lines.said
    table = pd.read_parquet(kept)
    assert {"alert", "load"} <= {
        kind.lower().removeprefix("difx").removesuffix("message") for kind in table["type"]
    }


def test_messages_are_counted() -> None:
    heard = Messages()
    for number in range(3):
        heard.add(Message(Header("node-1", (), 0, "exp_1", ""), LOAD, number, 100), 1e9 + number)
    counted = Counted(heard.statistics(now=1e9))
    assert counted.lines()["DifxLoadMessage"] == "load: 3 messages, 300 bytes"
    console = Console(file=io.StringIO(), width=60)
    console.print(counted.table(60, None))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert shown.strip().splitlines()[-1].split() == ["load", "3", "0.3", "300"]


def test_once_listens_for_a_while_and_ends(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIFX_CONTROL_PORT", str(port))
    for options in ([], ["--json"], ["--statistics"], ["--statistics", "--json"]):
        done = difxnb_program("messages", "--once", "--listen", "0", *options)
        assert (done.status, done.complaints) == (0, ""), options


@pytest.mark.parametrize(
    "wrong",
    [["-i", "("], ["-s", "["], ["-t", "alarms"], ["-R", "nonsense"], ["--raw", "--json"]],
)
def test_wrong_usage_is_status_2(wrong: list[str]) -> None:
    assert difxnb_program("messages", "--once", *wrong).status == 2


def test_what_could_not_be_kept_is_refused_before_listening(tmp_path: Path) -> None:
    kept = tmp_path / "kept.parquet"
    kept.write_text("mine")
    for path in (kept, tmp_path / "none" / "kept.parquet"):
        done = difxnb_program("messages", "--port", "1", "--save", path)  # where nobody listens
        assert (done.status, str(path.parent) in done.complaints) == (1, True)
    assert kept.read_text() == "mine"
