# SPDX-License-Identifier: GPL-3.0-or-later
"""A recorder as its reports tell it: modules in its banks or slots, what it does, when it was last heard.

In go reports, each at its time; what is repeated in the name of a recorder that may be down changes nothing, nor do
reports that say of modules only that they do not know them (``difxmessage.md`` 6.5 to 6.8, 14.8).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

from difxnb.tables.recorder_reports import IN_USE, Activity, is_job, read_mark5, read_mark6
from difxnb.wire.message import (
    Header,
    Mark5Status,
    Mark5Version,
    Mark6Activity,
    Mark6SlotStatus,
    Mark6Status,
    Message,
)

_Value = TypeVar("_Value")

Report = Mark5Status | Mark5Version | Mark6Status | Mark6SlotStatus | Mark6Activity
REPORTS = (Mark5Status, Mark5Version, Mark6Status, Mark6SlotStatus, Mark6Activity)

INACTIVE_SECONDS = 30.0
"""A recorder reports every ten seconds; after so long without one it counts as inactive."""

_MOST_SLOTS = 16
_DAEMON = "mk5daemon"


@dataclass(frozen=True, slots=True)
class Module:
    """What is in a bank or a slot; `heard` in unix seconds."""

    vsn: str | None
    heard: float
    group: str | None = None
    disks: int | None = None
    missing_disks: int | None = None


@dataclass(slots=True)
class Unit:
    """One recorder; times are unix seconds."""

    name: str
    kind: str
    last_heard: float
    state_heard: float = 0.0
    activity: Activity = field(default_factory=lambda: Activity(None, ""))
    modules: dict[str, Module] = field(default_factory=dict)
    active_bank: str | None = None
    versions: Mark5Version | None = None
    repeats: int = 0
    heard: dict[tuple[str, int | None], tuple[object, ...]] = field(default_factory=dict)

    def follow(self, item: Message, body: Report, time: float) -> bool:
        """Take in a report; whether it was new."""
        if self._is_repeated(item, body):
            self.repeats += 1
            return False
        self.last_heard = time
        if isinstance(body, Mark5Version):
            self.versions = body
        elif isinstance(body, Mark5Status):
            self._follow_mark5(body, item.header, time)
        elif isinstance(body, Mark6Activity):
            self.activity, self.state_heard = read_mark6(body, item.header), time
        elif isinstance(body, Mark6SlotStatus):
            self._follow_slot(body, item.header, time)
        else:
            self._follow_mark6(body, item.header, time)
        return True

    def _is_repeated(self, item: Message, body: Report) -> bool:
        """Whether a proxy tells the last report of a kind again, byte for byte."""
        key = (type(body).__name__, body.slot if isinstance(body, Mark6SlotStatus) else None)
        told = (item.header.identifier, item.header.mpi_id, item.sequence, body)
        before = self.heard.get(key)
        if key in self.heard or len(self.heard) < _MOST_SLOTS + len(REPORTS):
            self.heard[key] = told
        return item.sequence is not None and item.sequence > 0 and told == before

    def _follow_mark5(self, body: Mark5Status, header: Header, time: float) -> None:
        self.kind = "Mark5"
        self.activity, self.state_heard = read_mark5(body, header), time
        banks = {"A": body.bank_a_vsn, "B": body.bank_b_vsn}
        # Of a unit that it is only opening mpifxcorr does not know the modules.
        if not is_job(header) or any(banks.values()):
            for bank, vsn in banks.items():
                if vsn != IN_USE:
                    self.modules[bank] = Module(vsn, time)
        in_use = [bank for bank, vsn in banks.items() if vsn == IN_USE]
        self.active_bank = next(iter(in_use), body.active_bank or self.active_bank)

    def _follow_mark6(self, body: Mark6Status, header: Header, time: float) -> None:
        self.kind = "Mark6"
        if header.identifier != _DAEMON:
            self.activity = Activity(body.state, header.identifier, scan=body.scan_name or None)
            self.state_heard = time
        if header.identifier == _DAEMON or any(body.msn):
            for slot, vsn in enumerate(body.msn):
                parts = (_at(body.group, slot), _at(body.disks, slot), _at(body.missing_disks, slot))
                self._put(str(slot + 1), Module(vsn, time, *parts))

    def _follow_slot(self, body: Mark6SlotStatus, header: Header, time: float) -> None:
        self.kind = "Mark6"
        if body.slot is not None:
            module = Module(body.msn, time, body.group, body.num_disks, body.num_missing_disks)
            self._put(str(body.slot), module)
        # It says "idle" whatever the unit does.
        if time - self.state_heard > INACTIVE_SECONDS:
            self.activity = Activity(body.state, header.identifier)

    def _put(self, slot: str, module: Module) -> None:
        if slot in self.modules or len(self.modules) < _MOST_SLOTS:
            self.modules[slot] = module

    def vsn(self, bank: str) -> str | None:
        """Serial of the module in a bank."""
        module = self.modules.get(bank)
        return None if module is None else module.vsn

    @property
    def active_vsn(self) -> str | None:
        """Serial of the module that is played, recorded or conditioned."""
        return self.activity.vsn or (None if self.active_bank is None else self.vsn(self.active_bank))

    @property
    def missing_disks(self) -> int | None:
        """Disks that are missing in all modules; None where nobody says."""
        known = [module.missing_disks for module in self.modules.values() if module.missing_disks is not None]
        return sum(max(0, number) for number in known) if known else None

    @property
    def content(self) -> str | None:
        """The modules in one line; the active bank has a star."""
        parts = [
            f"{bank}{'*' if bank == self.active_bank else ''} {module.vsn}"
            for bank, module in sorted(self.modules.items())
            if module.vsn is not None
        ]
        return ", ".join(parts) or None


def _at(values: tuple[_Value | None, ...], place: int) -> _Value | None:
    return values[place] if place < len(values) else None
