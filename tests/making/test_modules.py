# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules that $TAPELOG_OBS names, and jobs that end where a station changes them."""

from __future__ import annotations

import itertools
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.errors import CannotMakeJob, FileFormatError
from difxnb.formats.vex import parse_vex
from difxnb.making.drafting import Plan, drawn_up
from difxnb.making.job_input import job_input
from difxnb.making.module_changes import changes
from difxnb.making.spans import Span
from tests.making.schedules import observed_at

V2D = "vex = e.vex\nSETUP default { tInt = 1 nChan = 32 subintNS = 100000000 doPolar = False }\n"
ALL = "ANTENNA DEFAULT { }\n"
DAY = "2024y001d"


def schedule(*lines: str, scans: tuple[tuple[int, int], ...] = ((0, 300), (360, 120))) -> str:
    return observed_at("Aa", "Bb", scans=scans) + "$TAPELOG_OBS;\n" + "\n".join(lines) + "\n"


def vsn(station: str, *modules: tuple[str, str, str]) -> str:
    lines = (f"VSN = 1 : {label} : {DAY}{start} : {DAY}{stop};" for label, start, stop in modules)
    return f"def {station}; {' '.join(lines)} enddef;"


def plan(vex: str, v2d: str = V2D + ALL) -> Plan:
    return drawn_up(parse_vex(vex), v2d, "e", lambda name: "")


def used(found: Plan) -> list[list[tuple[str, list[str]]]]:
    """Source and names of data of each datastream of each job."""
    inputs = (job_input(found, draft, Path("/jobs")) for draft in found.drafts)
    return [[(one.data_source, one.files) for one in inp.datastreams] for inp in inputs]


BB = vsn("Bb", ("NRAO-002", "11h50m00s", "13h00m00s"))


def test_a_job_takes_the_module_of_its_time() -> None:
    found = plan(schedule(vsn("Aa", ("NRAO+001", "11h50m00s", "13h00m00s")), BB))
    assert used(found) == [[("MODULE", ["NRAO+001"]), ("MODULE", ["NRAO-002"])]]


def test_jobs_end_where_a_module_is_changed() -> None:
    both = vsn("Aa", ("NRAO+001", "11h50m00s", "12h05m10s"), ("NRAO+003", "12h05m40s", "13h00m00s"))
    found = plan(schedule(both, BB))
    assert [[scan.name for scan in draft.piece.scans] for draft in found.drafts] == [["No0001"], ["No0002"]]
    assert [one[0][1] for one in used(found)] == [["NRAO+001"], ["NRAO+003"]]


def test_a_scan_is_cut_where_its_module_is_full() -> None:
    both = vsn("Aa", ("NRAO+001", "11h50m00s", "12h02m00s"), ("NRAO+003", "12h02m00s", "13h00m00s"))
    found = plan(schedule(both, BB))
    noon = 1704110400
    assert [(draft.piece.span.start - noon, draft.piece.span.stop - noon) for draft in found.drafts] == [
        (0, 120),
        (120, 480),
    ]
    assert [one[0][1] for one in used(found)] == [["NRAO+001"], ["NRAO+003"]]


def test_scans_that_no_module_holds_are_not_correlated() -> None:
    found = plan(schedule(vsn("Aa", ("NRAO+001", "12h05m30s", "13h00m00s")), BB))
    assert [[scan.name for scan in draft.piece.scans] for draft in found.drafts] == [["No0002"]]


def test_what_the_v2d_says_of_the_data_counts_more() -> None:
    found = plan(
        schedule(vsn("Aa", ("NRAO%001", "x", "y")), BB),
        V2D + "ANTENNA aa { file = /data/a }\nANTENNA Bb { }\n",
    )
    assert used(found) == [[("FILE", ["/data/a"]), ("MODULE", ["NRAO-002"])]]


def test_a_zero_in_the_name_of_a_module_is_the_letter() -> None:
    found = plan(schedule(vsn("Aa", ("NRA0+001", "11h50m00s", "13h00m00s")), BB))
    assert used(found)[0][0] == ("MODULE", ["NRAO+001"])


