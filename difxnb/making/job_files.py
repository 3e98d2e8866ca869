# SPDX-License-Identifier: GPL-3.0-or-later
"""All files of all jobs of a schedule and a ``.v2d``, as texts and in a directory.

In: a plan. Out: texts by name, the ``.joblist`` among them; files, whole or not at all.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from difxnb.formats.calc import format_calc
from difxnb.formats.calc_model import Calc, Eop
from difxnb.formats.flag import format_flag
from difxnb.formats.im import format_im
from difxnb.formats.im_model import Im
from difxnb.formats.input import format_input
from difxnb.formats.input_summary import some
from difxnb.formats.joblist import JobEntry, JobList, format_joblist
from difxnb.formats.machines import format_machines, format_threads
from difxnb.formats.v2d import V2d
from difxnb.formats.vex import Vex
from difxnb.making.drafting import Draft, Plan, drawn_up
from difxnb.making.job_calc import difx_version, job_calc
from difxnb.making.job_flags import job_flags
from difxnb.making.job_input import job_input
from difxnb.making.observed import mjd_of
from difxnb.making.plan import PlannedJob, extensions, name_of, planned, reader, require_read
from difxnb.making.writing import opened, write_whole
from difxnb.markup import printable

if TYPE_CHECKING:
    from difxnb.geometry import EopTable

MAKER = "3.1.0"
"""The version of vex2difx whose rules these are, as the ``.joblist`` names it."""
_RECORD_HEADER_BYTES, _BYTES_PER_VISIBILITY = 74, 8
_EOP_DAYS_AROUND = 2


@dataclass(frozen=True, slots=True, repr=False)
class MadeJobs:
    """Jobs that were made, their files, and what is to be known about them."""

    jobs: tuple[PlannedJob, ...]
    files: tuple[Path, ...]
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        names = some(job.name for job in self.jobs)
        where = f" in {self.files[0].parent}" if self.files else ""
        notes = "".join(f"\n  note: {note}" for note in self.notes)
        return f"<MadeJobs: {names}; {len(self.files)} files{where}>{printable(notes, keep=chr(10))}"


def make_job_files(
    vex: Vex,
    v2d: V2d,
    directory: Path,
    *,
    eop: EopTable | None = None,
    overwrite: bool = False,
    delay_model: Callable[[Calc], Im] | None = None,
    with_models: bool = True,
) -> MadeJobs:
    """Make jobs here: what vex2difx and the delay model program would make, without them.

    Parameters
    ----------
    vex : Vex
        The schedule; what the ``.v2d`` calls its schedule is not read.
    v2d : V2d
        What is asked for.
    directory : Path
        Where the files go; file lists with relative names are looked for there too.
    eop : EopTable, optional
        Earth orientation in place of what the files say.
    overwrite : bool
        Whether files of the same names may be replaced.
    delay_model : callable, optional
        Makes the ``.im`` of a ``.calc``; :func:`difxnb.geometry.delay_model` without it.
    with_models : bool
        Whether there is an ``.im`` at all.

    Returns
    -------
    MadeJobs
        What was made; all files are there, whole.

    Raises
    ------
    CannotMakeJob
        With every reason; nothing is written.
    OutputExists
        A file is there, and `overwrite` is not said; nothing is written.
    ValueError
        `eop` does not cover the experiment.
    FileFormatError, OSError

    Examples
    --------
    >>> made = make_job_files(difxnb.read_vex("e.vex"), difxnb.read_v2d("e.v2d"), Path("jobs"))  # doctest: +SKIP
    """
    require_read(vex, v2d)
    directory = Path(directory).absolute()
    plan = drawn_up(vex, v2d.text, name_of(v2d), reader(directory), _days(vex, eop))
    texts = job_texts(plan, directory, f"{name_of(v2d)}.v2d", vex_file=_vex_file(vex, plan, directory))
    if with_models:
        texts |= model_texts(plan, directory, delay_model)
    with opened(directory) as descriptor:
        write_whole(texts, descriptor, where=directory, overwrite=overwrite)
    jobs = [planned(plan, draft, directory) for draft in plan.drafts]
    return MadeJobs(tuple(jobs), tuple(directory / name for name in texts), plan.notes)


def _days(vex: Vex, eop: EopTable | None) -> Sequence[Eop] | None:
    if eop is None or np.isnat(vex.start) or np.isnat(vex.stop):
        return None
    first, last = (
        int(mjd_of(when.astype("datetime64[s]").astype(np.int64))) for when in (vex.start, vex.stop)
    )
    return eop.days(first - _EOP_DAYS_AROUND, last - first + 1 + 2 * _EOP_DAYS_AROUND)


def _vex_file(vex: Vex, plan: Plan, directory: Path) -> Path:
    return vex.path.absolute() if vex.path is not None else directory / (plan.settings.vex or "schedule.vex")


def job_texts(plan: Plan, directory: Path, v2d: str, *, vex_file: Path) -> dict[str, str]:
    """Texts of all files but the models, by name; `v2d` is the name of that file."""
    texts = dict[str, str]()
    for draft in plan.drafts:
        for end, text in _texts(plan, draft, directory, vex_file):
            texts[f"{draft.name}.{end}"] = text
    texts[f"{plan.settings.series}.joblist"] = format_joblist(_joblist(plan, v2d, vex_file))
    return texts


def _texts(plan: Plan, draft: Draft, directory: Path, vex_file: Path) -> Iterator[tuple[str, str]]:
    yield "input", format_input(job_input(plan, draft, directory))
    yield "calc", format_calc(job_calc(plan, draft, directory, vex_file))
    yield "flag", format_flag(job_flags(draft, plan.settings.mask))
    if "threads" in extensions(plan.settings):
        yield "threads", format_threads([plan.settings.threads] * plan.settings.cores)
    if "machines" in extensions(plan.settings):
        yield "machines", format_machines(_machines(plan, draft))


def _machines(plan: Plan, draft: Draft) -> list[str]:
    """The head, a computer for each station (its own where it has one), and what is left for the cores."""
    head, *rest = plan.settings.machines
    hosts = [head]
    for name in draft.stations:
        own = plan.settings.station(name).machine
        hosts += [own] if own else [rest.pop(0)] if rest else []
    return hosts + rest


def model_texts(
    plan: Plan, directory: Path, delay_model: Callable[[Calc], Im] | None = None
) -> Mapping[str, str]:
    """Texts of the models of all jobs, by name."""
    return {
        f"{draft.name}.im": model_text(job_calc(plan, draft, directory, directory), delay_model)
        for draft in plan.drafts
    }


def model_text(calc: Calc, delay_model: Callable[[Calc], Im] | None = None) -> str:
    """Text of the model of a job."""
    if delay_model is None:
        from difxnb.geometry import delay_model as own

        return format_im(own(calc))
    return format_im(delay_model(calc))


def _joblist(plan: Plan, v2d: str, vex_file: Path) -> JobList:
    header = {
        "exper": plan.vex.exper.upper(),
        "v2d": v2d,
        "pass": plan.settings.series,
        "mjd": f"{mjd_of(time.time()):.7f}",
        "DiFX": difx_version(),
        "vex2difx": MAKER,
        "vex": str(vex_file),
    }
    return JobList(header=header, jobs=[_entry(plan, draft) for draft in plan.drafts])


def _entry(plan: Plan, draft: Draft) -> JobEntry:
    return JobEntry(
        name=draft.name,
        mjd_start=mjd_of(draft.piece.span.start),
        mjd_stop=mjd_of(draft.piece.span.stop),
        n_antennas=len(draft.stations),
        tera_ops=_tera_operations(plan, draft),
        out_size_mb=_output_bytes(plan, draft) // 10**6,
        antennas=[plan.settings.station(name).job_name for name in draft.stations],
    )


def _tera_operations(plan: Plan, draft: Draft) -> float:
    """Rough work of a job, 10^12 operations, by the rule of thumb of vex2difx (``src/job.cpp``, ``calcOps``)."""
    streams = plan.streams(draft)
    rates = [stream.sample_rate_hz for stream in streams]
    bands = {(one.edge_hz, one.sideband, one.polarization) for stream in streams for one in stream.channels}
    hands = 2 if draft.setup.do_polar and len({hand for *_, hand in bands}) > 1 else 1
    length = max(
        draft.resolution.channels(one.bandwidth_hz) * 2 for stream in streams for one in stream.channels
    )
    total = 0.0
    for scan in draft.piece.scans:
        stations = len(scan.stations)
        each = 16 + 5 * (length.bit_length() - 1) + 2.5 * stations * hands
        total += each * scan.span.length * sum(rates) / len(rates) * len(bands) * stations
    return float(f"{total / 1e12:.4g}")


def _output_bytes(plan: Plan, draft: Draft) -> int:
    """Size of the visibilities."""
    widths = {
        (one.low_edge_hz, one.bandwidth_hz) for stream in plan.streams(draft) for one in stream.channels
    }
    hands = {one.polarization for stream in plan.streams(draft) for one in stream.channels}
    products = len(hands) ** 2 if draft.setup.do_polar else len(hands)
    total = 0.0
    for scan in draft.piece.scans:
        pairs = len(scan.stations) * (len(scan.stations) + 1) // 2
        channels = (draft.resolution.channels(width) // draft.resolution.average for _, width in widths)
        record = sum(_RECORD_HEADER_BYTES + _BYTES_PER_VISIBILITY * count for count in channels)
        total += pairs * products * record * scan.span.length / draft.timing.t_int
    return int(total)
