# SPDX-License-Identifier: GPL-3.0-or-later
"""difxMessage documents: XML to typed messages, and back.

Comes in: one datagram or relayed payload. Goes out: a :class:`Message` with a frozen body, or an
:class:`Unparsed` with the text kept; reading never raises. The other way, :func:`to_xml` writes what the
library of DiFX would (``difxmessageinit.c``, ``difxsend.c``), and :func:`command_xml` what guiServer's parser
accepts in a COMMAND_PACKET.

Strategy of reading: the bytes are decoded first (UTF-8, else Latin-1 with a flag), so that no other encoding
can hide anything; documents over 1 MB and document type declarations are refused before the XML parser sees
them; what is left has no entities to expand. What is no well-formed XML goes through
:mod:`difxnb.wire.message_repair`, and comes out with a flag. The tree is then walked once, by tables that
:mod:`difxnb.wire.message_layout` makes from the bodies.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any
from xml.etree.ElementTree import Element, ParseError, fromstring

from difxnb.errors import MessageError
from difxnb.wire.message_collections import Processor
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
from difxnb.wire.message_fields import escape, read_integer, show_integer
from difxnb.wire.message_names import (
    DIAGNOSTIC_TYPES,
    DRIVE_STATS_TYPES,
    MARK5_STATES,
    MARK6_STATES,
    START_FUNCTIONS,
    JobState,
    Severity,
)
from difxnb.wire.message_repair import repair, salvage
from difxnb.wire.message_reports import (
    Alert,
    Datastream,
    DaughterBoard,
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
from difxnb.wire.message_types import (
    BY_CLASS,
    BY_PAYLOAD,
    BY_TYPE,
    LEGACY_PAYLOAD,
    Body,
    Entry,
    Header,
    Message,
    Unknown,
    Unparsed,
    message_type,
)

__all__ = [
    "DIAGNOSTIC_TYPES",
    "DRIVE_STATS_TYPES",
    "MARK5_STATES",
    "MARK6_STATES",
    "MAX_COMMAND",
    "MAX_DATAGRAM",
    "MAX_DOCUMENT",
    "START_FUNCTIONS",
    "Alert",
    "Body",
    "Command",
    "Datastream",
    "DaughterBoard",
    "Diagnostic",
    "DriveStats",
    "FileOperation",
    "FileTransfer",
    "GetDirectory",
    "Header",
    "Info",
    "JobState",
    "Load",
    "MachinesDefinition",
    "Mark5Copy",
    "Mark5Status",
    "Mark5Version",
    "Mark6Activity",
    "Mark6SlotStatus",
    "Mark6Status",
    "Message",
    "MessageError",
    "Mk5Control",
    "Parameter",
    "Processor",
    "Severity",
    "Smart",
    "Start",
    "Status",
    "Stop",
    "Transient",
    "Unknown",
    "Unparsed",
    "Vex2DifxRun",
    "Vsis",
    "command_xml",
    "message_type",
    "parse",
    "to_xml",
]

MAX_DATAGRAM = 7999
"""Bytes of the longest document that the library of DiFX sends; longer ones it drops."""
MAX_COMMAND = 93712
"""Bytes of the longest document that guiServer accepts in a COMMAND_PACKET."""
MAX_DOCUMENT = 2**20
"""Bytes of the longest document that is read."""
MAX_KEPT = 2**16
"""Characters of the text that an :class:`Unparsed` keeps."""

_MAX_REPAIRED = 2**16  # no datagram is longer
_MAX_DEPTH = 16  # DiFX uses four levels
_MAX_ADDRESSEES = 128
_MAX_UNKNOWN_FIELDS = 256
_PADDING = "\0 \t\r\n\ufeff"


def parse(data: bytes | str, *, strict: bool = False) -> Message | Unparsed:
    """Read one document. Never raises for what is in it.

    Padding around it (NUL, blanks, newlines) is ignored. Fields that are not known are passed over.

    Parameters
    ----------
    data : bytes or str
        The document.
    strict : bool
        Take no document that is not well-formed XML: what is to be executed must not be guessed.
    """
    size = len(data) if isinstance(data, bytes) else len(data.encode("utf-8", "replace"))
    flags: list[str] = []
    if size > MAX_DOCUMENT:
        return _unparsed(data, size, f"{size} bytes; at most {MAX_DOCUMENT} are read")
    text = (data if isinstance(data, str) else _decode(data, flags)).strip(_PADDING)
    if not text.startswith("<"):
        return _unparsed(data, size, "not XML" if text else "empty")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        return _unparsed(data, size, "document type declaration refused")
    try:
        root = fromstring(text)
    except (ParseError, ValueError) as error:  # ValueError: text that has no UTF-8 form
        if strict or size > _MAX_REPAIRED:
            return _unparsed(data, size, f"ill-formed XML: {error}")
        return _parse_broken(data, text, size, flags, str(error))
    return _parse_tree(data, text, root, size, flags)


def _parse_tree(
    data: bytes | str, text: str, root: Element, size: int, flags: list[str]
) -> Message | Unparsed:
    # More end tags than a deep document needs are rare, so the walk that measures the depth is, too.
    if text.count("</") > 64 and _is_deeper(root, _MAX_DEPTH):
        return _unparsed(data, size, f"nested deeper than {_MAX_DEPTH} levels")
    if root.tag != "difxMessage":
        if not root.tag.endswith("}difxMessage"):
            return _unparsed(data, size, f"root element is {root.tag[:100]}, not difxMessage")
        _drop_namespaces(root)
    return _read_document(root, size, flags)


def _parse_broken(
    data: bytes | str, text: str, size: int, flags: list[str], problem: str
) -> Message | Unparsed:
    """Read what is no well-formed XML: repaired, up to the end of the first document, or its header alone."""
    try:
        return _parse_tree(data, text, fromstring(repair(text)), size, [*flags, "repaired"])
    except (ParseError, ValueError):
        remains = salvage(text)
    if not remains.is_message:
        return _unparsed(data, size, f"ill-formed XML: {problem}")
    if remains.document is not None:
        return _parse_tree(data, text, remains.document, size, [*flags, "text after the document"])
    header = None if remains.header is None else _read_header(remains.header, flags)
    sequence = None if remains.sequence is None else _integer(remains.sequence, flags)
    broken = _unparsed(data, size, f"ill-formed XML: {problem}")
    return dataclasses.replace(broken, header=header, sequence=sequence)


def _decode(data: bytes, flags: list[str]) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        flags.append("latin-1")
        return data.decode("latin-1")


def _unparsed(data: bytes | str, size: int, reason: str) -> Unparsed:
    kept = data[:MAX_KEPT]
    text = kept if isinstance(kept, str) else kept.decode("utf-8", "replace")
    return Unparsed(text, reason, size)


def _is_deeper(root: Element, limit: int) -> bool:
    level: Sequence[Element] = [root]
    for _ in range(limit):
        level = [child for element in level for child in element]
    return bool(level)


def _drop_namespaces(root: Element) -> None:
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]


def _read_document(root: Element, size: int, flags: list[str]) -> Message:
    header = Header()
    body: Element | tuple[()] = ()
    for part in root:
        if part.tag == "header":
            header = _read_header(part, flags)
        elif part.tag == "body":
            body = part
    sequence = None
    payload = entry = None
    for child in body:
        if child.tag == "seqNumber":
            sequence = _integer(child, flags)
        elif entry is None:
            entry = BY_PAYLOAD.get(child.tag)
            payload = child
    if entry is None or payload is None:
        content = _read_by_type(header.type, body, flags)
    else:
        content = entry.layout.read(payload, flags)
        if header.type != entry.type:
            content = _mistyped(content, payload.tag, flags)
    return Message(header, content, sequence, size, tuple(flags))


def _read_header(element: Element, flags: list[str]) -> Header:
    source = identifier = kind = ""
    to: tuple[str, ...] = ()
    mpi_id = None
    for child in element:
        tag, text = child.tag, child.text
        if not text:
            continue
        if tag == "from":
            source = text.strip()
        elif tag == "mpiProcessId":
            mpi_id = _integer(child, flags)
        elif tag == "identifier":
            identifier = text.strip()
        elif tag == "type":
            kind = text.strip()
        elif tag == "to" and len(to) < _MAX_ADDRESSEES and not text.isspace():
            to = (*to, text.strip())
    return Header(source, to, mpi_id, identifier, kind)


def _integer(element: Element, flags: list[str]) -> int | None:
    try:
        return read_integer(element.text or "")
    except ValueError:
        flags.append(f"unreadable {element.tag}")
        return None


def _mistyped(body: Any, payload: str, flags: list[str]) -> Any:
    if payload == LEGACY_PAYLOAD:
        flags.append("legacy difxCondition")
        return dataclasses.replace(body, type="condition")
    flags.append("header type")
    return body


def _read_by_type(kind: str, body: Element | tuple[()], flags: list[str]) -> Body:
    """Read a body whose payload element is unknown or missing, as the header's type says."""
    entry = BY_TYPE.get(kind)
    if entry is None:
        return Unknown(tuple(_flatten(body)))
    if entry.payload:
        flags.append("no wrapper")
    content: Body = entry.layout.read(_fields_of(entry, body), flags)
    return content


