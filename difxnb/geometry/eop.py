# SPDX-License-Identifier: GPL-3.0-or-later
"""A table of Earth orientation: what it says at a time, how old it is, and how jobs get it."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import erfa
import numpy as np

from difxnb.errors import OutputExists
from difxnb.formats.calc_model import Eop
from difxnb.formats.im_evaluation import unix_ns
from difxnb.formats.keyvalue import write_text
from difxnb.formats.mjd import DAY_S, UNIX_EPOCH_MJD
from difxnb.geometry.earth import lagrange, unix_day
from difxnb.geometry.eop_text import PREDICTED, EopDay, format_own
from difxnb.markup import plain_table, titled

if TYPE_CHECKING:
    import pandas as pd

    from difxnb.formats.v2d import V2d
    from difxnb.formats.vex import Vex

_DAY_NS = DAY_S * 10**9
_SHOWN = 5


class _Observed(Protocol):
    """A schedule, as far as its times go."""

    @property
    def start(self) -> Any: ...


class EopTable:
    """Days of Earth orientation from one source.

    Attributes
    ----------
    source : str
        File or URL.
    fetched : datetime64
        When it was fetched, or written (UTC).
    """

    def __init__(self, source: str, fetched: np.datetime64, days: Sequence[EopDay]) -> None:
        if not days:
            raise ValueError(f"{source} has no days of Earth orientation")
        self.source = source
        self.fetched = fetched.astype("datetime64[ns]")
        self._days = tuple(sorted(days, key=lambda day: day.mjd))
        self._mjd = np.array([day.mjd for day in self._days], dtype=np.int64)
        self._tai_utc = np.array([day.tai_utc_s for day in self._days])
        self._values = np.array(
            [(day.ut1_utc_s - day.tai_utc_s, day.x_pole_arcsec, day.y_pole_arcsec) for day in self._days]
        )

    @property
    def table(self) -> pd.DataFrame:
        """All days: ``mjd``, ``time`` (0h UTC), ``tai_utc`` and ``ut1_utc`` (s), ``x_pole`` and ``y_pole`` (rad).

        The last column, ``quality``, is ``"final"``, ``"rapid"``, ``"predicted"``, or empty where the source does not
        say.
        """
        import pandas as pd

        return pd.DataFrame(
            {
                "mjd": self._mjd.copy(),
                "time": (self._mjd - UNIX_EPOCH_MJD).astype("datetime64[D]").astype("datetime64[ns]"),
                "tai_utc": self._tai_utc.copy(),
                "ut1_utc": np.array([day.ut1_utc_s for day in self._days]),
                "x_pole": self._values[:, 1] * erfa.DAS2R,
                "y_pole": self._values[:, 2] * erfa.DAS2R,
                "quality": pd.Series([day.quality for day in self._days], dtype="str"),
            }
        )

    @property
    def first(self) -> np.datetime64:
        """The first day."""
        return unix_day(self._days[0].mjd)

    @property
    def last(self) -> np.datetime64:
        """The last day, predicted ones among them."""
        return unix_day(self._days[-1].mjd)

    @property
    def last_measured(self) -> np.datetime64:
        """The last day that is not predicted; NaT where all are."""
        measured = [day.mjd for day in self._days if day.quality != PREDICTED]
        return unix_day(measured[-1]) if measured else np.datetime64("NaT", "ns")

    @property
    def age_days(self) -> float:
        """Days from the last measured value to now; NaN where all are predicted."""
        return float((np.datetime64("now", "ns") - self.last_measured) / np.timedelta64(1, "D"))

    def covers(self, when: Any) -> bool:
        """Whether a time (UTC) lies between the first and the last day."""
        time = _time(when)
        return bool(self.first <= time <= self.last)

    def predicted_days(self, when: Any) -> float:
        """Days by which a time (UTC) is later than the last measured value; 0 where it is not."""
        later = (_time(when) - self.last_measured) / np.timedelta64(1, "D")
        return float("inf") if np.isnat(self.last_measured) else max(0.0, float(later))

    def at(self, when: Any) -> pd.Series[Any]:
        """Earth orientation at a time, interpolated between days.

        UT1 is interpolated as UT1-TAI through four days (IERS Conventions 2010, 5.5.1), so that leap seconds do no
        harm; tides within a day are not in it.

        Parameters
        ----------
        when : datetime64, Timestamp or str
            UTC.

        Returns
        -------
        Series
            ``time``, ``tai_utc``, ``ut1_utc`` (s), ``x_pole``, ``y_pole`` (rad), and the ``quality`` of the day or of
            the next, whichever is worse.

        Raises
        ------
        ValueError
            The table does not have the days on both sides of the time.
        """
        import pandas as pd

        time = _time(when)
        ns = int(time.astype(np.int64))
        mjd, rest = divmod(ns, _DAY_NS)
        mjd += UNIX_EPOCH_MJD
        around = self.days(mjd, 2 if rest else 1)
        row = int(np.searchsorted(self._mjd, mjd))
        # Only days without a gap between them, and times from the nearest day: floats of MJDs know them to a µs.
        near = _consecutive(self._mjd, row)
        values = lagrange(
            (self._mjd[near] - mjd).astype(np.float64), self._values[near], np.array([rest / _DAY_NS])
        )[0]
        qualities = {self._days[row + number].quality for number in range(len(around))}
        return pd.Series(
            {
                "time": pd.Timestamp(time),
                "tai_utc": around[0].tai_utc_s,
                "ut1_utc": values[0] + around[0].tai_utc_s,
                "x_pole": values[1] * erfa.DAS2R,
                "y_pole": values[2] * erfa.DAS2R,
                "quality": next((one for one in (PREDICTED, "", "rapid") if one in qualities), "final"),
            }
        )

    def days(self, first_mjd: int, n: int = 5) -> list[Eop]:
        """Days as a ``.calc`` has them, from 0h UTC of the first.

        Raises
        ------
        ValueError
            The table does not have all of them.
        """
        if n < 1:
            raise ValueError(f"n is a number of days, not {n!r}")
        if not isinstance(first_mjd, int | np.integer):
            raise TypeError(f"first_mjd is a whole number, not {first_mjd!r}; around() takes a time")
        row = int(np.searchsorted(self._mjd, first_mjd))
        found = self._days[row : row + n]
        if [day.mjd for day in found] != list(range(first_mjd, first_mjd + n)):
            raise ValueError(
                f"{self.source} has Earth orientation from {_date(self.first)} (MJD {self._mjd[0]}) to "
                f"{_date(self.last)} (MJD {self._mjd[-1]}); MJD {first_mjd} to {first_mjd + n - 1} is not all in it; "
                "read_eop(near=…) looks for a table that has them"
            )
        return [
            Eop(day.mjd, day.tai_utc_s, day.ut1_utc_s, day.x_pole_arcsec, day.y_pole_arcsec) for day in found
        ]

    def around(self, when: Any, n: int = 5) -> list[Eop]:
        """As :meth:`days`, with the day of a time (UTC) in the middle: for 5 days from two before it."""
        mjd = int(_time(when).astype(np.int64)) // _DAY_NS + UNIX_EPOCH_MJD
        return self.days(mjd - n // 2, n)

    def to_vex(self, vex: Vex, *, days: int = 5) -> Vex:
        """Give a schedule with these days in its ``$EOP``, around its start; the given one stays as it is.

        Raises
        ------
        ValueError
            The table does not have the days, or the schedule has no time.
        """
        return vex.with_eop(self.around(_start(vex, vex.path), days))

    def to_v2d(self, v2d: V2d, *, days: int = 5, vex: Vex | None = None) -> V2d:
        """Give a ``.v2d`` with these days as ``EOP`` blocks, around the start of its schedule.

        Parameters
        ----------
        v2d : V2d
            Stays as it is.
        days : int
            How many.
        vex : Vex, optional
            Its schedule; without it the one that it names.

        Raises
        ------
        ValueError
            As :meth:`to_vex`, or there is no schedule.
        """
        schedule = vex if vex is not None else v2d.schedule()
        if schedule is None:
            raise ValueError("the .v2d has no schedule here, which says for when; give vex=")
        return v2d.with_eop(self.around(_start(schedule, schedule.path), days))

    def write(self, path: str | PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the days as text that :func:`difxnb.read_eop` reads again; OutputExists where there is a file."""
        target = Path(path)
        text = format_own(self._days, self.source, _date(self.fetched))
        try:
            write_text(target, text, overwrite=overwrite)
        except FileExistsError:
            raise OutputExists(
                f"{target} exists already; overwrite=True writes over it, or choose another name"
            ) from None
        return target

    def __len__(self) -> int:
        return len(self._days)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EopTable) and self._days == other._days

    def __hash__(self) -> int:
        return hash(self._days)

    def _title(self) -> str:
        if not any(day.quality for day in self._days):
            measured = "not said what is measured"
        elif np.isnat(self.last_measured):
            measured = "nothing measured"
        else:
            measured = f"measured to {_date(self.last_measured)}"
        return (
            f"<EopTable {self.source}: {len(self)} days, {_date(self.first)} to {_date(self.last)}, {measured}, "
            f"fetched {_date(self.fetched)}>"
        )

    def _shown(self) -> pd.DataFrame:
        """The last days, with as many digits as tables of Earth orientation have."""
        shown = self.table.tail(_SHOWN)
        digits = {"ut1_utc": "{:.7f}", "x_pole": "{:.4e}", "y_pole": "{:.4e}"}
        return shown.assign(**{name: shown[name].map(form.format) for name, form in digits.items()})

    def __repr__(self) -> str:
        return plain_table(self._title(), self._shown())

    def _repr_html_(self) -> str:
        return titled(self._title(), self._shown())


def _time(when: Any) -> np.datetime64:
    ns = unix_ns(when)
    if ns.size != 1:
        raise ValueError("one time at once")
    return np.datetime64(int(ns.ravel()[0]), "ns")


def _start(schedule: _Observed, path: object) -> np.datetime64:
    start = np.datetime64(schedule.start, "ns")
    if np.isnat(start):
        raise ValueError(
            f"{path or 'the schedule'} has no scans and no nominal start, so its days are unknown"
        )
    return start


def _consecutive(mjd: np.ndarray[Any, np.dtype[np.int64]], row: int) -> slice:
    """The days around a row that follow each other, at most two on each side."""
    first, last = row, row
    while first > 0 and row - first < 2 and mjd[first - 1] == mjd[first] - 1:
        first -= 1
    while last + 1 < len(mjd) and last - row < 3 and mjd[last + 1] == mjd[last] + 1:
        last += 1
    return slice(first, last + 1)


def _date(time: np.datetime64) -> str:
    return str(time.astype("datetime64[D]"))
