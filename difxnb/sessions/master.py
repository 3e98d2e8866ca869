# SPDX-License-Identifier: GPL-3.0-or-later
"""Master schedules of the IVS: one line per session, fields between bars.

There are two generations. Version 2.0 has ``type date code doy time duration stations sked corr status dbc subm del``,
with a date of eight digits and a duration of hours and minutes. Version 1.0 has ``name code date doy time duration
stations sked corr status pf dbc subm del mk4``, with a month and a day whose year stands in the title, and whole
hours. Which it is says the first line, else the words above the columns.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from difxnb.errors import FileFormatError

if TYPE_CHECKING:
    import pandas as pd

_LARGEST_FILE = 2**24
_LONGEST_LINE = 1000
_VERSION = re.compile(r"##\s{0,9}master file format version\s{1,9}(\d{1,2}\.\d{1,2})", re.IGNORECASE)
_YEAR = re.compile(r"\b(\d{4})\b[^|]{0,80}\bSCHEDULE\b", re.IGNORECASE | re.ASCII)
_TIME = re.compile(r"(\d{1,2}):(\d{2})", re.ASCII)
_WHOLE = re.compile(r"\d{1,4}(\.\d{1,4})?", re.ASCII)
_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
_MONTH_DAY = re.compile(r"([A-Za-z]{3})\s{0,2}(\d{1,2})", re.ASCII)
_CODE = re.compile(r"[A-Za-z0-9_.+-]{1,32}", re.ASCII)
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_FIRST_YEAR, _LAST_YEAR = 1979, 2200
_FIELDS = {
    "1.0": (
        "name",
        "code",
        "date",
        "doy",
        "time",
        "duration",
        "stations",
        "sked",
        "corr",
        "status",
        "pf",
        "dbc",
    ),
    "2.0": ("name", "date", "code", "doy", "time", "duration", "stations", "sked", "corr", "status", "dbc"),
}
_NEEDED = 9  # up to the correlator


@dataclass(frozen=True, slots=True)
class _Session:
    code: str
    name: str
    day: dt.date
    doy: int
    start: dt.datetime | None
    duration_s: float | None
    stations: str
    removed: str
    corr: str
    status: str
    dbc: str


def read_master(path: str | PathLike[str]) -> pd.DataFrame:
    """Read a master schedule of the IVS, of 24-hour sessions or of Intensives.

    Parameters
    ----------
    path : path
        A ``master2026-int.txt``, say.

    Returns
    -------
    DataFrame
        One row per session, in the order of the file: ``session`` (its code, in lower case), ``date``, ``doy``,
        ``start`` (UTC; NaT where no time is given), ``duration`` (s), ``stations`` (``"Kk Wz"``), ``corr``;
        ``removed`` (stations that do not take part any more), ``name`` (or type), ``status``, ``dbc``.
        ``attrs["version"]`` is that of the layout.

    Raises
    ------
    FileNotFoundError
    FileFormatError
        It is no master schedule, or a line cannot be read; the line is named.
    """
    place = Path(path)
    with place.open("rb") as file:
        raw = file.read(_LARGEST_FILE + 1)
    if len(raw) > _LARGEST_FILE:
        raise FileFormatError(place, "", f"a master schedule has {_LARGEST_FILE} bytes at most")
    return parse_master(raw.decode("utf-8", "replace"), place)


def parse_master(text: str, path: str | Path = "master") -> pd.DataFrame:
    """The same of a text."""
    lines = text.split("\n")
    version = _version_of(lines, path)
    year = next(
        (int(match[1]) for line in lines if "|" not in line and (match := _YEAR.search(line[:200]))), None
    )
    rows = list(_sessions(lines, version, year, path))
    return _frame(rows, version)


def _version_of(lines: list[str], path: str | Path) -> str:
    """Version of the layout, by what is said above the first session."""
    for number, line in enumerate(lines, start=1):
        match = _VERSION.search(line[:200])
        if match is not None:
            if match[1] not in _FIELDS:
                _fail(path, number, f"master schedules of version {match[1]} are not known; 1.0 and 2.0 are")
            return match[1]
        words = line[:_LONGEST_LINE].upper().replace("|", " ").split()
        if "YYYYMMDD" in words:
            return "2.0"
        if "MK4" in words or "PF" in words:
            return "1.0"
        if line.lstrip().startswith("|"):
            break
    _fail(path, 1, "no master schedule: neither a version nor the names of columns stand above the sessions")


def _sessions(lines: list[str], version: str, year: int | None, path: str | Path) -> Iterator[_Session]:
    for number, line in enumerate(lines, start=1):
        if not line.lstrip().startswith("|"):
            continue
        if len(line) > _LONGEST_LINE:
            _fail(path, number, f"a line has {_LONGEST_LINE} characters at most")
        parts = [part.strip() for part in line.strip().strip("|").split("|")]
        if len(parts) < _NEEDED:
            _fail(path, number, f"{len(parts)} fields; a session has {len(_FIELDS[version])} and more")
        fields = dict(zip(_FIELDS[version], parts, strict=False))
        yield _Line(fields, version, year, path, number).session()


class _Line:
    """Reads the fields of one session."""

    def __init__(
        self, fields: dict[str, str], version: str, year: int | None, path: str | Path, number: int
    ) -> None:
        self._fields, self._version, self._year = fields, version, year
        self._path, self._number = path, number

    def session(self) -> _Session:
        """The session of the line."""
        fields = self._fields
        if not _CODE.fullmatch(fields["code"]):
            self._fail(f"{fields['code'][:40]!r} is no code of a session")
        day = self._day()
        stations, _, removed = fields["stations"].partition("-")
        return _Session(
            code=fields["code"].lower(),
            name=fields["name"],
            day=day,
            doy=self._doy(day),
            start=self._start(day),
            duration_s=self._duration(),
            stations=self._names(stations),
            removed=self._names(removed),
            corr=fields["corr"],
            status=fields.get("status", ""),
            dbc=fields.get("dbc", ""),
        )

    def _day(self) -> dt.date:
        text = self._fields["date"]
        match = (_DATE if self._version == "2.0" else _MONTH_DAY).fullmatch(text)
        if match is None:
            self._fail(f"{text[:40]!r} is no date")
        year = int(match[1]) if self._version == "2.0" else self._year
        if year is None:
            self._fail("no title says of which year this schedule is")
        try:
            month = int(match[2]) if self._version == "2.0" else _MONTHS.index(match[1].upper()) + 1
            found = dt.date(year, month, int(match.groups()[-1]))
        except ValueError:
            self._fail(f"{text[:40]!r} is no date")
        if not _FIRST_YEAR <= found.year <= _LAST_YEAR:
            self._fail(f"{found.year} is no year of a session")
        return found

    def _doy(self, day: dt.date) -> int:
        own = day.timetuple().tm_yday
        text = self._fields["doy"]
        if text and (not _WHOLE.fullmatch(text) or float(text) != own):
            self._fail(f"the date is day {own} of its year, not {text[:40]!r}")
        return own

    def _start(self, day: dt.date) -> dt.datetime | None:
        text = self._fields["time"]
        if not text:
            return None
        match = _TIME.fullmatch(text)
        if match is None or int(match[1]) > 24 or int(match[2]) > 59:
            self._fail(f"{text[:40]!r} is no time of a day")
        return dt.datetime(day.year, day.month, day.day) + dt.timedelta(
            hours=int(match[1]), minutes=int(match[2])
        )

    def _duration(self) -> float | None:
        text = self._fields["duration"]
        if not text:
            return None
        match = _TIME.fullmatch(text)
        if match is not None:
            return int(match[1]) * 3600.0 + int(match[2]) * 60.0
        if not _WHOLE.fullmatch(text):
            self._fail(f"{text[:40]!r} is no duration")
        return float(text) * 3600.0

    def _names(self, text: str) -> str:
        """Stations of two letters each, apart."""
        packed = "".join(text.split())
        if len(packed) % 2 or not (packed.isalnum() or not packed) or not packed.isascii():
            self._fail(f"{text.strip()[:40]!r} are no stations of two letters each")
        return " ".join(packed[place : place + 2] for place in range(0, len(packed), 2))

    def _fail(self, problem: str) -> NoReturn:
        _fail(self._path, self._number, problem)


def _fail(path: str | Path, number: int, problem: str) -> NoReturn:
    raise FileFormatError(path, f"line {number}", problem)


def _frame(rows: list[_Session], version: str) -> pd.DataFrame:
    import pandas as pd

    from difxnb.tables.columns import moments, numbers, texts

    midnights = [dt.datetime(row.day.year, row.day.month, row.day.day) for row in rows]
    table = pd.DataFrame(
        {
            "session": texts(row.code for row in rows),
            "date": moments(midnights),
            "doy": pd.Series([row.doy for row in rows], dtype="int64"),
            "start": moments(row.start for row in rows),
            "duration": numbers(row.duration_s for row in rows),
            "stations": texts(row.stations for row in rows),
            "corr": texts(row.corr for row in rows),
            "removed": texts(row.removed for row in rows),
            "name": texts(row.name for row in rows),
            "status": texts(row.status for row in rows),
            "dbc": texts(row.dbc for row in rows),
        }
    )
    table.attrs["version"] = version
    return table
