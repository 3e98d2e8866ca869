# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever happens to a text file of a job: reading gives a value or the one documented error."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from difxnb.errors import FileFormatError
from difxnb.formats import keyvalue
from difxnb.formats.binconfig import format_binconfig, parse_binconfig
from difxnb.formats.calc import Calc, format_calc, parse_calc, read_calc
from difxnb.formats.calc_frames import TABLES as CALC_TABLES
from difxnb.formats.channelflags import parse_channelflags
from difxnb.formats.difxlog import last_status, parse_line
from difxnb.formats.flag import parse_flag
from difxnb.formats.im import format_im, parse_im
from difxnb.formats.input import Input, format_input, parse_input, result_layout
from difxnb.formats.input_frames import TABLES as INPUT_TABLES
from difxnb.formats.joblist import parse_joblist
from difxnb.formats.machines import parse_machines, parse_threads
from difxnb.formats.polyco import parse_polyco

REFERENCE = Path(__file__).parents[1] / "reference/mpifxcorr-output"
COUNTS = ["-1", "0", "1", "2", "7", "99999", "1000000000", "9" * 40, "nan", "1e999", "", "x"]
FLAGS = "2\n  54446.2104167 54446.2108681 0\n  54446.25 54447.0 12\n"
CHANNELFLAGS = "EF 60310.5000000 60310.7500000 3 0 1 'edge of band 3'\n"
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


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    text=st.sampled_from(["alpha_1/alpha_1.input", "beta_1/beta_1.input"]).map(text_of).flatmap(damaged),
    table=st.sampled_from(list(INPUT_TABLES)),
)
def test_input(text: str, table: str) -> None:
    inp = value_or_error(parse_input, text)
    if isinstance(inp, Input):
        assert format_input(inp) == text
        assert repr(inp)
        assert list(inp.frame(table))
        for row in range(len(inp.configurations)):
            assert isinstance(result_layout(inp, row), list)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=damaged(text_of("zeta_1/zeta_1.calc")))
def test_calc(text: str) -> None:
    calc = value_or_error(parse_calc, text)
    if isinstance(calc, Calc):
        assert format_calc(calc) == text
        assert repr(calc)
        for table in CALC_TABLES:
            assert list(calc.frame(table))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=damaged(text_of("alpha_1/alpha_1.im")))
def test_im(text: str) -> None:
    im = value_or_error(parse_im, text)
    assert im is None or format_im(im) == text  # type: ignore[arg-type]


@settings(max_examples=60, deadline=None)
@given(text=damaged(text_of("epsilon_1/epsilon_1.binconfig")))
def test_binconfig(text: str) -> None:
    config = value_or_error(parse_binconfig, text)
    if config is not None:
        assert format_binconfig(config) == text  # type: ignore[arg-type]
        assert repr(config)
        assert config.frame() is not None  # type: ignore[attr-defined]


@settings(max_examples=60, deadline=None)
@given(text=damaged(text_of("epsilon_1/epsilon_1.polyco") * 2))
def test_polyco(text: str) -> None:
    polyco = value_or_error(parse_polyco, text)
    if polyco is not None:
        assert list(polyco.frame())  # type: ignore[attr-defined]


@settings(max_examples=60, deadline=None)
@given(text=st.one_of(damaged(CHANNELFLAGS * 3), st.text()))
def test_channelflags(text: str) -> None:
    value = value_or_error(parse_channelflags, text)
    assert value is None or list(value.frame())  # type: ignore[attr-defined]


@settings(max_examples=60, deadline=None)
@given(text=st.one_of(damaged(FLAGS), st.text()))
def test_flags(text: str) -> None:
    flags = value_or_error(parse_flag, text)
    assert flags is None or list(flags.frame())  # type: ignore[attr-defined]


@settings(max_examples=60, deadline=None)
@given(text=st.one_of(damaged(JOBLIST), st.text()))
def test_joblist(text: str) -> None:
    jobs = value_or_error(parse_joblist, text)
    assert jobs is None or list(jobs.frame())  # type: ignore[attr-defined]


