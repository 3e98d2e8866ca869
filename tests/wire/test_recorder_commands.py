# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands of recorders (7.9): which destroy something, and whom a name means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from difxnb.wire.recorder_commands import DESTRUCTIVE, HARMLESS, addressees, harm_of, is_from, is_group


@pytest.mark.parametrize(
    "command", sorted(HARMLESS) + ["GetVSN", "mountb1", "Test1", "GetFileList_3", "UMOUNT"]
)
def test_what_does_no_harm(command):
    assert harm_of(command) is None


@pytest.mark.parametrize(
    "command",
    [
        *sorted(DESTRUCTIVE),
        *("Erase", "Poweroff", "REBOOT", "resetMark5now", "modinit_3_BHC%0101", "reown_vfastr/data"),
        *("killmpifxcorr job", "getfilelist_9", "getvsn2", "copy A 1 /d", "mount", "format", "", "erase "),
    ],
)
def test_what_does_harm_or_is_not_known(command):
    """7.9: a command that nobody here knows counts as one that destroys."""
    assert harm_of(command)


@given(st.text(max_size=40))
def test_only_listed_commands_are_harmless(command):
    word = command.strip().lower()
    if not word.startswith(("mount", "test", "getfilelist_")):
        assert (harm_of(command) is None) == (word in HARMLESS)


@pytest.mark.parametrize(
    ("name", "hosts"),
    [
        ("03", ("mark5fx03",)),
        ("05", ("mark6fx05",)),
        ("012", ("swc012",)),
        ("04-06", ("mark5fx04", "mark6fx05", "mark5fx06")),
        ("008-010", ("swc008", "swc009", "swc010")),
        ("ALL", ("all",)),
        ("mark5fx07", ("mark5fx07",)),
        ("head.example.org", ("head.example.org",)),
        ("1234", ("1234",)),
    ],
)
def test_a_name_is_written_out_as_by_mk5control(name, hosts):
    assert addressees(name, mark6=frozenset({"05"})) == hosts


@pytest.mark.parametrize("name", ["05-03", "01-010", "001-999"])
def test_a_range_that_is_none(name):
    with pytest.raises(ValueError, match="range of units"):
        addressees(name)


def test_whose_word_is_an_answer():
    assert is_from("mark5fx03.example.org", "MARK5FX03")
    assert is_from("mark5fx03", "mark5fx03.example.org")
    assert is_from("mark6fx03", "03")
    assert is_from("mark5fx03", "01-04")
    assert is_from("anything", "all")
    assert not is_from("mark5fx04", "03")
    assert not is_from("", "03")


def test_what_is_a_group():
    assert [is_group(name) for name in ("all", "Mark5", "01-02", "01", "mark5fx01")] == [True] * 3 + [
        False
    ] * 2
