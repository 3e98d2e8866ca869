# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting jobs: the checks before, in the real server's order (guiserver.md 7.4).

In: a start request. Out: the packets of the side connection and notices of the main connection, and what to
launch when nothing speaks against it. Output that is in the way is moved aside, never deleted.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from difxnb.errors import UnsupportedJob
from difxnb.formats.calc import parse_calc
from difxnb.formats.companion import companion
from difxnb.formats.input import parse_input
from difxnb.formats.input_model import Input
from difxnb.server.confinement import Confinement
from difxnb.server.files import error_text
from difxnb.wire.control import Notice, NoticeSeverity
from difxnb.wire.job import JobEvent, JobId
from difxnb.wire.message import Start

Step = JobEvent | Notice

ACCEPTED: tuple[Step, ...] = (JobEvent(JobId.JOB_STARTED), JobEvent(JobId.PARAMETER_CHECK_IN_PROGRESS))
"""What every start begins with, before anything is looked at."""

IDENTIFIER_LENGTH = 31
"""Job names are cut here in messages."""

MAX_RESTART = 10**9
"""Seconds; a job that is started later than this is refused by its correlator like any other too short one."""


@dataclass(frozen=True)
class Launch:
    """A job that passed the checks.

    Attributes
    ----------
    input_file : Path
        Free of links, inside the root.
    monitor : bool
        Whether its results are also handed to live monitors.
    restart_seconds : int
        How much of its beginning is left out.
    problems : tuple of str
        Why it cannot run all the same; the correlator would say so and fail.
    """

    input_file: Path
    monitor: bool
    problems: tuple[str, ...] = ()
    restart_seconds: int = 0

    @property
    def identifier(self) -> str:
        """Job name as messages carry it."""
        return self.input_file.stem[:IDENTIFIER_LENGTH]


@dataclass(frozen=True)
class StartPlan:
    """What to tell the client after `ACCEPTED`, and what to launch then, if anything."""

    steps: tuple[Step, ...]
    launch: Launch | None = None


@dataclass
class ConfigurationCheck:
    """What the check of a job's files found.

    Attributes
    ----------
    lines, errors : list of str
        Lines of output, and problems; any problem makes the check fail.
    outside : list of str
        Paths that the job names and that lead out of the root: such a job is never run.
    output : Path
        Folder that the correlator writes.
    """

    output: Path
    lines: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)


def plan_start(root: Confinement, request: Start, *, is_running: bool = False) -> StartPlan:
    """Do the checks of a start request, and move output that is in the way aside if `force` says so.

    Blocks for as long as reading the job's files takes.
    """
    input_file = find_input(root, request.input)
    if input_file is None:
        return _refused(
            f"DiFX start failed: there is no input file {request.input or '(none was named)'}",
            JobId.FAILURE_INPUTFILE_NOT_FOUND,
        )
    if is_running:
        return _refused(f"DiFX start failed: {request.input} is running already", JobId.FAILURE_OUTPUT_EXISTS)
    check = check_configuration(root, input_file)
    steps = [JobEvent(JobId.RUN_CONFIG_CHECK), *_check_steps(check)]
    stopping = _stopped_after_check(request, check) or _missing_nodes(request)
    if stopping:
        return StartPlan((*steps, *stopping))
    steps.append(JobEvent(JobId.PARAMETER_CHECK_SUCCESS))
    return _after_check(root, request, input_file, check, steps)


def find_input(root: Confinement, path: str | None) -> Path | None:
    """The input file that a request names, free of links; None when it is not there or not readable."""
    try:
        os.close(root.open_file(path or ""))
    except OSError:
        return None
    return root.real(path or "")


def check_configuration(root: Confinement, input_file: Path) -> ConfigurationCheck:
    """Read the files of a job and find what keeps it from being correlated here."""
    # Here and not above: the correlator brings large libraries in, and a server without jobs needs none.
    from difxnb.server.engine.embedded import open_job

    check = ConfigurationCheck(input_file.with_suffix(".difx"))
    try:
        inp = parse_input(root.read_text(input_file), input_file)
        check.output = inp.companion("difx")
        check.outside = outside(root, inp, input_file)
        check.errors += [
            f"{path} is named by the job and lies outside the server's root" for path in check.outside
        ]
        check.errors += [f"{path} is no regular file" for path in _special(inp, input_file)]
        if not check.errors:
            open_job(input_file)
    except UnsupportedJob as error:
        check.errors += error.reasons
    except (ValueError, OSError) as error:  # what the files say, or that they are not there
        check.errors.append(str(error))
    if not check.errors:
        check.lines.append(f"No errors with input file {input_file}")
    return check


def outside(root: Confinement, inp: Input, input_file: Path) -> list[str]:
    """Paths that a job would read or write outside the root; each where the job finds it, as it finds it."""
    found = [
        str(path) for path in [*_named(inp, input_file), inp.companion("difx")] if not _inside(root, path)
    ]
    calc = inp.companion("calc")
    if not found and calc.is_file():
        model = parse_calc(root.read_text(calc), calc).companion("im")
        found += [] if _inside(root, model) else [str(model)]
    return found


def _named(inp: Input, input_file: Path) -> list[Path]:
    """The files that a job reads, but for the delay model, which its ``.calc`` names."""
    named = [inp.companion(extension) for extension in ("calc", "threads", "machines")]
    return [*named, *(companion(name, input_file) for stream in inp.datastreams for name in stream.files)]


