# SPDX-License-Identifier: GPL-3.0-or-later
"""Times of live integrations, which the monitor tells in whole seconds only.

In: scan, second and product of each block, in the order in which they come. Out: the middle of its integration,
and by how much that may be wrong. Integration i of a scan begins at the scan's start, or the job's where that is
later, plus i · INT TIME (``difx-files.md`` 13); the monitor says in which second after 0 h of START MJD that was
(``difx-files.md`` 15).

With INT TIME of a second or more no two integrations share a second, and every time is exact. With less, the k-th
of a second is taken for the k-th place of the grid in it. That is exact where the second is complete. mpifxcorr leaves
integrations out while an earlier one is being sent, without a sign, and who begins to watch in the middle of a second
does not see its first ones: then the places of those that came are known only within the number of missing ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from difxnb.formats.input import Input
from difxnb.formats.mjd import DAY_S, UNIX_EPOCH_MJD
from difxnb.wire.monitor import Scan

_NS = 10**9
_FAR_DAYS = 36525
_DAYS_S = 100 * DAY_S  # of a job that does not say how long it is
_MJD_STEP_NS = 8_700_000  # scan starts travel as days with seven decimals


@dataclass(frozen=True, slots=True)
class Span:
    """A scan on the axis of the monitor, ns after 0 h of START MJD; `step` is its integration time."""

    start: int
    stop: int
    step: int
    scan: Scan

    @property
    def count(self) -> int:
        """Integrations of the scan."""
        return max(0, -((self.start - self.stop) // self.step))

    def places(self, second: int) -> range:
        """Integrations that begin in a second."""
        first = max(0, -((self.start - second * _NS) // self.step))
        return range(first, max(first, -((self.start - (second + 1) * _NS) // self.step)))


@dataclass(slots=True, eq=False)
class _Second:
    """A second of a scan, and the integrations of it that have come, `gap_at` the first after a gap."""

    scan: str
    second: int
    span: Span
    places: range
    is_known: bool
    came: list[Integration] = field(default_factory=list)
    gap_at: int | None = None

    @property
    def expected(self) -> int:
        """Integrations that begin in this second before the scan ends."""
        return len(range(self.places.start, min(self.places.stop, self.span.count)))

    @property
    def uncertainty_ns(self) -> int:
        """By how much the integrations may be out of place."""
        missing = max(0, self.expected - len(self.came)) * self.span.step
        return missing if self.is_known else max(missing, min(self.span.step, _NS))

    def middle_ns(self, turn: int) -> int:
        """Middle of the integration at a place of the grid, ns after 0 h of START MJD."""
        return self.span.start + self.places[turn] * self.span.step + self.span.step // 2

    @property
    def late(self) -> int:
        """By how many places those after a gap stand too early, now that the second is over."""
        # Who sees a scan from its first second on has watched before it began.
        is_start = self.places.start == 0 and self.gap_at == 0
        return 0 if is_start or self.gap_at is None else max(0, self.expected - len(self.came))


@dataclass(slots=True, eq=False)
class Integration:
    """One integration that has been seen.

    Attributes
    ----------
    middle_ns : int
        Middle, ns since 1970; may be put right when its second is over.
    scan, source : str
    """

    middle_ns: int
    scan: str
    source: str
    second: _Second

    @property
    def uncertainty_ns(self) -> int:
        """How far the middle may be from the truth; 0 where it is exact."""
        return self.second.uncertainty_ns


def is_a_time(mjd: float, input: Input) -> bool:
    """Whether a time of the server's list can be one of this job, by a wide margin."""
    return abs(mjd - input.start_mjd) < _FAR_DAYS


def second_of(mjd: float, input: Input) -> int:
    """A time of the server's list, ns after 0 h of START MJD.

    Scans begin whole seconds after the job, whose start the ``.input`` has exactly; the list has days with seven
    decimals.
    """
    job_start = round(input.start_seconds * _NS)
    ns = round((mjd - input.start_mjd) * DAY_S * _NS)
    whole = job_start + round((ns - job_start) / _NS) * _NS
    return whole if abs(ns - whole) < _MJD_STEP_NS else ns


