# SPDX-License-Identifier: GPL-3.0-or-later
"""What a head node can be asked about recorders, file lists and the making of jobs: one verb each.

All of them have effects, or take long, so none is repeated by itself after a loss of the connection.
"""

from __future__ import annotations

from collections.abc import Sequence

from difxnb.client import file_list, recorders, vex2difx
from difxnb.client.file_list import FileList
from difxnb.client.link import Link
from difxnb.client.recorders import OnLine
from difxnb.client.vex2difx import Made
from difxnb.wire.recorders import CopyConversation, DirectoryConversation, Mk5ControlConversation


class RecorderRequests(Link):
    """The verbs of a head node that deal with recorders and with the making of jobs."""

    async def control_recorder(
        self, target: str, command: str, *, confirm: bool, timeout: float, on_line: OnLine
    ) -> Mk5ControlConversation:
        """Send an mk5control command; see `recorders.control`."""
        return await self.do(
            f"{command} on {target}",
            lambda session: recorders.control(
                session, target, command, confirm=confirm, timeout=timeout, on_line=on_line
            ),
        )

    async def module_directory(
        self, recorder: str, vsn: str, *, generate: bool, timeout: float, on_line: OnLine
    ) -> DirectoryConversation:
        """Read the directory of a module; see `recorders.read_directory`."""
        return await self.do(
            f"directory of {vsn} on {recorder}",
            lambda session: recorders.read_directory(
                session, recorder, vsn, generate=generate, timeout=timeout, on_line=on_line
            ),
            changes=generate,
        )

    async def copy_scans(
        self,
        recorder: str,
        vsn: str,
        scans: str,
        destination: str,
        *,
        overwrite: bool,
        timeout: float,
        on_line: OnLine,
    ) -> CopyConversation:
        """Copy scans off a module; see `recorders.copy_scans`."""
        return await self.do(
            f"copy of {vsn} scans {scans}",
            lambda session: recorders.copy_scans(
                session,
                recorder,
                vsn,
                scans,
                destination,
                overwrite=overwrite,
                timeout=timeout,
                on_line=on_line,
            ),
        )

    async def make_file_list(
        self,
        files: Sequence[str],
        destination: str,
        data_format: str,
        mjd: int,
        *,
        overwrite: bool,
        timeout: float,
        on_line: OnLine,
    ) -> FileList:
        """Have a list of recordings written; see `file_list.make_file_list`."""
        return await self.do(
            f"file list {destination}",
            lambda session: file_list.make_file_list(
                session,
                files,
                destination,
                data_format,
                mjd,
                overwrite=overwrite,
                timeout=timeout,
                on_line=on_line,
            ),
        )

    async def make_jobs(
        self, v2d: str, *, calc: str, overwrite: bool, timeout: float, on_line: OnLine
    ) -> Made:
        """Run vex2difx and the delay model program; see `vex2difx.make_jobs`."""
        return await self.do(
            f"make_jobs {v2d}",
            lambda session: vex2difx.make_jobs(
                session, v2d, calc=calc, overwrite=overwrite, timeout=timeout, on_line=on_line
            ),
        )

    async def make_models(
        self, pattern: str, *, calc: str, overwrite: bool, timeout: float, on_line: OnLine
    ) -> Made:
        """Run the delay model program alone; see `vex2difx.make_models`."""
        return await self.do(
            f"make_models {pattern}",
            lambda session: vex2difx.make_models(
                session, pattern, calc=calc, overwrite=overwrite, timeout=timeout, on_line=on_line
            ),
        )
