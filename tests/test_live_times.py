# SPDX-License-Identifier: GPL-3.0-or-later
"""Times of live integrations: exact where they can be, honest where they cannot (``difx-files.md`` 13 and 15)."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.formats.input_model import Rule
from difxnb.visibility.live.clock import IntegrationClock
from difxnb.wire.monitor import Scan
from tests.monitor_lists import plain
from tests.server.made_jobs import MJD, SECONDS

NS = 10**9
DAY_NS = 19723 * 86400 * NS  # 2024-01-01
START_NS = DAY_NS + SECONDS * NS


@dataclass
class Sent:
    """An integration that the correlator made."""

    scan: str
    start_ns: int
    step_ns: int

    @property
    def second(self):
        return self.start_ns // NS

    @property
    def middle_ns(self):
        return DAY_NS + self.start_ns + self.step_ns // 2


def job(int_time, scans, start=float(SECONDS)):
    """An .input and the server's list of its scans, given as starts and lengths after the job's start, s."""
    inp = plain(int_time=int_time)
    inp.start_seconds = start
    inp.execute_time = max(begin + length for begin, length in scans)
    listed = [
        Scan(k, f"No{k}", *(round(MJD + (start + t) / 86400, 7) for t in (begin, begin + length)), f"SRC{k}")
        for k, (begin, length) in enumerate(scans)
    ]
    return inp, listed


def sent(inp, scans):
    """All integrations of the job, in order."""
    step, job_start = round(inp.configurations[0].int_time * NS), round(inp.start_seconds * NS)
    made = []
    for k, (begin, length) in enumerate(scans):
        at, stop = job_start + max(0, begin) * NS, job_start + (begin + length) * NS
        while at < stop:
            made.append(Sent(f"No{k}", at, step))
            at += step
    return made


def take(clock, one, products=(0, 1, 2)):
    """Feed the blocks of an integration; they have to belong together."""
    found = [clock.take(product, one.scan, "SRC", one.second) for product in products]
    assert all(integration is found[0] for integration in found)
    return found[0]


STEPS = st.sampled_from([0.1, 0.2, 0.25, 0.3, 0.5, 0.512, 0.999, 1.0, 1.048576, 2.0, 3.0])
SCANS = st.sampled_from(
    [((0, 3),), ((0, 2), (2, 3)), ((0, 1), (5, 2)), ((-2, 4), (2, 1)), ((1, 2), (86400, 2))]
)
FATES = st.lists(st.sampled_from(["sent", "sent", "sent", "skipped", "missed"]), min_size=60, max_size=60)


@settings(max_examples=150)
@given(STEPS, SCANS, FATES, st.sampled_from([SECONDS, SECONDS + 0.5, SECONDS + 0.256]))
def test_no_time_is_further_from_the_truth_than_it_says(int_time, spans, fates, start):
    """`skipped` by the correlator without a sign; `missed` because nobody was watching."""
    inp, listed = job(int_time, spans, start)
    clock = IntegrationClock(inp, listed)
    pairs = []
    for one, fate in zip(sent(inp, spans), fates, strict=False):
        if fate == "missed":
            clock.note_gap()
        elif fate == "sent":
            pairs.append((one, take(clock, one)))
    for one, found in pairs:
        assert abs(found.middle_ns - one.middle_ns) <= found.uncertainty_ns
    times = [found.middle_ns for _, found in pairs]
    assert times == sorted(set(times)), "no two integrations have the same time"
    if "skipped" not in fates[: len(sent(inp, spans))] and "missed" not in fates:
        assert all(found.middle_ns == one.middle_ns for one, found in pairs)
    if int_time >= 1:
        assert all(found.uncertainty_ns == 0 for _, found in pairs)


@pytest.mark.parametrize("int_time", [0.1, 0.5])
def test_complete_seconds_are_exact(int_time):
    spans = ((0, 2), (3, 2))
    inp, listed = job(int_time, spans)
    clock = IntegrationClock(inp, listed)
    for one in sent(inp, spans):
        assert take(clock, one).middle_ns == one.middle_ns
    assert take(clock, Sent("No1", (SECONDS + 3) * NS, 1)) is not None, "which begins the scan anew"


def test_a_second_that_goes_on_may_still_turn_out_to_be_incomplete():
    inp, listed = job(0.25, ((0, 4),))
    clock = IntegrationClock(inp, listed)
    found = [take(clock, one) for one in sent(inp, ((0, 4),))[:3]]
    assert {one.uncertainty_ns for one in found} == {NS // 4}
    last = take(clock, sent(inp, ((0, 4),))[3])
    assert {one.uncertainty_ns for one in [*found, last]} == {0}


def test_who_joins_in_the_middle_of_a_second_has_its_last_integrations():
    inp, listed = job(0.25, ((0, 4),))
    clock = IntegrationClock(inp, listed)
    every = sent(inp, ((0, 4),))
    found = [take(clock, one) for one in every[5:9]]
    assert [one.middle_ns for one in found] == [one.middle_ns for one in every[5:9]]
    assert [one.uncertainty_ns for one in found] == [NS // 4] * 3 + [3 * NS // 4]
    assert len(clock.moved) == 3


def test_a_change_in_the_middle_of_a_second_leaves_a_hole_there():
    inp, listed = job(0.1, ((0, 4),))
    clock = IntegrationClock(inp, listed)
    every = sent(inp, ((0, 4),))
    before = [take(clock, one) for one in every[:4]]
    clock.note_gap()
    after = [take(clock, one, products=(7, 8)) for one in every[6:11]]
    assert [one.middle_ns for one in before + after] == [one.middle_ns for one in every[:4] + every[6:11]]
    assert after[0].uncertainty_ns == 2 * NS // 10


def test_a_change_does_not_join_two_integrations_into_one():
    """Other products before and after: nothing but the change tells the integrations apart."""
    inp, listed = job(0.5, ((0, 4),))
    clock = IntegrationClock(inp, listed)
    every = sent(inp, ((0, 4),))
    first = take(clock, every[0], products=(0, 1))
    clock.note_gap()
    assert take(clock, every[1], products=(2, 3)) is not first


def test_the_scan_of_what_the_server_does_not_name():
    """A server compares the whole second with the start of the scan, which may be within that second."""
    spans = ((0, 2), (2, 2))
    inp, listed = job(0.5, spans, SECONDS + 0.5)
    clock = IntegrationClock(inp, listed)
    assert clock.name_scan("", SECONDS) == ("No0", "SRC0")
    assert clock.name_scan("", SECONDS + 4) == ("No1", "SRC1")
    assert clock.name_scan("", SECONDS + 99) == ("", "")
    assert IntegrationClock(inp, []).name_scan("X", SECONDS) == ("", "X")


def test_scans_have_the_integration_time_of_their_configuration():
    inp, listed = job(0.5, ((0, 1), (1, 1)))
    other = plain(int_time=0.2).configurations[0]
    other.name = "other"
    inp.configurations.append(other)
    inp.rules = [Rule("only", scan_ids=["No0"]), Rule("other", scan_ids=["No1"])]
    clock = IntegrationClock(inp, listed)
    middles = [
        clock.take(0, scan, "", second).middle_ns - START_NS
        for scan, second in [("No0", SECONDS)] * 2 + [("No1", SECONDS + 1)] * 5
    ]
    assert middles == [n * NS // 100 for n in (25, 75, 110, 130, 150, 170, 190)]


def test_without_a_list_of_scans_the_grid_is_a_guess():
    inp, _ = job(0.25, ((0, 4),))
    found = IntegrationClock(inp, []).take(0, "No7", "", SECONDS + 1)
    assert found.uncertainty_ns == 3 * NS // 4
    inp, _ = job(2.0, ((0, 4),))
    clock = IntegrationClock(inp, [])
    assert clock.take(0, "No7", "", SECONDS + 2).uncertainty_ns == NS
    odd = clock.take(0, "No7", "", SECONDS + 3)
    assert (odd.middle_ns, odd.uncertainty_ns) == (START_NS + 4 * NS, NS), (
        "off every grid: somewhere in its second"
    )


def test_a_job_that_runs_again_begins_anew():
    inp, listed = job(0.25, ((0, 1),))
    clock = IntegrationClock(inp, listed)
    first = [take(clock, one).middle_ns for one in sent(inp, ((0, 1),))]
    assert [take(clock, one).middle_ns for one in sent(inp, ((0, 1),))] == first


@settings(max_examples=100)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from(["No0", "No1", ""]), st.integers(-(2**31), 2**31 - 1)),
        max_size=20,
    )
)
def test_no_stamp_breaks_it(stamps):
    inp, listed = job(0.25, ((0, 1), (1, 1)))
    clock = IntegrationClock(inp, listed)
    for product, scan, second in stamps:
        found = clock.take(product, scan, "", second)
        assert found is None or abs(found.middle_ns - DAY_NS - second * NS) <= 2 * NS
