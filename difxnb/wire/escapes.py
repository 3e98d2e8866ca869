# SPDX-License-Identifier: GPL-3.0-or-later
"""File names as ``ls -b`` writes them: one line and one word each, whatever is in them; and back."""

from __future__ import annotations

import re

_ESCAPE = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_LETTERS = {
    b"a": b"\a",
    b"b": b"\b",
    b"f": b"\f",
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
    b"v": b"\v",
}
_LETTER_OF = {code.decode(): f"\\{letter.decode()}" for letter, code in _LETTERS.items()}


def escape_name(name: str) -> str:
    """Write a name as ``ls -b`` does: blanks, backslashes and what cannot be printed are escaped."""
    if name.isascii() and name.isprintable() and " " not in name and "\\" not in name:
        return name
    return "".join(map(_escape, name))


def unescape_name(text: str) -> str:
    """Read a name that ``ls -b`` wrote."""
    if "\\" not in text:
        return text
    return _ESCAPE.sub(_unescape, text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")


def _escape(character: str) -> str:
    if character in " \\":
        return f"\\{character}"
    if character.isprintable():
        return character
    octal = "".join(f"\\{byte:03o}" for byte in character.encode("utf-8", "surrogateescape"))
    return _LETTER_OF.get(character, octal)


def _unescape(match: re.Match[bytes]) -> bytes:
    code = match[1]
    return bytes([int(code, 8) & 0xFF]) if len(code) == 3 else _LETTERS.get(code, code)
