# SPDX-License-Identifier: GPL-3.0-or-later
"""Choosing products of a live monitor by name, and what is said where there are none."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.visibility import products_frame
from difxnb.visibility.live.choosing import choose_rows
from tests.monitor_lists import plain, wrong_list

INPUT = plain()
TABLE = products_frame(wrong_list(INPUT), INPUT)


def chosen(select):
    return choose_rows(TABLE, select, INPUT.freqs)


@pytest.mark.parametrize(
    ("select", "query"),
    [
        ({"antenna": "AA"}, "antenna1_name == 'AA' or antenna2_name == 'AA'"),
        ({"antenna": ["BB", "CC"]}, "baseline != 'AA-AA'"),
        ({"antenna": "a*"}, "antenna1_name == 'AA' or antenna2_name == 'AA'"),
        ({"antennas": ["AA", "BB"]}, "baseline in ('AA-BB', 'AA-AA', 'BB-BB')"),
        ({"antennas": "CC"}, "baseline == 'CC-CC'"),
        ({"antennas": ("AA", "BB"), "kind": "cross"}, "baseline == 'AA-BB'"),
        ({"baseline": "AA-BB"}, "baseline == 'AA-BB'"),
        ({"baseline": "BB-AA"}, "baseline == 'AA-BB'"),
        ({"baseline": "cc-aa"}, "baseline == 'AA-CC'"),
        ({"baseline": ["BB-AA", "CC-CC"]}, "baseline in ('AA-BB', 'CC-CC')"),
        ({"baseline": "CC-*"}, "antenna1_name == 'CC' or antenna2_name == 'CC'"),
        ({"band": 1}, "band == 1"),
        ({"band": [0, 1]}, "band >= 0"),
        ({"band": np.int64(1)}, "band == 1"),
        ({"band": range(1)}, "band == 0"),
        ({"frequency": 8400.0}, "band == 0"),
        ({"frequency": 8400.3}, "band == 0"),
        ({"frequency": 8410e6}, "band == 1"),
        ({"frequency": 8_409_500_000}, "band == 1"),
        ({"frequency": [8400, 8410]}, "band >= 0"),
        ({"frequency": (8400.5, 8409.5)}, "band >= 0"),
        ({"frequency": slice(8401, 8500)}, "band == 1"),
        ({"frequency": slice(None, 8409e6)}, "band == 0"),
        ({"frequency": (8405, None)}, "band == 1"),
        ({"frequency": [(8300, 8405), 8410.0]}, "band >= 0"),
        ({"polarization": "RR"}, "polarization == 'RR'"),
        ({"polarization": ["rl", "LR"]}, "polarization in ('RL', 'LR')"),
        ({"polarization": "parallel"}, "polarization in ('RR', 'LL')"),
        ({"polarization": "cross"}, "polarization in ('RL', 'LR')"),
        ({"polarization": "?L"}, "polarization in ('LL', 'RL')"),
        ({"kind": "auto"}, "is_autocorrelation"),
        ({"kind": ["cross", "auto"]}, "band >= 0"),
        ({"is_autocorrelation": False}, "not is_autocorrelation"),
        ({"phase_center": 0}, "band >= 0"),
        ({"product": [3, 5]}, "product in (3, 5)"),
        ({"antenna": "BB", "band": 0, "kind": "auto"}, "baseline == 'BB-BB' and band == 0"),
        ({}, "band >= 0"),
        (None, "band >= 0"),
    ],
)
def test_by_name(select, query):
    expected = TABLE.query(query)
    assert chosen(select)["product"].tolist() == expected["product"].tolist()
    assert len(expected)


BANDS = "band 0: 8400 to 8401 MHz \\(U\\), band 1: 8409 to 8410 MHz \\(L\\)"


@pytest.mark.parametrize(
    ("select", "says"),
    [
        ({"antenna": "XX"}, "no product has antenna 'XX'; there are AA, BB, CC$"),
        ({"antenna": ["AA", "XX"]}, "no product has antenna 'XX'; there are AA, BB, CC$"),
        ({"antennas": ["AA", "XX"]}, "no product has antenna 'XX'; there are AA, BB, CC$"),
        ({"antenna": []}, "no antenna is named; there are AA, BB, CC$"),
        ({"baseline": "AA-XX"}, "no product has baseline 'AA-XX'; there are AA-BB, AA-CC, BB-CC, AA-AA"),
        ({"baseline": "AA"}, 'a baseline is written "AA-BB"; got \'AA\'; there are AA-BB, AA-CC'),
        ({"band": 7}, f"no product has band 7; there are {BANDS}$"),
        ({"frequency": 8405}, f"no product has frequency 8405; there are {BANDS}$"),
        ({"frequency": 22e9}, f"no product has frequency 22000000000.0; there are {BANDS}$"),
        ({"frequency": slice(8401, 8409)}, f"no product has frequency slice.*; there are {BANDS}$"),
        ({"frequency": (8410, 8400)}, "a range of frequencies ascends"),
        ({"polarization": "XY"}, "no product has polarization 'XY'; there are RR, LL, RL, LR$"),
        ({"kind": "both"}, 'a kind is "cross" or "auto"; got \'both\''),
        ({"baseline": "AA-BB", "kind": "auto"},
         "none of the products with baseline 'AA-BB' has kind 'auto'; there are cross$"),
        ({"band": 0, "baseline": "AA-BB", "frequency": 8410},
         "with band 0 and baseline 'AA-BB' has frequency 8410; there are band 0: 8400 to 8401 MHz \\(U\\)$"),
        ({"colour": "red"}, "products have no 'colour'; there are antenna, antennas, baseline, band, frequency"),
        ({"product": 99}, "no product has product 99; there are 0, 1, 2"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_an_error_that_says_what_is(select, says):
    with pytest.raises(ValueError, match=says):
        chosen(select)


@pytest.mark.parametrize(
    "select",
    [{"antenna": 1}, {"baseline": 3}, {"polarization": None}, {"band": "0"}, {"band": True}, {"band": 0.5},
     {"frequency": "8400 MHz"}, {"frequency": True}, {"antennas": [1]}, 7, "AA-BB"],
)  # fmt: skip
def test_values_of_the_wrong_kind(select):
    with pytest.raises(TypeError):
        chosen(select)


def test_rows_and_functions():
    some = TABLE.query("band == 1").sample(5, random_state=1)
    assert chosen(some)["product"].tolist() == sorted(some["product"])
    assert (
        chosen(lambda table: table["band"] == 1)["product"].tolist()
        == TABLE.query("band == 1")["product"].tolist()
    )
    assert chosen(lambda table: table.iloc[:2])["product"].tolist() == [0, 1]

    def spoil(table):
        table["band"] = 0
        return table.iloc[:1]

    chosen(spoil)
    assert set(TABLE["band"]) == {0, 1}
    with pytest.raises(ValueError, match="have a column 'product'; these have band"):
        chosen(TABLE[["band"]])
    with pytest.raises(ValueError, match="no product 1000; there are 0 to 47"):
        chosen(TABLE.assign(product=1000))


VALUES = st.one_of(
    st.text(max_size=6), st.integers(), st.floats(), st.none(), st.booleans(),
    st.lists(st.text(max_size=3), max_size=3), st.tuples(st.floats(), st.floats()),
    st.builds(slice, st.floats(), st.floats()),
)  # fmt: skip
KEYS = st.sampled_from(
    ["antenna", "antennas", "baseline", "band", "frequency", "polarization", "kind", "offset", "x"]
)


@settings(max_examples=200)
@given(st.dictionaries(KEYS, VALUES, max_size=3))
def test_no_selection_gives_nothing_or_another_error(select):
    try:
        found = chosen(select)
    except (ValueError, TypeError) as error:
        assert str(error)  # noqa: PT017 - any of the two will do, as long as it says something
    else:
        assert len(found)
