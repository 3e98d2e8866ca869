# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that the daemons of recorders know, which of them harm, and whom a name addresses.

Mirrors difxmessage.md 6.9 and guiserver.md 7.9. A command that is not listed here counts as one that harms:
nobody knows what a daemon of another version would do with it.
"""

from __future__ import annotations

import re

MAX_COMMAND = 31
"""Bytes of a command that guiServer keeps."""
MAX_HOST = 31
"""Bytes of a host name that guiServer keeps for directory and copy."""
MAX_TARGET = 255
"""Bytes of a host name that guiServer keeps for mk5control."""
MAX_TARGETS = 128
"""Addressees that the receivers of a message keep."""

_QUERIES = frozenset({"getvsn", "getver", "getsmart", "listfs"})
_READING = frozenset({"getdir", "getdira", "getdirb", "startfusemk5a", "startfusemk5b"})
_STOPPING = frozenset({"stopdir", "stopcondition", "stopcopy", "stopfusemk5"})
_SWITCHING_ON = frozenset({"discon", "discona", "disconb", "clear", "umount"})
_GONE = frozenset({"getload", "startmark5a", "stopmark5a"})  # in the guide, and no longer done
HARMLESS = _QUERIES | _READING | _STOPPING | _SWITCHING_ON | _GONE
"""Commands, in lower case, after which no data, no program and no host is gone."""

_HARMLESS_PATTERNS = re.compile(r"mount.+|test.*|getfilelist_[1-4]", re.IGNORECASE)

DESTRUCTIVE = {
    "erase": "erases the module in the active bank",
    "condition": "erases the module in the active bank",
    "conditionr": "erases the module in the active bank",  # 2.9 does the same for all three
    "conditionw": "erases the module in the active bank",
    "poweroff": "switches the host off",
    "reboot": "restarts the host",
    "resetmark5": "resets the recorder's card, and ends whatever uses it",
    "stopmk5daemon": "ends the daemon, after which the recorder hears nothing any more",
    "killmpifxcorr": "kills every correlator process on the host",
    "discoff": "switches both banks off",
    "discoffa": "switches bank A off",
    "discoffb": "switches bank B off",
}
"""Commands, in lower case, that do harm, and which."""

_DESTRUCTIVE_PREFIXES = {
    "modinit_": "initializes the module in a slot, and so erases it",
    "resetmark5": DESTRUCTIVE["resetmark5"],
    "reown_vfastr": "changes the owner of files",
    "killmpifxcorr": "kills correlator processes",
}


def harm_of(command: str) -> str | None:
    """What a command destroys, in words; None for those that are known to be harmless.

    Examples
    --------
    >>> harm_of("GetVSN")
    >>> harm_of("erase")
    'erases the module in the active bank'
    """
    word = command.strip().lower()
    if word in HARMLESS or (_HARMLESS_PATTERNS.fullmatch(word) and word not in DESTRUCTIVE):
        return None
    if word in DESTRUCTIVE:
        return DESTRUCTIVE[word]
    for prefix, harm in _DESTRUCTIVE_PREFIXES.items():
        if word.startswith(prefix):
            return harm
    return "is not known here, and may do anything"


_UNIT = re.compile(r"\d{2,3}")
_RANGE = re.compile(r"(\d{2,3})-(\d{2,3})")
GROUPS = ("all", "mark5", "mark6", "swc")
"""Names that address every host, every Mark5, every Mark6, and every host that is neither."""


def addressees(name: str, *, mark6: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """The hosts that mk5control writes into a message for a name.

    Two digits are a recorder, three a processor node; ranges of either are written out, anything else is a host.

    Parameters
    ----------
    name : str
        ``03``, ``01-04``, ``012``, ``mark5fx07``, ``all``…
    mark6 : frozenset of str
        Two-digit numbers that are Mark6 units.

    Raises
    ------
    ValueError
        A range that runs backwards, whose ends differ in length, or that names more hosts than a message takes.

    Examples
    --------
    >>> addressees("01-03")
    ('mark5fx01', 'mark5fx02', 'mark5fx03')
    """
    numbers = _RANGE.fullmatch(name)
    if numbers is None:
        return (_host(name, mark6),)
    first, last = numbers.groups()
    count = int(last) - int(first) + 1
    if len(first) != len(last) or not 1 <= count <= MAX_TARGETS:
        raise ValueError(
            f"a range of units has ends of equal length, in order, and at most {MAX_TARGETS} units; got {name!r}"
        )
    return tuple(_host(f"{number:0{len(first)}}", mark6) for number in range(int(first), int(last) + 1))


def _host(name: str, mark6: frozenset[str]) -> str:
    if not _UNIT.fullmatch(name):
        return name.lower() if name.lower() in GROUPS else name
    if len(name) == 3:
        return f"swc{name}"
    return f"mark6fx{name}" if name in mark6 else f"mark5fx{name}"


def is_group(name: str) -> bool:
    """Whether a name addresses more than one host."""
    return name.lower() in GROUPS or _RANGE.fullmatch(name) is not None


def is_from(source: str, name: str) -> bool:
    """Whether a message with this sender can be an answer to something sent to `name`.

    Domains are left out of account. Who belongs to a group only the hosts themselves know, so any host may.
    """
    if name.lower() in GROUPS:
        return True
    host = source.partition(".")[0].lower()
    both = {*addressees(name), *addressees(name, mark6=frozenset(f"{n:02}" for n in range(100)))}
    return any(host == wanted.partition(".")[0].lower() for wanted in both)
