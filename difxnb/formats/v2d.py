# SPDX-License-Identifier: GPL-3.0-or-later
"""The ``.v2d``, which says how vex2difx makes jobs of a schedule: read, changed, checked and written.

Nothing is lost: comments, order and layout stay as they are, and a file that is not changed is written as it was read.
Mirrors ``difx-files.md`` 12.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from difxnb.formats.keyvalue import read_text
from difxnb.formats.v2d_file import V2dFile
from difxnb.markup import listed, plain, titled

if TYPE_CHECKING:
    import datetime as dt

    import numpy as np
    import pandas as pd

    from difxnb.formats.calc_model import Eop
    from difxnb.formats.vex import Vex


def read_v2d(path: str | PathLike[str], *, vex: Vex | str | PathLike[str] | None = None) -> V2d:
    """Read a ``.v2d``.

    Parameters
    ----------
    path : path-like
        The file.
    vex : Vex or path-like, optional
        Its schedule, against which :meth:`V2d.problems` holds it; by default the one that it names, if it is in the
        same directory or below.

    Returns
    -------
    V2d

    Raises
    ------
    FileNotFoundError
        There is no such file.
    FileFormatError
        vex2difx could not read it either; with the line.

    Examples
    --------
    >>> v2d = read_v2d("r1234.v2d")  # doctest: +SKIP
    >>> v2d["nCore"] = 4  # doctest: +SKIP
    >>> v2d.antennas["Wz"]["clockOffset"] = 1.25  # us  # doctest: +SKIP
    >>> v2d.edit()  # the difference  # doctest: +SKIP
    """
    v2d = parse_v2d(read_text(Path(path)), Path(path))
    v2d.use(vex)
    return v2d


def parse_v2d(text: str, path: str | Path | None = "v2d") -> V2d:
    """Understand the text of a ``.v2d``.

    Raises
    ------
    FileFormatError
        With the line, where vex2difx could not read it either.
    """
    return V2d(text, None if path == "v2d" else path)


class V2d(V2dFile):
    """A ``.v2d``: the statements outside of its blocks as a mapping, and its blocks.

    ``v2d["nCore"] = 4`` changes the text, and nothing else in it. Values are in the units of the file
    (:meth:`defaults` has them), times are ``datetime64`` in UTC. What changes several places at once
    (:meth:`without`, :meth:`with_clock`, …) leaves this object alone and gives another one.

    Attributes
    ----------
    path : Path or None
        The file; None where the text comes from elsewhere.
    original : str
        Text of the file as it was read or last written.

    Raises
    ------
    KeyError
        A parameter that is not set.
    ValueError
        A value that the parameter cannot have; with its line (FileFormatError) where the file has it.
    """

    def without(self, *stations: str) -> V2d:
        """Without some stations: ``antennas`` is shortened, and their blocks become comments.

        Parameters
        ----------
        *stations : str
            Their names in the schedule, or those that the ``.v2d`` gives them.

        Returns
        -------
        V2d
            Another one; this stays as it is.

        Raises
        ------
        ValueError
            There is no such station, none would be left, or ``antennas`` is not set and the schedule is not here.
        """
        from difxnb.formats.v2d_antennas import without

        return without(self, stations)

    def only_scans(self, scans: Iterable[str] | pd.DataFrame) -> V2d:
        """With some scans only: a first RULE leaves the others out.

        Parameters
        ----------
        scans : iterable of str or DataFrame
            Names of scans, or a table with a column ``scan``, such as rows of :meth:`Vex.scans`.

        Raises
        ------
        ValueError
            There is no such scan, or the schedule is not here.
        """
        from difxnb.formats.v2d_antennas import only_scans

        return only_scans(self, scans)

    def with_files(
        self,
        station: str,
        *,
        files: str | Sequence[str] | None = None,
        filelist: str | Sequence[str] | None = None,
        module: str | None = None,
    ) -> V2d:
        """With other data for a station; what was said of its data goes.

        Parameters
        ----------
        station : str
            Its name.
        files, filelist : str or list of str, optional
            Files with data; files that list such. On the computer that correlates.
        module : str, optional
            Module (VSN).

        Raises
        ------
        ValueError
            Not just one of the three, no such station, or its data are in DATASTREAM blocks.
        """
        from difxnb.formats.v2d_antennas import with_files

        return with_files(self, station, files=files, filelist=filelist, module=module)

    def with_clock(
        self, station: str, *, offset: float, rate: float = 0.0, epoch: np.datetime64 | dt.datetime | str
    ) -> V2d:
        """With another clock for a station, in place of whatever was said of it.

        Parameters
        ----------
        station : str
            Its name.
        offset, rate : float
            s and s/s, positive where the station is late.
        epoch : datetime64, datetime or str
            Time, UTC, at which `offset` holds.

        Raises
        ------
        ValueError
            No such station, or no clock can be like that.
        """
        from difxnb.formats.v2d_antennas import with_clock

        return with_clock(self, station, offset=offset, rate=rate, epoch=epoch)

    def with_eop(self, eops: Iterable[Eop]) -> V2d:
        """With other EOP blocks, one a day, in place of all that are there; without any, these go.

        Where the schedule has Earth orientation too, :meth:`problems` says so.

        Raises
        ------
        ValueError
            A day is given twice.
        """
        from difxnb.formats.v2d_antennas import with_eop

        return with_eop(self, eops)

    def renamed(self, series: str) -> V2d:
        """With another name for its jobs, ``jobSeries``.

        Raises
        ------
        ValueError
            It has other characters than letters and digits.
        """
        from difxnb.formats.v2d_antennas import renamed

        return renamed(self, series)

    def problems(self, vex: Vex | None = None) -> pd.DataFrame:
        """What is wrong with it.

        Parameters
        ----------
        vex : Vex, optional
            The schedule to hold it against; by default that of :meth:`schedule`. Without one only the ``.v2d`` itself
            is looked at.

        Returns
        -------
        DataFrame
            One row for each, the worst first: ``severity`` (``error``: vex2difx would stop, or understand something
            else; ``warning``; ``note``), ``kind``, ``where``, ``line``, ``name``, ``text``, ``fix``.
            ``attrs["passed"]`` says that there is no error.
        """
        from difxnb.formats.problems import problem_frame
        from difxnb.formats.v2d_problems import problems_of

        return problem_frame(problems_of(self, vex))

    def frame(self, table: str = "parameters") -> pd.DataFrame:
        """What it says, as a table.

        Parameters
        ----------
        table : str
            - ``"parameters"``: each statement: ``block``, ``kind``, ``name``, ``value`` (as written), ``default``,
              ``unit``, ``line``;
            - ``"antennas"``: each station: ``station``, ``name`` (in the job), ``correlated``, ``files``, ``filelist``,
              ``module``, ``source``, ``datastreams``, ``format``, ``clock_offset`` (s) and ``clock_rate`` (s/s) at
              ``clock_epoch``, late positive, NaN where the schedule has the clock; ``delta_clock`` (s) and
              ``delta_clock_rate`` (s/s), which are added; ``x y z axis_offset`` (m), ``phase_cal`` (Hz), ``zoom``,
              ``line``;
            - ``"setups"``: ``setup``, ``t_int`` (s), ``n_chan``, ``n_fft_chan``, ``spec_res`` and ``fft_spec_res``
              (Hz), ``spec_avg``, ``do_polar``, ``do_auto``, ``subint`` and ``guard`` (s), ``bin_config``, ``line``;
            - ``"rules"``: ``rule``, ``scan``, ``source``, ``mode``, ``setup``, ``line``; the first that fits counts;
            - ``"eops"``: ``mjd``, ``time``, ``tai_utc`` and ``ut1_utc`` (s), ``x_pole`` and ``y_pole`` (rad), ``line``.

        Raises
        ------
        ValueError
            There is no such table.
        FileFormatError
            A value cannot be read; with its line.
        """
        from difxnb.formats.v2d_frames import v2d_frame

        return v2d_frame(self, table)

    def defaults(self) -> pd.DataFrame:
        """Every parameter that vex2difx knows, with what it takes here.

        Returns
        -------
        DataFrame
            ``block`` (each that is there; of kinds that are not, the kind), ``kind`` of value, ``name``, ``value`` (as
            written; empty where it is not), ``default``, ``unit``, ``line``, ``taken`` (the value, else the default;
            empty where vex2difx finds it out), ``text`` (what it means).
        """
        from difxnb.formats.v2d_frames import defaults_frame

        return defaults_frame(self)

    def __repr__(self) -> str:
        from difxnb.formats.v2d_summary import facts, title

        return plain(title(self), facts(self))

    def _repr_html_(self) -> str:
        from difxnb.formats.v2d_summary import facts, title

        return listed(title(self), facts(self)) + titled("what is set", self.frame())
