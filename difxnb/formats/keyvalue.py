# SPDX-License-Identifier: GPL-3.0-or-later
"""The ``KEY: value`` text of ``.input``, ``.calc`` and ``.im`` files.

Text comes in and checked values go out, one key after the other, and the other way round. Two programs read
what is written here and agree on little: one takes the value from column 20 and insists on the order of
lines, the other splits at the first colon and finds keys by name. The writer satisfies both, the reader
reads as the second. Mirrors ``difx-files.md`` 2.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, Self

from difxnb.errors import FileFormatError
from difxnb.formats.new_file import errors_of, replaced_file

VALUE_COLUMN = 20
# Numbers beyond this are damage; it keeps later arithmetic within what a float holds exactly.
_LARGEST_INTEGER = 2**53
# Text of this kind is a few MB; beyond this it is something else.
_LARGEST_TEXT = 2**28
_DIGITS = re.compile(r"\d+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_DAMAGE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LONE_RETURN = re.compile(r"\r(?![\r\n]|\Z)")
_TRUE = ("TRUE", "T", "true", "t")
MISSPELT = {"PHASED ARRAY CONNFIG FILE": "PHASED ARRAY CONFIG FILE"}
"""Keys that the writer of DiFX misspells, and what its readers (and this one) look for."""


class WrittenFloat(float):
    """A number that remembers how it was written, so that reading and writing a file changes nothing in it.

    The programs around DiFX print one and the same field with 6 or with 11 decimals, depending on their
    version. Arithmetic gives plain floats, so a changed value never carries old text.
    """

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Self:
        number = super().__new__(cls, text)
        number.text = text
        return number

    def __getnewargs__(self) -> tuple[str]:  # type: ignore[override]
        return (self.text,)


def pattern(key: str) -> str:
    """Key with its numbers taken out: what all keys of a kind have in common."""
    return _DIGITS.sub("#", key)


def patterns(keys: str) -> frozenset[str]:
    """Make the set of known keys for a reader: one example of each kind, bars or line ends between them."""
    return frozenset(pattern(key.strip()) for key in re.split(r"[|\n]", keys))


class KeyValueReader:
    """Cursor over the keys of a text; whatever does not fit raises FileFormatError with file and line.

    Parameters
    ----------
    text : str
        The whole file.
    path : Path or None
        Its name, for messages.
    known : frozenset of str
        Made by :func:`patterns`. Lines with other keys are passed over; a line with a known key that is not
        the next one is damage.
    headings : tuple of str
        How other lines begin that are not to be passed over, such as the headings of tables.
    """

    def __init__(
        self, text: str, path: Path | None, known: frozenset[str], headings: tuple[str, ...] = ()
    ) -> None:
        self.path = path
        self._known = known
        self._headings = headings
        self._position = 0
        self.keys: list[str] = []
        self._values: list[str] = []
        self._line_numbers: list[int] = []
        for line_number, line in enumerate(text.split("\n"), start=1):
            # A line without a colon is a heading or damage, and stays visible as a key without value.
            key, _, value = line.partition(":")
            key = key.strip()
            if key and not key.startswith("@"):
                self.keys.append(key)
                self._values.append(value.strip())
                self._line_numbers.append(line_number)
        damage = _DAMAGE.search(text) or _LONE_RETURN.search(text)
        if damage:
            name = "NUL bytes" if damage[0] == "\0" else "control characters"
            where = f"line {text.count(chr(10), 0, damage.start()) + 1}"
            raise FileFormatError(path or "text", where, f"holds {name}; it is damaged or no text file")

    def fail(self, problem: str, *, back: int = 0) -> NoReturn:
        """Raise for the line at the cursor, or the one `back` lines before it."""
        position = self._position - back
        numbers = self._line_numbers
        where = f"line {numbers[position]}" if 0 <= position < len(numbers) else "end of file"
        raise FileFormatError(self.path or "text", where, problem)

    def fail_at(self, key: str, problem: str) -> NoReturn:
        """Raise for the first line with a key."""
        self._position = self.keys.index(key)
        self.fail(problem)

    @property
    def remaining(self) -> int:
        """Lines left: no table can have more rows than that."""
        return len(self.keys) - self._position

    @property
    def next_key(self) -> str:
        """Key at the cursor; empty at the end."""
        return self.keys[self._position] if self._position < len(self.keys) else ""

    def skip(self) -> str:
        """Pass over one line, whatever it is, and return its value."""
        self._position += 1
        return self._values[self._position - 1]

    def has(self, key: str) -> bool:
        """Whether the next known line has this key."""
        return self._reaches(lambda found: found == key or MISSPELT.get(found) == key)

    def begins(self, prefix: str) -> bool:
        """Whether the key of the next known line begins so."""
        return self._reaches(lambda found: found.startswith(prefix))

    def _reaches(self, is_wanted: Callable[[str], bool]) -> bool:
        """Pass over unknown lines."""
        while self._position < len(self.keys):
            found = self.keys[self._position]
            if is_wanted(found):
                return True
            if pattern(found) in self._known or found.startswith(self._headings):
                return False
            self._position += 1
        return False

    def text(self, key: str) -> str:
        """Take the value of the next line, which must have this key."""
        position = self._position
        if position >= len(self.keys) or self.keys[position] != key:
            if not self.has(key):
                found = f"found {self.next_key!r}" if self.next_key else "the file ends"
                self.fail(f"expected {key!r}, {found}")
            position = self._position
        self._position = position + 1
        return self._values[position]

    def integer(self, key: str, minimum: int = -_LARGEST_INTEGER, maximum: int = _LARGEST_INTEGER) -> int:
        """Take a whole number between two bounds, both allowed."""
        text = self.text(key)
        try:
            value = int(text)
            if "_" in text:  # a habit of Python's alone
                raise ValueError
        except ValueError:
            self.fail(f"{key!r} needs a whole number, not {text[:40]!r}", back=1)
        if not minimum <= value <= maximum:
            self.fail(f"{key!r} is {text[:40]}, which is not between {minimum} and {maximum}", back=1)
        return value

    def count(self, key: str) -> int:
        """Take the number of rows that follow; at least one line each must be left for them."""
        value = self.integer(key, 0)
        if value > self.remaining:
            self.fail(f"{key!r} announces {value} entries, and {self.remaining} lines are left", back=1)
        return value

    def index(self, key: str, size: int) -> int:
        """Take a row of a table that has `size` rows."""
        if not size and self.has(key):
            self.fail(f"{key!r} names a row of a table that has none")
        return self.integer(key, 0, size - 1)

    def number(self, key: str) -> float:
        """Take a finite number."""
        return self.to_number(key, self.text(key))

    def to_number(self, key: str, text: str) -> float:
        """Understand a text that was just taken as a finite number."""
        try:
            value = WrittenFloat(text.strip())
            if "_" in text:
                raise ValueError
        except ValueError:
            self.fail(f"{key!r} needs a number, not {text[:40]!r}", back=1)
        if not math.isfinite(value):
            self.fail(f"{key!r} needs a finite number, not {text[:40]!r}", back=1)
        return value

    def boolean(self, key: str) -> bool:
        """Take a truth value; like mpifxcorr, anything that is not true is false."""
        return self.text(key) in _TRUE


class KeyValueWriter:
    """Lines of a file under way; :meth:`finish` joins them."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def line(self, key: str, value: str | int) -> None:
        """Add a key and its value, which stands in column 20 or directly behind a long key."""
        text = str(value)
        if _CONTROL.search(text):
            raise ValueError(f"the value of {key!r} holds control characters: {text[:40]!r}")
        self._lines.append(f"{key}:".ljust(VALUE_COLUMN) + text)

    def text(self, key: str, value: str) -> None:
        """Add a name; blanks around it would be lost by one reader and kept by the other."""
        if value != value.strip():
            raise ValueError(f"the value of {key!r} has blanks around it: {value[:40]!r}")
        self.line(key, value)

    def number(self, key: str, value: float, spec: str = ".6f", *, exact: bool = True) -> None:
        """Add a number, as it was read or, if it is new, as :func:`written` has it."""
        self.line(key, written(value, spec, exact=exact))

    def whole_or_number(self, key: str, value: float, spec: str = ".6f") -> None:
        """Add a number without decimals where it has none."""
        self.number(key, value, ".0f" if float(value).is_integer() else spec)

    def signed(self, key: str, value: float, spec: str) -> None:
        """Add a number with room for its sign."""
        text = written(value, spec)
        self.line(key, text if text.startswith("-") else " " + text)

    def boolean(self, key: str, value: bool) -> None:
        """Add a truth value."""
        self.line(key, "TRUE" if value else "FALSE")

    def verbatim(self, line: str) -> None:
        """Add a line as it is: heading, comment or empty."""
        self._lines.append(line)

    def finish(self) -> str:
        """Text of the file."""
        return "\n".join(self._lines) + "\n"


