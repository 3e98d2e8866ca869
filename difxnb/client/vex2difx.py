# SPDX-License-Identifier: GPL-3.0-or-later
"""vex2difx and the delay model program, run by the server (guiserver.md 7.7).

The server says nothing on the side connection while they run, tells errors as notices only, and calls a run with any
line of error output one with errors. So what came of it is judged by the files, before and after. A directory that
does not exist would make the commands run elsewhere, a removal among them (H24): it is looked for first.
"""

from __future__ import annotations

from dataclasses import dataclass

from difxnb.client.conversation import cut_off
from difxnb.client.exchange import ByteStream
from difxnb.client.lasting import lasting
from difxnb.client.plain_values import plain_word, split_path
from difxnb.client.recorders import OnLine
from difxnb.client.remote_files import look_through, ls_entries
from difxnb.client.session import Session
from difxnb.client.transfer import get_file
from difxnb.errors import NoReply, NothingMade, RemoteFileExists, RemoteFileNotFound
from difxnb.wire.control import Command, encode
from difxnb.wire.files import Entry, LineListReader
from difxnb.wire.message import Vex2DifxRun, command_xml
from difxnb.wire.vex2difx import MadeFiles, RemarkKind, job_series, read_remark

_READ_SIZE = 2**16
_MAX_PROGRAM = 255
_JOB_SUFFIXES = (".input", ".calc", ".im")
_MOST_TOLD = 3


@dataclass(frozen=True, slots=True)
class Made:
    """What a run made, as it is on the server now.

    Attributes
    ----------
    inputs, models : tuple of Entry
        ``.input`` and ``.im`` files.
    replaced : frozenset of str
        Paths that were there before.
    untouched : tuple of str
        Files that the server took for new and that are as they were.
    missing : tuple of str
        Files that the server named and that are not there, or empty.
    """

    inputs: tuple[Entry, ...]
    models: tuple[Entry, ...]
    replaced: frozenset[str]
    untouched: tuple[str, ...]
    missing: tuple[str, ...]

    def model_of(self, input_file: str) -> str | None:
        """Path of the delay model of a job; None where none was made."""
        files = MadeFiles(models=tuple(entry.path for entry in self.models))
        return files.model_of(input_file)


async def make_jobs(
    session: Session, v2d: str, *, calc: str, overwrite: bool, timeout: float, on_line: OnLine
) -> Made:
    """Run vex2difx on a ``.v2d`` file, and the delay model program on what it makes.

    Raises
    ------
    UnsafeValue, ValueError
        A path or a program name that cannot be sent.
    RemoteFileNotFound
        The directory or the ``.v2d`` file does not exist.
    RemoteFileExists
        Jobs of this series are there, and `overwrite` is not said.
    NothingMade
        There is no new job afterwards; what was said meanwhile is in the text.
    NoReply, ConnectionLost
    """
    directory, name = split_path(v2d, "v2d file")
    if not name.endswith(".v2d") or len(name) < 5 or set(name) & set("*?"):
        raise ValueError(f"vex2difx reads a .v2d file, such as /data/exp/e.v2d; got {v2d!r}")
    plain_word(calc, "delay model program", _MAX_PROGRAM)
    what = f"make_jobs {v2d}"
    await _require_directory(session, directory, what)
    series = job_series((await get_file(session, v2d)).decode("utf-8", "replace"), name[:-4])
    before = await _job_files(session, directory)
    if not overwrite:
        _require_no_jobs(series, before, f"{what} ({session.peer})")
    said = session.notice_count
    run = Vex2DifxRun(pass_path=directory, file=name, calc_command=calc, calc_only=False)
    made = await _run(session, run, what, before, timeout, on_line)
    if not made.inputs:
        raise _nothing_made(session, f"{what}: no new job is in {directory} on {session.peer}", said)
    return made


async def make_models(
    session: Session, pattern: str, *, calc: str, overwrite: bool, timeout: float, on_line: OnLine
) -> Made:
    """Run the delay model program alone.

    Parameters
    ----------
    session : Session
        Over which the server is asked.
    pattern : str
        Jobs: the path of an ``.input`` file, or of several with ``*`` and ``?``; without extension as well.
    calc : str
        The program.
    overwrite : bool
        Let models that are there be removed first, as guiServer does.
    timeout : float
        Seconds for the whole.
    on_line : callable
        Called with each path that is done.

    Raises
    ------
    UnsafeValue, ValueError, RemoteFileNotFound, RemoteFileExists, NothingMade, NoReply, ConnectionLost
        As `make_jobs`; RemoteFileNotFound also where no ``.calc`` file matches.
    """
    directory, name = split_path(pattern, "pattern")
    stem = next((name.removesuffix(end) for end in _JOB_SUFFIXES if name.endswith(end)), name)
    if not stem:
        raise ValueError(f"a job has a name; got {pattern!r}")
    plain_word(calc, "delay model program", _MAX_PROGRAM)
    what = f"make_models {directory.rstrip('/')}/{stem}"
    await _require_directory(session, directory, what)
    # Without a match the shell would touch a file that is called like the pattern.
    await ls_entries(session, f"{directory.rstrip('/')}/{stem}.calc")
    models = await _matching(session, f"{directory.rstrip('/')}/{stem}.im")
    if models and not overwrite:
        named = ", ".join(entry.name for entry in models[:5])
        raise RemoteFileExists(f"{what}: {named} would be removed first; overwrite=True does that")
    before = await _job_files(session, directory)
    said = session.notice_count
    run = Vex2DifxRun(pass_path=directory, file=stem, calc_command=calc, calc_only=True)
    made = await _run(session, run, what, before, timeout, on_line)
    if not made.models:
        raise _nothing_made(session, f"{what}: no new model on {session.peer}", said)
    return made