@settings(max_examples=60, deadline=None)
@given(text=st.one_of(damaged("NUMBER OF CORES:    2\n3\n3\n"), st.text()))
def test_threads_and_machines(text: str) -> None:
    for parse in (parse_threads, parse_machines):
        value = value_or_error(parse, text)
        assert value is None or list(value.frame())  # type: ignore[attr-defined]


@settings(max_examples=60, deadline=None)
@given(text=st.one_of(damaged(text_of("alpha_1/alpha_1.difxlog")), st.text()))
def test_any_log_line_gives_an_entry(text: str) -> None:
    for line in text.split("\n"):
        assert parse_line(line).kind is not None
    assert last_status(text) is None or len(last_status(text) or "") <= 99


@pytest.mark.parametrize(
    "parse",
    [
        parse_input,
        parse_calc,
        parse_im,
        parse_joblist,
        parse_flag,
        parse_threads,
        parse_binconfig,
        parse_polyco,
    ],
)
def test_an_empty_file_is_refused(parse: Callable[[str], object]) -> None:
    with pytest.raises(FileFormatError):
        parse("")


@pytest.mark.parametrize("parse", [parse_input, parse_calc, parse_im, parse_binconfig])
@pytest.mark.parametrize("damage", ["\0", "\x1b", "\rb", "\x7f"])
def test_control_characters_are_damage_with_a_line(parse: Callable[[str], object], damage: str) -> None:
    with pytest.raises(FileFormatError, match=r"line 3: holds (NUL bytes|control characters)"):
        parse(f"A: 1\nB: 2\nC: a{damage}b\n")


def test_a_file_that_is_too_large_for_a_text_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "x.calc"
    with path.open("wb") as stream:
        stream.truncate(keyvalue._LARGEST_TEXT + 1)
    with pytest.raises(FileFormatError, match=r"x\.calc: more than 256 MB"):
        read_calc(path)


ALPHA = text_of("alpha_1/alpha_1.input")
NO_COUNTS = ("NUM BUFFERED FFTS", "NUM DATA SEGMENTS")
COUNTED = [
    key
    for key in (line.partition(":")[0] for line in ALPHA.split("\n"))
    if any(word in key for word in ("NUM ", "ENTRIES", "FILES", "ACTIVE", "CALS")) and key not in NO_COUNTS
]


@pytest.mark.parametrize("key", dict.fromkeys(COUNTED))
@pytest.mark.parametrize("count", ["2000000000", "-1", "9007199254740993", "1_0", "0x10"])
def test_no_count_makes_anything_large(key: str, count: str) -> None:
    lines = [f"{key}: {count}" if line.startswith(f"{key}:") else line for line in ALPHA.split("\n")]
    with pytest.raises(FileFormatError, match=rf"line \d+.*{key.split('(')[0].strip()}"):
        parse_input("\n".join(lines))


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_channelflags, "EF 1 2 0 0 0 'a" + " " * 300_000 + "b"),
        (parse_channelflags, " " * 300_000 + "\x00"),
        (parse_joblist, "exper=A" + " b" * 300_000),
        (parse_flag, "1\n" + "1" * 300_000 + " " * 300_000),
        (parse_machines, "a " * 300_000),
        (parse_threads, "NUMBER OF CORES:    " + "1" * 300_000),
        (parse_polyco, " " * 300_000 + "\n" + "9" * 300_000),
        (parse_binconfig, "NUM POLYCO FILES:" + "9" * 300_000),
        (parse_calc, "JOB ID:" + "9" * 300_000),
        (parse_input, "# " * 300_000),
        (parse_input, "# COMMON SETTINGS\n" + "a1b2:\n" * 100_000),
    ],
)
def test_long_lines_take_no_time(parse: Callable[[str], object], text: str) -> None:
    """What takes a time with the square of a length would take hours here."""
    with contextlib.suppress(FileFormatError):
        assert parse(text) is not None
