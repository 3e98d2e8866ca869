# SPDX-License-Identifier: GPL-3.0-or-later
"""A schedule: the text of a ``.vex``, what it says as tables, and edits that leave the rest of it as it is.

Mirrors ``difx-files.md`` 12; the tables say what vex2difx 3.1 makes of the statements.

>>> vex = difxnb.read_vex("session.vex")  # doctest: +SKIP
>>> vex.scans()  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from difxnb.errors import FileFormatError
from difxnb.formats import vex_edits
from difxnb.formats.calc_model import Eop
from difxnb.formats.clock_change import ClockChange
from difxnb.formats.keyvalue import read_text
from difxnb.formats.text_edit import TextEdit
from difxnb.formats.text_places import Edit, edited
from difxnb.formats.vex_clock_edits import moment_mjd, with_clock
from difxnb.formats.vex_stations import VexStation
from difxnb.formats.vex_tables import VexTables
from difxnb.formats.vex_text import VexText, parse_vex_text
from difxnb.markup import listed, plain, titled

if TYPE_CHECKING:
    import datetime as dt
    from typing import Any

    import pandas as pd

    from difxnb.formats.problems import Problem

    Time = np.datetime64 | dt.datetime | str

_LARGEST = 2**26
_MOST_STATIONS, _MOST_SETUPS = 2000, 100_000


def read_vex(path: str | PathLike[str]) -> Vex:
    """Read a schedule, VEX 1.5 or 2.0.

    Parameters
    ----------
    path : path-like
        ``.vex``, ``.vex.obs``, ``.skd``, ``.vix``: whatever begins with ``VEX_rev``.

    Returns
    -------
    Vex
        Its text, and tables of scans, stations, sources, modes, bands, clocks and Earth orientation.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    FileFormatError
        It is no VEX; with the line.

    Examples
    --------
    >>> vex = difxnb.read_vex("session.vex")
    >>> vex.problems()
    >>> vex.without_station("Ky").write("session-2.vex")
    """
    place = Path(path)
    return Vex(_parsed(read_text(place), place), place)


def parse_vex(text: str, path: str | Path = "vex") -> Vex:
    """The same of a text that is no file; `path` is for messages, and where it would be written.

    Raises
    ------
    FileFormatError
        It is no VEX; with the line.
    """
    return Vex(_parsed(text, path), None if path == "vex" else Path(path))


def _parsed(text: str, path: str | Path) -> VexText:
    if len(text) > _LARGEST:
        raise FileFormatError(path, "", f"more than {_LARGEST >> 20} MB; no schedule is that long")
    found = parse_vex_text(text, path)
    stations, modes = (
        len(block.definitions) if (block := found.block(name)) else 0 for name in ("STATION", "MODE")
    )
    if stations > _MOST_STATIONS or stations * modes > _MOST_SETUPS:
        raise FileFormatError(path, "", f"{stations} stations in {modes} modes; no schedule has so many")
    return found


class Vex(VexTables):
    """A schedule.

    Nothing of it changes: what edits it gives a new one. Tables are fresh copies, in SI, with times in UTC; what the
    file does not say, or not so that it can be read, is NaN, NaT or an empty text, and :meth:`problems` tells.

    Attributes
    ----------
    path : Path or None
        Where it was read.
    text : str
        All of it.
    version : str
        ``"1.5"`` or ``"2.0"``.
    exper : str
        Name of the experiment.
    start, stop : numpy.datetime64
        Of the experiment as it is planned, else of its scans; NaT where there are none.
    statements : VexText
        Its blocks, definitions and statements, and where they stand.
    """

    def __init__(self, statements: VexText, path: Path | None, original: str | None = None) -> None:
        super().__init__(statements, path)
        self._original = statements.text if original is None else original
        self._problems: list[Problem] | None = None
        self._verified: list[Problem] | None = None

    def problems(self, mode: str | None = None) -> pd.DataFrame:
        """What is wrong with it, or worth knowing: the worst first.

        Parameters
        ----------
        mode : str, optional
            A mode that has to be there, and to be used by a scan.

        Returns
        -------
        DataFrame
            ``severity`` (``error``: vex2difx or the job would fail), ``kind``, ``where``, ``line``, ``name``,
            ``text``, ``fix``; ``attrs["passed"]`` says that there is no error. Rows of kind ``verify`` are of
            `pyvexfile <https://pypi.org/project/pyvexfile/>`_, warnings at most.
        """
        from difxnb.formats.problems import problem_frame
        from difxnb.formats.vex_problems import mode_problems, verify_problems

        if self._verified is None:
            self._verified = verify_problems(self)
        return problem_frame([*mode_problems(self, mode), *self.own_problems(), *self._verified])

    def own_problems(self) -> list[Problem]:
        """What is wrong by the rules of vex2difx alone, as values."""
        from difxnb.formats.vex_problems import own_problems

        if self._problems is None:
            self._problems = own_problems(self)
        return list(self._problems)

    # Edits: everything that is not named stays byte for byte.

    def with_clock(
        self,
        station: str,
        *,
        offset: float,
        rate: float = 0.0,
        epoch: Time,
        valid_from: Time | None = None,
    ) -> Vex:
        """With another clock of a station; the one that it takes the place of stays as a comment.

        Parameters
        ----------
        station : str
            As in scans; upper or lower case.
        offset, rate : float
            s and s/s at `epoch`, **late positive**; the file has them the other way round.
        epoch : datetime64, datetime or str
            ISO 8601 or ``2024y001d12h00m00s``.
        valid_from : the same, optional
            By default that of the clock which is in force at the epoch, or of the first where the epoch is before all;
            of a station without a clock the begin of the first scan. With another time a clock is added.

        Raises
        ------
        ValueError
            No such station, a value that no clock has, or a clock that another station shares.
        FileFormatError
            A clock of the station cannot be read.
        """
        name = self._station(station).key
        wanted = ClockChange(name, offset, rate, _time(name, epoch))
        valid = None if valid_from is None else moment_mjd(name, valid_from)
        starts = [scan.start.mjd for scan in self.scan_list if scan.start is not None]
        begin = min([wanted.epoch_mjd, *starts])
        return self._edited(with_clock(self._statements, name, wanted, valid, begin, self._name))

    def with_eop(self, eops: Iterable[Eop]) -> Vex:
        """With this Earth orientation and no other in ``$EOP``; comments between its definitions stay.

        Parameters
        ----------
        eops : iterable of Eop
            One a day, such as those of a ``.calc``; vex2difx expects five around a job.

        Raises
        ------
        TypeError, ValueError
            There is none, two are of one day, or a value that is none.
        """
        return self._edited(vex_edits.with_eops(self._statements, eops))

    def with_site(
        self,
        station: str,
        *,
        position: tuple[float, float, float] | None = None,
        axis_offset: float | None = None,
        epoch: Time | None = None,
        velocity: tuple[float, float, float] | None = None,
    ) -> Vex:
        """With another site of a station.

        Parameters
        ----------
        station : str
            As in scans; upper or lower case.
        position : three floats, optional
            m, geocentric.
        axis_offset : float, optional
            m.
        epoch : datetime64, datetime or str, optional
            Time for which the position is.
        velocity : three floats, optional
            m/s.

        Raises
        ------
        ValueError
            No such station, nothing to change, a value that is none, or a site that another station shares.
        """
        one, every, vex = self._station(station), self.station_list, self._statements
        edits = list[Edit]()
        if position is not None:
            edits += vex_edits.with_position(vex, one, every, position, self._name)
        if velocity is not None:
            edits += vex_edits.with_velocity(vex, one, every, velocity, self._name)
        if epoch is not None:
            edits += vex_edits.with_position_epoch(vex, one, every, moment_mjd(one.key, epoch), self._name)
        if axis_offset is not None:
            edits += vex_edits.with_axis_offset(vex, one, every, axis_offset, self._name)
        if not edits:
            raise ValueError("say what of the site changes: position=, axis_offset=, epoch= or velocity=")
        return self._edited(edits)

    def only_scans(self, scans: Iterable[str] | Callable[[pd.Series[Any]], bool] | pd.DataFrame) -> Vex:
        """With some of the scans; the others stay as comments.

        Parameters
        ----------
        scans : iterable of str, callable or DataFrame
            Their names, or what says of a row of :meth:`scans` whether it stays, or rows of that table.

        Raises
        ------
        ValueError
            No such scan, or none would be left.
        """
        if callable(scans):
            table = self.scans()
            names = [str(row["scan"]) for _, row in table.iterrows() if scans(row)]
        elif hasattr(scans, "columns"):
            if "scan" not in scans.columns:
                raise ValueError("a table of scans has a column scan")
            names = [str(name) for name in cast("pd.DataFrame", scans)["scan"]]
        else:
            names = [scans] if isinstance(scans, str) else [str(name) for name in scans]
        return self._edited(
            vex_edits.without_scans(self.text, self.scan_list, dict.fromkeys(names), self._name)
        )

    def without_station(self, *stations: str) -> Vex:
        """Without some stations in its scans; their lines stay as comments, so do scans that have no baseline left.

        Raises
        ------
        ValueError
            No such station, or no scan would be left.
        """
        if not stations:
            raise ValueError("name the stations that are to go")
        gone = dict.fromkeys(self._station(name).key for name in stations)
        return self._edited(vex_edits.without_stations(self.text, self.scan_list, gone, self._name))

    def edit(self, new: Vex) -> TextEdit:
        """What leads from this to another: its difference, and where to write it."""
        return TextEdit(self._name, self.text, new.text)

    def edit_of(self, old: Vex) -> TextEdit:
        """What led from another to this."""
        return old.edit(self)

    def write(self, path: str | PathLike[str] | None = None, *, overwrite: bool = False) -> Path:
        """Write the text, whole or not at all.

        Parameters
        ----------
        path : path-like, optional
            Where to; by default where it was read, which needs `overwrite`.
        overwrite : bool
            Whether a file that is there may be replaced.

        Raises
        ------
        ValueError
            It was not read from a file, and no `path` is given.
        OutputExists
            The file is there, and `overwrite` was not given.
        FileChanged
            The file that was read is not what it was then.
        PermissionError, IsADirectoryError, FileNotFoundError
            As :meth:`difxnb.formats.text_edit.TextEdit.write`.
        """
        if self._path is not None:
            return TextEdit(self._path, self._original, self.text).write(path, overwrite=overwrite)
        if path is None:
            raise ValueError("this .vex was not read from a file; say where to write it")
        target = Path(path)
        before = read_text(target) if overwrite and target.is_file() else ""
        return TextEdit(target, before, self.text).write(overwrite=overwrite)

    def _edited(self, edits: Iterable[Edit]) -> Vex:
        text = edited(self.text, edits)
        return Vex(_parsed(text, self._name), self._path, self._original)

    def _station(self, name: str) -> VexStation:
        """A station by its name, in upper or lower case."""
        known = self.station_list
        found = [one for one in known if one.key == name] or [
            one for one in known if one.key.upper() == str(name).upper()
        ]
        if not found:
            there = ", ".join(one.key for one in known) or "none"
            raise ValueError(f"{self._name}: no station {name}; it has {there}")
        return found[0]

    def __repr__(self) -> str:
        from difxnb.formats.vex_summary import facts, title

        return plain(title(self), facts(self))

    def _repr_html_(self) -> str:
        from difxnb.formats.vex_summary import facts, title

        tables = (titled(name, self.frame(name)) for name in ("scans", "stations"))
        return listed(title(self), facts(self)) + "".join(tables)


def _time(station: str, time: Time) -> np.datetime64:
    """A time in UTC, of a text in either form."""
    from difxnb.formats.vex_quantities import vex_moment

    moment = vex_moment(time) if isinstance(time, str) else None
    if moment is None:
        return time  # type: ignore[return-value]
    return np.datetime64("1858-11-17", "us") + np.timedelta64(
        round((moment.day * 86400 + moment.second) * 1e6), "us"
    )
