# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages that are sent into the DiFX network: made, checked, shown before they go.

In: what a user wants to say. Out: the exact document, and where it goes. Nobody authenticates these messages
(difxmessage.md 14.12), so what harms has to be confirmed. Rules for writers: difxmessage.md 12.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from difxnb.errors import MessageError, NotConfirmed, UnsafeValue
from difxnb.wire.message import (
    MAX_DATAGRAM,
    Body,
    Command,
    Header,
    Message,
    Parameter,
    Unparsed,
    message_type,
    parse,
    to_xml,
)
from difxnb.wire.recorder_commands import harm_of

PROGRAM = "difxnb"
"""What commands call their sender; parameters carry the name of their job."""

_MOST_BYTES = 31
_NAME = re.compile(r"[^\s%<>&\"']+")
# mk5daemon pastes what follows some commands into a shell.
_SHELL = re.compile(r"[^A-Za-z0-9_@%+=:,./ -]")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message as it goes out, or would.

    Attributes
    ----------
    xml : bytes
        The exact document.
    destination : str
        Where it goes, and by which way.
    sent : bool
        False for a preview.
    heard : bool or None
        Whether it came back through the relay, as everything does that reaches the group; None where that cannot be
        told. It proves that the network has it, not that anyone obeyed.
    note : str
        What there is to say about that.
    """

    xml: bytes
    destination: str
    sent: bool = False
    heard: bool | None = None
    note: str = ""

    @property
    def message(self) -> Message:
        """The same, read back."""
        message = parse(self.xml)
        if isinstance(message, Unparsed):
            raise MessageError(f"this document cannot be read: {message.reason}")
        return message

    def __repr__(self) -> str:
        how = "sent to" if self.sent else "preview, not sent; it would go to"
        note = f"\n{self.note}" if self.note else ""
        return f"<{how} {self.destination}>\n{self.xml.decode()}{note}"


def make_document(
    message: Message | Body | str | bytes, *, to: Iterable[str], sent: Mapping[str, int], confirm: bool
) -> bytes:
    """Make the document of a message.

    Parameters
    ----------
    message : Message, body, str or bytes
        A whole message; a body, which gets an envelope; XML, which stays as it is; or the text of a command.
    to : iterable of str
        Addressees, for bodies and commands.
    sent : mapping of str to int
        How many messages have been sent under each identifier: receivers count for each of them.
    confirm : bool
        Whether something that destroys, or that nobody here knows, is meant.

    Raises
    ------
    MessageError, ValueError, TypeError
        It cannot be written, or says nothing to anybody.
    NotConfirmed, UnsafeValue
        It destroys something; a receiver would hand it to a shell.
    """
    document = _document(message, tuple([to] if isinstance(to, str) else to), sent)
    if len(document) > MAX_DATAGRAM:
        raise MessageError(f"the document has {len(document)} bytes; receivers take {MAX_DATAGRAM}")
    if b"\0" in document:
        raise MessageError("the document holds a NUL, where the relay would cut it")
    read = parse(document)
    if isinstance(read, Unparsed):
        raise MessageError(f"this is no difxMessage ({read.reason}), and is not sent")
    require_harmless(read, confirm=confirm)
    return document


def _document(message: Message | Body | str | bytes, to: tuple[str, ...], sent: Mapping[str, int]) -> bytes:
    if isinstance(message, str) and not message.lstrip().startswith("<"):
        message = Command(message)
    if isinstance(message, str | bytes):
        if to:
            raise ValueError("XML carries its own addressees; to= is for bodies and commands")
        return message.encode() if isinstance(message, str) else message
    if isinstance(message, Message):
        if to:
            raise ValueError("a Message carries its own addressees in its header; to= is for bodies")
        return to_xml(message)
    header = _header(message, to)
    return to_xml(Message(header, message, sent.get(header.identifier, 0) + 1))


def _header(body: Body, to: tuple[str, ...]) -> Header:
    for name in to:
        require_name(name)
    is_for_job = isinstance(body, Parameter) and len(to) == 1
    return Header(own_host(), to, -1, to[0] if is_for_job else PROGRAM, message_type(body))


def require_name(name: str) -> str:
    """Return the name of a host or job if messages can carry it.

    Raises
    ------
    ValueError
        It is longer than 31 bytes, which receivers cut, or holds blanks, quotes or ``%``, which crashes senders.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or len(name.encode()) > _MOST_BYTES:
        raise ValueError(
            f"a message can be addressed to names of at most {_MOST_BYTES} bytes, without blanks, quotes or %; "
            f"got {name!r}"
        )
    return name


def own_host() -> str:
    """Name of this host, as far as messages carry it."""
    return socket.gethostname()[:_MOST_BYTES]


def require_harmless(message: Message, *, confirm: bool) -> None:
    """Refuse commands that destroy something, unless they are confirmed, and those that would reach a shell.

    Raises
    ------
    ValueError
        A command or a parameter without an addressee: daemons ignore the first, every job obeys the second.
    NotConfirmed, UnsafeValue
    """
    body, to = message.body, message.header.to
    if isinstance(body, Command):
        text = body.command or ""
        if not to:
            raise ValueError(
                f"{text!r} needs an addressee, such as to='mark5fx07' or to='all'; it would be ignored"
            )
        if _SHELL.search(text):
            raise UnsafeValue(
                f"the command {text!r} may reach a shell; letters, digits and _@%+=:,./- are safe"
            )
        harm = harm_of(text)
        if harm and not confirm:
            raise NotConfirmed(f"{text} to {', '.join(to)} {harm}; say confirm=True if that is meant")
    if isinstance(body, Parameter) and not to and not confirm:
        raise NotConfirmed(
            f"the parameter {body.name} without an addressee is obeyed by every job on the network; name one with "
            "to=, or say confirm=True"
        )