class IntegrationClock:
    """Gives each block its integration.

    Parameters
    ----------
    input : Input
    scans : iterable of Scan
        The server's list; without it, times are those of a grid from the start of the job.

    Attributes
    ----------
    moved : list of (Integration, int)
        Integrations whose middle has been put right, and what it was; whoever keeps them empties it.
    """

    def __init__(self, input: Input, scans: Iterable[Scan]) -> None:
        self._day_ns = (input.start_mjd - UNIX_EPOCH_MJD) * DAY_S * _NS
        self._job_start = round(input.start_seconds * _NS)
        self._job_stop = self._job_start + round((input.execute_time or _DAYS_S) * _NS)
        self._steps = [max(1, round(config.int_time * _NS)) for config in input.configurations]
        self._default = Span(self._job_start, self._job_stop, self._steps[0], Scan(-1))
        self._spans: dict[str, Span] = {}
        for scan in scans:
            if is_a_time(scan.start_mjd, input) and is_a_time(scan.stop_mjd, input):
                self._spans.setdefault(scan.identifier, self._span(scan, input))
        self._now: _Second | None = None
        self._seen: set[int] = set()
        self._gap = True
        self.moved: list[tuple[Integration, int]] = []

    def _span(self, scan: Scan, input: Input) -> Span:
        start, stop = (second_of(mjd, input) for mjd in (scan.start_mjd, scan.stop_mjd))
        try:
            row = input.configuration_for(scan.identifier, scan.source, scan.start_mjd, scan.stop_mjd) or 0
        except ValueError:
            row = 0
        # A scan may have begun before its job, which correlates the rest of it.
        return Span(max(start, self._job_start), min(stop, self._job_stop), self._steps[row], scan)

    def note_gap(self) -> None:
        """Note that integrations may be missing between the last block and the next."""
        self._gap = True

    def name_scan(self, source: str, second: int) -> tuple[str, str]:
        """Scan and source of a block of which the server names none; no names where the list has none either."""
        begin, end = second * _NS, (second + 1) * _NS
        for span in self._spans.values():
            # A server compares the whole second with the scan's start, and loses the first integration.
            if span.start < end and begin < span.stop:
                return span.scan.identifier, span.scan.source
        return "", source

    def take(self, product: int, scan: str, source: str, second: int) -> Integration | None:
        """Integration that a block belongs to; None when there is no room for another one in its second."""
        now = self._now
        is_same = now is not None and now.second == second and now.scan == scan
        if self._gap or not is_same or product in self._seen:
            if not self._begin(scan, source, second):
                return None
            now = self._now
        self._seen.add(product)
        return now.came[-1] if now is not None else None

    # --- seconds and their integrations ---------------------------------------------------------------

    def _begin(self, scan: str, source: str, second: int) -> bool:
        """Begin the next integration of a second; False where there is no room for it."""
        now = self._now
        if now is None or (now.scan, now.second) != (scan, second):
            self._complete()
            now = self._now = self._new_second(scan, second)
        elif len(now.came) == len(now.places):
            if now.places.start > 0:
                return False
            now = self._now = self._new_second(scan, second)  # the job runs again
        if self._gap:
            self._gap, now.gap_at = False, len(now.came)
        now.came.append(Integration(self._day_ns + now.middle_ns(len(now.came)), scan, source, now))
        self._seen = set()
        return True

    def _new_second(self, scan: str, second: int) -> _Second:
        span, is_known = self._spans.get(scan, self._default), scan in self._spans
        places = span.places(second)
        if not places:  # no integration begins here, so the grid is another one
            is_known, span = False, Span(second * _NS, (second + 1) * _NS, span.step, span.scan)
            places = span.places(second)
        return _Second(scan, second, span, places, is_known)

    def _complete(self) -> None:
        """Where the first integrations of a second were missed, those that came are its last ones."""
        now = self._now
        if now is not None and now.late:
            for turn in range(now.gap_at or 0, len(now.came)):
                self.moved.append((now.came[turn], now.came[turn].middle_ns))
                now.came[turn].middle_ns = self._day_ns + now.middle_ns(turn + now.late)