def _nothing_made(session: Session, text: str, since: int) -> NothingMade:
    heard = session.notices_since(since)
    remarks = [read_remark(notice) for notice in heard]
    said = [one.text for one in remarks if one.kind in (RemarkKind.COMPLAINT, RemarkKind.MISSING)]
    # All is told on the error output, when it began as well; what is called an error comes first.
    told = [one for one in said if "error" in one.lower()] or said[-_MOST_TOLD:]
    more = f"; and {len(told) - _MOST_TOLD} more, in lines" if len(told) > _MOST_TOLD else ""
    why = f"; it said: {' / '.join(told[:_MOST_TOLD])}{more}" if told else session.said_since(since)
    return NothingMade(f"{text}{why}", [notice.text.strip() for notice in heard])


async def _require_directory(session: Session, directory: str, what: str) -> None:
    """H24: without it the commands run wherever the server was started."""
    found = await look_through(session, directory)
    if found is None or found.type != "directory":
        raise RemoteFileNotFound(f"{what}: there is no directory {directory} on {session.peer}")


async def _matching(session: Session, pattern: str) -> list[Entry]:
    try:
        return await ls_entries(session, pattern)
    except RemoteFileNotFound:
        return []


async def _job_files(session: Session, directory: str) -> dict[str, Entry]:
    entries = await ls_entries(session, directory)
    return {entry.path: entry for entry in entries if entry.name.endswith(_JOB_SUFFIXES)}


def _require_no_jobs(series: str, files: dict[str, Entry], what: str) -> None:
    names = sorted(entry.name for entry in files.values() if entry.name.endswith(".input"))
    ours = [name for name in names if name == f"{series}.input" or name.startswith(f"{series}_")]
    if ours:
        shown = ", ".join(ours[:5]) + (f" and {len(ours) - 5} more" if len(ours) > 5 else "")
        raise RemoteFileExists(f"{what}: {shown} may be replaced; overwrite=True allows that")


async def _run(
    session: Session,
    run: Vex2DifxRun,
    what: str,
    before: dict[str, Entry],
    timeout: float,
    on_line: OnLine,
) -> Made:
    def request(address: str, port: int) -> bytes:
        body = Vex2DifxRun(
            pass_path=run.pass_path,
            file=run.file,
            calc_command=run.calc_command,
            calc_only=run.calc_only,
            address=address,
            port=port,
        )
        return encode(Command(command_xml(body)))

    said = session.notice_count
    stream = await session.open_exchange(request, what)
    named: list[str] = []
    try:
        await lasting(session, _read(session, stream, what, named, on_line), what, timeout)
    except NoReply as error:
        raise NoReply(f"{error}{session.said_since(said)}") from error
    return _judge(named, before, await _job_files(session, run.pass_path or "/"))


async def _read(session: Session, stream: ByteStream, what: str, paths: list[str], on_line: OnLine) -> None:
    try:
        await _read_paths(stream, what, paths, on_line)
    finally:
        await stream.close()
        session.stay(session.patience.vex2difx_close)


async def _read_paths(stream: ByteStream, what: str, paths: list[str], on_line: OnLine) -> None:
    """Read paths, which come without line feeds, up to the end marker."""
    reader = LineListReader()
    while not reader.complete:
        data = await stream.read(_READ_SIZE)
        if not data:
            cut_off(reader, what)
        reader.receive_data(data)
        while (line := reader.next_line()) is not None:
            paths.append(line.decode("utf-8", "replace").rstrip("\n"))
            on_line(paths[-1])


def _judge(named: list[str], before: dict[str, Entry], after: dict[str, Entry]) -> Made:
    """Compare what the server named with what is there.

    Its clock counts whole seconds, so it also names what somebody else touched just before; a file that is the same to
    the microsecond was not made by this run. Where times have no such digits that cannot be told.
    """
    there = {path: after[path] for path in named if path in after and after[path].size > 0}
    untouched = [path for path, entry in there.items() if entry == before.get(path) and _is_precise(entry)]
    made = MadeFiles.of(path for path in there if path not in untouched)
    return Made(
        inputs=tuple(there[path] for path in made.inputs),
        models=tuple(there[path] for path in made.models),
        replaced=frozenset(path for path in there if path in before),
        untouched=tuple(untouched),
        missing=tuple(path for path in named if path not in there),
    )


def _is_precise(entry: Entry) -> bool:
    return entry.modified is not None and entry.modified.microsecond != 0
