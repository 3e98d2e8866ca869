# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs on a simulated recorder: ``mk5dir``, ``mk5cp``, ``mk5erase`` and the mount of a module.

Each holds the card while it runs, tells the network how far it is, and gives the lines that the real one prints, most
of them on the error output. In: a card and a voice. Out: lines of output, directory files, copied scans.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import re
from collections.abc import AsyncGenerator, Iterator

from difxnb.formats.module_directory import ModuleScan
from difxnb.server.files import error_text, replacing, write_all
from difxnb.server.recorder_parts import Card, Interrupted, Module, Program, Voice
from difxnb.server.recorder_setup import DISKS
from difxnb.wire.message import DriveStats, Severity
from difxnb.wire.recorders import OutputLine

FILL = bytes.fromhex("44332211")
"""What stands where there are no data."""

CONDITION_STEPS = 10
MODULE_BYTES = 8 * 10**12

_PIECE = 2**20
_STATS_MJD = 60_000.0
_MOST_SCANS = 1_000_000
_MOST_FILL = 2**30  # a simulated scan may claim to be as long as a real one


def _error(text: str) -> OutputLine:
    return OutputLine(text, is_error=True)


def _locked(process_id: int) -> OutputLine:
    return _error(f"Another process (pid={process_id}) has a lock on this Mark5 unit")


# --- mk5dir ----------------------------------------------------------------------------------------------


async def make_directory(
    card: Card, voice: Voice, which: str, process_id: int
) -> AsyncGenerator[OutputLine, None]:
    """Read the directory of a module, or of both (``AB``), and write its file."""
    if card.holder is not None:
        yield _locked(process_id)
        return
    with card.held("mk5dir") as program:
        voice.report("GetDirectory", "mk5dir")
        scans = 0
        done: list[str] = []
        try:
            for name in which if which == "AB" else [which]:
                found = card.find(name)
                if found is None and which != "AB":
                    yield _complaint(voice, "mk5dir", f"Directory read for module {which} unsuccessful")
                if found is None:
                    continue
                async for line in _read_directory(card, voice, program, *found):
                    yield line
                scans = len(found[1].scans)
                done.append(found[1].vsn)
        except Interrupted:
            voice.alert("Directory read terminated by signal.", Severity.WARNING, "mk5dir")
            yield _error("Being killed (INT)")
        except OSError as error:
            yield _complaint(voice, "mk5dir", f"cannot open {error_text(error)} for write")
        else:
            if done:
                text = f"Successful directory read for {' and '.join(done)}"
                voice.alert(text, Severity.VERBOSE, "mk5dir")
        voice.report("Idle", "mk5dir", scan=scans)


async def _read_directory(
    card: Card, voice: Voice, program: Program, bank: str, module: Module
) -> AsyncGenerator[OutputLine, None]:
    count = len(module.scans)
    yield OutputLine(f"Number of scans = {count}")
    for number in range(1, count + 1):
        await card.pause(program)
        voice.report("GetDirectory", "mk5dir", bank=bank, scan=number, name="Decoded", position=count)
        yield OutputLine(f"{number}/{count} Decoded")
    await asyncio.shield(asyncio.to_thread(card.around.save_directory, bank, module))
    # The real one says this on the error output whenever guiServer has asked, so packet 314 follows every time.
    yield _error(f"FYI: Not setting disk module state to Played for {module.vsn}")
    yield _error("")


def _complaint(voice: Voice, sender: str, text: str) -> OutputLine:
    voice.alert(text, Severity.ERROR, sender)
    return _error(f"Error: {text}")


# --- mk5cp -----------------------------------------------------------------------------------------------


async def copy_scans(
    card: Card, voice: Voice, name: str, scans: str, destination: str, process_id: int
) -> AsyncGenerator[OutputLine, None]:
    """Copy scans of a module into files."""
    if card.holder is not None:
        yield _locked(process_id)
        return
    with card.held("mk5cp") as program:
        if not card.ready():
            yield _complaint(voice, "mk5cp", "No module inserted")
            return
        found = card.find(name)
        if found is None:
            yield _complaint(voice, "mk5cp", "Bank set error -1")
            return
        bank, module = found
        voice.report("GetDirectory", "mk5cp", bank=bank)
        copied = failed = 0
        try:
            for number in _chosen(module, scans):
                if not 1 <= number <= len(module.scans):
                    text = f"Scan number {number} out of range.  nScan = {len(module.scans)}"
                    voice.alert(text, Severity.WARNING, "mk5cp")
                    yield _error(f"Warning: {text}")
                    failed += 1
                    continue
                try:
                    async for line in _copy_scan(card, voice, program, found, number, destination):
                        yield line
                    copied += 1
                except OSError as error:
                    text = f"Cannot write scan {number}: {error_text(error)}"
                    yield _complaint(voice, "mk5cp", text)
                    failed += 1
        except Interrupted:
            voice.alert("Data copy aborted due to die signal", Severity.WARNING, "mk5cp")
            yield _error("Being killed (INT)")
        for line in _summary(voice, module, scans, destination, copied, failed):
            yield line
        voice.report("Idle", "mk5cp", scan=len(module.scans))


