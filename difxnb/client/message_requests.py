# SPDX-License-Identifier: GPL-3.0-or-later
"""What a head node is asked about messages, versions and states of jobs: one line for each function."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from difxnb.client import job_status
from difxnb.client.job_status import StatusReport
from difxnb.client.link import Link
from difxnb.client.session import Session
from difxnb.wire.control import RelayCommand, encode
from difxnb.wire.status import JobStatusRecord


class MessageRequests(Link):
    """The requests that deal with messages, versions and states of jobs."""

    async def status_report(self, patterns: str | Iterable[str]) -> StatusReport:
        """Ask what the logs of jobs last said; see `job_status.status_report`."""
        wanted = [patterns] if isinstance(patterns, str) else list(patterns)
        what = f"job_status {' '.join(map(str, wanted[:3]))}"
        return await self.ask(what, lambda session: job_status.status_report(session, wanted))

    async def job_status(self, pattern: str) -> list[JobStatusRecord]:
        """Records of `status_report` alone."""
        return list((await self.status_report(pattern)).records)

    async def use_setup_path(self, prefix: str) -> None:
        """Have every DiFX program run with a prefix (packet 13), also after reconnects; empty for none.

        Raises
        ------
        UnsafeValue
            The server's shell would act on it.
        NoReply, ConnectionLost
        """
        await self.apply(replace(self.settings, setup_path=prefix))

    async def select_messages(self, lines: tuple[str, ...]) -> None:
        """Have only some messages relayed (packet 17), also after reconnects; see `difxnb.wire.selection`.

        Raises
        ------
        NoReply, ConnectionLost
        """
        await self.apply(replace(self.settings, selection=lines))

    async def send_document(self, document: bytes) -> None:
        """Have a document sent to the multicast group, byte for byte (packet 2); nobody confirms it.

        Raises
        ------
        NoReply, ConnectionLost
        """
        await self.do("sending a message", lambda session: _send_document(session, document))


async def _send_document(session: Session, document: bytes) -> None:
    await session.send(encode(RelayCommand(document)))
    await session.fence()
