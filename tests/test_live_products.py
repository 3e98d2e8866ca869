# SPDX-License-Identifier: GPL-3.0-or-later
"""What the products of a monitor's list are, whatever the server says of them (``difx-files.md`` 15)."""

from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.formats.input import result_layout
from difxnb.formats.input_model import Rule
from difxnb.visibility import VisibilitySeries, products_frame
from difxnb.visibility.live.offer import Offer
from difxnb.wire.monitor import Product, Scan
from tests.monitor_lists import (
    JOBS,
    SCAN,
    autos_as_baselines,
    layout_in_order,
    missing_products,
    over_the_wire,
    plain,
    right_list,
    shared_edge,
    two_datastreams,
    unused_band,
    wrong_list,
    zoomed,
    zoomed_beside,
)
from tests.server.made_jobs import MJD, SECONDS

OF = [
    "antenna1_name",
    "antenna2_name",
    "band",
    "polarization",
    "phase_center",
    "pulsar_bin",
    "offset",
    "channels",
]


def truth(inp, **counts):
    """What the array of results holds, as rows of a table."""
    names = [telescope.name for telescope in inp.telescopes]
    return [
        (names[p.antenna1], names[p.antenna2], p.freq_index, p.polarization, p.phase_center, p.pulsar_bin, p.offset,
         p.channels)
        for p in layout_in_order(inp, **counts)
    ]  # fmt: skip


def rows(frame):
    return list(frame[OF].itertuples(index=False, name=None))


@pytest.mark.parametrize("name", JOBS)
def test_the_list_of_a_right_server_is_named_and_kept(name):
    inp = JOBS[name]()
    assert rows(Offer(right_list(inp), [SCAN], inp).frame) == truth(inp)


@pytest.mark.parametrize("name", JOBS)
@pytest.mark.parametrize(("centers", "bins"), [(1, 1), (2, 1), (1, 3), (2, 3)])
def test_the_list_of_a_real_server_is_corrected(name, centers, bins):
    """7.13 and difx-files 15: (a) repeated offsets, (c) names by datastream, (e) counts of autocorrelations."""
    inp, counts = JOBS[name](), {"phase_centers": centers, "pulsar_bins": bins}
    products, scans = over_the_wire(wrong_list(inp, **counts), [SCAN])
    offer = Offer(products, scans, inp)
    found, true = rows(offer.frame), truth(inp, **counts)
    assert set(found) <= set(true)
    # The real server gives no number to the autocorrelations of zoom bands, so nobody can ask for them.
    nameless = [row for row in true if name.startswith("zoomed") and row[0] == row[1] and row[2] >= 2]
    assert [row for row in true if row not in nameless] == found
    numbers = offer.frame["product"].tolist()
    assert len(set(numbers)) == len(numbers)


def test_what_the_input_does_not_know_is_not_offered():
    """A wrong offset would make a real server read beyond its buffer (H11)."""
    inp = unused_band()
    offer = Offer(wrong_list(inp), [SCAN], inp)
    # Three antennas with two hands of the band nobody correlates, in two rows.
    assert offer.strangers == 12
    choice = offer.choose(None)
    end = max(place.offset + place.channels for place in result_layout(inp))
    assert all(product.offset + product.channels <= end for product in choice.products)
    assert set(choice.frame["band"]) == {1}
    stranger = replace(wrong_list(inp)[-1], channels=17)
    assert products_frame([stranger], inp)["band"].tolist() == [-1]


def test_bands_that_share_an_edge_are_told_apart_by_their_place():
    inp = shared_edge()
    frame = Offer(wrong_list(inp), [SCAN], inp).frame
    assert frame.query("baseline == 'AA-BB'").groupby("band").size().tolist() == [4, 4]
    partial = [product for product in wrong_list(inp) if not product.is_autocorrelation][2:3]
    assert products_frame([replace(partial[0], offset=7)], inp)["band"].tolist() == [-1], (
        "nothing tells which"
    )


