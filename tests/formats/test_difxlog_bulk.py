# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs at once: the same as line by line, whatever stands in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.formats.difxlog import LogEntry, parse_line, parse_time
from difxnb.formats.difxlog_bulk import LogLines, line_times, parse_lines

LOGS = sorted((Path(__file__).parents[1] / "reference").rglob("*.difxlog"))
USUAL = [
    "Sun Dec 29 07:30:21 2024   0 head INFO  Vis. 0 to write out time 0",
    "Sun Dec  1 07:30:21 2024   0 head  STATUS Running  ",
    "Sun Dec 29 07:30:21 2024  12   WEIGHTS 0.96-1.00",
    "Sun Dec 29 07:30:21 2024  12 n WEIGHTS",
    "Sun Dec 29 07:30:21 2024 99999999999 n DEBUG    three",
    "2024-12-29 07:30:21,418 DiFXAlert INFO    MPI[ 0] head      v252f_03     Vis. 0",
    "Transient event received: jobId=x priority=1",
    "Sun Dec 29 07:30:21 2024   0 n  STAT",
    "",
    " ",
    "what is this",
]


def same(text: str) -> LogLines:
    lines = parse_lines(text)
    assert list(lines) == [parse_line(line) for line in text.split("\n")]
    return lines


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.stem)
def test_real_logs_at_once_and_line_by_line(path: Path) -> None:
    same(path.read_text())


def test_long_logs_are_cut_between_lines() -> None:
    """Text is taken in pieces; none of them may begin or end inside a line."""
    for filler in range(45, 60):
        text = "\n".join([*USUAL, *(f"{USUAL[0]}{number:0{filler}d}" for number in range(1500)), *USUAL])
        assert len(text) > 3 * 50_000
        same(text)


@settings(max_examples=150)
@given(
    st.lists(st.one_of(st.sampled_from(USUAL), st.text(max_size=20)), max_size=12),
    st.lists(
        st.tuples(st.integers(0, 500), st.integers(0, 10), st.sampled_from("\n\r\0 \x0b\u2028-9N")),
        max_size=8,
    ),
)
def test_anything_at_once_and_line_by_line(lines: list[str], damage: list[tuple[int, int, str]]) -> None:
    text = "\n".join(lines)
    for place, removed, inserted in damage:
        text = text[:place] + inserted + text[place + removed :]
    same(text)


@settings(max_examples=60)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                ["Sun Dec 29 07:30:21 2024", "Sun Feb 30 07:30:21 2024", "Xxx Dec 29 99:30:21 2024", ""]
            ),
            st.sampled_from(
                ["Sun Dec 29 07:30:21 0000", "Sun Dec 29 23:59:60 2024", "2024-12-29 07:30:21,418"]
            ),
            st.from_regex(r"\A[A-Z][a-z]{2} (Jan|Feb|Abc) [ \d]\d \d\d:\d\d:\d\d \d{4}\Z"),
        )
    )
)
def test_times_at_once_and_one_by_one(texts: list[str]) -> None:
    expected = np.array([parse_time(text) for text in texts], dtype="datetime64[us]").astype("datetime64[ns]")
    found = line_times(texts)
    assert found.dtype == "datetime64[ns]"
    np.testing.assert_array_equal(found, expected)


def test_lines_are_a_sequence_of_entries() -> None:
    lines = parse_lines("\n".join(USUAL))
    assert len(lines) == len(USUAL)
    assert lines[1] == parse_line(USUAL[1])
    assert lines[-1].text == "what is this"
    assert list(lines[2:4]) == [parse_line(line) for line in USUAL[2:4]]
    assert list(LogLines.of(lines)) == list(lines)
    assert isinstance(lines[0], LogEntry)
    with pytest.raises(IndexError):
        lines[len(USUAL)]
    assert list(LogLines()) == []
