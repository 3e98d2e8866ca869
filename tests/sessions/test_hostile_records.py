# SPDX-License-Identifier: GPL-3.0-or-later
"""Records that hold anything in the places of what is expected: calendar, trends and report take what they can."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import difxnb

PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(10**400)
TIMES = st.sampled_from(
    ["2026-11-23T04:12:09Z", "0001-01-01", "9999-12-31T23:59:59+14:00", "2026-11-23", "now"]
)
ROW = st.dictionaries(
    st.sampled_from(
        [
            "station",
            "antenna",
            "delay",
            "delay_error",
            "baseline",
            "band",
            "median",
            "mean",
            "why",
            "input",
            "begun",
        ]
    ),
    PLAIN | TIMES,
    max_size=4,
)
OUTPUTS = st.dictionaries(
    st.sampled_from(
        [
            *(
                "vex",
                "start",
                "stop",
                "stations",
                "arrived",
                "missing",
                "reference",
                "jobs",
                "verdict",
                "checks",
            ),
            *("snr", "weights", "files", "warnings"),
        ]
    ),
    PLAIN | TIMES | st.lists(ROW | PLAIN, max_size=3) | ROW,
    max_size=5,
)
STEPS = ("schedule", "data", "clocks", "correct", "jobs", "correlate", "quality", "report", "hooks")
LINES = st.lists(
    st.tuples(
        st.sampled_from(STEPS), st.sampled_from(["started", "done", "failed", "skipped", "waiting"]), OUTPUTS
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=30)
@given(LINES)
def test_any_record_has_a_row_and_a_report(
    tmp_path_factory: pytest.TempPathFactory, lines: list[tuple[str, str, dict[str, object]]]
) -> None:
    folder: Path = tmp_path_factory.mktemp("hostile")
    (folder / "record.jsonl").write_text(
        "".join(
            json.dumps(
                {
                    "v": 1,
                    "session": "i26327",
                    "step": step,
                    "state": state,
                    "at": f"2026-11-23T04:00:{place:02d}Z",
                    "outputs": outputs,
                    "why": "+HEADER",
                }
            )
            + "\n"
            for place, (step, state, outputs) in enumerate(lines)
        )
    )
    table = difxnb.session_calendar(folder)
    # A number that is none makes a whole line none: infinity and NaN are no JSON.
    if table.empty:
        return
    assert len(table) == 1
    assert table["state"][0] in ("done", "failed", "running")
    trends = difxnb.session_trends(folder)
    assert set(trends.frame()["of"]) <= {"clock", "snr", "weight"}
    text = difxnb.ivs_report(folder).text()
    assert [line for line in text.split("\n") if line.startswith("+")].count("+HEADER") == 1
