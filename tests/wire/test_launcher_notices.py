# SPDX-License-Identifier: GPL-3.0-or-later
"""What counts as a complaint in error output; whole recorded jobs are in `test_recorded_exchanges`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from difxnb.wire.launcher_notices import Complaints

RULE = "-" * 74
NOTICE = [
    RULE,
    "The following options",
    "have been deprecated and replaced as follows:",
    "",
    "  --bynode",
    RULE,
]
TROUBLE = [RULE, "There are not enough slots", "available in the system.", RULE]


def complaints(*lines: str) -> tuple[str, ...]:
    found = Complaints()
    for line in lines:
        found.add(line)
    found.end()
    assert found.count == len(found.latest)
    return found.latest


def test_only_the_notice_about_options_is_passed_over() -> None:
    assert complaints(*NOTICE) == ()
    assert complaints("before", *NOTICE, "", "after") == ("before", "after")
    assert complaints(*NOTICE, *TROUBLE, *NOTICE) == ("There are not enough slots available in the system.",)


def test_a_text_whose_second_rule_never_comes_is_complaints() -> None:
    """Its lines may be anything, a notice that was cut off too."""
    assert complaints(*NOTICE[:-1]) == ("The following options", NOTICE[2], "--bynode")
    assert complaints(RULE) == ()


@given(st.lists(st.sampled_from([RULE, "", "lost", *NOTICE[1:4]]), max_size=300))
def test_nothing_else_is_ever_passed_over(lines: list[str]) -> None:
    found = Complaints()
    for line in lines:
        found.add(line)
    found.end()
    assert len(found.latest) <= 5
    if NOTICE[2] not in lines:
        assert found.notices == 0
        assert (found.count > 0) == any(line.strip() and line != RULE for line in lines)
