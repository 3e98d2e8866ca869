# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands of a recorder that are not answered: one verb for each that its daemon knows (difxmessage.md 6.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from difxnb.errors import UnsafeValue
from difxnb.wire.files import require_plain

if TYPE_CHECKING:
    import pandas as pd

BANKS = ("A", "B")


class _Sends(Protocol):
    async def send(self, command: str, *, confirm: bool = False, timeout: float = 60.0) -> pd.DataFrame: ...


class RecorderCommands:
    """The verbs of a `Recorder` that only tell it something.

    What comes of it shows in messages of the recorder. A busy recorder takes most of them for nothing. Errors are those
    of `Recorder.send`; those that destroy raise NotConfirmed without ``confirm=True``.
    """

    async def extract_directory(self: _Sends, bank: str | None = None) -> None:
        """Make the directory of the module in a bank (both by default) anew; `directory` reads it then."""
        await self.send(f"getdir{_bank(bank)}")

    async def stop_directory(self: _Sends) -> None:
        """End the making of a directory."""
        await self.send("stopdir")

    async def stop_copy(self: _Sends) -> None:
        """End a copy."""
        await self.send("stopcopy")

    async def erase(self: _Sends, *, confirm: bool = False) -> None:
        """Erase the module in the active bank."""
        await self.send("erase", confirm=confirm)

    async def condition(self: _Sends, *, confirm: bool = False) -> None:
        """Condition the module in the active bank, which erases it and takes hours."""
        await self.send("condition", confirm=confirm)

    async def stop_condition(self: _Sends) -> None:
        """End erasing or conditioning; the module is left in a state of error."""
        await self.send("stopcondition")

    async def bank_on(self: _Sends, bank: str | None = None) -> None:
        """Switch a bank on; both by default."""
        await self.send(f"discon{_bank(bank)}")

    async def bank_off(self: _Sends, bank: str | None = None, *, confirm: bool = False) -> None:
        """Switch a bank off; both by default."""
        await self.send(f"discoff{_bank(bank)}", confirm=confirm)

    async def mount_module(self: _Sends, bank: str) -> None:
        """Mount the module in a bank, A or B, as files."""
        if bank not in BANKS:
            raise ValueError(f"a bank is A or B; got {bank!r}")
        await self.send(f"startfusemk5{bank}")

    async def unmount_module(self: _Sends) -> None:
        """End such a mount."""
        await self.send("stopfusemk5")

    async def mount_disk(self: _Sends, disk: str) -> None:
        """Mount a disk by its device letters, such as ``b1``, or by its label; alerts tell what came of it."""
        await self.send(f"mount{require_plain(disk, 'disk')}")

    async def unmount_disk(self: _Sends) -> None:
        """End such a mount."""
        await self.send("umount")

    async def reset(self: _Sends, *, confirm: bool = False) -> None:
        """Reset the recorder's card, which ends whatever uses it."""
        await self.send("resetmark5", confirm=confirm)

    async def reboot(self: _Sends, *, confirm: bool = False) -> None:
        """Restart the host."""
        await self.send("reboot", confirm=confirm)

    async def poweroff(self: _Sends, *, confirm: bool = False) -> None:
        """Switch the host off."""
        await self.send("poweroff", confirm=confirm)

    async def stop_daemon(self: _Sends, *, confirm: bool = False) -> None:
        """End the daemon; the recorder hears nothing any more, this included."""
        await self.send("stopmk5daemon", confirm=confirm)

    async def kill_correlator(self: _Sends, *, confirm: bool = False) -> None:
        """Kill every correlator process on the host, of whatever job."""
        await self.send("killmpifxcorr", confirm=confirm)

    async def slot_files(self: _Sends, slot: int) -> None:
        """Have a Mark6 list the files of the module in a slot, 1 to 4."""
        await self.send(f"getfilelist_{_slot(slot, 4)}")

    async def initialize_slot(self: _Sends, slot: int, msn: str, *, confirm: bool = False) -> None:
        """Initialize, and so erase, the module of a Mark6 in a slot, 1 to 6."""
        if len(msn) != 8:
            raise UnsafeValue(f"a module's serial number has eight characters, such as BHC%0101; got {msn!r}")
        await self.send(f"modinit_{_slot(slot, 6)}_{msn}", confirm=confirm)


def _bank(bank: str | None) -> str:
    if bank is not None and bank not in BANKS:
        raise ValueError(f"a bank is A or B, or None for both; got {bank!r}")
    return bank or ""


def _slot(slot: int, most: int) -> int:
    if slot not in range(1, most + 1):
        raise ValueError(f"a slot is a number from 1 to {most}; got {slot!r}")
    return slot