def _chosen(module: Module, scans: str) -> Iterator[int]:
    """Numbers of scans: all, last, numbers and ranges, times, or the beginning of names."""
    if scans.lower() == "all":
        yield from range(1, len(module.scans) + 1)
    elif scans.lower() == "last":
        yield len(module.scans)
    elif times := re.fullmatch(r"(\d+\.\d*)_(\d+\.\d*)", scans):
        begin, end = float(times[1]), float(times[2])
        yield from (n for n, scan in _numbered(module) if scan.start_mjd < end and scan.stop_mjd > begin)
    elif scans[:1].isdecimal():
        for part in scans.split(","):
            if ends := re.fullmatch(r"(\d{1,7})(?:-(\d{1,7}))?", part):
                first, last = int(ends[1]), int(ends[2] or ends[1])
                yield from range(first, min(last, _MOST_SCANS) + 1)
    else:
        yield from (n for n, scan in _numbered(module) if scan.name.lower().startswith(scans.lower()))


def _numbered(module: Module) -> Iterator[tuple[int, ModuleScan]]:
    return enumerate(module.scans, start=1)


async def _copy_scan(
    card: Card,
    voice: Voice,
    program: Program,
    found: tuple[str, Module],
    number: int,
    destination: str,
) -> AsyncGenerator[OutputLine, None]:
    bank, module = found
    scan = module.scans[number - 1]
    path = f"{destination.rstrip('/')}/{module.vsn}_{number:04d}_{scan.name}"
    yield _error(f"outName = {path}")
    voice.alert(f"Copying scan {number} to file {path}", Severity.INFO, "mk5cp")

    def report(share: int) -> None:
        name = f"{scan.name}[{share}%]"
        position = scan.start + scan.length * share // 100
        voice.report("Copy", "mk5cp", bank=bank, scan=number, name=name, position=position, rate=900.0)

    report(0)
    await card.pause(program)
    # A thread cannot be given up: as a task of its own it is seen until it ends.
    await asyncio.shield(asyncio.to_thread(_write_scan, card, module, scan, path))
    report(100)
    text = f"Copied scan {number} = {scan.name}."
    voice.alert(text, Severity.INFO, "mk5cp")
    yield _error(text)


def _write_scan(card: Card, module: Module, scan: ModuleScan, path: str) -> None:
    source = module.setup.recordings.get(scan.name)
    with replacing(card.around.root, path) as descriptor:
        for piece in _fill(scan.length) if source is None else _pieces(card, source):
            write_all(descriptor, piece)


def _fill(length: int) -> Iterator[bytes]:
    if length > _MOST_FILL:
        raise OSError(errno.ENOSPC, f"{length} bytes of fill pattern are too many")
    whole = FILL * (_PIECE // len(FILL))
    for start in range(0, length, _PIECE):
        yield whole[: min(_PIECE, length - start)]


def _pieces(card: Card, source: str) -> Iterator[bytes]:
    with os.fdopen(card.around.root.open_file(source), "rb") as recording:
        while piece := recording.read(_PIECE):
            yield piece


def _summary(
    voice: Voice, module: Module, scans: str, destination: str, copied: int, failed: int
) -> Iterator[OutputLine]:
    said: list[tuple[str, Severity]] = []
    if copied:
        said.append((f"{copied} scans copied from module {module.vsn} to {destination}", Severity.INFO))
    if failed:
        said.append(
            (f"{failed} scans NOT copied from module {module.vsn} to {destination}", Severity.WARNING)
        )
    if not said:
        said.append((f"No scans match with code {scans} on module {module.vsn}", Severity.WARNING))
    for text, severity in said:
        voice.alert(text, severity, "mk5cp")
        yield _error(text)


# --- mk5erase, and the mount of a module --------------------------------------------------------------------


async def condition(card: Card, voice: Voice, *, steps: int) -> None:
    """Erase the module in the active bank; with steps, wear its disks in first, and tell how they did."""
    found = card.find("Active")
    if found is None or card.holder is not None:
        return
    bank, module = found
    module.scans, module.signature = (), module.signature + 1
    with card.held("mk5erase") as program:
        voice.report("Condition", "mk5erase", bank=bank, position=MODULE_BYTES)
        try:
            for step in range(1, steps + 1):
                await card.pause(program)
                name, left = f"RW[{100 * step / steps:.2f}%]", MODULE_BYTES * (steps - step) // steps
                voice.report("Condition", "mk5erase", bank=bank, name=name, position=left, rate=1600.0)
        except Interrupted:
            voice.alert("Conditioning aborted.", Severity.WARNING, "mk5erase")
        for disk in range(DISKS if steps else 0):
            voice.say(_drive_stats(module.vsn, disk), "mk5erase")
        voice.report("Idle", "mk5erase")


def _drive_stats(vsn: str, disk: int) -> DriveStats:
    return DriveStats(
        serial_number=f"WD-{vsn}-{disk}",
        model_number="WDC WD1001FALS-00J7B0",
        size=1000,
        module_vsn=vsn,
        module_slot=disk,
        start_mjd=_STATS_MJD,
        stop_mjd=_STATS_MJD,
        type="condition",
        bins=(5912344, 20817, 803, 77, 12, 4, 1, 0),
    )


async def mount(card: Card, voice: Voice, bank: str) -> None:
    """Hold the card for as long as a module is mounted."""
    if bank not in card.ready() or card.holder is not None:
        return
    with card.held("fusemk5") as program, contextlib.suppress(Interrupted):
        while True:
            voice.report("FuseMk5", "startfusemk5", used=bank)
            await card.pause(program)
