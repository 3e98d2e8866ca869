# SPDX-License-Identifier: GPL-3.0-or-later
"""Input widgets: what users do is told, what the painter writes is not."""

from __future__ import annotations

import ipywidgets as widgets

from difxnb.panels.bound import Bound


def test_what_a_user_does_is_told_and_what_the_painter_writes_is_not() -> None:
    told: list[int] = []
    number = widgets.IntText(value=1)
    bound = Bound(number, told.append)
    bound.write(2)
    assert (number.value, told) == (2, [])
    number.value = 3
    number.value = 2
    assert told == [3, 2]


def test_what_is_painted_while_a_message_of_the_page_is_taken_in_is_not_told() -> None:
    told: list[int] = []
    number = widgets.IntText(value=1)
    bound = Bound(number, told.append)
    with number.hold_trait_notifications():  # so does ipywidgets, for whatever a message brings
        bound.write(5)
    assert (number.value, told) == (5, [])
    number.value = 6
    assert told == [6]