def test_stations_without_a_block_have_no_data() -> None:
    """As for vex2difx, which asks for modules only where there is an ANTENNA block."""
    vex = schedule(vsn("Aa", ("NRAO+001", "11h50m00s", "13h00m00s")), BB)
    with pytest.raises(CannotMakeJob, match="Bb has no data"):
        plan(vex, V2D + "ANTENNA Aa { }\n")


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ("VSN = 1 : MPI%8025 : 2024y001d11h : 2024y001d13h;", "MPI%8025 is a Mark6 module, whose files"),
        ("VSN = 1 : /data/a.vdif : 2024y001d11h : 2024y001d13h;", "/data/a.vdif is a file"),
        ("VSN = 1 : SVLB0061 : 2024y001d11h : 2024y001d13h;", "SVLB0061 is no label"),
        ("VSN = 1;", "a module without label"),
        ("VSN = 1 : NRAO+001 : yesterday : 2024y001d13h;", "when NRAO.001 was recorded on cannot be read"),
        ("VSN = 1 : NRAO+001 : 2024y001d13h : 2024y001d11h;", "NRAO.001 ends before it begins"),
        (
            "VSN = 1 : NRAO+001 : 2024y001d11h : 2024y001d13h; VSN = 101 : NRAO+002 : 2024y001d13h : 2024y001d14h;",
            "several recorders",
        ),
        (
            "VSN = 1 : NRAO+001 : 2024y001d11h : 2024y001d13h; VSN = 2 : NRAO+002 : 2024y001d12h : 2024y001d14h;",
            "at the same time",
        ),
        ("VSN = 1 : NRAO+001 : 2024y001d11h : 2024y001d12h;" * 101, "101 modules"),
    ],
)
def test_other_modules_are_refused_by_name(lines: str, why: str) -> None:
    with pytest.raises(CannotMakeJob, match=rf"ANTENNA Aa: \$TAPELOG_OBS: .*{why}.*name the data with file"):
        plan(schedule(f"def Aa; {lines} enddef;", BB))


def test_few_times_serve_many_changes() -> None:
    """Of a gap of one and a gap of another station that overlap, a time in both; and where nobody observes."""
    observing = [Span(0, 100), Span(0, 100), Span(130, 200), Span(130, 200)]
    recorded = [[Span(-10, 90), Span(131, 300)], [Span(-10, 100), Span(135, 300)]]
    assert changes(Span(0, 200), observing, recorded, []) == [100]
    assert changes(Span(0, 200), observing, recorded, [120.0]) == []
    assert changes(Span(0, 200), observing, [[Span(0, 20)], [Span(0, 30), Span(40, 50)]], []) == [30]
    assert changes(Span(0, 200), observing, [[Span(0, 20), Span(200, 300)]], []) == []


_TIMES = st.lists(st.integers(0, 30), max_size=8).map(lambda times: [float(time) for time in sorted(times)])


@given(recorded=st.lists(_TIMES, max_size=4), observing=st.lists(st.tuples(*[st.integers(0, 30)] * 2)))
def test_between_two_ends_each_station_has_one_module(
    recorded: list[list[float]], observing: list[tuple[int, int]]
) -> None:
    spans = [
        [
            Span(start + 0.001, stop)
            for start, stop in zip(times[::2], times[1::2], strict=False)
            if stop > start
        ]
        for times in recorded
    ]
    seen = [Span(min(pair), max(pair)) for pair in observing]
    whole = Span(5, 25)
    ends = changes(whole, seen, spans, [])
    edges = [whole.start, *ends, whole.stop]
    assert edges == sorted(set(edges))
    for start, stop in itertools.pairwise(edges):
        for modules in spans:
            assert sum(one.meets(Span(start, stop)) for one in modules) <= 1


_WORDS = [
    "1",
    "101",
    "-1",
    "",
    "NRAO+001",
    "NRA0-01",
    "MPI%8025",
    "/a",
    "12h",
    "2024y001d11h00m00s",
    "60310.4",
    "nan",
    ":",
]
_FIELDS = st.lists(st.sampled_from(_WORDS) | st.text("aZ0+%:=;/* ", max_size=9), max_size=6)


@settings(deadline=None, max_examples=60)
@given(
    fields=_FIELDS,
    offsets=st.lists(st.sampled_from(["0", "1:2", "1:2:3", "x", "1e300", ":", "-0.5"]), max_size=3),
)
def test_any_line_gives_jobs_or_reasons(fields: list[str], offsets: list[str]) -> None:
    orders = f"ANTENNA Aa {{ freqClockOffs = {', '.join(offsets)} }}\nANTENNA Bb {{ }}\n"
    with suppress(CannotMakeJob, FileFormatError):
        found = plan(schedule(f"def Aa; VSN = {' : '.join(fields)}; enddef;", BB), V2D + orders)
        for names in used(found):
            assert all(len(one) == 1 for _, one in names)
