# SPDX-License-Identifier: GPL-3.0-or-later
"""One simulated Mark5 unit: what its daemon makes of commands.

In: commands as mk5control sends them. Out: messages for the network, in the words and the order of ``mk5daemon``
(difxmessage.md 6.9). Nothing is random: the same commands give the same messages. A busy unit takes most commands
without a word, as the real one does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from functools import partial
from typing import Any

from difxnb.server import recorder_programs as programs
from difxnb.server.recorder_parts import Card, Surroundings, Voice
from difxnb.server.recorder_setup import BANKS, DISKS, RecorderSetup
from difxnb.wire.message import DaughterBoard, Info, Mark5Version, Severity, Smart
from difxnb.wire.recorders import OutputLine

_BOOT_STEPS = 5
_SMART_MJD = 60_000.0
_VERSION = Mark5Version(
    api_version="9.2",
    api_date="Aug 12 2010",
    firmware_version="14.05",
    firmware_date="May 10 2010",
    monitor_version="3.00",
    xbar_version="8.00",
    ata_version="8.27",
    uata_version="8.05",
    driver_version="9.22",
    board_type="AMAZON-EXT",
    serial_number=1482,
    daughter_board=DaughterBoard("A", "10GIGE", "CX4", "10GIGE", "1.50", 207, 1),
)


class Unit:
    """A Mark5 unit.

    Attributes
    ----------
    name : str
    card : Card
    voice : Voice
    believed : str
        The program that the daemon believes to be running; it need not be right.
    is_alive : bool
        Whether the daemon listens.
    process_id : int
        What its programs say of themselves.
    """

    def __init__(self, setup: RecorderSetup, around: Surroundings, process_id: int) -> None:
        self.name, self._is_faulty, self._step = setup.name, setup.is_faulty, around.step
        self.card = Card(setup, around)
        self.voice = Voice(setup.name, self.card)
        self.believed, self.is_alive, self.process_id = "", True, process_id
        self._seen = {bank: module.vsn for bank, module in self.card.ready().items()}
        self._tasks: set[asyncio.Task[None]] = set()
        self._acts = self._table()

    def command(self, text: str) -> None:
        """Do what a command says; what the daemon does not know it passes over."""
        if not self.is_alive:
            return
        word = text.strip().lower()
        if word in self._acts:
            self._acts[word]()
        elif word.startswith("copy ") and not set(";|<>") & set(word) and len(word.split()) == 4:
            _, vsn, scans, destination = text.split()
            self._begin("mk5cp", _silently(self.copy(vsn, scans, destination)))
        elif word.startswith("mount") and len(word) > len("mount"):
            self.voice.alert(f"{text.strip()[5:]} is mounted on /mnt/usb", Severity.INFO)
        elif word.startswith("resetmark5"):
            self._reset()

    def extract(self, which: str) -> AsyncGenerator[OutputLine, None]:
        """Run mk5dir for a VSN, a bank, or ``AB``."""
        return programs.make_directory(self.card, self.voice, which, self.process_id)

    def copy(self, name: str, scans: str, destination: str) -> AsyncGenerator[OutputLine, None]:
        """Run mk5cp."""
        return programs.copy_scans(self.card, self.voice, name, scans, destination, self.process_id)

    def _table(self) -> dict[str, Callable[[], None]]:
        conditioning = partial(self._condition, programs.CONDITION_STEPS)
        acts: dict[str, Callable[[], None]] = {
            "getvsn": self._answer_modules,
            "clear": self._clear,
            "getver": partial(self.voice.say, _VERSION, kind="Mark5StatusMessage"),  # as the library does
            "getsmart": self._answer_smart,
            "stopdir": partial(self.card.stop, "mk5dir"),
            "stopcopy": partial(self.card.stop, "mk5cp"),
            "stopcondition": partial(self.card.stop, "mk5erase"),
            "stopfusemk5": partial(self.card.stop, "fusemk5"),
            "erase": partial(self._condition, 0),
            "condition": conditioning,
            "conditionr": conditioning,
            "conditionw": conditioning,
            "umount": partial(self.voice.alert, "/mnt/usb is not mounted any more", Severity.INFO),
            "listfs": partial(self.voice.alert, "no file systems with labels", Severity.INFO),
            "reboot": self._reboot,
            "poweroff": self._poweroff,
            "stopmk5daemon": self._end_daemon,
        }
        for banks in ("", *BANKS):
            acts[f"getdir{banks.lower()}"] = partial(self._extract, banks or "AB")
            acts[f"discon{banks.lower()}"] = partial(self._power, banks or "AB", on=True)
            acts[f"discoff{banks.lower()}"] = partial(self._power, banks or "AB", on=False)
        return acts | {f"startfusemk5{bank.lower()}": partial(self._mount, bank) for bank in BANKS}

    # --- answers -------------------------------------------------------------------------------------

    def _answer_modules(self) -> None:
        if self.believed and self.card.holder is not None:
            return  # nothing is said while a program that the daemon started has the card
        self.believed = ""
        self._notice_changes()
        self.voice.report("Error" if self._is_faulty else "Idle")

    def _notice_changes(self) -> None:
        if self.card.holder is not None or self._is_faulty:
            return  # it cannot look
        now = {bank: module.vsn for bank, module in self.card.ready().items()}
        for bank in reversed(BANKS):
            before, after = self._seen.get(bank), now.get(bank)
            if before != after and before:
                self.voice.alert(f"Module {before} removed from bank {bank}", Severity.VERBOSE)
            if before != after and after:
                self.voice.alert(f"Module {after} inserted into bank {bank}", Severity.VERBOSE)
        self._seen = now

    def _clear(self) -> None:
        self.believed = ""
        self._answer_modules()

    def _answer_smart(self) -> None:
        for module in self.card.ready().values():
            values = tuple(module.setup.smart.items())
            for disk in range(DISKS):
                self.voice.say(Smart(mjd=_SMART_MJD, vsn=module.vsn, slot=disk, values=values))

    # --- deeds ---------------------------------------------------------------------------------------

    def _extract(self, banks: str) -> None:
        self._begin("mk5dir", _silently(self.extract(banks)))

    def _condition(self, steps: int) -> None:
        self._begin("mk5erase", programs.condition(self.card, self.voice, steps=steps))

    def _mount(self, bank: str) -> None:
        self._spawn(programs.mount(self.card, self.voice, bank))

    def _power(self, banks: str, *, on: bool) -> None:
        if self.believed or self.card.holder is not None:
            return
        for bank in banks:
            if (module := self.card.banks[bank]) is not None:
                module.is_powered = on

    def _reset(self) -> None:
        self.voice.report("Resetting")
        self.card.stop()
        self.voice.report("Idle")

    def _reboot(self) -> None:
        self.voice.report("Rebooting")
        self._end_daemon()
        self._spawn(self._boot())

    def _poweroff(self) -> None:
        self.voice.report("PowerOff")
        self._end_daemon()

    def _end_daemon(self) -> None:
        self.is_alive = False
        self.card.stop()

    async def _boot(self) -> None:
        await asyncio.sleep(_BOOT_STEPS * self._step)
        self.is_alive, self.believed = True, ""
        self.voice.say(Info(message="mk5daemon starting"))
        self._answer_modules()

    # --- life ----------------------------------------------------------------------------------------

    async def beat(self, interval: float) -> None:
        """Tell the state of the unit from time to time, for ever."""
        while True:
            await asyncio.sleep(interval)
            if self.is_alive:
                self._answer_modules()

    async def close(self) -> None:
        """End everything that runs."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Start a program, unless the daemon believes that another one runs."""
        if self.believed:
            work.close()
            return
        self.believed = name
        self._spawn(self._believing(work))

    async def _believing(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        finally:
            self.believed = ""

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _silently(lines: AsyncGenerator[OutputLine, None]) -> None:
    """Run a program whose output goes into the daemon's own log."""
    async with aclosing(lines):
        async for _ in lines:
            pass
