# SPDX-License-Identifier: GPL-3.0-or-later
"""Layouts: the reader and the writer of one body class, both made from the declarations of its fields.

Comes in: the children of a payload element, or a body. Goes out: a body with the list of what could not be
read, or XML. Mirrors no file of DiFX; it is what keeps the two directions in step.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any, Generic, TypeVar
from xml.etree.ElementTree import Element

from difxnb.wire.message_fields import Collect, Convert, Emit, Wire, declare

B = TypeVar("B")
MAX_FLAGS = 20


class Layout(Generic[B]):
    """How the fields of the dataclass `cls` travel."""

    def __init__(self, cls: type[B]) -> None:
        self.cls = cls
        self._places: dict[str, tuple[int, Convert | None, Collect | None]] = {}
        self._defaults: list[Any] = []
        self._emits: list[tuple[str, Emit]] = []
        for index, field in enumerate(dataclasses.fields(cls)):  # type: ignore[arg-type]
            wire: Wire = field.metadata["wire"]
            self._defaults.append(field.default)
            self._emits.append((field.name, wire.emit))
            for element in wire.elements:
                self._places[element] = (index, wire.convert, wire.collect)

    @property
    def elements(self) -> tuple[str, ...]:
        """Names of all elements that are fields here."""
        return tuple(self._places)

    def knows(self, elements: Iterable[Element]) -> bool:
        """Whether one of the elements is a field here."""
        return any(element.tag in self._places for element in elements)

    def read(self, elements: Iterable[Element], flags: list[str]) -> B:
        """Make a body of the elements that are known, in any order; the last of several wins.

        What cannot be read stays missing, and its name is added to `flags`.
        """
        values = self._defaults.copy()
        places = self._places
        for element in elements:
            place = places.get(element.tag)
            if place is None:
                continue
            index, convert, collect = place
            try:
                if convert is not None:
                    text = element.text
                    if text:
                        values[index] = convert(text)
                elif collect is not None:
                    values[index] = collect(element, values[index])
            except ValueError:
                if len(flags) < MAX_FLAGS:
                    flags.append(f"unreadable {element.tag}")
        return self.cls(*values)

    def write(self, body: B) -> str:
        """Write the fields in the order of the wire; MessageError where one may not be sent."""
        return "".join([emit(getattr(body, name)) for name, emit in self._emits])


def nested(element: str, cls: type[Any]) -> Any:
    """Declare a field that is a body of its own inside an element."""
    layout = Layout(cls)

    def collect(found: Element, old: Any) -> Any:
        flags: list[str] = []
        value = layout.read(found, flags)
        if flags:
            raise ValueError(flags[0])
        return value

    def emit(value: Any) -> str:
        return "" if value is None else f"<{element}>{layout.write(value)}</{element}>"

    return declare(Wire((element,), emit, collect=collect))
