# SPDX-License-Identifier: GPL-3.0-or-later
"""The file with an access token: one line that only its owner may read.

In: a path. Out: the token. Server and clients read the same kind of file; the token itself goes over the wire as
packet 1000 (:class:`difxnb.wire.control.AccessToken`).
"""

from __future__ import annotations

import os
import secrets
import stat
from os import PathLike

from difxnb.errors import TokenFileError

SHORTEST, LONGEST = 16, 1024
"""Characters that a token may have."""

_RANDOM_BYTES = 32


def read_token(path: str | PathLike[str]) -> str:
    """Read the token of a file.

    Raises
    ------
    TokenFileError
        The file is missing, belongs to somebody else, may be read by others, or holds no single word of 16 to
        1024 printable ASCII characters.
    """
    try:
        with open(path, "rb") as content:
            _require_private(path, os.fstat(content.fileno()))
            text = content.read(LONGEST + 2)
    except OSError as error:
        raise TokenFileError(
            f"the token file {path} cannot be read ({error.strerror}); difxnb token {path} makes a new one"
        ) from error
    return _checked(path, text)


def make_token(path: str | PathLike[str]) -> str:
    """Draw a token and write it to a new file that only we may read.

    Raises
    ------
    TokenFileError
        The file exists already, or cannot be written.
    """
    token = secrets.token_urlsafe(_RANDOM_BYTES)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        raise TokenFileError(
            f"{path} exists already and is left alone; remove it to change the token"
        ) from error
    except OSError as error:
        raise TokenFileError(f"no token was written to {path} ({error.strerror})") from error
    with os.fdopen(descriptor, "w", encoding="ascii") as content:
        content.write(f"{token}\n")
    return token


def _require_private(path: str | PathLike[str], found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise TokenFileError(f"the token file {path} is no regular file")
    if found.st_uid not in (os.geteuid(), 0):
        raise TokenFileError(f"the token file {path} belongs to another user (uid {found.st_uid})")
    if found.st_mode & 0o077:
        raise TokenFileError(
            f"the token file {path} may be used by others (mode {stat.S_IMODE(found.st_mode):03o}); "
            f"chmod 600 {path}, and make a new token if others may have read this one"
        )


def _checked(path: str | PathLike[str], content: bytes) -> str:
    token = content.strip()
    is_word = token.isascii() and token.decode("ascii").isprintable() and b" " not in token
    if not (is_word and SHORTEST <= len(token) <= LONGEST):
        raise TokenFileError(
            f"the token file {path} should hold one word of {SHORTEST} to {LONGEST} ASCII characters and "
            f"nothing else; difxnb token {path} makes one"
        )
    return token.decode("ascii")
