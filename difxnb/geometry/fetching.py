# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of the web: a URL in, bytes out, within limits of size, time and where redirects lead."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import IO, Any
from urllib.parse import urlsplit

from difxnb.errors import FileFormatError

TIMEOUT_S = 30.0
LARGEST_DOWNLOAD = 2**26
_CHUNK = 2**16
_NOT_CHANGED = 304
UNREACHED = (urllib.error.URLError, OSError, http.client.HTTPException)
"""What is raised where something cannot be fetched."""


def require_plain_url(url: str) -> None:
    """Refuse URLs that are not of the web, or that hold a user or a password: ValueError."""
    try:
        parts = urlsplit(url)
        port_is_well = parts.port is None or parts.port > 0
    except ValueError as error:
        raise ValueError(f"{url[:200]!r} is no URL: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_well:
        raise ValueError(f"{url[:200]!r} is no URL of http or https")
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"a URL with a user or a password is not fetched: the one of {parts.hostname}")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError(f"{url[:200]!r} holds characters that no URL has")


def download(url: str, *, timeout: float = TIMEOUT_S, largest: int = LARGEST_DOWNLOAD) -> bytes:
    """Fetch a file of the web, at most 64 MiB, without a user or a password.

    Parameters
    ----------
    url : str
        ``http://`` or ``https://``; redirects are followed to the same of the two, or from the first to the second.
    timeout : float
        Seconds without an answer.
    largest : int
        Most bytes.

    Raises
    ------
    ValueError
        No such URL.
    FileFormatError
        It is larger.
    URLError, OSError, HTTPException
        It cannot be fetched.
    """
    require_plain_url(url)
    content, _ = fetched(url, "", timeout, largest)
    if content is None:
        raise urllib.error.URLError("the server says that nothing has changed, and nothing is here")
    return content


def fetched(url: str, etag: str, timeout: float, largest: int = LARGEST_DOWNLOAD) -> tuple[bytes | None, str]:
    """The content and its ETag; None where it is still that of an ETag."""
    request = urllib.request.Request(url, headers={"User-Agent": "difxnb", "Accept-Encoding": "identity"})
    if etag:
        request.add_header("If-None-Match", etag)
    opener = urllib.request.build_opener(_SameScheme)
    try:
        with opener.open(request, timeout=timeout) as answer:
            content = _read(answer.read, largest)
            length = answer.headers.get("Content-Length")
            if len(content) > largest:
                raise FileFormatError(url, "", f"more than {largest >> 20} MiB")
            if length is not None and length.isdigit() and int(length) != len(content):
                raise http.client.IncompleteRead(content)
            found = answer.headers.get("ETag") or ""
            return content, found if is_header(found) else ""
    except urllib.error.HTTPError as error:
        with error:
            if error.code == _NOT_CHANGED:
                return None, etag
            raise urllib.error.URLError(f"{error.code} {error.reason}") from None


def _read(take: Callable[[int], bytes], largest: int) -> bytes:
    parts, size = [], 0
    while size <= largest and (part := take(_CHUNK)):
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def is_header(text: str) -> bool:
    """Whether a text may stand in a line of a request: short, printable, ASCII."""
    return len(text) <= 200 and text.isascii() and (text.isprintable() or not text)


class _SameScheme(urllib.request.HTTPRedirectHandler):
    """Follows no redirect out of https, nor to anything but the web."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        target = urlsplit(newurl).scheme
        if target not in (req.type, "https"):
            raise urllib.error.URLError(f"it is redirected from {req.type} to {target or 'nothing'}")
        require_plain_url(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)
