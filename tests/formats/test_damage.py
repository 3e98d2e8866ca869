# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever happens to a text file of a job: reading gives a value or the one documented error."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from difxnb.errors import FileFormatError
from difxnb.formats.calc import parse_calc
from difxnb.formats.difxlog import last_status, parse_line
from difxnb.formats.flag import parse_flag
from difxnb.formats.im import parse_im
from difxnb.formats.input import parse_input, result_layout
from difxnb.formats.joblist import parse_joblist
from difxnb.formats.machines import parse_machines, parse_threads

REFERENCE = Path(__file__).parents[1] / "reference/mpifxcorr-output"
COUNTS = ["-1", "0", "1", "2", "7", "99999", "1000000000", "9" * 40, "nan", "1e999", "", "x"]
FLAGS = "2\n  54446.2104167 54446.2108681 0\n  54446.25 54447.0 12\n"
JOBLIST = "exper=A  pass=a\na_1 59490.7916667 59490.79375 2 0 1 1407 0  # AA BB\n"


def text_of(name: str) -> str:
    return (REFERENCE / name).read_text()


@st.composite
def damaged(draw: st.DrawFn, text: str) -> str:
    """Text with a few lines dropped, doubled, moved or cut, numbers changed, or letters replaced."""
    lines = text.split("\n")
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        match draw(st.sampled_from(["drop", "double", "move", "cut", "number", "letter", "end"])):
            case "drop":
                del lines[at]
            case "double":
                lines.insert(at, lines[at])
            case "move":
                lines.insert(draw(st.integers(0, len(lines) - 1)), lines.pop(at))
            case "cut":
                lines[at] = lines[at][: draw(st.integers(0, 30))]
            case "number":
                key = lines[at].partition(":")[0]
                lines[at] = f"{key}: {draw(st.sampled_from(COUNTS))}"
            case "letter" if lines[at]:
                place = draw(st.integers(0, len(lines[at]) - 1))
                lines[at] = lines[at][:place] + chr(draw(st.integers(0, 255))) + lines[at][place + 1 :]
            case "end":
                del lines[at:]
        lines = lines or [""]
    return "\n".join(lines)


def value_or_error(parse: Callable[[str], object], text: str) -> object | None:
    try:
        value = parse(text)
    except FileFormatError:
        event("refused")
        return None
    event("read")
    return value


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=st.sampled_from(["alpha_1/alpha_1.input", "beta_1/beta_1.input"]).map(text_of).flatmap(damaged))
def test_input(text: str) -> None:
    inp = value_or_error(parse_input, text)
    if inp is not None:
        for row in range(len(inp.configurations)):
            assert isinstance(result_layout(inp, row), list)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=damaged(text_of("zeta_1/zeta_1.calc")))
def test_calc(text: str) -> None:
    value_or_error(parse_calc, text)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=damaged(text_of("alpha_1/alpha_1.im")))
def test_im(text: str) -> None:
    value_or_error(parse_im, text)


@settings(max_examples=60, deadline=None)
@given(text=st.one_of(damaged(FLAGS), st.text()))
def test_flags(text: str) -> None:
    value_or_error(parse_flag, text)


@settings(max_examples=60, deadline=None)
@given(text=st.one_of(damaged(JOBLIST), st.text()))
def test_joblist(text: str) -> None:
    value_or_error(parse_joblist, text)


@settings(max_examples=60, deadline=None)
@given(text=st.one_of(damaged("NUMBER OF CORES:    2\n3\n3\n"), st.text()))
def test_threads_and_machines(text: str) -> None:
    value_or_error(parse_threads, text)
    value_or_error(parse_machines, text)


@settings(max_examples=60, deadline=None)
@given(text=st.one_of(damaged(text_of("alpha_1/alpha_1.difxlog")), st.text()))
def test_any_log_line_gives_an_entry(text: str) -> None:
    for line in text.split("\n"):
        assert parse_line(line).kind is not None
    assert last_status(text) is None or len(last_status(text) or "") <= 99


@pytest.mark.parametrize(
    "parse", [parse_input, parse_calc, parse_im, parse_joblist, parse_flag, parse_threads]
)
def test_an_empty_file_is_refused(parse: Callable[[str], object]) -> None:
    with pytest.raises(FileFormatError):
        parse("")
