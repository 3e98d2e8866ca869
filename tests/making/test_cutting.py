# SPDX-License-Identifier: GPL-3.0-or-later
"""Which scans go into which job, on plain numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from difxnb.making.cutting import Cuts, ObservedScan, pieces, shortened
from difxnb.making.spans import Span


def scan(name: str, start: float, stop: float, stations: str = "AB", **changes: object) -> ObservedScan:
    span = Span(start, stop)
    one = ObservedScan(name, "m", "s", "default", span, dict.fromkeys(stations, span), frozenset(stations))
    return replace(one, **changes)  # type: ignore[arg-type]


def cut(scans: list[ObservedScan], **cuts: object) -> list[list[str]]:
    found = pieces(scans, Cuts(**cuts), [])  # type: ignore[arg-type]
    return [[one.name for one in piece.scans] for piece in found]


def test_scans_go_together_up_to_the_largest_gap() -> None:
    scans = [scan("1", 0, 100), scan("2", 280, 300), scan("3", 481, 500)]
    assert cut(scans) == [["1", "2"], ["3"]]
    assert cut(scans, largest_gap=179) == [["1"], ["2"], ["3"]]
    assert cut(scans, largest_gap=1000) == [["1", "2", "3"]]
    assert cut(scans, single_scan=True) == [["1"], ["2"], ["3"]]


def test_scans_that_touch_are_never_in_one_job() -> None:
    """As in vex2difx 3.1, whose jobs cannot hold scans without a gap."""
    assert cut([scan("1", 0, 100), scan("2", 100, 200), scan("3", 201, 300)]) == [["1", "3"], ["2"]]
    assert cut([scan("1", 0, 100), scan("2", 100, 200)]) == [["1"], ["2"]]


def test_another_mode_or_setup_is_another_job() -> None:
    scans = [scan("1", 0, 10), scan("2", 20, 30, mode="n"), scan("3", 40, 50)]
    assert cut(scans) == [["1", "3"], ["2"]]
    assert cut(scans, single_mode=False) == [["1", "2", "3"]]
    assert cut([scans[0], replace(scans[2], setup="other")], single_mode=False) == [["1"], ["3"]]


def test_subarrays_are_cut_apart() -> None:
    scans = [scan("1", 0, 100), scan("2", 50, 150, "CD"), scan("3", 110, 200), scan("4", 160, 250, "CD")]
    assert cut(scans) == [["1", "3"], ["2", "4"]]


def test_a_job_is_longer_than_allowed_by_its_last_scan() -> None:
    scans = [scan(str(n), 100 * n, 100 * n + 90) for n in range(6)]
    assert cut(scans, longest=150) == [["0", "1"], ["2", "3"], ["4", "5"]]


def test_jobs_end_at_breaks() -> None:
    scans = [scan("1", 0, 100), scan("2", 150, 300)]
    found = pieces(scans, Cuts(breaks=(200.0, 1000.0)), [])
    assert [(piece.span, [one.name for one in piece.scans]) for piece in found] == [
        (Span(0, 200), ["1", "2"]),
        (Span(200, 300), ["2"]),
    ]
    assert found[0].observed_s == 150
    assert len(pieces(scans, Cuts(station_breaks={"B": (200.0,), "Z": (50.0,)}), [])) == 2


def test_what_is_too_short_is_skipped_with_a_note() -> None:
    notes: list[str] = []
    found = pieces([scan("1", 0, 100)], Cuts(breaks=(1.0,)), notes)
    assert [piece.span for piece in found] == [Span(1, 100)]
    assert "minLength" in notes[0]


def test_scans_without_data_of_enough_stations_are_left_out() -> None:
    assert cut([scan("1", 0, 10, recorded=frozenset("A")), scan("2", 20, 30)]) == [["2"]]


def test_a_scan_lasts_while_there_are_stations_enough() -> None:
    stations = {"A": Span(0, 50), "B": Span(10, 100), "C": Span(20, 90)}
    one = replace(scan("1", 0, 100), stations=stations)
    (found,) = shortened([one], Cuts())
    assert found.span == Span(10, 90)
    assert found.stations == {"A": Span(10, 50), "B": Span(10, 90), "C": Span(20, 90)}
    (found,) = shortened([one], Cuts(fewest_stations=3))
    assert found.span == Span(20, 50)
    assert shortened([one], Cuts(fewest_stations=4)) == []
    (found,) = shortened([one], Cuts(window=Span(60, 80)))
    assert (found.span, sorted(found.stations)) == (Span(60, 80), ["B", "C"])
    assert shortened([one], Cuts(window=Span(200, 300))) == []


@given(
    times=st.lists(st.tuples(st.integers(0, 5000), st.integers(1, 400)), max_size=12),
    longest=st.integers(1, 2000),
    breaks=st.lists(st.integers(0, 5000), max_size=4),
)
@pytest.mark.filterwarnings("error")
def test_pieces_hold_their_scans_and_never_overlap_themselves(
    times: list[tuple[int, int]], longest: int, breaks: list[int]
) -> None:
    """Whatever the schedule: a job lies in its scans, in the order of time, and ends at every break."""
    scans = [scan(str(n), start, start + length) for n, (start, length) in enumerate(sorted(times))]
    cuts = Cuts(longest=longest, breaks=tuple(map(float, breaks)), shortest=0.0)
    for piece in pieces(scans, cuts, []):
        assert piece.span.start == max(piece.scans[0].span.start, piece.span.start)
        assert all(one.span.meets(piece.span) for one in piece.scans)
        assert not any(piece.span.start < t < piece.span.stop for t in breaks)
        assert 0 < piece.observed_s <= piece.span.length
