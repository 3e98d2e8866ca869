# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said while something runs: kept in bounds, shown, and added to errors."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from difxnb.aio import overheard
from difxnb.aio.overheard import Overheard, require_timeout
from difxnb.errors import NoReply, NothingMade
from difxnb.wire.control import Notice, NoticeSeverity
from difxnb.wire.message import Header, Info, Message

Hear = Callable[[object, float], None]


class Ears:
    """Somewhere to listen."""

    def __init__(self) -> None:
        self.hearers: list[Hear] = []

    def listen(self, hear: Hear) -> Callable[[], None]:
        self.hearers.append(hear)
        return self.hearers.clear

    def say(self, text: str, severity: NoticeSeverity = NoticeSeverity.WARNING) -> None:
        for hear in list(self.hearers):
            hear(Notice(severity, text), 0.0)


def test_notices_are_kept_and_shown() -> None:
    ears, shown = Ears(), []
    with Overheard(ears.listen, shown.append) as heard:
        ears.say("careful\n")
        ears.say("by the way", NoticeSeverity.INFORMATION)
        ears.say("executing: x\n")
        ears.hearers[0](Message(Header(), Info()), 0.0)
        heard.say("a line")
    ears.say("too late")
    heard.say("too late as well")
    assert heard.lines == ["careful", "by the way", "executing: x"]
    assert heard.warnings == ["careful", "executing: x"]
    assert heard.warnings_beside(["careful "]) == []
    assert shown == ["careful", "by the way", "executing: x", "a line"]


def test_repeated_notices_are_not_shown() -> None:
    ears, shown = Ears(), []
    with Overheard(ears.listen, shown.append, repeats=True) as heard:
        ears.say("careful")
        heard.say("a line")
    assert shown == ["a line"]
    assert heard.lines == ["careful"]


def test_the_first_ones_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overheard, "KEPT_NOTICES", 2)
    ears = Ears()
    with Overheard(ears.listen) as heard:
        for number in range(5):
            ears.say(str(number))
    assert (heard.lines, heard.dropped) == (["3", "4"], 3)


def fail(ears: Ears, lines: int, error: Exception) -> None:
    with Overheard(ears.listen):
        for number in range(lines):
            ears.say(f"line {number}")
        raise error


def test_errors_of_this_package_get_the_last_ones_as_a_note() -> None:
    ears = Ears()
    with pytest.raises(NoReply) as caught:
        fail(ears, 30, NoReply("silence"))
    note, _ = caught.value.__notes__
    assert note.startswith("guiServer said meanwhile:")
    assert "line 29" in note
    assert "line 9\n" not in note
    with pytest.raises(KeyError) as other:
        fail(ears, 1, KeyError())
    assert not hasattr(other.value, "__notes__")
    assert ears.hearers == []


def test_a_time_out_says_for_how_long_nothing_was_said() -> None:
    ears = Ears()
    with pytest.raises(NoReply) as caught:
        fail(ears, 0, NoReply("silence"))
    assert caught.value.__notes__ == ["guiServer said nothing meanwhile"]
    with pytest.raises(NoReply) as caught:
        fail(ears, 1, NoReply("silence"))
    assert re.search(r"nothing more for the last \d{9,} s", caught.value.__notes__[1]), "it was said in 1970"
    with pytest.raises(NothingMade) as other:
        fail(ears, 1, NothingMade("", []))
    assert len(other.value.__notes__) == 1


def test_times_that_make_no_sense() -> None:
    assert require_timeout(0.5) == 0.5
    for timeout in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="above zero"):
            require_timeout(timeout)
