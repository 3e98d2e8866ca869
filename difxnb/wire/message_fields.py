# SPDX-License-Identifier: GPL-3.0-or-later
"""Kinds of difxMessage fields: how the text of one element becomes a value, and a value text.

Each field of a message body is declared once, as a dataclass field made by one of the functions below
(``text``, ``name``, ``integer``, ``number``, ...). The declaration names the element; reader and writer are
both made from it, so they cannot disagree. Kinds follow the tables of limits in ``difxmessage.h`` and the
receiving habits of its parser, except that a value that cannot be read becomes ``None`` with a flag and
never a zero.

Comes in: text of elements and attributes. Goes out: values, or ``ValueError`` for what cannot be read; on
the way back text, or :class:`~difxnb.errors.MessageError` for what may not be written.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from math import isfinite
from typing import Any
from xml.etree.ElementTree import Element

from difxnb.errors import MessageError

TEXT_LIMIT = 1023
"""Bytes of one text that the receivers of DiFX keep."""

Convert = Callable[[str], Any]
Collect = Callable[[Element, Any], Any]
Emit = Callable[[Any], str]


@dataclasses.dataclass(frozen=True, slots=True)
class Wire:
    """How one dataclass field travels.

    Attributes
    ----------
    elements : tuple of str
        Names of the elements that feed the field.
    convert : callable, optional
        Text of the element to a value; ``ValueError`` where it is unreadable.
    collect : callable, optional
        Instead of `convert` for elements with attributes, children or repetition: takes the element and the
        value so far, returns the new value.
    emit : callable
        Value (also ``None``) to XML.
    """

    elements: tuple[str, ...]
    emit: Emit
    convert: Convert | None = None
    collect: Collect | None = None


def declare(wire: Wire, default: Any = None) -> Any:
    """Make a dataclass field that carries `wire`."""
    return dataclasses.field(default=default, metadata={"wire": wire})


# -- text -------------------------------------------------------------------------------------------------

_ENTITIES = str.maketrans({"<": "&lt;", ">": "&gt;", "&": "&amp;", '"': "&quot;", "'": "&apos;"})
_SPECIAL = re.compile("[<>&\"']")
# Everything XML 1.0 forbids, and the line breaks and tabs that a receiver would paste into a command line.
_FORBIDDEN = re.compile("[\x00-\x1f\ud800-\udfff\ufffe\uffff]")
_CODED = re.compile("[\x01-\x1f]")


def escape(value: str, what: str, limit: int = TEXT_LIMIT) -> str:
    """Escape `value` for XML.

    Raises
    ------
    MessageError
        If it holds a control character, or more than `limit` bytes in UTF-8.
    """
    found = _FORBIDDEN.search(value)
    if found:
        raise MessageError(
            f"{what} holds the character U+{ord(found[0]):04X}, which a difxMessage cannot carry"
        )
    if len(value) > limit or len(value.encode()) > limit:
        raise MessageError(
            f"{what} has {len(value.encode())} bytes; receivers keep {limit}, so it is not sent"
        )
    return value.translate(_ENTITIES) if _SPECIAL.search(value) else value


def encode_bytes(value: str) -> str:
    """Write control characters the way the library of DiFX does: a newline becomes ``[[ 10]]``."""
    return _CODED.sub(lambda found: f"[[{ord(found[0]):3d}]]", value)


# One code: 0..31 or -1..-128. The sender keeps 7 characters, so codes of -100 and below lack a bracket.
_BYTE_CODE = r"\[\[ *(?:(?:[12]?[0-9]|3[01]|-[1-9][0-9]?)\]\]|-1(?:[01][0-9]|2[0-8])\])"
_BYTE_CODES = re.compile(f"(?:{_BYTE_CODE})+")
_NUMBER = re.compile(r"-?\d+")


def _decode_run(found: re.Match[str]) -> str:
    run = bytes(int(number) % 256 for number in _NUMBER.findall(found[0]))
    try:
        return run.decode()
    except UnicodeDecodeError:
        return run.decode("latin-1")


def decode_bytes(value: str) -> str:
    """Undo the byte codes ``[[nnn]]``; runs of them are read as UTF-8, else as Latin-1."""
    return _BYTE_CODES.sub(_decode_run, value) if "[[" in value else value


def _as_is(value: str) -> str:
    return value


def _strip(value: str) -> str | None:
    return value.strip() or None


def _simple(element: str, show: Callable[[Any], str], absent: str | None) -> Emit:
    """Emit ``<element>text</element>``; for a missing value `absent`, or nothing where that is ``None``."""
    opening, closing = f"<{element}>", f"</{element}>"
    nothing = "" if absent is None else f"{opening}{absent}{closing}"

    def emit(value: Any) -> str:
        return nothing if value is None else f"{opening}{show(value)}{closing}"

    return emit


def text(element: str, *, limit: int = TEXT_LIMIT, absent: str | None = None) -> Any:
    """Free text, blanks kept; an empty element is missing."""
    return declare(Wire((element,), _simple(element, lambda v: escape(v, element, limit), absent), _as_is))


def coded_text(element: str, *, limit: int, absent: str | None = None) -> Any:
    """Free text in which the library writes control characters and old bytes as ``[[nnn]]``."""

    def show(value: str) -> str:
        return escape(encode_bytes(value), element, limit)

    return declare(Wire((element,), _simple(element, show, absent), decode_bytes))


def name(element: str, *, limit: int = TEXT_LIMIT, absent: str | None = None) -> Any:
    """A word: blanks around it do not belong to it."""
    return declare(Wire((element,), _simple(element, lambda v: escape(v, element, limit), absent), _strip))


def read_serial(value: str) -> str | None:
    """Serial of a module; ``none``, ``???`` and blanks mean that there is none."""
    value = value.strip()
    return None if value in ("", "none", "???") else value


def serial(element: str, *, absent: str = "none") -> Any:
    """Volume serial number of a module, ``None`` where the sender writes ``none``."""
    return declare(Wire((element,), _simple(element, lambda v: escape(v, element, 31), absent), read_serial))


# -- numbers ----------------------------------------------------------------------------------------------

INT32 = (-(2**31), 2**31 - 1)
INT64 = (-(2**63), 2**63 - 1)


def read_integer(value: str) -> int | None:
    """Read a decimal integer of at most 64 bits; blank is missing, anything else ``ValueError``."""
    try:
        number = int(value)
    except ValueError:
        if not value.strip():
            return None
        raise
    if "_" in value or not -(2**63) <= number < 2**63:
        raise ValueError(value)
    return number


def _bounded(low: int, high: int) -> Convert:
    def convert(value: str) -> int | None:
        number = read_integer(value)
        if number is not None and not low <= number <= high:
            raise ValueError(value)
        return number

    return convert


def show_integer(value: int) -> str:
    """Write an integer that receivers can hold."""
    if not -(2**63) <= value < 2**63:
        raise MessageError(f"{value} does not fit 64 bits and cannot be sent")
    return str(int(value))


def integer(
    element: str, low: int = INT64[0], high: int = INT64[1], *, absent: str | None = None, also: str = ""
) -> Any:
    """A decimal integer within `low` and `high`; `also` is another name that it is read by, and not written."""
    convert = read_integer if (low, high) == INT64 else _bounded(low, high)
    names = (element, also) if also else (element,)
    return declare(Wire(names, _simple(element, show_integer, absent), convert))


def read_number(value: str) -> float | None:
    """Read a finite number; blank is missing, ``nan``, ``inf`` and anything else ``ValueError``."""
    try:
        number = float(value)
    except ValueError:
        if not value.strip():
            return None
        raise
    if not isfinite(number) or "_" in value:
        raise ValueError(value)
    return number


def show_number(form: str) -> Callable[[float], str]:
    """Write with the ``%`` format `form`; refuses what is not finite."""

    def show(value: float) -> str:
        if not isfinite(value):
            raise MessageError(f"the number {value} cannot be sent")
        return form % value

    return show


def number(element: str, form: str, *, absent: str | None = None) -> Any:
    """A number, written with the ``%`` format of the library."""
    return declare(Wire((element,), _simple(element, show_number(form), absent), read_number))


def _read_mjd(value: str) -> float | None:
    number = read_number(value)
    if not number:
        return None  # 0 says "not applicable"
    if not 40000.0 <= number <= 100000.0:
        raise ValueError(value)
    return number


def mjd(element: str, form: str = "%9.7f", *, absent: str | None = None) -> Any:
    """UTC modified Julian date; 0 is missing, and what no telescope can have seen is unreadable."""
    return declare(Wire((element,), _simple(element, show_number(form), absent), _read_mjd))


def data_mjd(element: str) -> Any:
    """MJD of Mark5 and Mark6 units, which some senders use for a fraction of a day or for seconds."""
    wire = Wire(
        (element,), _simple(element, show_number("%9.7f"), "0.0000000"), lambda v: read_number(v) or None
    )
    return declare(wire)


def _show_seconds(value: float) -> str:
    if not isfinite(value):
        raise MessageError(f"the number {value} cannot be sent")
    return str(int(value)) if value == int(value) else repr(float(value))


def seconds(element: str) -> Any:
    """Seconds, written without decimals where there are none, because receivers read an integer."""
    return declare(Wire((element,), _simple(element, _show_seconds, None), read_number))


def _read_hexadecimal(value: str) -> int | None:
    value = value.strip()
    if not value:
        return None
    number = int(value, 16)
    if "_" in value or not 0 <= number < 2**32:
        raise ValueError(value)
    return number


def status_word(element: str) -> Any:
    """32 bits in hexadecimal."""

    def show(value: int) -> str:
        if not 0 <= value < 2**32:
            raise MessageError(f"{element} {value} does not fit 32 bits")
        return f"0x{value:08x}"

    return declare(Wire((element,), _simple(element, show, None), _read_hexadecimal))


# -- yes and no -------------------------------------------------------------------------------------------


def _read_force(value: str) -> bool:
    return value[:1] not in "0nNfF"


def _read_true(value: str) -> bool:
    return value == "true"


def _read_nonzero(value: str) -> bool | None:
    number = read_integer(value)
    return None if number is None else number != 0


def force(element: str) -> Any:
    """False for a first letter of ``0nNfF``, else true."""
    return declare(Wire((element,), _simple(element, lambda v: "1" if v else "0", None), _read_force))


def exactly_true(element: str) -> Any:
    """True for exactly ``true``, else false."""
    return declare(Wire((element,), _simple(element, lambda v: "true" if v else "false", None), _read_true))


def nonzero(element: str) -> Any:
    """An integer of which only zero means no."""
    return declare(Wire((element,), _simple(element, lambda v: "1" if v else "0", None), _read_nonzero))


# -- names out of a list ----------------------------------------------------------------------------------


def choice(
    element: str, known: tuple[str, ...], *, as_number: bool = False, absent: str | None = None
) -> Any:
    """One of the names in `known`, of which some senders write the index.

    Unknown names are kept as they are, so that a newer sender loses nothing. With `as_number` the index is
    what is written.
    """
    by_lower = {entry.lower(): entry for entry in known}

    def convert(value: str) -> str | None:
        value = value.strip()
        if value.isascii() and value.isdigit() and len(value) < 4 and int(value) < len(known):
            return known[int(value)]
        return by_lower.get(value.lower(), value) or None

    def show(value: str) -> str:
        if as_number and value in known:
            return str(known.index(value))
        return escape(value, element, 31)

    return declare(Wire((element,), _simple(element, show, absent), convert))


# -- several elements for one field -----------------------------------------------------------------------


def numbered(
    pattern: str, count: int, first: int, convert: Convert, show: Callable[[Any], str], absent: str
) -> Any:
    """Elements such as ``bin0`` ... ``bin7``, as a tuple of `count` entries, ``None`` for a missing one."""
    elements = tuple(pattern.format(first + i) for i in range(count))
    places = {element: i for i, element in enumerate(elements)}

    def collect(element: Element, old: Any) -> Any:
        entries = list(old or (None,) * count)
        entries[places[element.tag]] = convert(element.text) if element.text else None
        return tuple(entries)

    def emit(values: Any) -> str:
        if not values:
            return ""
        if len(values) != count:
            raise MessageError(f"{elements[0]} ... {elements[-1]} are {count} values, not {len(values)}")
        shown = zip(elements, values, strict=True)
        return "".join(f"<{e}>{absent if v is None else show(v)}</{e}>" for e, v in shown)

    return declare(Wire(elements, emit, collect=collect), ())


def repeated(element: str, read: Callable[[Element], Any], show: Callable[[Any], str], most: int) -> Any:
    """An element that may come up to `most` times, as a tuple; further ones are unreadable.

    `read` returns a tuple of at most one entry, empty where the element says nothing.
    """

    def collect(found: Element, old: Any) -> Any:
        if len(old) >= most:
            raise ValueError(element)
        return old + read(found)

    def emit(values: Any) -> str:
        if len(values) > most:
            raise MessageError(f"{len(values)} times {element}: at most {most} can be sent")
        return "".join(map(show, values))

    return declare(Wire((element,), emit, collect=collect), ())
