# SPDX-License-Identifier: GPL-3.0-or-later
"""Data of channels: early, late, and too much."""

import pytest

from difxnb.server.side import ChannelInput


def test_what_comes_early_is_the_first_data_of_the_operation():
    data = ChannelInput()
    assert data.receive(7, b"early ")
    data.open(7)
    data.receive(7, b"late")
    assert data.unread == 10
    assert data.take(7) == b"early late"
    assert data.take(7) == b""
    assert data.unread == 0


def test_what_an_operation_leaves_is_dropped():
    data = ChannelInput()
    data.open(7)
    data.receive(7, b"unread")
    data.end(7)
    assert data.unread == 0
    assert data.receive(7, b"after the end")
    data.open(7)
    assert data.take(7) == b""


def test_one_channel_serves_one_operation_at_a_time():
    data = ChannelInput()
    data.open(7)
    with pytest.raises(ValueError, match="7"):
        data.open(7)


def test_data_for_channels_that_never_open_are_bounded_and_counted():
    data = ChannelInput(early_limit=10)
    assert data.receive(1, b"12345678")
    assert not data.receive(2, b"1234")
    assert data.dropped == 4
    assert data.receive(2, b"12")


def test_the_number_of_channels_that_never_open_is_bounded():
    data = ChannelInput()
    taken = sum(data.receive(number, b"x") for number in range(5000))
    assert taken == 1024
    assert data.dropped == 5000 - 1024


def test_empty_pieces_cost_nothing():
    data = ChannelInput(early_limit=0)
    assert all(data.receive(number, b"") for number in range(5000))
