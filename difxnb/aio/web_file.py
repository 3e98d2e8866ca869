# SPDX-License-Identifier: GPL-3.0-or-later
"""A file behind an ``http`` or ``https`` address, fetched by this machine: bounded, and never by another way."""

from __future__ import annotations

import urllib.error
import urllib.request
from http.client import HTTPMessage
from typing import IO
from urllib.parse import urlsplit

SCHEMES = ("http", "https")
_LONGEST_URL = 2048


class _SameScheme(urllib.request.HTTPRedirectHandler):
    """Follows redirects that stay with the scheme: from https nobody is led to http, or to a file."""

    max_redirections = 5

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if urlsplit(newurl).scheme != urlsplit(req.full_url).scheme:
            raise urllib.error.HTTPError(newurl, code, "leads to another scheme", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def fetch_web_file(url: str, *, limit: int, timeout: float) -> bytes:
    """Fetch a file.

    Parameters
    ----------
    url : str
        Begins with ``http://`` or ``https://``, and holds no password.
    limit : int
        Most bytes.
    timeout : float
        Seconds of silence until it is given up.

    Raises
    ------
    ValueError
        No such address; more than `limit`.
    OSError
        It could not be fetched; the text says why.
    """
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES or not parts.hostname or len(url) > _LONGEST_URL:
        raise ValueError(f"an address begins with http:// or https:// and a host; got {url[:100]!r}")
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"an address with a user or a password in it is not fetched: {parts.hostname}")
    opener = urllib.request.build_opener(_SameScheme())
    try:
        with opener.open(urllib.request.Request(url), timeout=timeout) as answer:
            content: bytes = answer.read(limit + 1)
    except OSError as error:
        raise OSError(f"{url} could not be fetched: {error}") from error
    if len(content) > limit:
        raise ValueError(f"{url} has more than {limit >> 20} MiB")
    return content
