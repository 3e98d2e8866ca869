# SPDX-License-Identifier: GPL-3.0-or-later
"""How a session stands, read from records that hold anything: nothing is made up, nothing acts on a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.intensives import IntensiveRun, Recipe
from difxnb.intensives.steps import ORDER
from difxnb.panels.intensive import markup
from difxnb.panels.intensive.look import Standing, brief, standing_of, word
from difxnb.sessions.record import RecordLine, SessionRecord

NOW = 1.8e9
RECIPE = Recipe(name="test", schedule="/x.vex", v2d="/x.v2d")
STATES = ("started", "done", "failed", "skipped", "waiting")

texts = st.text(max_size=20) | st.sampled_from(
    ["<script>", "\x1b[31m", "\u202e", "go", "look", "no-go", "AL"]
)
plain = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=8
)
rows = st.lists(
    values
    | st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("antenna", "station", "delay", "why", "verdict", "check"), values)
    ),
    max_size=3,
)
outputs = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("stations", "undetermined", "reference", "missing", "verdict", "checks", "files"), values | rows
    ),
)
lines = st.lists(
    st.builds(
        RecordLine,
        session=st.just("one"),
        step=st.sampled_from(ORDER),
        state=st.sampled_from(STATES),
        at=st.floats(0, 8e9),
        inputs=outputs,
        outputs=outputs,
        why=texts,
        seconds=st.none() | st.floats(0, 1e9),
    ),
    max_size=8,
)


def standing(*found: RecordLine) -> Standing:
    """How a session without a connection stands, of lines of its record."""
    nowhere: Any = None
    record = SessionRecord(Path("record.jsonl"), "one", list(found), (), lambda: NOW)
    return standing_of(IntensiveRun(nowhere, RECIPE, "one", record), NOW)


@settings(max_examples=25)
@given(found=lines)
def test_any_record_is_shown_as_text(found: list[RecordLine]) -> None:
    stands = standing(*found)
    assert [one.step for one in stands.steps] == list(ORDER)
    told = markup.standing_html(stands) + markup.steps_html(stands) + markup.decisions_html(stands)
    assert "<script>" not in told
    assert all(one.isprintable() or one == "\n" for one in told)
    assert all(one.isprintable() for line in markup.plain_lines(stands) for one in line)
    begun = {line.step for line in found}
    assert all(one.state == "planned" for one in stands.steps if one.step not in begun)
    assert not any(one.state in ("running", "waiting") for one in stands.steps), "nobody runs it"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("/data/exp/one_1.input", "one_1.input"),
        ("0123456789abcdef", ""),
        (True, "yes"),
        (float("nan"), ""),
        (0.5, "0.5"),
        (
            [f"/d/e_{number}.input" for number in range(9)],
            "e_0.input, e_1.input, e_2.input, e_3.input, … (9)",
        ),
        ([{"station": "DA", "why": "late"}], "DA"),
        ({"a": 1, "b": 2}, "a, b"),
        (None, ""),
    ],
)
def test_values_are_told_in_a_word(value: object, told: str) -> None:
    assert word(value) == told


def test_what_is_long_or_empty_is_no_summary() -> None:
    assert brief({"diff": "-a\n+b", "jobs": [], "scans": ["No0001"], "n": 2}) == "scans No0001; n 2"


def test_clocks_keep_the_reasons_of_those_that_are_not_determined() -> None:
    found = {
        "reference": "AL",
        "stations": [{"antenna": "AL", "delay": 0.0}, {"antenna": "BO", "delay": 3e-6, "delay_error": 4e-9}],
        "undetermined": {"CE": "no fringes"},
    }
    stands = standing(RecordLine("one", "clocks", "done", NOW, outputs=found))
    told = markup.standing_html(stands)
    assert [one.station for one in stands.clocks] == ["AL", "BO", "CE"]
    assert "the reference" in told
    assert "+3.0000" in told
    assert "no fringes" in told
    assert "nan" not in told
