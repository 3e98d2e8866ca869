# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue of difxMessage types: header ``type``, payload element, body class and its layout.

Dispatch goes by payload element first, because one stock sender writes the wrong header type; the tables
below serve both ways.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from difxnb.wire.message_commands import (
    Command,
    FileOperation,
    FileTransfer,
    GetDirectory,
    MachinesDefinition,
    Mark5Copy,
    Mk5Control,
    Parameter,
    Start,
    Stop,
    Vex2DifxRun,
    Vsis,
)
from difxnb.wire.message_layout import Layout
from difxnb.wire.message_reports import (
    Alert,
    Datastream,
    Diagnostic,
    DriveStats,
    Info,
    Load,
    Mark5Status,
    Mark5Version,
    Mark6Activity,
    Mark6SlotStatus,
    Mark6Status,
    Smart,
    Status,
    Transient,
)


@dataclass(frozen=True, slots=True)
class Unknown:
    """Body of a well-formed document of a type that is not known here.

    `fields` has (path of the element below ``body``, text) for every element with text, and
    (path@attribute, value) for every attribute.
    """

    fields: tuple[tuple[str, str], ...] = ()


Body: TypeAlias = (
    Load
    | Alert
    | Status
    | Info
    | Command
    | Parameter
    | Start
    | Stop
    | Mark5Status
    | Mark5Version
    | Mark6Status
    | Mark6SlotStatus
    | Mark6Activity
    | Transient
    | Smart
    | DriveStats
    | Diagnostic
    | FileTransfer
    | FileOperation
    | Vex2DifxRun
    | MachinesDefinition
    | GetDirectory
    | Mk5Control
    | Mark5Copy
    | Vsis
    | Datastream
    | Unknown
)


class Header(NamedTuple):
    """Envelope of a message; texts that were missing are empty.

    A tuple, as :class:`Message` is, because there is one for every message, and a frozen dataclass takes three times
    as long to make.

    Attributes
    ----------
    source : str
        Host that sent it (element ``from``).
    to : tuple of str
        Addressees.
    mpi_id : int, optional
        Rank of the sender; negative where it is no process of mpifxcorr.
    identifier : str
        Job name, or name of the sending program.
    type : str
        The header's own claim, such as ``DifxStatusMessage``; the body decides.
    """

    source: str = ""
    to: tuple[str, ...] = ()
    mpi_id: int | None = None
    identifier: str = ""
    type: str = ""


class Message(NamedTuple):
    """One document that was understood.

    Attributes
    ----------
    header : Header
    body : Body
        One of the body classes; its class is the type of the message.
    sequence : int, optional
        Counter of the sending process.
    size : int
        Bytes of the document as it arrived.
    flags : tuple of str
        What was odd about it: ``latin-1``, ``repaired`` (characters that were not escaped), ``text after the
        document``, ``header type``, ``no wrapper``, ``legacy difxCondition``,
        ``unreadable NAME`` for a field that is missing in `body` because its text made no sense.
    """

    header: Header
    body: Body
    sequence: int | None = None
    size: int = 0
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unparsed:
    """What is no difxMessage, or a broken one, with the reason.

    Attributes
    ----------
    text : str
        At most the first 65536 characters.
    reason : str
    size : int
        Bytes as it arrived.
    header : Header, optional
        What the envelope said before it broke; of the body nothing is kept, because it may be half a value.
    sequence : int, optional
        Counter of the sending process, where it came before the break.
    """

    text: str
    reason: str
    size: int
    header: Header | None = None
    sequence: int | None = None


LEGACY_PAYLOAD = "difxCondition"  # drive statistics of releases before 2.2, always of type "condition"


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One type: header text, payload element (empty where there is none), and how the body travels."""

    type: str
    payload: str
    layout: Layout[Any]


CATALOGUE: tuple[Entry, ...] = (
    Entry("DifxLoadMessage", "difxLoad", Layout(Load)),
    Entry("DifxAlertMessage", "difxAlert", Layout(Alert)),
    Entry("Mark6StatusMessage", "mark6Status", Layout(Mark6Status)),
    Entry("Mark6SlotStatusMessage", "mark6SlotStatus", Layout(Mark6SlotStatus)),
    Entry("Mark5StatusMessage", "mark5Status", Layout(Mark5Status)),
    Entry("DifxStatusMessage", "difxStatus", Layout(Status)),
    Entry("DifxInfoMessage", "difxInfo", Layout(Info)),
    Entry("DifxDatastreamMessage", "", Layout(Datastream)),
    Entry("DifxCommand", "difxCommand", Layout(Command)),
    Entry("DifxParameter", "difxParameter", Layout(Parameter)),
    Entry("DifxStart", "difxStart", Layout(Start)),
    Entry("DifxStop", "difxStop", Layout(Stop)),
    Entry("Mark5VersionMessage", "mark5Version", Layout(Mark5Version)),
    Entry("DifxTransientMessage", "difxTransient", Layout(Transient)),
    Entry("DifxSmartMessage", "difxSmart", Layout(Smart)),
    Entry("Mark5DriveStatsMessage", "difxDriveStats", Layout(DriveStats)),
    Entry("DifxDiagnosticMessage", "difxDiagnostic", Layout(Diagnostic)),
    Entry("DifxFileTransfer", "difxFileTransfer", Layout(FileTransfer)),
    Entry("DifxFileOperation", "difxFileOperation", Layout(FileOperation)),
    Entry("DifxVex2DifxRun", "difxVex2difxRun", Layout(Vex2DifxRun)),
    Entry("DifxMachinesDefinition", "difxMachinesDefinition", Layout(MachinesDefinition)),
    Entry("DifxGetDirectory", "difxGetDirectory", Layout(GetDirectory)),
    Entry("DifxMk5Control", "difxMk5Control", Layout(Mk5Control)),
    Entry("DifxMark5Copy", "difxMark5Copy", Layout(Mark5Copy)),
    # The payload element is the only field, so it stands beside seqNumber without a wrapper.
    Entry("DifxVsis", "", Layout(Vsis)),
    Entry("Mark6ActivityMessage", "mark6Activity", Layout(Mark6Activity)),
)

BY_PAYLOAD = {entry.payload: entry for entry in CATALOGUE if entry.payload}
BY_CLASS = {entry.layout.cls: entry for entry in CATALOGUE}
BY_TYPE = {entry.type: entry for entry in CATALOGUE}

BY_PAYLOAD[LEGACY_PAYLOAD] = BY_TYPE["Mark5DriveStatsMessage"]
BY_TYPE["Mark5ConditionMessage"] = BY_TYPE["Mark5DriveStatsMessage"]


def message_type(body: Body) -> str:
    """Header ``type`` of a body, for example ``DifxStatusMessage``; ``Unknown`` for an unknown one."""
    entry = BY_CLASS.get(type(body))
    return "Unknown" if entry is None else entry.type
