# SPDX-License-Identifier: GPL-3.0-or-later
"""Which messages a server relays: keywords of the message selection packet, and the types they stand for.

In: types of messages. Out: the lines of packet 17. Mirrors guiserver.md 4.6, discrepancies included: most types
have no keyword, and versions of Mark5 units travel as a Mark5 status.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

EVERYTHING = ("ALL_MESSAGES", "")
"""Lines that select everything; the last line ends with a line feed, as the original clients send it."""

KEYWORDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        # A server looks for substrings and takes the first match in this order: MARK5STATUS stands before STATUS.
        "ALERT_MESSAGES": ("DifxAlertMessage",),
        "COMMAND_MESSAGES": ("DifxCommand",),
        "FILEOPERATION_MESSAGES": ("DifxFileOperation",),
        "FILETRANSFER_MESSAGES": ("DifxFileTransfer",),
        "GETDIRECTORY_MESSAGES": ("DifxGetDirectory",),
        "MARK5COPY_MESSAGES": ("DifxMark5Copy",),
        "INFO_MESSAGES": ("DifxInfoMessage",),
        "LOAD_MESSAGES": ("DifxLoadMessage",),
        "MARK5STATUS_MESSAGES": ("Mark5StatusMessage", "Mark5VersionMessage"),
        "MACHINESDEFINITION_MESSAGES": ("DifxMachinesDefinition",),
        "MK5CONTROL_MESSAGES": ("DifxMk5Control",),
        "SMART_MESSAGES": ("DifxSmartMessage",),
        "STATUS_MESSAGES": ("DifxStatusMessage",),
        "STOP_MESSAGES": ("DifxStop",),
        "VEX2DIFXRUN_MESSAGES": ("DifxVex2DifxRun",),
        "WEIGHT_MESSAGES": (),
        "UNKNOWN_MESSAGES": ("",),
    }
)
"""Header types that each keyword selects; the empty one stands for whatever cannot be typed."""

_BY_TYPE = {kind: keyword for keyword, kinds in KEYWORDS.items() for kind in kinds}


def selection_lines(types: Iterable[str]) -> tuple[str, ...]:
    """Lines that select these header types, or everything where one of them has no keyword.

    Parameters
    ----------
    types : iterable of str
        Header types such as ``DifxAlertMessage``; empty for what cannot be typed.
    """
    wanted = set(types)
    if wanted - _BY_TYPE.keys():
        return EVERYTHING
    chosen = {_BY_TYPE[kind] for kind in wanted}
    return ("SELECTED_MESSAGES", *(keyword for keyword in KEYWORDS if keyword in chosen), "")


def selects(lines: Iterable[str], kind: str) -> bool:
    """Whether a server that was sent these lines relays messages with this header type."""
    return any(line == EVERYTHING[0] or kind in KEYWORDS.get(line, ()) for line in lines)