def written(value: float, spec: str, *, exact: bool = True) -> str:
    """Text of a number: as it was read, else in the usual format or (if `exact`) with all digits it needs."""
    if isinstance(value, WrittenFloat):
        return value.text
    if not math.isfinite(value):
        raise ValueError(f"{value} cannot be written into a job file")
    text = format(value, spec)
    return text if not exact or float(text) == value else repr(float(value))


def read_text(path: str | Path) -> str:
    """Text of a file; bytes that are no UTF-8 survive until it is written again.

    Raises
    ------
    FileFormatError
        Where the file is larger than a text of DiFX can be.
    """
    with open(path, "rb") as stream:
        is_large = os.fstat(stream.fileno()).st_size > _LARGEST_TEXT
        content = b"" if is_large else stream.read(_LARGEST_TEXT + 1)
    if is_large or len(content) > _LARGEST_TEXT:
        raise FileFormatError(
            path, "", f"more than {_LARGEST_TEXT >> 20} MB; no text file of a job is that large"
        )
    return content.decode("utf-8", "surrogateescape")


def write_text(path: str | Path, text: str, *, overwrite: bool) -> None:
    """Write a file, whole or not at all; FileExistsError where one exists and is not to be overwritten."""
    content, target = text.encode("utf-8", "surrogateescape"), Path(path)
    if overwrite and (target.is_file() or not target.exists()):
        with replaced_file(target) as partial:
            partial.write_bytes(content)
        return
    is_ours = False
    try:
        # A pipe is no file that could be replaced.
        with errors_of(target), open(target, "wb" if overwrite else "xb") as stream:
            is_ours = not overwrite
            stream.write(content)
    except BaseException:
        if is_ours:
            target.unlink(missing_ok=True)
        raise
