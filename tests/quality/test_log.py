# SPDX-License-Identifier: GPL-3.0-or-later
"""Check `log`: severities, the way a run ended, and plain words."""

from __future__ import annotations

from pathlib import Path

import pytest

from difxnb.quality.checks.log import check_log
from difxnb.quality.limits import limits_with
from difxnb.quality.material import Material
from difxnb.quality.verdict import Verdict
from difxnb.tables.difxlog import JobLog, read_difxlog

REFERENCE = Path(__file__).parents[1] / "reference/mpifxcorr-output"
LIMITS = limits_with(None)["log"]
STARTING = "Mon Mar 10 06:00:00 2025   0 head  STATUS Starting  Version 2.9"
DONE = "Mon Mar 10 06:01:00 2025   0 head  STATUS Done  "


def told(severity: str, text: str, second: int = 30, mpi_id: int = 1) -> str:
    return f"Mon Mar 10 06:00:{second:02d} 2025   {mpi_id} node1 {severity}  {text}"


def material(*lines: str, running: bool = False) -> Material:
    return Material("job", log=JobLog("".join(f"{line}\n" for line in lines)), running=running)


def test_a_log_without_complaint_is_a_go() -> None:
    check = check_log(Material(log=read_difxlog(REFERENCE / "alpha_1/alpha_1.difxlog")), LIMITS)
    assert check.verdict is Verdict.GO
    assert check.value == 0
    assert "the job was done" in check.text


def test_a_log_that_just_ends_is_worth_a_look() -> None:
    log = read_difxlog(REFERENCE / "eta_1/eta_1.difxlog")
    check = check_log(Material(log=log), LIMITS)
    assert check.verdict is Verdict.LOOK
    assert "nothing tells that the job came to its end" in check.text
    so_far = check_log(Material(log=log, running=True), LIMITS)
    assert so_far.verdict is Verdict.GO
    assert "the job runs" in so_far.text
    assert "so far" in so_far.text


@pytest.mark.parametrize(
    ("severity", "verdict"),
    [
        ("INFO", Verdict.GO),
        ("WARNING", Verdict.LOOK),
        ("ERROR", Verdict.LOOK),
        ("SEVERE", Verdict.NO_GO),
        ("FATAL", Verdict.NO_GO),
    ],
)
def test_severity_decides(severity: str, verdict: Verdict) -> None:
    check = check_log(material(STARTING, told(severity, "something never heard of"), DONE), LIMITS)
    assert check.verdict is verdict
    assert check.value == (verdict is not Verdict.GO)
    assert ("something never heard of" in check.text) == (verdict is not Verdict.GO)


def test_troubles_are_told_once_in_plain_words() -> None:
    text = "Cannot open baseband data file /data/AA.vdif"
    lines = [told("ERROR", text, second) for second in range(10, 13)]
    check = check_log(material(STARTING, *lines, told("SEVERE", "odd"), DONE), LIMITS)
    assert check.verdict is Verdict.NO_GO
    assert check.value == len(lines) + 1
    assert check.evidence["verdict"].tolist() == ["no-go", "look"]
    assert check.evidence["cause"].iloc[1].startswith("no data from")
    assert f"({len(lines)} times)" in check.text


def test_only_the_latest_run_counts() -> None:
    check = check_log(material(STARTING, told("FATAL", "odd"), STARTING, DONE), LIMITS)
    assert check.verdict is Verdict.GO


def test_a_crash_is_a_no_go_without_any_alert() -> None:
    crashed = DONE.replace("Done", "Crashed")
    check = check_log(material(STARTING, crashed), LIMITS)
    assert check.verdict is Verdict.NO_GO
    assert "the job failed" in check.text


def test_limits_are_severities() -> None:
    lines = material(STARTING, told("ERROR", "odd"), DONE)
    strict = limits_with({"log": {"no_go": "error"}})["log"]
    assert check_log(lines, strict).verdict is Verdict.NO_GO
    lenient = limits_with({"log": {"look": "severe"}})["log"]
    assert check_log(lines, lenient).verdict is Verdict.GO
    with pytest.raises(ValueError, match="loud"):
        check_log(lines, limits_with({"log": {"look": "loud"}})["log"])


def test_without_a_log_there_is_nothing_to_say() -> None:
    missing = Material(missing_parts={"log": "nobody wrote one"})
    check = check_log(missing, LIMITS)
    assert (check.verdict, check.text) == (Verdict.NOT_APPLICABLE, "nobody wrote one")
    assert check_log(material(), LIMITS).verdict is Verdict.NOT_APPLICABLE