def _fields_of(entry: Entry, body: Element | tuple[()]) -> Element | tuple[()]:
    if not entry.layout.knows(body):
        for child in body:  # the name of the wrapper means nothing to the receivers of DiFX
            if entry.layout.knows(child):
                return child
    return body


def _flatten(body: Element | tuple[()], path: str = "") -> list[tuple[str, str]]:
    fields: list[tuple[str, str]] = []
    for child in body:
        if len(fields) >= _MAX_UNKNOWN_FIELDS:
            break
        if child.tag == "seqNumber" and not path:
            continue
        place = f"{path}{child.tag}"
        if child.text and child.text.strip():
            fields.append((place, child.text))
        fields += [(f"{place}@{name}", value) for name, value in child.attrib.items()]
        fields += _flatten(child, f"{place}/")
    return fields[:_MAX_UNKNOWN_FIELDS]


# -- writing --------------------------------------------------------------------------------------------


def to_xml(message: Message) -> bytes:
    """Write a document as the library of DiFX sends it, in one line after the prolog.

    An empty header type is filled in from the body; flags and size are not written.

    Raises
    ------
    MessageError
        A text holds control characters or is longer than receivers keep, a number is not finite, the whole
        is longer than 7999 bytes, or the body is of unknown type.
    """
    head = message.header
    parts = [f"<from>{escape(head.source, 'from', 63)}</from>"]
    parts += [f"<to>{escape(to, 'to', 31)}</to>" for to in head.to]
    if head.mpi_id is not None:
        parts.append(f"<mpiProcessId>{show_integer(head.mpi_id)}</mpiProcessId>")
    parts.append(f"<identifier>{escape(head.identifier, 'identifier', 31)}</identifier>")
    parts.append(f"<type>{escape(head.type or message_type(message.body), 'type', 31)}</type>")
    sequence = "" if message.sequence is None else f"<seqNumber>{show_integer(message.sequence)}</seqNumber>"
    return _envelope(
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>', parts, sequence, message.body, MAX_DATAGRAM
    )


