# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands of a recorder that are not answered: the verbs of :mod:`difxnb.aio.recorder_commands`, blocking."""

from __future__ import annotations

from difxnb import aio
from difxnb.client.blocking import LoopThread


class RecorderCommands:
    """The verbs of a `Recorder` that only tell it something; what comes of it shows in its messages.

    Those that destroy raise NotConfirmed without ``confirm=True``.
    """

    _inner: aio.Recorder
    _loop: LoopThread

    def extract_directory(self, bank: str | None = None) -> None:
        """Make the directory of the module in a bank (both by default) anew; `directory` reads it then."""
        self._loop.call(self._inner.extract_directory(bank))

    def stop_directory(self) -> None:
        """End the making of a directory."""
        self._loop.call(self._inner.stop_directory())

    def stop_copy(self) -> None:
        """End a copy."""
        self._loop.call(self._inner.stop_copy())

    def erase(self, *, confirm: bool = False) -> None:
        """Erase the module in the active bank."""
        self._loop.call(self._inner.erase(confirm=confirm))

    def condition(self, *, confirm: bool = False) -> None:
        """Condition the module in the active bank, which erases it and takes hours."""
        self._loop.call(self._inner.condition(confirm=confirm))

    def stop_condition(self) -> None:
        """End erasing or conditioning; the module is left in a state of error."""
        self._loop.call(self._inner.stop_condition())

    def bank_on(self, bank: str | None = None) -> None:
        """Switch a bank on; both by default."""
        self._loop.call(self._inner.bank_on(bank))

    def bank_off(self, bank: str | None = None, *, confirm: bool = False) -> None:
        """Switch a bank off; both by default."""
        self._loop.call(self._inner.bank_off(bank, confirm=confirm))

    def mount_module(self, bank: str) -> None:
        """Mount the module in a bank, A or B, as files."""
        self._loop.call(self._inner.mount_module(bank))

    def unmount_module(self) -> None:
        """End such a mount."""
        self._loop.call(self._inner.unmount_module())

    def mount_disk(self, disk: str) -> None:
        """Mount a disk by its device letters, such as ``b1``, or by its label; alerts tell what came of it."""
        self._loop.call(self._inner.mount_disk(disk))

    def unmount_disk(self) -> None:
        """End such a mount."""
        self._loop.call(self._inner.unmount_disk())

    def reset(self, *, confirm: bool = False) -> None:
        """Reset the recorder's card, which ends whatever uses it."""
        self._loop.call(self._inner.reset(confirm=confirm))

    def reboot(self, *, confirm: bool = False) -> None:
        """Restart the host."""
        self._loop.call(self._inner.reboot(confirm=confirm))

    def poweroff(self, *, confirm: bool = False) -> None:
        """Switch the host off."""
        self._loop.call(self._inner.poweroff(confirm=confirm))

    def stop_daemon(self, *, confirm: bool = False) -> None:
        """End the daemon; the recorder hears nothing any more, this included."""
        self._loop.call(self._inner.stop_daemon(confirm=confirm))

    def kill_correlator(self, *, confirm: bool = False) -> None:
        """Kill every correlator process on the host, of whatever job."""
        self._loop.call(self._inner.kill_correlator(confirm=confirm))

    def slot_files(self, slot: int) -> None:
        """Have a Mark6 list the files of the module in a slot, 1 to 4."""
        self._loop.call(self._inner.slot_files(slot))

    def initialize_slot(self, slot: int, msn: str, *, confirm: bool = False) -> None:
        """Initialize, and so erase, the module of a Mark6 in a slot, 1 to 6."""
        self._loop.call(self._inner.initialize_slot(slot, msn, confirm=confirm))
