# SPDX-License-Identifier: GPL-3.0-or-later
"""When data of a job are not to be used: while a station is not on source or not in the scan (``difx-files.md`` 7)."""

from __future__ import annotations

from collections.abc import Iterator

from difxnb.formats.flag import Flag
from difxnb.making.drafting import Draft
from difxnb.making.observed import mjd_of
from difxnb.making.spans import Span

_ON_SOURCE, _IN_SCAN = 2, 8
_SHORTEST_S = 0.5


def job_flags(draft: Draft, mask: int = 0xF) -> list[Flag]:
    """Flags of a job in the order of time.

    Parameters
    ----------
    draft : Draft
        The job.
    mask : int
        ``invalidMask``: 2 while a station is not on source, 8 while it is not in the scan; other kinds never occur
        with data in files.
    """
    found = [
        (span, number)
        for number, name in enumerate(draft.stations)
        for span in _gaps(draft.piece.span, _good(draft, name, mask))
    ]
    found.sort(key=lambda one: (one[0].stop, one[1]))
    return [Flag(mjd_of(span.start), mjd_of(span.stop), number) for span, number in found]


def _good(draft: Draft, name: str, mask: int) -> list[Span]:
    whole = draft.piece.span
    if not mask & (_ON_SOURCE | _IN_SCAN):
        return [whole]
    scans = (scan for scan in draft.piece.scans if name in scan.stations)
    spans = (scan.stations[name].part(scan.span) if mask & _ON_SOURCE else scan.span for scan in scans)
    return sorted((span.part(whole) for span in spans), key=lambda span: span.start)


def _gaps(whole: Span, good: list[Span]) -> Iterator[Span]:
    at = whole.start
    for span in [*good, Span(whole.stop, whole.stop)]:
        if span.start - at > _SHORTEST_S:
            yield Span(at, span.start)
        at = max(at, span.stop)