def command_xml(body: Body) -> bytes:
    """Write a document for guiServer's COMMAND_PACKET: a header with the type alone, then the body.

    Raises
    ------
    MessageError
        As for :func:`to_xml`; the limit of the whole is 93712 bytes.
    """
    for field in dataclasses.fields(body):
        value = getattr(body, field.name)
        if isinstance(value, str):
            escape(value, field.name, MAX_COMMAND)  # no byte codes: guiServer would not undo them
    header = [f"<type>{message_type(body)}</type>"]
    return _envelope('<?xml version="1.0" encoding="UTF-8"?>', header, "", body, MAX_COMMAND)


def _envelope(prolog: str, header: list[str], sequence: str, body: Body, limit: int) -> bytes:
    entry = BY_CLASS.get(type(body))
    if entry is None:
        raise MessageError(f"a {type(body).__name__} body cannot be written: its elements are not known")
    fields = entry.layout.write(body)
    if entry.payload:
        fields = f"<{entry.payload}>{fields}</{entry.payload}>"
    document = (
        f"{prolog}\n<difxMessage><header>{''.join(header)}</header>"
        f"<body>{sequence}{fields}</body></difxMessage>"
    ).encode()
    if len(document) > limit:
        raise MessageError(
            f"the {entry.type} document has {len(document)} bytes; at most {limit} can be sent"
        )
    return document
