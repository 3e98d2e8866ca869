# SPDX-License-Identifier: GPL-3.0-or-later
"""Leap seconds: files of both kinds, and the table at hand."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import erfa
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from difxnb.errors import FileFormatError
from difxnb.geometry import leap_seconds
from difxnb.geometry.leap_seconds import parse_leap_seconds, read_leap_seconds

LIST = """#@\t4007232000
#$\t3960835200
2272060800\t10\t# 1 Jan 1972
2287785600\t11\t# 1 Jul 1972
3692217600\t37\t# 1 Jan 2017
"""
DAT = """#  Value of TAI-UTC
#  File expires on 28 June 2027
    41317.0    1  1 1972       10
    41499.0    1  7 1972       11
    57754.0    1  1 2017       37
"""


@pytest.mark.parametrize(
    ("text", "expires"),
    [(LIST, "2026-12-26"), (DAT, "2027-06-28")],
    ids=["leap-seconds.list", "Leap_Second.dat"],
)
def test_both_files_say_the_same(tmp_path: Path, text: str, expires: str) -> None:
    path = tmp_path / "leap"
    path.write_text(text)
    table = leap_seconds(source=path)
    assert list(table["tai_utc"]) == [10.0, 11.0, 37.0]
    assert list(table["from"].astype(str)) == ["1972-01-01", "1972-07-01", "2017-01-01"]
    assert list(table["mjd"]) == [41317, 41499, 57754]
    assert table.attrs["expires"] == np.datetime64(expires)
    assert table.attrs["source"] == str(path)


def test_the_table_at_hand_is_that_of_erfa_as_far_as_it_goes() -> None:
    table = leap_seconds()
    for mjd, offset in zip(table["mjd"], table["tai_utc"], strict=True):
        year, month, day, _ = erfa.jd2cal(2400000.5, float(mjd))
        assert erfa.dat(year, month, day, 0.0) == offset
    assert table["tai_utc"].is_monotonic_increasing
    assert table["tai_utc"].iloc[-1] >= 37


def test_the_second_is_counted_from_its_own_midnight_on() -> None:
    assert list(leap_seconds("2016-12-31T23:59:59")["tai_utc"]) == [36.0]
    assert list(leap_seconds("2017-01-01T00:00:00")["tai_utc"]) == [37.0]
    with pytest.raises(ValueError, match="1972"):
        leap_seconds("1971-12-31")


def test_days_before_the_table_have_no_number() -> None:
    table = parse_leap_seconds(LIST)
    assert np.isnan(table.on(41316.9))
    assert [table.on(mjd) for mjd in (41317, 41498.9, 41499, 60000)] == [10, 10, 11, 37]


@given(
    st.text()
    | st.sampled_from([LIST, DAT]).flatmap(lambda t: st.integers(0, len(t)).map(lambda n: t[:n] + t[n + 3 :]))
)
def test_any_text_is_a_table_or_an_error(text: str) -> None:
    with suppress(FileFormatError):
        assert parse_leap_seconds(text, "leap").days


def test_a_file_that_is_none_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "leap"
    path.write_text("# nothing\n1 2 3\n")
    with pytest.raises(FileFormatError, match="line 2"):
        read_leap_seconds(path)
