# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of commands that only the strict rule makes safe: paths, patterns, hosts, words (guiserver.md 5.4, rule 1).

What names files elsewhere may be quoted; what is used here is pasted into command lines that no quoting survives on
every server, so it is plain or it is refused. guiServer cuts a value at its limit without a word, so lengths are held
as well.
"""

from __future__ import annotations

import re

from difxnb.errors import UnsafeValue
from difxnb.wire.files import require_plain

_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", re.ASCII)
_WILDCARDS = re.compile(r"[*?]")


def plain_path(path: str, what: str) -> str:
    """Return `path` if it is absolute and plain.

    Raises
    ------
    UnsafeValue
        It holds characters that a shell would act on, or is too long.
    ValueError
        It is relative: nobody here knows what directory the server runs in.
    """
    if not path.startswith("/"):
        raise ValueError(f"{what} must be absolute on the server, such as /data/exp; got {path!r}")
    return require_plain(path, what)


def plain_pattern(pattern: str, what: str) -> str:
    """Return `pattern` if it is a plain absolute path with nothing but ``*`` and ``?`` for wildcards.

    Raises
    ------
    UnsafeValue, ValueError
        As `plain_path`.
    """
    plain_path(_WILDCARDS.sub("x", pattern), what)
    return pattern


def plain_word(word: str, what: str, limit: int) -> str:
    """Return `word` if it is plain and the server keeps all of it.

    Raises
    ------
    UnsafeValue
    """
    require_plain(word, what)
    if len(word) > limit:
        raise UnsafeValue(f"guiServer keeps {limit} characters of a {what} and drops the rest; got {word!r}")
    return word


def plain_host(name: str, what: str, limit: int) -> str:
    """Return `name` if it is the name of one host, or one word of mk5control.

    Raises
    ------
    UnsafeValue
    """
    if not _HOST.fullmatch(name):
        raise UnsafeValue(f"{what} is one host name of letters, digits, dots and hyphens; got {name!r}")
    return plain_word(name, what, limit)


def split_path(path: str, what: str) -> tuple[str, str]:
    """Give directory and name of a plain path, both plain: programs get the name alone, after a ``cd``.

    Raises
    ------
    UnsafeValue, ValueError
        As `plain_path`; the name is empty, or begins with a hyphen.
    """
    directory, _, name = plain_pattern(path, what).rpartition("/")
    require_plain(_WILDCARDS.sub("x", name), f"name in the {what}")
    return directory or "/", name
