# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands for hosts and parameters for a running job, from a shell: what would go out is shown, what went is heard."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from difxnb.formats.input import read_input
from difxnb.formats.mjd import DAY_S, UNIX_EPOCH_MJD
from difxnb.synthetic import default_experiment, make_experiment
from difxnb.wire.message import parse
from difxnb.wire.message_commands import Command, Parameter
from tests.cli.in_process import difxnb_program as difxnb

TINY = default_experiment(n_stations=2, n_scans=1, n_bands=1, scan_seconds=4, bandwidth=0.256e6)


@pytest.fixture
def job(served: Path) -> Path:
    return make_experiment(served / "exp", experiment=TINY).input_file


def test_a_command_is_shown_then_sent(served: Path) -> None:
    shown = difxnb("command", "GetVSN", "mark5fx07", "mark5fx08", "--dry-run")
    assert (shown.status, shown.complaints) == (0, "")
    assert shown.lines[0].startswith("would send to multicast group")
    (told,) = difxnb("command", "GetVSN", "mark5fx07", "--dry-run", "--json").objects
    message = parse(told["xml"].encode())
    assert (message.header.to, message.body, told["done"]) == (("mark5fx07",), Command("GetVSN"), False)
    sent = difxnb("command", "GetVSN", "mark5fx07", "--json")
    (answer,) = sent.objects
    assert (sent.status, answer["done"], answer["heard"]) == (0, True, True), sent
    again = difxnb("command", "-", given=told["xml"].encode())
    assert (again.status, again.out, again.complaints) == (0, "", "")


def test_commands_that_destroy_have_to_be_confirmed_and_nonsense_is_refused(served: Path) -> None:
    refused = difxnb("command", "Reboot", "mark5fx07")
    assert (refused.status, "--confirm" in refused.complaints, "=True" in refused.complaints) == (
        1,
        True,
        False,
    )
    assert difxnb("command", "Reboot", "mark5fx07", "--confirm", "--dry-run").status == 0
    for wrong in (
        ["command", "GetVSN"],  # for nobody
        ["command", "GetVSN", "a host"],
        ["command", "<difxMessage>"],
        ["command", "-"],
        ["command", "-", "mark5fx07"],
    ):
        done = difxnb(*wrong, given=b"no message")
        assert (done.status in (1, 2), done.out, "Traceback" in done.complaints) == (True, "", False), wrong


def parameter(*words: object) -> Parameter:
    (told,) = difxnb("parameter", *words, "--dry-run", "--json").objects
    body = parse(told["xml"].encode()).body
    assert isinstance(body, Parameter)
    return body


def test_a_running_job_is_told_other_values(job: Path) -> None:
    assert parameter(job, "dumpsta", "true").value == "true"
    assert parameter(job, "stachannels", "64", "--target", "3").target_mpi_id == 3
    second = TINY.stations[1].code
    late = parameter(job, "clockupdate", second.lower(), "-0.25", "1e-7")
    assert (late.name, late.value) == ("clockupdate", "1:-0.25:1e-07")
    inp = read_input(job)
    begin = (inp.start_mjd - UNIX_EPOCH_MJD) * DAY_S + inp.start_seconds
    text = f"{datetime.fromtimestamp(begin + 1, UTC):%Y-%m-%dT%H:%M:%S}"
    for moment in (text, f"{text}Z", begin + 1):
        assert parameter(job, "stopat", moment).value == str(int(begin + 1))
    sent = difxnb("parameter", job, "dumpsta", "false")
    assert (sent.status, sent.out) == (0, ""), sent


def test_values_that_are_none_are_wrong_usage(job: Path) -> None:
    for wrong in (
        ["colour", "red"],
        ["dumpsta", "perhaps"],
        ["dumpsta", "true", "--dryrun"],
        ["dumpsta", "true", "--target", "nobody"],
        ["stopat", "tomorrow"],
        ["stopat", "2001-01-01"],
        ["stopat", "nan"],
        ["stopat", "2001-01-01", "--target", "all"],
        ["clockupdate", "ZZ", "0.1"],
        ["clockupdate", "0"],
        ["clockupdate", "0", "--dryrun"],
        ["clockupdate", "99", "0.1"],
    ):
        done = difxnb("parameter", job, *wrong)
        assert (done.status, done.out, "Traceback" in done.complaints) == (2, "", False), (wrong, done)
    assert difxnb("parameter", job.with_name("none.input"), "clockupdate", "0", "1").status == 1
