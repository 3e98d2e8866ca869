# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that reach the server's shell: plain ones, and how the others are quoted for each operation.

guiServer pastes nearly every value into a command for ``/bin/sh``, once for most operations and inside the double
quotes of ``flock -c "…"`` for rm, mv and cp; command lines are cut at 1023 bytes and executed. In: a value as the
user means it. Out: the text to send, or UnsafeValue where no text means that value (guiserver.md 5.4).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable

from difxnb.errors import UnsafeValue

# guiServer cuts a command line at 1023 bytes and runs what is left of it. With these limits no command
# with two values comes near.
MAX_PLAIN = 255
"""Bytes of the longest value, before quoting."""

MAX_QUOTED = 450
"""Bytes of the longest value after quoting."""

_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./][A-Za-z0-9_@%+=:,./-]*", re.ASCII)
_SPECIAL_IN_DOUBLE_QUOTES = re.compile(r'[\\"$`]')
# a bracket that closes, which takes at least one character; its first may be the closing bracket itself
_WILDCARD = re.compile(r"[*?]|\[!?(?:\][^]]*|[^]!][^]]*|![^]]+)\]")
_ESCAPED = re.compile(r"\[([*?[])\]")


def is_plain(value: str) -> bool:
    """Whether every server and every operation takes `value` as it stands."""
    return len(value) <= MAX_PLAIN and _PLAIN.fullmatch(value) is not None


def require_plain(value: str, what: str) -> str:
    """Return `value` if every server and every operation takes it as it stands.

    That is: letters, digits and ``_ @ % + = : , . / -``, no ``-`` in front, 1 to 255 characters.

    Raises
    ------
    UnsafeValue
        Naming `what`, the value and the rule that it breaks.
    """
    if not value:
        raise UnsafeValue(f"{what} is empty")
    if len(value) > MAX_PLAIN:
        raise UnsafeValue(f"{what} has {len(value)} characters, and {MAX_PLAIN} are safe: {value[:60]!r}...")
    if not _PLAIN.fullmatch(value):
        raise UnsafeValue(
            f"{what} would reach the server's shell and may hold only letters, digits and "
            f"_ @ % + = : , . / - (no - in front); got {value!r}"
        )
    return value


def require_sendable(value: str) -> str:
    """Return `value` if it can be sent as it stands to a server that runs no shell: the one of this package.

    Raises
    ------
    UnsafeValue
        It is empty, begins with ``-``, is too long, or holds control characters or what is no UTF-8.
    """
    return _short_enough(_printable(value), value)


def quote_once(value: str) -> str:
    """Quote for mkdir, rmdir, touch and ls, where one shell reads the value.

    Raises
    ------
    UnsafeValue
        The value holds control characters or cannot be written as UTF-8, or is too long when quoted.
    """
    return _short_enough(shlex.quote(_printable(value)), value)


def quote_twice(value: str) -> str:
    """Quote for rm, mv and cp, where the command stands inside double quotes for a second shell.

    Servers from before December 2018 read these values once only, and take a name with ``\\ " $`` or a backquote
    for another one then. Raises UnsafeValue as `quote_once` does.
    """
    return _short_enough(_escape_double(shlex.quote(_printable(value))), value)


def move_target(value: str) -> str:
    """Quote the target of mv and cp, whose first character the server wants to see as a slash.

    Raises
    ------
    UnsafeValue
        The path is not absolute, or `quote_once` would refuse it.
    """
    if not value.startswith("/"):
        raise UnsafeValue(f"the target of a move must be an absolute path; got {value!r}")
    return value if value.strip("/") == "" else f"/{quote_after_slash(value[1:])}"


def upload_destination(value: str) -> str:
    """Quote the destination of an upload: its last name alone, because the server looks at the rest as it stands.

    Raises
    ------
    UnsafeValue
        The directory is not plain, or the name is one that `quote_once` would refuse.
    """
    directory, _, name = value.rpartition("/")
    if directory:
        require_plain(directory, "the directory of an upload")
    return f"{directory}/{quote_after_slash(name)}"


def quote_after_slash(value: str) -> str:
    """Quote as `quote_twice` does what stands behind a slash, and so may begin with ``-``."""
    return _short_enough(_escape_double(shlex.quote(_printable(f"/{value}")[1:])), value)


def is_pattern(value: str) -> bool:
    """Whether a shell would expand `value`: it holds ``*``, ``?`` or ``[...]``."""
    return _WILDCARD.search(value) is not None


def literal_name(value: str) -> str | None:
    """The one name that is meant: without wildcards, or what `glob.escape` made of one; None for a pattern."""
    if all(_ESCAPED.fullmatch(wildcard[0]) for wildcard in _WILDCARD.finditer(value)):
        return _ESCAPED.sub(r"\1", value)
    return None


def quote_pattern_once(pattern: str) -> str:
    """Quote for ls what is no wildcard in a pattern. Raises UnsafeValue as `quote_once` does."""
    return _quote_between_wildcards(pattern, str)


def quote_pattern_twice(pattern: str) -> str:
    """Quote for rm what is no wildcard in a pattern. Raises UnsafeValue as `quote_once` does."""
    return _quote_between_wildcards(pattern, _escape_double)


def _quote_between_wildcards(pattern: str, escape: Callable[[str], str]) -> str:
    _printable(pattern)
    parts, start = [], 0
    for wildcard in _WILDCARD.finditer(pattern):
        parts += [_quote_part(pattern[start : wildcard.start()]), _bracket(wildcard[0])]
        start = wildcard.end()
    parts.append(_quote_part(pattern[start:]))
    return _short_enough(escape("".join(parts)), pattern)


def _quote_part(text: str) -> str:
    return shlex.quote(text) if text else ""


def _bracket(wildcard: str) -> str:
    """Write ``[...]`` so that the shell sees no more in it than its two ends, ``!`` in front and ``-``."""
    if len(wildcard) == 1:
        return wildcard
    inside = wildcard[1:-1]
    negation = "!" if inside.startswith("!") else ""
    return f"[{negation}{''.join(map(_in_bracket, inside[len(negation) :]))}]"


def _in_bracket(character: str) -> str:
    if character == "-" or character.isalnum():
        return character
    return '"\'"' if character == "'" else f"'{character}'"


def _printable(value: str) -> str:
    # No quoting keeps a command from reading a leading - as an option; an empty value would be absent in XML.
    if not value or value.startswith("-"):
        raise UnsafeValue(f"a value for the server's shell must not be empty or begin with -; got {value!r}")
    # A line break inside an XML value would end up in the command, and other control characters cannot
    # even be written in XML, whose reader runs what came before the mistake.
    if any(c < " " or c == "\x7f" or "\ud800" <= c <= "\udfff" or c in "\ufffe\uffff" for c in value):
        raise UnsafeValue(f"a value for the server's shell holds characters that cannot be sent: {value!r}")
    return value


def _escape_double(quoted: str) -> str:
    return _SPECIAL_IN_DOUBLE_QUOTES.sub(r"\\\g<0>", quoted)


def _short_enough(quoted: str, value: str) -> str:
    if len(value.encode()) > MAX_PLAIN:
        raise UnsafeValue(f"{value[:60]!r}... has {len(value.encode())} bytes, and {MAX_PLAIN} are safe")
    length = len(quoted.encode())
    if length > MAX_QUOTED:
        raise UnsafeValue(f"{value[:60]!r} takes {length} bytes when quoted, and {MAX_QUOTED} are safe")
    return quoted
