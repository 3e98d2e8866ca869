# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server does besides correlating: recorders, lists of recordings, jobs made by vex2difx.

In: a request and its side connection. Out: the right operation, with what it needs of the server (guiserver.md 7.7 to
7.11).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from difxnb.server.confinement import Confinement
from difxnb.server.file_list import Listing
from difxnb.server.programs import Programs
from difxnb.server.recorder_bank import RecorderBank
from difxnb.server.recorders import Talk, Tell, control_recorders, copy_scans, read_directory
from difxnb.server.side import SideConnection
from difxnb.server.vex2difx import Making
from difxnb.wire.control import FileListRequest
from difxnb.wire.message import GetDirectory, Mark5Copy, Mk5Control, Vex2DifxRun

WorkshopRequest = FileListRequest | GetDirectory | Mark5Copy | Mk5Control | Vex2DifxRun


@dataclass(frozen=True)
class Workshop:
    """What all clients of a server share for these operations.

    Attributes
    ----------
    root : Confinement
    programs : Programs
        Those that may be run.
    recorders : RecorderBank or None
        Those that are simulated.
    publish : callable
        Takes a document for the network.
    alone : bool
        Whether nobody but the simulated recorders can hear.
    by_output : bool
        Whether programs are judged by their error output, as the real server does.
    """

    root: Confinement
    programs: Programs
    recorders: RecorderBank | None
    publish: Callable[[bytes], None]
    alone: bool = True
    by_output: bool = False

    async def serve(self, request: WorkshopRequest, side: SideConnection, tell: Tell, prefix: str) -> None:
        """Carry a request out.

        Parameters
        ----------
        request : one of WorkshopRequest
            What the client asked for.
        side : SideConnection
            Open; it is closed elsewhere.
        tell : callable
            Sends a packet on the main connection.
        prefix : str
            The client's setup path, which the real server pastes before each command. It is only shown here.
        """
        talk = Talk(side, tell)
        match request:
            case Mk5Control():
                await control_recorders(self.recorders, self.publish, request, talk, alone=self.alone)
            case GetDirectory():
                await read_directory(self.root, self.recorders, request, talk, prefix)
            case Mark5Copy():
                await copy_scans(self.recorders, request, talk, prefix)
            case FileListRequest():
                await Listing(self.root, self.programs, side, tell).run(request)
            case Vex2DifxRun():
                making = Making(self.root, self.programs, side, tell, prefix, self.by_output)
                await making.run(request)
