# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings: their ids stay as long as they do, and each can be waived by itself."""

from __future__ import annotations

import pytest

from difxnb.client.findings import (
    Finding,
    findings_of_check,
    findings_of_files,
    not_waived,
    running_elsewhere,
    unused,
)
from difxnb.client.placement import Placement
from difxnb.formats.input_model import Input
from difxnb.wire.job import JobConversation, JobEvent, JobId, decode_job
from tests.recordings import exchanges

JOB = "/data/exp/e_1.input"
FITTING = Placement(("head", "n1", "n2", "n3"), (7,))


def said(text: str, kind: JobId = JobId.DIFX_WARNING, job: str = JOB) -> Finding:
    (finding,) = findings_of_check([JobEvent(kind, text)], job)
    return finding


def test_an_id_depends_on_the_finding_alone() -> None:
    first = said("WARNING: e_1 names /data/exp/e_1.calc")
    assert first.id == said("WARNING:   e_1 names  /data/exp/e_1.calc ").id
    # The same is found of the other jobs of an experiment, and of one in another directory.
    assert first.id == said("WARNING: e_2 names /data/exp/e_2.calc", job="/data/exp/e_2.input").id
    assert first.id == said("WARNING: e_1 names /other/e_1.calc", job="/other/e_1.input").id
    assert first.id != said("WARNING: e_1 names /data/exp/e_1.im").id
    assert first.id == "check-39deeb23"
    assert first.text == "WARNING: e_1 names /data/exp/e_1.calc"


def test_findings_of_a_real_check() -> None:
    """Recorded: a checker that dies; asked twice, it is the same that is found."""
    found = []
    for exchange in exchanges("start_check_fails"):
        conversation = JobConversation()
        for packet in exchange.packets:
            conversation.add(decode_job(packet))
        found.append(findings_of_check(conversation.check_lines, "/data/exp/rec/job/job.input"))
    first, second = found[0]
    assert found[0] == found[1]
    assert (first.severity, first.blocks, second.blocks) == ("WARNING", True, True)
    assert first.text == "terminate called after throwing an instance of 'std::out_of_range'"
    assert not_waived(found[1], [first.id]) == [second]


@pytest.mark.parametrize(
    ("text", "kind", "severity", "blocks"),
    [
        ("No errors with input file", JobId.DIFX_MESSAGE, "INFO", False),
        ("a warning", JobId.DIFX_WARNING, "WARNING", True),
        ("FATAL: no such station", JobId.DIFX_WARNING, "ERROR", True),
        ("terrorised", JobId.DIFX_WARNING, "WARNING", True),
        ("whatever", JobId.DIFX_ERROR, "ERROR", True),
    ],
)
def test_severity(text: str, kind: JobId, severity: str, blocks: bool) -> None:
    """7.4: every line on standard error counts as a failure, whatever it says."""
    finding = said(text, kind)
    assert (finding.severity, finding.blocks) == (severity, blocks)


def test_repeated_and_empty_lines() -> None:
    lines = [JobEvent(JobId.DIFX_WARNING, text) for text in ("twice", "", "twice", "  ", "once")]
    assert [finding.text for finding in findings_of_check(lines, JOB)] == ["twice", "once"]


def of_files(
    inp: Input | None = None, where: Placement | None = FITTING, job: str = JOB
) -> dict[str, Finding]:
    beside = {job, job.replace(".input", ".im")}
    inp = Input(active_datastreams=2) if inp is None else inp
    return {finding.id: finding for finding in findings_of_files(inp, job, beside, where)}


def test_files_of_a_good_job() -> None:
    assert of_files() == {}
    assert of_files(Input(active_datastreams=2, threads_filename="/data/exp/e_1.threads")) == {}


@pytest.mark.parametrize(
    ("where", "text"),
    [
        (Placement(("head", "n1", "n3"), (7,)), "3 hosts.*2 datastreams and 1 processors"),
        (Placement(("head", "n1", "n2", "n3"), (7, 7)), "4 hosts.*2 datastreams and 2 processors"),
        (Placement(("head", "n1", "n2", "n3"), ()), "0 processors"),
        (Placement((), ()), "0 hosts"),
    ],
)
def test_machines_that_do_not_fit(where: Placement, text: str) -> None:
    found = of_files(where=where)
    with pytest.raises(AssertionError, match=text):
        raise AssertionError(found["machines-do-not-fit"].text)
    assert found["machines-do-not-fit"].blocks


def test_other_findings_in_the_files() -> None:
    assert of_files(where=None)["no-machines"].blocks
    assert not of_files(Input(active_datastreams=2, threads_filename="/old/e.threads"))[
        "other-threads-file"
    ].blocks
    long = f"/data/{'e' * 32}.input"
    assert "e" * 31 in of_files(job=long)["long-name"].text
    (missing,) = findings_of_files(Input(active_datastreams=2), JOB, {JOB}, FITTING)
    assert (missing.id, missing.blocks) == ("no-delay-model", False)


def test_waiving_one_by_one() -> None:
    first, second, harmless = said("one"), said("two"), said("three", JobId.DIFX_MESSAGE)
    found = [first, second, harmless]
    assert not_waived(found, ()) == [first, second]
    assert not_waived(found, [first.id]) == [second]
    assert not_waived(found, ["two"]) == [first]
    assert not_waived(found, [first.id, "two"]) == []
    assert not_waived(found, ["tw", first.id.upper()]) == [first, second]
    assert unused(found, ["two", first.id, "three", "four"]) == ["four"]
    assert running_elsewhere("e_1", 3.4).blocks
    assert str(first) == f"{first.id}: one"
