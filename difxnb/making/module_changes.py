# SPDX-License-Identifier: GPL-3.0-or-later
"""When jobs end because stations change modules: a job has one module of each station.

As vex2difx 3.1 does it (``src/makejobs.cpp``): of all times at which something begins or ends, the one is taken at
which most stations change their modules, weighted by how few observe then; and again until all have changed.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence

from difxnb.making.spans import Span


def changes(
    whole: Span, observing: Sequence[Span], recorded: Sequence[Sequence[Span]], ends: Sequence[float]
) -> list[float]:
    """Times at which jobs are to end, in their order.

    Parameters
    ----------
    whole : Span
        What would be one job otherwise.
    observing : sequence of Span
        Of every station in every scan.
    recorded : sequence of sequences of Span
        Of each station with modules: of every module.
    ends : sequence of float
        When jobs end for other reasons.
    """
    found = (gap for spans in recorded for gap in _gaps(spans, whole))
    gaps = [gap for gap in found if not any(_holds(gap, end) for end in ends)]
    if not gaps:
        return []
    times = _times(whole, (*observing, *itertools.chain(*recorded)), ends)
    there = _counts(times, [(span.start, span.stop) for span in observing])
    chosen = list[float]()
    changing = [0] * len(times)
    for gap in gaps:
        _add(changing, times, gap, 1)
    while gaps:
        best = max(
            (row for row, count in enumerate(changing) if count),
            key=lambda row: changing[row] * (len(recorded) - there[row] + 1),
        )
        chosen.append(times[best])
        for gap in gaps:
            if _holds(gap, times[best]):
                _add(changing, times, gap, -1)
        gaps = [gap for gap in gaps if not _holds(gap, times[best])]
    return sorted(chosen)


def _gaps(spans: Sequence[Span], whole: Span) -> Iterator[Span]:
    """Changes of modules within a time."""
    for one, after in itertools.pairwise(sorted(spans, key=lambda span: span.start)):
        if whole.start < one.stop <= after.start < whole.stop:
            yield Span(one.stop, after.start)


def _holds(gap: Span, time: float) -> bool:
    return gap.start <= time <= gap.stop


def _times(whole: Span, spans: Iterable[Span], ends: Iterable[float]) -> list[float]:
    """When something begins or ends; the ends of gaps are among them."""
    times = {*ends, *(time for span in spans for time in (span.start, span.stop))}
    return sorted(time for time in times if whole.start < time < whole.stop)


def _counts(times: Sequence[float], spans: Iterable[tuple[float, float]]) -> list[int]:
    """How many spans each time lies in; a span does not hold its end."""
    steps = [0] * (len(times) + 1)
    for start, stop in spans:
        steps[bisect_left(times, start)] += 1
        steps[bisect_left(times, stop)] -= 1
    return list(itertools.accumulate(steps))


def _add(counts: list[int], times: Sequence[float], gap: Span, by: int) -> None:
    for row in range(bisect_left(times, gap.start), bisect_right(times, gap.stop)):
        counts[row] += by
