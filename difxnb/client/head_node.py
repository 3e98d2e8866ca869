# SPDX-License-Identifier: GPL-3.0-or-later
"""The head node of a correlator, where guiServer runs: all verbs with typed values, awaitable.

Values that would reach the server's shell are checked, results that the server does not confirm are looked
for. How the connection lives is in :mod:`difxnb.client.link`.
"""

from __future__ import annotations

from difxnb.client import monitor_feed
from difxnb.client.file_requests import FileRequests
from difxnb.client.job_requests import JobRequests
from difxnb.client.message_requests import MessageRequests
from difxnb.client.monitor_feed import MonitorFeed
from difxnb.client.recorder_requests import RecorderRequests


class AsyncHeadNode(FileRequests, JobRequests, MessageRequests, RecorderRequests):
    """A guiServer, and everything that it can be asked for; parameters as those of `Link`."""

    async def fence(self) -> None:
        """Wait until the server has been through with everything that was sent before.

        Raises
        ------
        NoReply, ConnectionLost
        """
        await self.ask("fence", lambda session: session.fence())

    async def open_monitor(self, input_file: str) -> MonitorFeed:
        """Open the live monitor; see `monitor_feed.open_monitor`."""
        return await self.do(
            f"monitor of {input_file}",
            lambda session: monitor_feed.open_monitor(session, input_file),
            changes=False,
        )
