# SPDX-License-Identifier: GPL-3.0-or-later
"""Stop jobs: by a message that the correlator obeys itself, or by having guiServer kill its processes.

guiServer confirms a stop only to the connection that started the job; for all others it kills and says nothing, so
the caller has to look for signs of life. Mirrors guiserver.md 7.5 and difxmessage.md 6.12.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from difxnb.client.patience import within
from difxnb.client.placement import base_name
from difxnb.client.session import Session
from difxnb.client.start_options import StartOptions, require_command
from difxnb.errors import ConnectionLost, JobNotStopped, NoReply
from difxnb.wire.control import Command, RelayCommand, encode
from difxnb.wire.message import Header, Message, Stop, command_xml, to_xml

if TYPE_CHECKING:
    from difxnb.client.job_control import StartedJob

IDENTIFIER_LENGTH = 31
_MANAGER_RANK = 0


def stop_command(input_file: str, options: StartOptions) -> bytes:
    """Packet that has guiServer kill the processes of a job; it looks for the program that was started."""
    stop = Stop(input=input_file, mpi_wrapper=options.mpi_wrapper, difx_program=options.difx_program)
    return encode(Command(command_xml(stop)))


async def stop_job(
    session: Session, input_file: str, started: StartedJob | None, *, options: StartOptions
) -> str:
    """Have the processes of a job killed; return when that is confirmed, where it was started over this session.

    For other jobs the server kills and says nothing; what their messages and output tell has to be watched by the
    caller.

    Returns
    -------
    str
        What the server said meanwhile: which processes it killed.

    Raises
    ------
    JobNotStopped
        The job's end did not come in time.
    UnsafeValue, NoReply, ConnectionLost
    """
    base_name(input_file)
    require_command(options.mpi_wrapper, "mpi_wrapper")
    require_command(options.difx_program, "difx_program")
    if not session.description.knows_its_user:
        raise JobNotStopped(
            f"stop of {input_file}: guiServer at {session.peer} does not know its own user and would die of it; set "
            "DIFX_USER_ID where it is started"
        )
    before = session.notice_count
    ours = started if started is not None and started.is_of(session) else None
    try:
        async with session.blocking_the_server():
            await session.send(stop_command(input_file, options))
            await session.fence()
    except ConnectionLost:
        # A real server that dies of the end of the job has said how it ended before that (H1).
        if ours is None or not await _has_ended(ours):
            raise
    if ours is not None:
        await _wait_for_end(session, input_file, ours, before)
    return session.said_since(before)


async def _has_ended(started: StartedJob) -> bool:
    """Whether the end of a conversation, whose connection is lost, came before that."""
    await started.wait_ended()
    return started.failure is None


async def _wait_for_end(session: Session, input_file: str, started: StartedJob, before: int) -> None:
    silence = f"stop of {input_file}: no sign that it has ended"
    try:
        async with within(session.patience.stop, silence):
            await started.wait()
    except NoReply as error:
        said = session.said_since(before)
        raise JobNotStopped(f"{error}{said}; look at the processes on the head node") from error


async def ask_to_stop(session: Session, input_file: str) -> None:
    """Ask a job by a message to end itself, whoever started it; it closes its output before it goes.

    Every job of that name on the network feels addressed: names must be told apart by the caller. Nothing is
    confirmed.

    Raises
    ------
    ValueError
        The name is longer than messages carry, and the wrong job might feel addressed.
    NoReply, ConnectionLost
    """
    name = base_name(input_file).rpartition("/")[2]
    if len(name) > IDENTIFIER_LENGTH:
        raise ValueError(
            f"messages cut {name} to {IDENTIFIER_LENGTH} characters; it cannot be addressed by one"
        )
    header = Header(source="difxnb", mpi_id=_MANAGER_RANK, identifier=name, type="DifxStop")
    document = to_xml(Message(header=header, body=Stop(input=input_file), sequence=0, size=0))
    await session.send(encode(RelayCommand(document)))
    await session.fence()
