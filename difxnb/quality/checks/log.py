# SPDX-License-Identifier: GPL-3.0-or-later
"""Check `log`: what the correlator itself complained of, in plain words, and whether it came to its end.

In goes the ``.difxlog`` of a job, out come the troubles of its latest run, each once, with what they mean
(:mod:`difxnb.tables.causes`). Severities are those of difxMessage; a log tells no exit code, so that a run is known to
have ended by its last state alone (``difxmessage.md`` 10).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from difxnb.quality.limits import Section
from difxnb.quality.material import Material
from difxnb.quality.naming import named
from difxnb.quality.verdict import Check, Verdict, not_applicable, worst, worst_first
from difxnb.tables.difxlog import JobLog
from difxnb.tables.message_rows import severity_number
from difxnb.wire.job import JobOutcome
from difxnb.wire.message import Severity

if TYPE_CHECKING:
    import pandas as pd

NAME = "log"
_COLUMNS = ["severity", "cause", "count", "first", "last"]
_ENDS = {
    JobOutcome.DONE: (Verdict.GO, "the job was done"),
    JobOutcome.DONE_WITH_ERRORS: (Verdict.GO, "the job was done"),
    JobOutcome.STOPPED: (Verdict.LOOK, "the job was stopped before its end"),
    JobOutcome.FAILED: (Verdict.NO_GO, "the job failed"),
    JobOutcome.REFUSED: (Verdict.NO_GO, "the job was refused"),
    JobOutcome.UNKNOWN: (Verdict.LOOK, "nothing tells that the job came to its end"),
}


def check_log(material: Material, limits: Section) -> Check:
    """Grade the alerts of the latest run by their severity, and the way it ended.

    Raises
    ------
    ValueError
        A limit is no severity.
    """
    look, no_go = severity_number(limits["look"]), severity_number(limits["no_go"])
    log = material.log
    if log is None:
        return not_applicable(NAME, material.why_no("log"))
    if not len(log):
        return not_applicable(NAME, f"the log is empty{material.so_far}")
    evidence = log.alerts(severity=look)[_COLUMNS].reset_index(drop=True)
    verdicts = [
        Verdict.NO_GO if severity_number(severity) <= no_go else Verdict.LOOK
        for severity in evidence["severity"].astype(str)
    ]
    evidence["verdict"] = [str(verdict) for verdict in verdicts]
    end, said = _end(log, material.running)
    told = int(evidence["count"].sum())
    text = f"{said}; {_troubles(evidence, told, look)}{material.so_far}"
    limit = f"none of {Severity(look).name.lower()} or worse (no-go from {Severity(no_go).name.lower()} on)"
    ordered = worst_first(evidence, "severity")
    return Check(NAME, worst([Verdict.GO, end, *verdicts]), float(told), "", limit, text, ordered)


def _end(log: JobLog, running: bool) -> tuple[Verdict, str]:
    if running and log.outcome is JobOutcome.UNKNOWN:
        return Verdict.GO, "the job runs"
    return _ENDS[log.outcome]


def _troubles(evidence: pd.DataFrame, told: int, look: int) -> str:
    """How many alerts there are, and what the worst of them mean."""
    if evidence.empty:
        return f"no alert of {Severity(look).name.lower()} or worse"
    times = f"{told} alerts" if told > 1 else "one alert"
    counts = zip(evidence["cause"], evidence["count"], strict=True)
    return f"{times}: {named(f'{cause} ({count} times)' if count > 1 else cause for cause, count in counts)}"
