# SPDX-License-Identifier: GPL-3.0-or-later
"""What a simulated recorder is made of: modules as they are now, the card that one program holds, a voice.

In: frozen setups. Out: state that programs change, and messages in the words of the real ones (difxmessage.md 6.5).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from difxnb.formats.module_directory import ModuleDirectory, ModuleScan
from difxnb.server.confinement import Confinement
from difxnb.server.files import replacing, write_all
from difxnb.server.recorder_setup import BANKS, ModuleSetup, RecorderSetup
from difxnb.wire.message import Alert, Body, Header, Mark5Status, Message, Severity, to_xml

DAEMON = "mk5daemon"


@dataclass
class Module:
    """A module as it is now."""

    setup: ModuleSetup
    scans: tuple[ModuleScan, ...]
    signature: int = 1
    is_powered: bool = True

    @classmethod
    def of(cls, setup: ModuleSetup | None) -> Module | None:
        """Put a module in, fresh."""
        return None if setup is None else cls(setup, setup.scans)

    @property
    def vsn(self) -> str:
        """Serial number."""
        return self.setup.vsn

    def directory(self, bank: str) -> ModuleDirectory:
        """What ``mk5dir`` reads off it."""
        return ModuleDirectory(self.vsn, bank, self.scans, self.signature)


@dataclass(frozen=True)
class Surroundings:
    """What a recorder finds around it.

    Attributes
    ----------
    root : Confinement
        Where files may be read and written.
    directories : str
        Where directory files go (``MARK5_DIR_PATH``).
    publish : callable
        Takes a document for the network.
    step : float
        Seconds between two reports of something that lasts.
    """

    root: Confinement
    directories: str
    publish: Callable[[bytes], None]
    step: float

    def save_directory(self, bank: str, module: Module) -> str:
        """Write the directory file of a module, whole or not at all; gives its path. OSError where it cannot be."""
        path = f"{self.directories}/{module.vsn}.dir"
        with self.root.directory(self.directories, create=True):
            pass
        with replacing(self.root, path) as descriptor:
            write_all(descriptor, module.directory(bank).text().encode())
        return path


class Interrupted(Exception):
    """A program was stopped."""


@dataclass
class Program:
    """A program that holds the card."""

    name: str
    stopped: asyncio.Event = field(default_factory=asyncio.Event)


class Card:
    """The card of a recorder, which one program at a time may hold, and the banks of modules behind it.

    Attributes
    ----------
    banks : dict of str to Module or None
    holder : Program or None
    around : Surroundings
    """

    def __init__(self, setup: RecorderSetup, around: Surroundings) -> None:
        self.banks = {"A": Module.of(setup.bank_a), "B": Module.of(setup.bank_b)}
        self.holder: Program | None = None
        self.around = around
        self._is_faulty = setup.is_faulty

    def ready(self) -> dict[str, Module]:
        """Modules that can be read, by bank."""
        if self._is_faulty:
            return {}
        return {bank: m for bank, m in self.banks.items() if m is not None and m.is_powered}

    def find(self, name: str) -> tuple[str, Module] | None:
        """Bank and module, by serial number, by bank, or as ``Active``."""
        ready = self.ready()
        if name.upper() in BANKS:
            return (name.upper(), ready[name.upper()]) if name.upper() in ready else None
        if name == "Active":
            return next(iter(ready.items()), None)
        return next(((bank, module) for bank, module in ready.items() if module.vsn == name), None)

    @contextlib.contextmanager
    def held(self, name: str) -> Iterator[Program]:
        """Hold the card for a program."""
        program = self.holder = Program(name)
        try:
            yield program
        finally:
            self.holder = None

    def stop(self, name: str | None = None) -> None:
        """Interrupt what holds the card, or only a program of that name."""
        if self.holder is not None and name in (None, self.holder.name):
            self.holder.stopped.set()

    async def pause(self, program: Program) -> None:
        """Let a step of a program pass.

        Raises
        ------
        Interrupted
            It was stopped.
        """
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(program.stopped.wait(), self.around.step)
        if program.stopped.is_set():
            raise Interrupted(program.name)


class Voice:
    """Tells the network what a recorder and the programs on it have to say."""

    def __init__(self, source: str, card: Card) -> None:
        self._source, self._card = source, card
        self._sequence: dict[str, int] = {}

    def say(self, body: Body, sender: str = DAEMON, *, kind: str = "") -> None:
        """Send a message; `kind` replaces the type in its header."""
        number = self._sequence[sender] = self._sequence.get(sender, -1) + 1
        header = Header(source=self._source, mpi_id=-1, identifier=sender, type=kind)
        self._card.around.publish(to_xml(Message(header=header, body=body, sequence=number, size=0)))

    def alert(self, text: str, severity: Severity, sender: str = DAEMON) -> None:
        """Say something in words."""
        self.say(Alert(text=text, severity=severity), sender)

    def report(
        self,
        state: str,
        sender: str = DAEMON,
        *,
        bank: str = " ",
        scan: int = 0,
        name: str = "",
        position: int = 0,
        rate: float = 0.0,
        used: str = "",
    ) -> None:
        """Say in which state the recorder is; `used` is a bank whose module cannot be told while it is mounted."""
        ready = self._card.ready()
        vsns = {bank: "  IN USE" if bank == used else module.vsn for bank, module in ready.items()}
        status = Mark5Status(
            bank_a_vsn=vsns.get("A"),
            bank_b_vsn=vsns.get("B"),
            status_word=0,
            active_bank=bank,
            state=state,
            scan_number=scan,
            scan_name=name,
            position=position,
            play_rate=rate,
            data_mjd=0.0,
        )
        self.say(status, sender)
