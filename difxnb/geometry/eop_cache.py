# SPDX-License-Identifier: GPL-3.0-or-later
"""Earth orientation from a file or the network: fetched once, kept, and never older than said without a warning.

Kept is what was fetched, in ``eop`` of the user's cache directory: the text under a hash of its URL, beside it a
``.json`` that says when, and what the text must be. What does not fit together is fetched again.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import tomllib
import urllib.error
import warnings
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from platformdirs import user_cache_path, user_config_path

from difxnb.errors import EopOutdated, FileFormatError
from difxnb.geometry.eop import EopTable
from difxnb.geometry.eop_text import LARGEST, EopDay, parse_eop
from difxnb.geometry.fetching import TIMEOUT_S, UNREACHED, download, fetched, is_header, require_plain_url

__all__ = ["SOURCES", "Cache", "download", "read_eop"]

SOURCES = {
    "usno_finals": "https://vlbi.gsfc.nasa.gov/apriori/usno_finals.erp",
    "iers": "https://datacenter.iers.org/data/9/finals2000A.all",
}
"""Names for tables on the network."""
PREDICTION_D = 10.0
"""Predictions for more than so many days ahead are warned of: UT1 is then wrong by some 0.1 ms and more, cm to dm."""
_DEFAULT = "usno_finals"
_MOST_JSON = 10_000


def read_eop(
    source: str | PathLike[str] | None = None,
    *,
    near: Any = None,
    max_age: float = 7.0,
    refresh: bool = False,
    offline: bool = False,
    strict: bool = False,
) -> EopTable:
    """Read a table of Earth orientation.

    Parameters
    ----------
    source : path-like or str, optional
        A file, a URL, ``"usno_finals"`` (GSFC) or ``"iers"`` (finals2000A). Without it `eop` of ``config.toml``, or
        usno_finals. A file that is called like one of these is ``file:usno_finals``. Read are finals2000A, C04, EOP-MOD
        (``usno_finals.erp``), ``$EOP`` of a ``.vex``, ``EOP`` blocks of a ``.v2d``, and what :meth:`EopTable.write`
        makes.
    near : datetime64, Timestamp or str, optional
        A time (UTC) that the table must have: a kept copy that has not, or only predicts it, is fetched again if it
        is older than a day.
    max_age : float
        Days after which a kept copy is fetched again.
    refresh : bool
        Fetch it again in any case.
    offline : bool
        Use no network: the kept copy, with a warning where it is older than `max_age`.
    strict : bool
        Raise :class:`~difxnb.errors.EopOutdated` instead of warning of it.

    Returns
    -------
    EopTable

    Raises
    ------
    ValueError
        There is neither a network nor a kept copy, or the table does not have `near`.
    FileFormatError
        It is no such table.
    FileNotFoundError
        There is no such file.
    EopOutdated
        What is warned of otherwise, where it is to be strict.

    Warns
    -----
    EopOutdated
        The copy is older than `max_age` and cannot be fetched, or `near` is predicted for more than 10 days.
    """
    if not max_age >= 0:
        raise ValueError(f"max_age is a number of days, not {max_age!r}")
    named = _configured() if source is None else source
    url = SOURCES.get(str(named), str(named))
    if not _is_url(url):
        table = _of_file(Path(url.removeprefix("file:")).expanduser())
    else:
        table, doubt = _of_network(url, near=near, max_age=max_age, refresh=refresh, offline=offline)
        _tell(doubt, strict)
    if near is not None:
        _require(table, near)
        _tell(_predicted(table, near), strict)
    return table


def _tell(doubt: str, strict: bool) -> None:
    if doubt and strict:
        raise EopOutdated(doubt)
    if doubt:
        warnings.warn(doubt, EopOutdated, stacklevel=3)


def _require(table: EopTable, near: Any) -> None:
    if not table.covers(near):
        raise ValueError(
            f"{table.source} has Earth orientation from {_date(table.first)} to {_date(table.last)}, and not for {near}"
        )


def _predicted(table: EopTable, near: Any) -> str:
    days = table.predicted_days(near)
    if days <= PREDICTION_D:
        return ""
    return f"the Earth orientation for {near} is predicted, {days:.0f} days ahead of what {table.source} has measured"


def _configured() -> str:
    path = user_config_path("difxnb") / "config.toml"
    try:
        with path.open("rb") as stream:
            config = tomllib.load(stream)
    except FileNotFoundError:
        return _DEFAULT
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no TOML: {error}") from error
    named = config.get("eop", _DEFAULT)
    if not isinstance(named, str) or not named:
        raise ValueError(f"eop in {path} is a file, a URL, or one of {', '.join(SOURCES)}, not {named!r}")
    return named


def _is_url(text: str) -> bool:
    """Anything with a scheme: what is not of the web is refused as such, and not looked for as a file."""
    return "://" in text and not text.startswith(("file:", "/", ".", "~"))


def _of_file(path: Path) -> EopTable:
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST + 1)
            written = os.fstat(stream.fileno()).st_mtime
    except FileNotFoundError as error:
        known = ", ".join(SOURCES)
        raise FileNotFoundError(error.errno, f"no such file, and none of {known}", str(path)) from None
    _require_size(content, path)
    days = parse_eop(_decoded(content), path)
    return EopTable(str(path), np.datetime64(int(written), "s"), days)


def _require_size(content: bytes, source: object) -> None:
    if len(content) > LARGEST:
        raise FileFormatError(
            source, "", f"more than {LARGEST >> 20} MiB; no table of Earth orientation is that large"
        )


def _decoded(content: bytes) -> str:
    return content.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class _Kept:
    """A copy: its days, when it was fetched or found unchanged, and the server's name for this state of it."""

    days: list[EopDay]
    fetched: datetime
    etag: str

    @property
    def age_days(self) -> float:
        return (datetime.now(UTC) - self.fetched).total_seconds() / 86_400

    def table(self, url: str) -> EopTable:
        return EopTable(url, np.datetime64(self.fetched.replace(tzinfo=None), "ns"), self.days)


