# SPDX-License-Identifier: GPL-3.0-or-later
"""Quirks are named, composed and refused."""

import pytest

from difxnb.server.quirks import Quirks


def test_nothing_is_wrong_by_default():
    assert Quirks.of(None) == Quirks.of("") == Quirks.none() == Quirks()
    assert repr(Quirks()) == "Quirks()"


def test_the_set_of_2_9_has_everything_but_the_crash():
    quirks = Quirks.of("2.9")
    assert not quirks.dies_after_job
    assert [name for name, on in vars(quirks).items() if not on] == ["dies_after_job"]


@pytest.mark.parametrize(
    ("text", "on", "off"),
    [
        ("2.9,dies-after-job", "dies_after_job", None),
        ("2.9,-zero-lags", "half_delay", "zero_lags"),
        (" silent-files , lost_packets ", "lost_packets", "zero_lags"),
    ],
)
def test_names_add_up_from_left_to_right(text, on, off):
    quirks = Quirks.of(text)
    assert getattr(quirks, on)
    assert off is None or not getattr(quirks, off)


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'3\.0'.*2\.9.*wrong-lengths"):
        Quirks.of("2.9,3.0")