def test_two_datastreams_of_an_antenna():
    inp = two_datastreams()
    frame = Offer(wrong_list(inp), [SCAN], inp).frame
    assert set(frame["baseline"]) == {"AA-BB", "AA-AA", "BB-BB"}
    assert frame.query("baseline == 'AA-BB'")["band"].tolist() == [0] * 4 + [1] * 4


def test_the_same_band_recorded_twice_is_watched_once():
    inp = two_datastreams()
    for stream in inp.datastreams:
        stream.recorded_freqs[0].freq_index = 0
    for baseline in inp.baselines:
        baseline.freqs[0].target_freq = 0
    products = right_list(inp)
    choice = Offer(products, [SCAN], inp).choose(None)
    assert len(choice.keys) == len(set(choice.keys.values())) == len(choice.products) < len(products)


def test_zoom_bands_and_autocorrelations_of_the_baseline_table():
    inp = zoomed()
    frame = Offer(right_list(inp), [SCAN], inp).frame
    assert set(frame["band"]) == {2, 3}
    assert frame["is_autocorrelation"].any()
    beside = zoomed_beside()
    assert set(Offer(wrong_list(beside), [SCAN], beside).frame.query("is_autocorrelation")["band"]) == {0}
    own = autos_as_baselines()
    autos = Offer(wrong_list(own), [SCAN], own).frame.query("is_autocorrelation")
    assert autos["baseline"].tolist() == ["AA-AA", "AA-AA", "BB-BB", "BB-BB"]


def test_missing_products():
    inp = missing_products()
    frame = Offer(wrong_list(inp), [SCAN], inp).frame
    assert frame.query("baseline == 'AA-CC'")[["band", "polarization"]].to_numpy().tolist() == [[1, "LL"]]


# --- several scans ----------------------------------------------------------------------------------------

SECOND = Scan(1, "No0001", MJD + (SECONDS + 3) / 86400, MJD + (SECONDS + 6) / 86400, "SRC1", 0.3, 0.4)


def test_numbers_begin_anew_in_each_scan():
    """difx-files 15 (b): one list serves all scans that have the same."""
    inp = plain()
    products, scans = over_the_wire(wrong_list(inp) + wrong_list(inp, SECOND), [SCAN, SECOND])
    offer = Offer(products, scans, inp)
    pd.testing.assert_frame_equal(offer.frame, Offer(wrong_list(inp), [SCAN], inp).frame)
    assert offer.choose(None).scans is None
    assert offer.choose({"scan": "No0001"}).scans == {"No0001"}
    assert offer.choose({"scan": [0, "no0001"]}).scans is None
    assert offer.choose({"source": "SRC1", "polarization": "RR"}).scans == {"No0001"}
    frame = offer.scans_frame()
    assert frame["scan_name"].tolist() == ["No0000", "No0001"]
    assert frame["field_name"].tolist() == ["SRC0", "SRC1"]
    assert frame["start"].tolist() == pd.to_datetime(["2024-01-01T12:00:00", "2024-01-01T12:00:03"]).tolist()


@pytest.mark.parametrize(
    ("select", "says"),
    [
        ({"scan": "No0007"}, "no scan has scan 'No0007'; there are No0000, No0001"),
        ({"scan": 7}, "no scan has scan 7; there are No0000, No0001"),
        ({"source": "3C84"}, "no scan has source '3C84'; there are SRC0, SRC1"),
        ({"scan": []}, "no scan is named; there are No0000, No0001"),
    ],
)
def test_scans_that_are_not_there(select, says):
    inp = plain()
    offer = Offer(wrong_list(inp) + wrong_list(inp, SECOND), [SCAN, SECOND], inp)
    with pytest.raises(ValueError, match=says):
        offer.choose(select)


def two_configurations():
    """The second scan is correlated with the second baseline alone, which lies elsewhere then."""
    inp = plain()
    config = inp.configurations[0]
    inp.configurations.append(replace(config, name="other", baseline_indices=[1]))
    inp.rules = [Rule("only", scan_ids=["No0000"]), Rule("other", scan_ids=["No0001"])]
    inp.active_baselines = 3
    return inp


