# SPDX-License-Identifier: GPL-3.0-or-later
"""What a recorder does, read off its reports.

In go the bodies of Mark5 and Mark6 reports with the program that sent them, out comes an :class:`Activity`. Several
programs use the fields for position, rate, scan and date for something else; who means what is in ``difxmessage.md``
6.5 to 6.8. What a field does not say is None, never a zero.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from difxnb.formats.mjd import DAY_S, UNIX_EPOCH_MJD
from difxnb.wire.message import Header, Mark5Status, Mark6Activity, Mark6Status

MEGA = 1e6
IN_USE = "IN USE"  # what startfusemk5 says instead of the serial of a module

_REAL_MJD = (40000.0, 100000.0)
_MOST_BYTES = 2**62
_PERCENT = re.compile(r"(?P<name>.*?)\[(?P<percent>\d{1,3}(?:\.\d{1,9})?)%\]", re.DOTALL)
_PASS = re.compile(r"(?P<note>Pass \d+): *(?P<percent>\d{1,3}(?:\.\d{1,9})?)%")
_DISK = re.compile(r"modinit disk (?P<disk>\d+) of (?P<disks>\d+)")
_MOVING = frozenset({"Play", "PlayInvalid", "Copy", "CopyTo", "Recording", "TestWrite", "TestRead"})
_CONDITIONING = frozenset({"Condition", "CondError"})
_BITS = {
    0x1: "idle",
    0x2: "error",
    0x100: "playing",
    0x100000: "A selected",
    0x200000: "A ready",
    0x400000: "A media fault",
    0x800000: "A write protected",
    0x1000000: "B selected",
    0x2000000: "B ready",
    0x4000000: "B media fault",
    0x8000000: "B write protected",
}


@dataclass(frozen=True, slots=True)
class Activity:
    """What a recorder does.

    Attributes
    ----------
    state : str or None
    program : str
        What sent the report: mpifxcorr, mk5daemon, mk5cp…
    job : str or None
        The job that is played for.
    scan_number : int or None
        From 1, as it stands in the directory.
    scan : str or None
        Name of a scan or of a file.
    position : int or None
        Byte.
    rate : float or None
        bit/s.
    progress : float or None
        0…1, of what it does.
    data_time : float or None
        Time of the data, unix seconds.
    vsn : str or None
        Serial of the module, where the report names the active one.
    note : str or None
        What else it says.
    flags : tuple of str
        The bits of its status.
    """

    state: str | None
    program: str
    job: str | None = None
    scan_number: int | None = None
    scan: str | None = None
    position: int | None = None
    rate: float | None = None
    progress: float | None = None
    data_time: float | None = None
    vsn: str | None = None
    note: str | None = None
    flags: tuple[str, ...] = ()


def is_job(header: Header) -> bool:
    """Whether a datastream of mpifxcorr speaks; then the identifier is the name of a job, else of a program."""
    return header.mpi_id is not None and header.mpi_id > 0


def read_mark5(body: Mark5Status, header: Header) -> Activity:
    """What a Mark5 unit does."""
    played = is_job(header)
    program, job = ("mpifxcorr", header.identifier) if played else (header.identifier, None)
    flags = tuple(name for bit, name in _BITS.items() if played and (body.status_word or 0) & bit)
    name, progress = _named(body.scan_name)
    if body.state in _CONDITIONING:
        left = None if body.position is None else f"{name or ''} {body.position} bytes left".strip()
        return Activity(body.state, program, rate=_rate(body), progress=progress, note=left)
    if body.state == "GetDirectory" and not played:
        return _read_directory(body, program)
    if body.state == "PlayInvalid":
        note = None if body.play_rate is None else f"{body.play_rate:.0f} reads could not be decoded"
        return Activity(
            body.state, program, job, _number(body.scan_number), name, _position(body), None, progress,
            _unix(body.data_mjd), None, note, flags,
        )  # fmt: skip
    return Activity(
        body.state, program, job, _number(body.scan_number), name, _position(body), _rate(body), progress,
        None if body.state == "FuseMk5" else _unix(body.data_mjd), flags=flags,
    )  # fmt: skip


def _read_directory(body: Mark5Status, program: str) -> Activity:
    """What mk5dir or mk5map does."""
    if passed := _PASS.fullmatch(body.scan_name or ""):
        share = float(passed["percent"]) / 100
        return Activity(
            body.state, program, position=_bytes(body.position), progress=share, note=passed["note"]
        )
    done, scans = _number(body.scan_number), _number(body.position)
    progress = min(1.0, done / scans) if done and scans else None
    return Activity(body.state, program, scan_number=done, progress=progress, note=body.scan_name or None)


def read_mark6(body: Mark6Activity, header: Header) -> Activity:
    """What a Mark6 unit does."""
    program, job = ("mpifxcorr", header.identifier) if is_job(header) else (header.identifier, None)
    if body.state == "Initializing":
        return _read_initializing(body, program)
    if body.state == "GetDirectory" and body.position is not None:
        file, percent = divmod(body.position, 1000)
        return Activity(
            body.state, program, job, _number(file), body.scan_name, None, None, min(1.0, percent / 100),
            _unix(body.data_mjd), body.active_vsn,
        )  # fmt: skip
    return Activity(
        body.state, program, job, _number(body.scan_number), body.scan_name or None, _position(body),
        _rate(body), None, _unix(body.data_mjd), body.active_vsn,
    )  # fmt: skip


def _read_initializing(body: Mark6Activity, program: str) -> Activity:
    """What the maker of modules does; the serial it sends may be anything."""
    found = _DISK.match(body.scan_name or "")
    share = 1.0 if body.scan_name == "done" else None
    if found and int(found["disks"]):
        share = min(1.0, int(found["disk"]) / int(found["disks"]))
    slot = None if body.position is None else f"slot {body.position}"
    return Activity(body.state, program, progress=share, note=slot)


def _named(name: str | None) -> tuple[str | None, float | None]:
    """Name of a scan, and how much of it is done where that stands with it."""
    found = _PERCENT.fullmatch(name or "")
    bare = found["name"] if found else name
    known = bare if bare and bare != "none" else None
    return known, float(found["percent"]) / 100 if found else None


_Report = Mark5Status | Mark6Activity | Mark6Status


def _rate(body: _Report) -> float | None:
    """bit/s; a zero says only of what moves that it stands still."""
    rate = body.play_rate
    return None if rate is None or (not rate and body.state not in _MOVING) else rate * MEGA


def _position(body: _Report) -> int | None:
    return _bytes(body.position) if body.position or body.state in _MOVING else None


def _bytes(number: int | None) -> int | None:
    return number if number is not None and 0 <= number < _MOST_BYTES else None


def _number(number: int | None) -> int | None:
    return number if number is not None and 0 < number < _MOST_BYTES else None


def _unix(mjd: float | None) -> float | None:
    """Unix seconds of what is really a date."""
    return None if mjd is None or not _REAL_MJD[0] <= mjd <= _REAL_MJD[1] else (mjd - UNIX_EPOCH_MJD) * DAY_S
