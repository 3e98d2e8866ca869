# SPDX-License-Identifier: GPL-3.0-or-later
"""What a queue looks at before it starts a job, and after one has failed: hosts, disks, weights, the job's files."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from difxnb.client.findings import findings_of_files
from difxnb.client.placement import Placement, check_placement
from difxnb.errors import DifxError, FileFormatError, RemoteFileNotFound
from difxnb.formats.problems import Problem
from difxnb.queue import Blame, DiskLow, Facts, NodeSeen, QueueLimits, Seen
from difxnb.queue.rules import seen_of

if TYPE_CHECKING:
    from difxnb.aio.correlator import Correlator
    from difxnb.aio.job import Job
    from difxnb.aio.job_run import JobRun
    from difxnb.formats.input import Input

# Data of a station in a job that are as good as none, and those of one that may be judged by it.
_NEXT_TO_NOTHING, _FAIR = 0.2, 0.4
_MOST_DIRECTORIES = 8
_HERE = ("localhost", "127.0.0.1", "::1")


def nodes_of(
    correlator: Correlator, connected_since: float, awaited: Iterable[str] = ()
) -> dict[str, NodeSeen]:
    """Every host that reports its load, or its state as a recorder, and those that are awaited.

    Silence counts from the latest connection on.
    """
    nodes, recorders, now = correlator.nodes, correlator.recorders, time.time()
    longest = now - connected_since
    loads = correlator.connected and nodes.hearing.is_open
    states = correlator.connected and recorders.hearing.is_open
    found: dict[str, NodeSeen] = {}
    for row in nodes.frame(now).to_dict("records"):
        load = float(row["cpu"]) if row["cpu"] is not None else math.nan
        silence = min(float(row["age"]), longest) if loads else math.nan
        found[str(row["node"])] = found[str(row["name"])] = NodeSeen(load, silence)
    for row in recorders.frame(now).to_dict("records") if states else ():
        known = found.get(str(row["recorder"]), NodeSeen())
        silence = min(float(row["age"]), longest)
        silence = silence if math.isnan(known.silence) else min(silence, known.silence)
        found[str(row["recorder"])] = NodeSeen(known.load, silence)
    never_heard = NodeSeen(silence=longest) if loads else NodeSeen()
    return found | {host: never_heard for host in awaited if seen_of(found, host) == NodeSeen()}


def free_of(correlator: Correlator) -> Callable[[str], float | None]:
    """What tells the free share of a disk of the server: where that is this machine, nothing otherwise."""
    address = correlator.address
    here = address.host in _HERE and not address.ssh

    def free(path: str) -> float | None:
        if not here:
            return None
        try:
            usage = shutil.disk_usage(path)
        except (OSError, ValueError):
            return None
        return usage.free / usage.total if usage.total else None

    return free


async def facts_of(job: Job, machines: Mapping[str, Any] | None) -> Facts:
    """What the rules of a queue need to know of a job; errors as those of `Job.input`."""
    inp = await job.input()
    if machines is not None:  # which its entry tells
        return Facts(seconds=inp.execute_time)
    placed = await job.placement_or_none()
    return Facts(frozenset(placed.hosts if placed is not None else ()), inp.execute_time)


async def blamed_by_weights(run: JobRun) -> list[Blame]:
    """Stations that gave next to no data where at least two others gave some, the worst first."""
    weights = run.weights
    if not weights.size:
        return []
    means = weights.mean("time", skipna=True)
    named = dict(zip(map(str, means["antenna"].values), map(float, means.values), strict=True))
    if sum(mean > _FAIR for mean in named.values()) < 2:
        return []
    low = sorted((mean, name) for name, mean in named.items() if mean < _NEXT_TO_NOTHING)
    return [Blame(name, "weights", f"{mean:.0%} of its data") for mean, name in low]


def machines_without(
    machines: Mapping[str, Any] | None, inp: Input, stations: Sequence[str]
) -> dict[str, Any] | None:
    """Machines for the same job without some stations: without the hosts of their datastreams."""
    if machines is None:
        return None
    left_out = {index for index, telescope in enumerate(inp.telescopes) if telescope.name in stations}
    hosts = list(machines.get("datastreams", ()))
    kept = [
        host
        for host, datastream in zip(hosts, inp.datastreams, strict=False)
        if datastream.telescope_index not in left_out
    ]
    return {**machines, "datastreams": kept}


def machines_of(placed: Placement) -> dict[str, Any]:
    """The keywords of `Job.set_machines` that give what is in the files of a job."""
    head, first = placed.hosts[0], 1 + placed.n_datastreams
    processors: dict[str, int] = {}
    for host, threads in zip(placed.hosts[first:], placed.threads, strict=False):
        # one thread of the head node is its own, and is not in the file
        processors[host] = processors.get(host, 1 if host == head else 0) + threads
    return {"head_node": head, "datastreams": list(placed.hosts[1:first]), "processors": processors}


# --- before a job is taken in ----------------------------------------------------------------------


async def problems_of(
    correlator: Correlator,
    job: Job,
    machines: Mapping[str, Any] | None,
    limits: QueueLimits,
    *,
    in_queue: bool = False,
) -> list[Problem]:
    """What speaks against a job that is to be queued. Errors cannot mend themselves until its turn, warnings can."""
    where = job.input_file
    try:
        inp = await job.input()
    except RemoteFileNotFound as error:
        return [Problem("error", "no input", str(error), where, fix="name an .input file that is there")]
    except FileFormatError as error:
        return [Problem("error", "bad input", str(error), where, fix="make the job again")]
    found = await _of_machines(correlator, job, inp, machines)
    if in_queue:
        text = f"{job.name} is in the queue already, and not over"
        found.append(Problem("error", "clash", text, where, fix="remove that one first"))
    found += await _of_output(correlator, job, inp)
    found += await _of_data(correlator, inp)
    seen = Seen(free=free_of(correlator))
    if low := DiskLow(limits.disk_low, str(PurePosixPath(where).parent)).holds(seen, time.time()):
        found.append(Problem("warning", "disk low", low, where, fix="make room"))
    return found


async def _of_machines(
    correlator: Correlator, job: Job, inp: Input, machines: Mapping[str, Any] | None
) -> list[Problem]:
    beside = await _beside(correlator, job)
    if machines is None:
        placed = await job.placement_or_none()
        found = findings_of_files(inp, job.input_file, beside, placed)
    else:
        try:
            hosts = (machines["head_node"], machines["datastreams"], machines["processors"])
            placed = check_placement(*hosts, active_datastreams=inp.active_datastreams)
        except (ValueError, TypeError, KeyError) as error:
            text = f"the machines do not suit {job.name}: {error}"
            return [Problem("error", "machines", text, job.input_file, fix="give others")]
        found = findings_of_files(inp, job.input_file, beside, placed)
    return [Problem("warning", finding.id, finding.text, job.input_file) for finding in found]


async def _beside(correlator: Correlator, job: Job) -> set[str]:
    try:
        return {entry.path for entry in await correlator.head_node.ls_entries(f"{job.base}.*")}
    except RemoteFileNotFound:
        return set()


async def _of_output(correlator: Correlator, job: Job, inp: Input) -> list[Problem]:
    traces = await correlator.head_node.look_at_job(job.input_file, job.outputs(inp))
    if traces.output_size is None:
        return []
    text = f"{job.name} has output already ({traces.output_size} bytes)"
    fix = "overwrite=True moves it aside when the job is started"
    return [Problem("warning", "output exists", text, job.input_file, fix=fix)]


def _station(inp: Input, index: int) -> str:
    return inp.telescopes[index].name if 0 <= index < len(inp.telescopes) else ""


async def _of_data(correlator: Correlator, inp: Input) -> list[Problem]:
    """Recordings that the head node does not see, directory by directory: nodes may have disks of their own."""
    wanted: dict[str, list[tuple[str, str]]] = {}
    for stream in inp.datastreams:
        for name in stream.files if stream.data_source == "FILE" else ():
            if name.startswith("/"):
                station = _station(inp, stream.telescope_index)
                wanted.setdefault(name.rpartition("/")[0] or "/", []).append((station, name))
    found = []
    for directory, files in list(wanted.items())[:_MOST_DIRECTORIES]:
        try:
            there = {entry.path for entry in await correlator.head_node.ls_entries(directory)}
        except RemoteFileNotFound:
            there = set()
        except (DifxError, ValueError) as error:
            found.append(Problem("note", "missing data", f"{directory} could not be looked at: {error}"))
            continue
        for station, name in files:
            if name not in there:
                text = f"{name} is not there, as the head node sees it"
                found.append(Problem("warning", "missing data", text, station, name=station))
    if (left := len(wanted) - _MOST_DIRECTORIES) > 0:
        found.append(Problem("note", "missing data", f"{left} more directories were not looked at"))
    return found