def _special(inp: Input, input_file: Path) -> list[Path]:
    """Named pipes, devices and directories among those files: reading them could take for ever."""
    return [path for path in _named(inp, input_file) if path.exists() and not path.is_file()]


def _inside(root: Confinement, path: Path) -> bool:
    try:
        root.real(str(path.absolute()))  # which leaves ".." alone: behind a link it means something else
    except FileNotFoundError:
        return False
    return True


def move_aside(root: Confinement, path: Path) -> Path:
    """Rename something to the first free ``path.1``, ``path.2``, ...

    Returns
    -------
    Path
        The new name.

    Raises
    ------
    OSError
        The directory does not let us, or it is the root itself.
    """
    with root.parent(str(path)) as (above, name):
        taken = set(os.listdir(above))
        free = next(new for number in count(1) if (new := f"{name}.{number}") not in taken)
        os.rename(name, free, src_dir_fd=above, dst_dir_fd=above)
    return path.with_name(free)


def _refused(text: str, reason: JobId) -> StartPlan:
    return StartPlan((Notice(NoticeSeverity.ERROR, text), JobEvent(reason), JobEvent(JobId.JOB_TERMINATED)))


def _check_steps(check: ConfigurationCheck) -> Iterator[Step]:
    for line in check.lines:
        yield Notice(NoticeSeverity.INFORMATION, f"checkmpicorr... {line}")
        yield JobEvent(JobId.DIFX_MESSAGE, line)
    for line in check.errors:
        yield Notice(NoticeSeverity.WARNING, f"checkmpifxcorr... {line}")
        yield JobEvent(JobId.DIFX_WARNING, line)
    yield JobEvent(JobId.FAILURE_INPUTFILE_BAD_CONFIG if check.errors else JobId.CONFIG_PASSED)


def _stopped_after_check(request: Start, check: ConfigurationCheck) -> list[Step]:
    bail = request.function == "BAIL_ON_CONFIG_FAIL" and check.errors
    if request.function != "CONFIG_ONLY" and not bail:
        return []
    reason: list[Step] = [JobEvent(JobId.DIFX_ERROR, "stopped by checks")] if check.errors else []
    return [*reason, JobEvent(JobId.STOPPED_AFTER_CONFIG)]


def _missing_nodes(request: Start) -> list[Step]:
    if not request.head_node:
        reason = JobId.FAILURE_NO_HEADNODE
    elif not request.datastreams:
        reason = JobId.FAILURE_NO_DATASOURCES
    elif not request.processors:
        reason = JobId.FAILURE_NO_PROCESSORS
    else:
        return []
    return [JobEvent(reason), JobEvent(JobId.JOB_TERMINATED)]


def _after_check(
    root: Confinement, request: Start, input_file: Path, check: ConfigurationCheck, steps: list[Step]
) -> StartPlan:
    exists = not check.outside and os.path.lexists(check.output)
    if exists and not request.force:
        refused = _refused(f"output {check.output} exists; nothing was started", JobId.FAILURE_OUTPUT_EXISTS)
        return StartPlan((*steps, *refused.steps))
    problems = tuple(_problems(request, input_file, check))
    if exists and not problems:
        steps.append(JobEvent(JobId.DELETING_PREVIOUS_OUTPUT))
        try:
            moved = move_aside(root, check.output)
        except OSError as error:
            text = f"output {check.output} cannot be moved aside: {error_text(error)}; nothing was started"
            return StartPlan((*steps, *_refused(text, JobId.FAILURE_OUTPUT_EXISTS).steps))
        steps.append(JobEvent(JobId.DIFX_MESSAGE, f"{check.output} was moved to {moved}"))
    command = f"executing: embedded correlator {input_file}\n"
    steps += [*_unused(request), Notice(NoticeSeverity.WARNING, command), JobEvent(JobId.STARTING_DIFX)]
    monitor, restart = request.function == "RUN_MONITOR", _whole_seconds(request)
    return StartPlan(tuple(steps), Launch(input_file, monitor, problems, restart))


def _whole_seconds(request: Start) -> int:
    """Second of a restart, read as the real server reads it; what lies beyond all jobs is beyond this one too."""
    return int(max(0.0, min(request.restart_seconds or 0.0, MAX_RESTART)))


def _unused(request: Start) -> Iterator[Step]:
    """Say which wishes mean nothing here, instead of leaving them out without a word."""
    named = {"mpiWrapper": request.mpi_wrapper, "mpiOptions": request.mpi_options}
    named["difxProgram"] = request.difx_program
    if unused := [f"{name} {value}" for name, value in named.items() if value]:
        text = f"warning: not used, since the embedded correlator runs here, without MPI: {', '.join(unused)}"
        yield Notice(NoticeSeverity.WARNING, text)
        yield JobEvent(JobId.DIFX_WARNING, text)


def _problems(request: Start, input_file: Path, check: ConfigurationCheck) -> Iterator[str]:
    yield from check.outside and check.errors
    for extension in (".machines", ".threads"):
        if not input_file.with_suffix(extension).is_file():
            yield f"{input_file.with_suffix(extension)} does not exist; write it with a machines definition"
