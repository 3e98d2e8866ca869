# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be saved of a document that is no well-formed XML.

Most senders of DiFX escape nothing (``difxmessage.md`` 3.1, 14.1): one ``&`` in a path breaks every alert and every
state of a job. What such a slip left is beyond doubt once it is escaped. Anything else is broken for good, and only
what was complete before the break counts; receivers that take defaults for the rest report jobs that never failed.

Comes in: text that the XML parser refused. Goes out: text that it may take, or elements that had ended.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast
from xml.etree.ElementTree import Element, ParseError, XMLPullParser

_BARE_AMPERSAND = re.compile(r"&(?!(?:lt|gt|amp|quot|apos|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});)")
_BARE_LESS = re.compile(r"<(?![A-Za-z_/?!])")
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_REFERENCE = re.compile(r"&#(?:x([0-9a-fA-F]{1,6})|([0-9]{1,7}));")
_SUBSTITUTE = "\ufffd"
_OF_HEADER = frozenset({"from", "to", "mpiProcessId", "identifier", "type"})


def repair(text: str) -> str:
    """Escape what a sender forgot to, and put a mark where a character stood that XML cannot carry."""
    text = _BARE_AMPERSAND.sub("&amp;", text)
    text = _BARE_LESS.sub("&lt;", text)
    text = _REFERENCE.sub(_allowed_reference, text)
    return _NOT_IN_XML.sub(_SUBSTITUTE, text)


def _allowed_reference(found: re.Match[str]) -> str:
    number = int(found[1], 16) if found[1] else int(found[2])
    is_allowed = number <= 0x10FFFF and not _NOT_IN_XML.fullmatch(chr(number))
    return found[0] if is_allowed else _SUBSTITUTE


@dataclass(slots=True)
class Remains:
    """What had ended before a document broke.

    Attributes
    ----------
    document : Element or None
        The whole of it, where the break came after its end.
    header : Element or None
        What was in the header; None before anything was.
    sequence : Element or None
        The number of the message.
    """

    document: Element | None = None
    header: Element | None = None
    sequence: Element | None = None
    _open: list[str] = field(default_factory=list)

    def begin(self, element: Element) -> None:
        """Take note of the beginning of an element."""
        self._open.append(element.tag)

    def end(self, element: Element) -> None:
        """Take note of the end of an element."""
        self._open.pop()
        above = self._open[1:2]
        if not self._open:
            self.document = element
        elif above == ["header"] and len(self._open) == 2 and element.tag in _OF_HEADER:
            self.header = Element("header") if self.header is None else self.header
            self.header.append(element)
        elif above == ["body"] and len(self._open) == 2 and element.tag == "seqNumber":
            self.sequence = element

    @property
    def is_message(self) -> bool:
        """Whether it was a difxMessage that broke."""
        root = self.document.tag if self.document is not None else self._open[0] if self._open else ""
        return root.rpartition("}")[2] == "difxMessage"


def salvage(text: str) -> Remains:
    """Collect what had ended before `text` broke."""
    remains = Remains()
    parser: XMLPullParser[Element] = XMLPullParser(("start", "end"))
    try:
        parser.feed(text)
        for event, element in cast("Iterator[tuple[str, Element]]", parser.read_events()):
            if event == "start":
                remains.begin(element)
            else:
                remains.end(element)
            if remains.document is not None:
                break
    except (ParseError, ValueError):  # ValueError: text that has no UTF-8 form
        return remains
    return remains
