# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing difxMessage documents.

Comes in: a message, or a body alone. Goes out: XML as the library of DiFX writes it (``difxmessageinit.c``,
``difxsend.c``), or as guiServer's parser accepts it in a COMMAND_PACKET.
"""

from __future__ import annotations

import dataclasses

from difxnb.errors import MessageError
from difxnb.wire.message_fields import escape, show_integer
from difxnb.wire.message_types import BY_CLASS, Body, Message, message_type

MAX_DATAGRAM = 7999
"""Bytes of the longest document that the library of DiFX sends; longer ones it drops."""
MAX_COMMAND = 93712
"""Bytes of the longest document that guiServer accepts in a COMMAND_PACKET."""


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