def _of_network(url: str, *, near: Any, max_age: float, refresh: bool, offline: bool) -> tuple[EopTable, str]:
    """A table, and why it may be out of date."""
    require_plain_url(url)
    cache = Cache(url)
    kept = cache.read()
    if offline:
        if kept is None:
            raise ValueError(
                f"there is no copy of {url} on this machine, and offline=True uses no network; read it once with a "
                "network, give a file, or take the Earth orientation of the schedule"
            )
        return kept.table(url), _old(url, kept, "offline=True") if kept.age_days > max_age else ""
    if kept is not None and not refresh and not _is_due(kept, url, near, max_age):
        return kept.table(url), ""
    try:
        return cache.fetch(kept).table(url), ""
    except UNREACHED as error:
        reason = str(getattr(error, "reason", "") or error) or type(error).__name__
        if kept is None:
            raise ValueError(
                f"{url} cannot be fetched ({reason}), and there is no copy of it on this machine; "
                "give a file, another URL, or take the Earth orientation of the schedule"
            ) from error
        why = f"it cannot be fetched ({reason})"
    except FileFormatError as error:
        if kept is None:
            raise
        why = f"what is fetched now is no table ({error.problem})"
    return kept.table(url), _old(url, kept, why)


def _is_due(kept: _Kept, url: str, near: Any, max_age: float) -> bool:
    """Whether a copy is to be fetched again."""
    if near is not None and kept.age_days > 1:
        table = kept.table(url)
        if not table.covers(near) or table.predicted_days(near) > 0:
            return True
    # A copy of tomorrow was fetched under a clock that was wrong.
    return not -1 < kept.age_days <= max_age


def _old(url: str, kept: _Kept, why: str) -> str:
    return f"{url}: {why}; the copy fetched {kept.age_days:.1f} days ago is used"


class Cache:
    """The copy of one URL.

    Parameters
    ----------
    url : str
        Where it is from.
    directory : Path, optional
        ``eop`` of the user's cache directory without it.
    """

    def __init__(self, url: str, directory: Path | None = None) -> None:
        folder = directory if directory is not None else user_cache_path("difxnb") / "eop"
        name = hashlib.sha256(url.encode()).hexdigest()[:32]
        self._url = url
        self._text, self._about = folder / f"{name}.txt", folder / f"{name}.json"

    def read(self) -> _Kept | None:
        """Give the copy; None where there is none, or it is damaged."""
        try:
            about = json.loads(self._about.read_bytes()[:_MOST_JSON])
            with self._text.open("rb") as stream:
                content = stream.read(LARGEST + 1)
            if about["url"] != self._url or about["sha256"] != hashlib.sha256(content).hexdigest():
                return None
            when = datetime.fromisoformat(about["fetched"])
            etag = str(about["etag"])
            if when.tzinfo is None or not is_header(etag):
                return None
            return _Kept(parse_eop(_decoded(content), self._url), when, etag)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def fetch(self, kept: _Kept | None) -> _Kept:
        """Fetch it, keep it, and give it; the one that is kept where the server says that it has not changed.

        Raises
        ------
        URLError, OSError, HTTPException
            It cannot be fetched.
        FileFormatError
            What comes is no table; it is not kept then.
        """
        content, etag = fetched(self._url, kept.etag if kept else "", TIMEOUT_S)
        now = datetime.now(UTC)
        if content is None:
            if kept is None:
                raise urllib.error.URLError("the server says that nothing has changed, and nothing is here")
            with self._text.open("rb") as stream:
                content = stream.read(LARGEST + 1)
            new = _Kept(kept.days, now, kept.etag)
        else:
            new = _Kept(parse_eop(_decoded(content), self._url), now, etag)
        about = {
            "url": self._url,
            "fetched": now.isoformat(),
            "etag": new.etag,
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        # A disk that is full, or not ours, only means that it is fetched again.
        with suppress(OSError):
            self._text.parent.mkdir(parents=True, exist_ok=True)
            _replace(self._text, content)
            _replace(self._about, json.dumps(about).encode())
        return new


def _replace(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}.partial")
    try:
        partial.write_bytes(content)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _date(time: np.datetime64) -> str:
    return str(time.astype("datetime64[D]"))
