# SPDX-License-Identifier: GPL-3.0-or-later
"""What a ``.vex`` says as tables, each made when it is asked for."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from difxnb.formats import frames
from difxnb.formats.frames import Columns
from difxnb.formats.vex_clock_rows import clock_columns
from difxnb.formats.vex_eop import eop_columns, eop_points
from difxnb.formats.vex_modes import VexSetup, band_columns, mode_columns, setups_of
from difxnb.formats.vex_quantities import Moment, vex_moment
from difxnb.formats.vex_scans import VexScan, first_word, scan_columns, scan_station_columns, scans_of
from difxnb.formats.vex_sources import VexSource, source_columns, sources_of
from difxnb.formats.vex_stations import VexStation, station_columns, stations_of
from difxnb.formats.vex_text import VexDefinition, VexText

if TYPE_CHECKING:
    import pandas as pd


class VexTables:
    """The tables of a schedule; :class:`difxnb.formats.vex.Vex` has edits beside them."""

    def __init__(self, statements: VexText, path: Path | None) -> None:
        self._statements, self._path = statements, path
        self._frames: dict[str, pd.DataFrame] = {}

    @property
    def path(self) -> Path | None:
        return self._path

    @property
    def text(self) -> str:
        return self._statements.text

    @property
    def version(self) -> str:
        return self._statements.revision

    @property
    def statements(self) -> VexText:
        return self._statements

    @cached_property
    def exper(self) -> str:
        experiment = self._experiment
        return "" if experiment is None else first_word(experiment, "exper_name") or experiment.name

    @property
    def start(self) -> np.datetime64:
        return self._planned("exper_nominal_start", [scan.start for scan in self.scan_list], min)

    @property
    def stop(self) -> np.datetime64:
        return self._planned("exper_nominal_stop", [scan.stop for scan in self.scan_list], max)

    @cached_property
    def _experiment(self) -> VexDefinition | None:
        """The definition that ``$GLOBAL`` refers to, else the first."""
        block, main = self._statements.block("EXPER"), self._statements.block("GLOBAL")
        if block is None or not block.definitions:
            return None
        named = [one.field(0) for one in main.statements if one.words == ("ref", "$EXPER")] if main else []
        chosen = block.definition(" ".join(named[0])) if named else None
        return chosen or block.definitions[0]

    def _planned(
        self, word: str, scans: list[Moment | None], extreme: Callable[[list[Moment]], Moment]
    ) -> np.datetime64:
        said = None if self._experiment is None else vex_moment(first_word(self._experiment, word))
        known = [one for one in scans if one is not None]
        found = said or (extreme(known) if known else None)
        if found is None:
            return np.datetime64("NaT", "ns")
        return np.datetime64(frames.utc([found.day], [found.second]).to_numpy()[0], "ns")

    # What the tables are made of, for who makes more of it than tables.

    @cached_property
    def scan_list(self) -> tuple[VexScan, ...]:
        """Scans as values."""
        return scans_of(self._statements)

    @cached_property
    def station_list(self) -> tuple[VexStation, ...]:
        """Stations as values."""
        return stations_of(self._statements)

    @cached_property
    def source_list(self) -> tuple[VexSource, ...]:
        """Sources as values."""
        return sources_of(self._statements)

    @cached_property
    def setup_list(self) -> tuple[VexSetup, ...]:
        """Setups of each mode and station as values."""
        return setups_of(self._statements)

    @cached_property
    def mode_names(self) -> frozenset[str]:
        """Names in ``$MODE``."""
        block = self._statements.block("MODE")
        return frozenset(one.name for one in block.definitions) if block else frozenset()

    @cached_property
    def source_names(self) -> frozenset[str]:
        """Names in ``$SOURCE``."""
        return frozenset(one.key for one in self.source_list)

    @cached_property
    def _newlines(self) -> list[int]:
        return [match.start() for match in re.finditer("\n", self.text)]

    def line_of(self, place: int) -> int:
        """Line, from 1, of a position in the text."""
        return bisect_right(self._newlines, place - 1) + 1

    # Tables.

    def scans(self) -> pd.DataFrame:
        """Scans.

        Returns
        -------
        DataFrame
            ``scan``, ``start`` and ``stop`` (from the first station to begin to the last to end), ``duration`` (s),
            ``mode``, ``source`` (pointed at), ``sources`` (all, blanks between them), ``n_stations``, ``stations``,
            ``line``.
        """
        return self._frame("scans", lambda: scan_columns(self.scan_list, self.line_of))

    def scan_stations(self) -> pd.DataFrame:
        """Stations of each scan.

        Returns
        -------
        DataFrame
            ``scan``, ``station``, ``start``, ``stop``, ``data_start`` and ``data_stop`` (s after the start that the
            scan has in the file), ``pass``, ``wrap``, ``records`` (whether to a drive).
        """
        return self._frame("scan_stations", lambda: scan_station_columns(self.scan_list))

    def stations(self) -> pd.DataFrame:
        """Stations.

        Returns
        -------
        DataFrame
            ``station`` (as in scans), ``name`` and ``site_id`` of the site, ``x y z`` (m) and ``vx vy vz`` (m/s) at
            ``position_epoch``, ``axis_type`` (``azel``, ``hadec``, …), ``axis_offset`` (m), ``das``, ``recorder``,
            ``n_scans``, ``observed`` (s).
        """
        return self._frame("stations", lambda: station_columns(self.station_list, self.scan_list))

    def sources(self) -> pd.DataFrame:
        """Sources.

        Returns
        -------
        DataFrame
            ``source`` (as in scans), ``name``, ``ra`` and ``dec`` (rad), ``frame``, ``n_scans``, ``observed`` (s).
        """
        return self._frame("sources", lambda: source_columns(self.source_list, self.scan_list))

    def modes(self) -> pd.DataFrame:
        """Modes, one row for each station that has one.

        Returns
        -------
        DataFrame
            ``mode``, ``station``, ``data_format`` (``?`` where nothing says), ``n_channels``, ``sample_rate`` (1/s, of
            a channel), ``bits`` (0 where nothing says), ``tracks_def``, ``n_scans``.
        """
        return self._frame("modes", lambda: mode_columns(self.setup_list, self.scan_list))

    def bands(self, mode: str | None = None) -> pd.DataFrame:
        """Channels of each mode and station, in the order in which they are recorded.

        Parameters
        ----------
        mode : str, optional
            One mode; by default all.

        Returns
        -------
        DataFrame
            ``mode``, ``station``, ``channel`` (place in the recording; -1: not recorded), ``link``, ``frequency`` (Hz,
            of the edge where the baseband begins), ``sideband``, ``bandwidth`` (Hz, as the file has it; vex2difx takes
            half of the sample rate where it is less), ``sample_rate``, ``polarization``, ``bbc``, ``if_name``,
            ``phase_cal`` (Hz between tones; 0: none).

        Raises
        ------
        ValueError
            There is no such mode.
        """
        table = self._frame("bands", lambda: band_columns(self.setup_list))
        if mode is None:
            return table
        self._require_mode(mode)
        return table[table["mode"] == mode].reset_index(drop=True)

    def clocks(self) -> pd.DataFrame:
        """Clocks of ``$CLOCK``, **late positive**: their signs are turned.

        Returns
        -------
        DataFrame
            ``station``, ``valid_from`` (NaT: always), ``offset`` (s) and ``rate`` (s/s) at ``epoch``, ``source``
            (``"vex"``). Terms of higher order are in :func:`difxnb.formats.vex_clocks.station_clocks`.

        Raises
        ------
        FileFormatError
            A clock cannot be read.
        """
        names = [one.key for one in self.station_list]
        return self._frame("clocks", lambda: clock_columns(self._statements, names, self._name))

    def eop(self) -> pd.DataFrame:
        """Earth orientation of ``$EOP``.

        Returns
        -------
        DataFrame
            ``mjd``, ``time``, ``tai_utc`` and ``ut1_utc`` (s), ``x_pole`` and ``y_pole`` (**rad**), ``name``.

        Raises
        ------
        FileFormatError
            A value is missing or cannot be read.
        """
        return self._frame("eop", lambda: eop_columns(eop_points(self._statements, self._name)))

    def frame(self, table: str = "scans") -> pd.DataFrame:
        """Any of these tables by its name.

        Raises
        ------
        ValueError
            There is no such table.
        """
        tables = {
            "scans": self.scans,
            "scan_stations": self.scan_stations,
            "stations": self.stations,
            "sources": self.sources,
            "modes": self.modes,
            "bands": self.bands,
            "clocks": self.clocks,
            "eop": self.eop,
        }
        if table not in tables:
            raise ValueError(f"a .vex has no table {table!r}; it has {', '.join(tables)}")
        return tables[table]()

    @property
    def _name(self) -> Path:
        """For messages."""
        return self._path or Path("vex")

    def _require_mode(self, mode: str) -> None:
        block = self._statements.block("MODE")
        there = [one.name for one in block.definitions] if block else []
        if mode not in there:
            raise ValueError(f"{self._name}: no mode {mode}; it has {', '.join(there) or 'none'}")

    def _frame(self, name: str, columns: Callable[[], Columns]) -> pd.DataFrame:
        if name not in self._frames:
            self._frames[name] = frames.table(columns())
        return self._frames[name].copy()
