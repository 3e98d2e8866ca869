# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated recorders of a server: made of a frozen setup, they hear commands on the network and answer there.

A command reaches them as it reaches real ones: as a message to everybody, from guiServer's mk5control (guiserver.md
7.9) or from any client (packets 2 and 3).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable

from difxnb.server.confinement import Confinement
from difxnb.server.recorder_parts import Surroundings
from difxnb.server.recorder_setup import RecorderSetup
from difxnb.server.recorder_unit import Unit
from difxnb.server.relay import Document
from difxnb.wire.message import Command, Header, Message, Unparsed
from difxnb.wire.recorder_commands import addressees

_FIRST_PROCESS = 4001


class RecorderBank:
    """Recorders that exist only here.

    Parameters
    ----------
    recorders : iterable of RecorderSetup
        Which there are.
    directories : str
        Directory for the directory files of modules, below the server's root.
    step : float
        Seconds between two reports of something that lasts.
    heartbeat : float, optional
        Seconds between two reports of an idle recorder, 10 with real ones; without it they speak when asked.

    Raises
    ------
    ValueError
        Two recorders of one name, or times that are not positive.

    Attributes
    ----------
    units : dict of str to Unit
        The recorders as they are now, by their names in lower case; empty before `start`.
    path : str
        Absolute path of the directory files, once started.
    """

    def __init__(
        self,
        recorders: Iterable[RecorderSetup],
        *,
        directories: str = "mark5dir",
        step: float = 0.2,
        heartbeat: float | None = None,
    ) -> None:
        self.setups = tuple(recorders)
        names = [setup.name.lower() for setup in self.setups]
        if len(set(names)) < len(names):
            raise ValueError(f"recorders have different names; got {', '.join(names)}")
        if not step > 0 or (heartbeat is not None and not heartbeat > 0):
            raise ValueError(f"recorders report after positive times; got {step!r} and {heartbeat!r}")
        self.path, self._directories = "", directories
        self._step, self._heartbeat = step, heartbeat
        self.units: dict[str, Unit] = {}
        self._beats: list[asyncio.Task[None]] = []

    def start(self, root: Confinement, publish: Callable[[bytes], None]) -> None:
        """Switch the recorders on; OSError where directory files cannot be written.

        Parameters
        ----------
        root : Confinement
            Where files may be read and written.
        publish : callable
            Takes each document for the network.
        """
        self.path = f"{root.root}/{self._directories.strip('/')}"
        around = Surroundings(root, self.path, publish, self._step)
        for number, setup in enumerate(self.setups):
            self.units[setup.name.lower()] = Unit(setup, around, _FIRST_PROCESS + number)
        self._write_directories(root, around)

    def beat(self) -> None:
        """Begin to report from time to time, where that is wanted."""
        if self._heartbeat is not None:
            loop = asyncio.get_running_loop()
            self._beats = [loop.create_task(unit.beat(self._heartbeat)) for unit in self.units.values()]

    def find(self, name: str) -> Unit | None:
        """A recorder by its host name, with or without domain."""
        return self.units.get(name.lower()) or self.units.get(name.partition(".")[0].lower())

    def hear(self, document: Document) -> None:
        """Take a document from the network: it may be a command for one of the recorders."""
        message = document.message
        if isinstance(message, Unparsed) or not isinstance(message.body, Command):
            return
        loop = asyncio.get_running_loop()
        for unit in self.addressed(message.header.to):
            # Later, so that everybody else hears the command before what it leads to.
            loop.call_soon(unit.command, message.body.command or "")

    def addressed(self, to: Iterable[str]) -> list[Unit]:
        """The recorders that a list of addressees means."""
        names = {name.lower() for name in to}
        everybody = bool(names & {"all", "mark5"})
        return [unit for name, unit in self.units.items() if everybody or name in names]

    async def close(self) -> None:
        """Switch the recorders off; nothing is left running."""
        for beat in self._beats:
            beat.cancel()
        await asyncio.gather(*self._beats, return_exceptions=True)
        for unit in self.units.values():
            await unit.close()

    def _write_directories(self, root: Confinement, around: Surroundings) -> None:
        for unit in self.units.values():
            for bank, module in unit.card.banks.items():
                path = f"{self.path}/{module.vsn}.dir" if module is not None else ""
                if module is not None and module.setup.has_directory_file and not root.exists(path):
                    around.save_directory(bank, module)


def control_message(command: str, target: str) -> Message:
    """The message that mk5control makes of a command for a name, which it may write out into several.

    Raises
    ------
    ValueError
        A range of units that mk5control does not take.
    """
    header = Header(
        source=socket.gethostname()[:63], to=addressees(target), mpi_id=-1, identifier="mk5control"
    )
    return Message(header=header, body=Command(command=command), sequence=0, size=0)