def test_scans_with_another_configuration_are_left_out_unless_they_are_chosen():
    """A request has one set of offsets, which would be rubbish in the other scans."""
    inp = two_configurations()
    second = [replace(product, scan=1) for product in right_list(inp, SECOND, configuration=1)]
    offer = Offer(right_list(inp) + second, [SCAN, SECOND], inp)
    choice = offer.choose({"baseline": "AA-CC"})
    assert (choice.scans, choice.left_out) == ({"No0000"}, ("No0001",))
    later = offer.choose({"baseline": "CC-AA", "scan": "No0001"})
    assert (later.scans, later.left_out) == ({"No0001"}, ())
    assert later.products[0].offset == 0
    assert choice.products[0].offset > 0
    assert later.frame["polarization"].tolist() == choice.frame["polarization"].tolist()
    chosen = offer.frame.query("scan == 1 and band == 0")
    assert [p.offset for p in offer.choose(chosen).products] == chosen["offset"].tolist()
    with pytest.raises(ValueError, match="no product has baseline 'AA-BB'; there are AA-CC"):
        offer.choose({"baseline": "AA-BB", "scan": 1})


def test_scans_with_other_numbers_of_phase_centres():
    """The array may be laid out for the most centres of any scan: the offsets of the list tell."""
    inp = plain()
    wide = layout_in_order(inp, phase_centers=2)
    first = [p for p in right_list(inp, phase_centers=2) if p.phase_center == 0]
    listed = [replace(p, number=number) for number, p in enumerate(first)]
    offer = Offer(listed + right_list(inp, SECOND, phase_centers=2), [SCAN, SECOND], inp)
    choice = offer.choose({"scan": 0, "baseline": "BB-CC", "band": 1, "polarization": "LL"})
    (true,) = [
        place.offset
        for place in wide
        if (place.antenna1, place.antenna2, place.freq_index, place.polarization, place.phase_center)
        == (1, 2, 1, "LL", 0)
    ]
    assert [product.offset for product in choice.products] == [true]


def test_an_empty_list():
    inp = plain()
    offer = Offer([], [], inp)
    assert offer.frame.empty
    with pytest.raises(ValueError, match="lists no products of job"):
        offer.choose(None)


# --- lists that make no sense -----------------------------------------------------------------------------

NUMBERS = st.one_of(st.integers(-1, 2), st.sampled_from([2**31 - 1, -(2**31), 100_000]))
TIMES = st.one_of(st.floats(), st.sampled_from([60310.5, 1e300]))
SCANS = st.builds(Scan, st.integers(0, 3), st.sampled_from(["No0000", "", "x"]), TIMES, TIMES, st.just("S"))
PRODUCTS = st.builds(
    Product, st.integers(0, 3), st.integers(0, 9), st.integers(0, 900), st.sampled_from([0, 16, 17]),
    st.one_of(st.none(), NUMBERS), st.sampled_from(["AA", "BB", ""]), st.sampled_from(["AA", "BB", ""]),
    st.sampled_from([8400e6, 8410e6, 0.0, 1e300]), NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.booleans(),
)  # fmt: skip


@settings(max_examples=80)
@given(st.lists(PRODUCTS, max_size=12), st.lists(SCANS, max_size=4, unique_by=lambda scan: scan.index))
def test_no_list_offers_what_is_not_in_the_array(products, scans):
    inp = plain()
    inside = {(place.offset, place.channels) for place in result_layout(inp)}
    offer = Offer(products, scans, inp)
    offer.scans_frame()
    try:
        choice = offer.choose(None)
    except ValueError as error:
        assert "no products" in str(error)  # noqa: PT017 - nothing in the list was known
        return
    if all((p.phase_center, p.pulsar_bin) == (0, 0) for p in products if not p.is_autocorrelation):
        assert {(product.offset, product.channels) for product in choice.products} <= inside
    assert VisibilitySeries(inp, choice, scans=offer.scans).dataset().sizes["time"] == 0
