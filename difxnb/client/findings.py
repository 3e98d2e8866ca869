# SPDX-License-Identifier: GPL-3.0-or-later
"""What speaks against a job before it is started, as findings that can be waived one by one.

In: lines of the server's configuration check, the ``.input`` file, what lies beside it. Out: findings with ids that
stay the same as long as the finding does. Mirrors guiserver.md 7.4 (the check) and difx-files.md 9 (the machines).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from difxnb.client.placement import Placement
from difxnb.formats.input_model import Input
from difxnb.wire.job import JobEvent, JobId

IDENTIFIER_LENGTH = 31
"""Job names are cut here in messages."""

_SEVERE = re.compile(r"\b(error|fatal|severe)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that speaks against a job, or that is only worth knowing.

    Attributes
    ----------
    id : str
        The same whenever the same is found, of whichever job of an experiment.
    severity : str
        ``INFO``, ``WARNING`` or ``ERROR``.
    text : str
    blocks : bool
        Whether the job is not started with it, unless it is waived.
    """

    id: str
    severity: str
    text: str
    blocks: bool

    def __str__(self) -> str:
        return f"{self.id}: {self.text}"


def findings_of_check(lines: Iterable[JobEvent], input_file: str) -> list[Finding]:
    """Findings in the output of the server's configuration check.

    The server counts every line on standard error as a failure, so each of them blocks; what the check says
    otherwise is only kept.
    """
    found = {}
    for line in lines:
        text = line.text.strip()
        if text:
            finding = _of_line(line.id, text, input_file)
            found[finding.id] = finding
    return list(found.values())


def _of_line(kind: JobId, text: str, input_file: str) -> Finding:
    blocks = kind is not JobId.DIFX_MESSAGE
    severity = "INFO"
    if blocks:
        severity = "ERROR" if kind is JobId.DIFX_ERROR or _SEVERE.search(text) else "WARNING"
    return Finding(f"check-{_fingerprint(text, input_file)}", severity, text, blocks)


def _fingerprint(text: str, input_file: str) -> str:
    """Eight digits that depend on a text, but neither on the job that it is about nor on its blanks."""
    base = input_file.removesuffix(".input")
    directory, _, name = base.rpartition("/")
    plain = text.replace(base, "JOB").replace(directory, "DIRECTORY") if directory else text
    plain = re.sub(rf"\b{re.escape(name)}\b", "JOB", plain)
    return hashlib.sha256(" ".join(plain.split()).encode("utf-8", "surrogateescape")).hexdigest()[:8]


def findings_of_files(
    inp: Input, input_file: str, beside: Collection[str], where: Placement | None
) -> Iterator[Finding]:
    """Findings in the job's own files.

    Parameters
    ----------
    inp : Input
        The job.
    input_file : str
        Path on the server.
    beside : collection of str
        Paths of the files that begin with the job's name.
    where : Placement or None
        Its machines; None where they have not been set.
    """
    base = input_file.removesuffix(".input")
    name = base.rpartition("/")[2]
    yield from _of_machines(inp, base, where)
    if len(name) > IDENTIFIER_LENGTH:
        text = (
            f"messages cut the name of {name} to {name[:IDENTIFIER_LENGTH]}: guiServer keeps no log of it, and jobs "
            "of that beginning look like one"
        )
        yield Finding("long-name", "WARNING", text, blocks=False)
    if f"{base}.im" not in beside:
        yield Finding("no-delay-model", "WARNING", f"there is no {base}.im; was it calculated?", blocks=False)


def _of_machines(inp: Input, base: str, where: Placement | None) -> Iterator[Finding]:
    if where is None:
        text = f"{base}.machines and .threads do not exist; say where the job is to run with set_machines"
        yield Finding("no-machines", "ERROR", text, blocks=True)
        return
    wanted = 1 + inp.active_datastreams + max(1, len(where.threads))
    if len(where.hosts) != wanted or not where.threads:
        text = (
            f"the machines do not suit the job: {len(where.hosts)} hosts, and the job has a head node, "
            f"{inp.active_datastreams} datastreams and {len(where.threads)} processors"
        )
        yield Finding("machines-do-not-fit", "ERROR", text, blocks=True)
    if inp.threads_filename and inp.threads_filename != f"{base}.threads":
        text = f"the .input names {inp.threads_filename} for its threads, and not {base}.threads"
        yield Finding("other-threads-file", "WARNING", text, blocks=False)


def running_elsewhere(name: str, seconds: float) -> Finding:
    """Give the finding that a job was heard running although nobody here has started it."""
    text = f"{name} said {seconds:.0f} s ago that it is running; attach to it, or stop it first"
    return Finding("already-running", "ERROR", text, blocks=True)


def not_waived(findings: Iterable[Finding], waive: Collection[str]) -> list[Finding]:
    """Findings that keep a job from being started, those waived by id or by their whole text left out."""
    return [f for f in findings if f.blocks and f.id not in waive and f.text not in waive]


def unused(findings: Collection[Finding], waive: Iterable[str]) -> list[str]:
    """Waivers that fit no finding: of another job perhaps, or misspelt."""
    known = {f.id for f in findings} | {f.text for f in findings}
    return [waiver for waiver in waive if waiver not in known]
