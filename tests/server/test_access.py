# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is let in, without a socket: tokens cut anywhere, counts, penalties, limits and paces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from difxnb.server.access import (
    NO_TOKEN,
    TOO_MANY,
    TOO_MANY_GUESSES,
    TOO_MANY_HERE,
    TOO_MANY_STRANGERS,
    WRONG_TOKEN,
    Doorkeeper,
    Limits,
    Verdict,
)
from difxnb.server.pace import Pace
from difxnb.wire.control import AccessToken, VersionRequest, encode
from difxnb.wire.packet import encode_packet

TOKEN = "a-token-of-some-length"
SHOWN = encode(AccessToken(TOKEN))
REST = encode(VersionRequest())


def keeper(token=TOKEN, **limits):
    return Doorkeeper(Limits(**limits), token)


def test_a_token_is_known_wherever_its_packet_is_cut():
    for end in range(len(SHOWN)):
        assert keeper().hear(SHOWN[:end]) is None
    for end in range(len(REST) + 1):
        assert keeper().hear(SHOWN + REST[:end]) == Verdict("", REST[:end])


def test_without_a_token_of_its_own_it_lets_everybody_in():
    open_door = keeper(None)
    assert not open_door.wants_token
    assert open_door.hear(REST) == Verdict("", REST)


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        (REST, NO_TOKEN),
        (b"GET / HTTP/1.1\r\n", NO_TOKEN),
        (b"\0\0\0", NO_TOKEN),
        (b"\0\0\3", None),
        (b"\0\0\3\xe8", None),
        (b"\0\0\3\xe9", NO_TOKEN),
        (encode(AccessToken(TOKEN + "x")), WRONG_TOKEN),
        (encode(AccessToken(TOKEN[:-1])), WRONG_TOKEN),
        (encode(AccessToken("")), WRONG_TOKEN),
        (encode_packet(1000, TOKEN.encode() + b"\0"), WRONG_TOKEN),
        (b"\0\0\3\xe8\xff\xff\xff\xff", WRONG_TOKEN),  # H5: a negative length
        (b"\0\0\3\xe8\x7f\xff\xff\xff", WRONG_TOKEN),  # H5: a length that nobody has memory for
    ],
)
def test_anything_else_is_refused_as_soon_as_it_can_be_told(said, refusal):
    verdict = keeper().hear(said)
    assert (None if verdict is None else verdict.refusal) == refusal


@given(st.binary(max_size=60))
def test_no_bytes_but_the_token_get_in_and_none_are_waited_for_without_end(said):
    verdict = keeper().hear(said)
    if verdict is None:
        assert len(said) < 8 + 1024
    else:
        assert (verdict.refusal == "") == said.startswith(SHOWN)


def test_room_is_counted_in_all_and_for_each_address():
    door = keeper(None, clients=3, clients_per_host=2)
    assert [door.arrive(host) for host in "aaabb"] == ["", "", TOO_MANY_HERE, "", TOO_MANY]
    door.leave("a")
    assert (door.arrive("a"), door.clients) == ("", 3)


def test_those_without_a_token_have_little_room_of_their_own():
    door = keeper(strangers=1)
    assert door.arrive("a") == ""
    door.meet("a")
    assert (door.arrive("a"), door.arrive("b")) == (TOO_MANY_STRANGERS, "")
    door.know("a")
    assert door.arrive("a") == ""


def test_an_address_that_guesses_has_to_wait_and_no_other():
    door = keeper(guesses=2)
    for _ in range(2):
        assert door.arrive("a") == ""
        door.penalty("a", 0.0)
    assert (door.arrive("a"), door.arrive("b")) == (TOO_MANY_GUESSES, "")
    door.forgive("a")
    assert door.arrive("a") == ""


def test_wrong_tokens_cost_more_each_time_up_to_a_bound_and_are_forgiven():
    door = keeper()
    penalties = [door.penalty("a", float(second)) for second in range(8)]
    assert penalties == [0.25, 0.5, 1.0, 2.0, 4.0, 4.0, 4.0, 4.0]
    assert door.penalty("b", 8.0) == 0.25
    assert door.penalty("a", 10_000.0) == 0.25


def test_addresses_that_showed_wrong_tokens_are_remembered_within_bounds():
    door = keeper()
    for number in range(3000):
        door.penalty(str(number), 0.0)
    assert len(door._failures) == 1000


@pytest.mark.parametrize("name", ["clients", "packet", "rate", "memory", "stall", "token_time"])
def test_a_limit_of_nothing_is_refused(name):
    with pytest.raises(ValueError, match=name):
        Limits(**{name: 0})


def test_limits_are_changed_one_by_one():
    assert Limits().changed(clients=3, packet=None) == Limits(clients=3)


def test_a_pace_allows_bursts_of_a_second_and_asks_for_pauses_beyond():
    now = [100.0]
    pace = Pace(10.0, lambda: now[0])
    assert [pace.spend(1) for _ in range(10)] == [0.0] * 10
    assert pace.spend(5) == pytest.approx(0.5)
    now[0] += 1.0
    assert pace.spend(1) == 0.0
    now[0] += 1000.0
    assert pace.spend(10) == 0.0  # what was not used for long is not saved up
    assert pace.spend(1) == pytest.approx(0.1)
