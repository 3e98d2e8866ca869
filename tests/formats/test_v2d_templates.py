# SPDX-License-Identifier: GPL-3.0-or-later
"""A .v2d with variables: rendered, read, held against a schedule; values say no more than their place lets them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.errors import FileFormatError
from difxnb.formats.v2d import parse_v2d
from difxnb.formats.v2d_templates import V2dTemplate, read_template
from difxnb.formats.vex import Vex, parse_vex
from difxnb.synthetic import small_experiment
from difxnb.synthetic.observing_files import vex_text

INTENSIVE = """\
# made of intensive.v2d.in for ${EXPERIMENT}; prices in $
vex = ${VEX:schedule.vex}
antennas = ${STATIONS}
jobSeries = ${SERIES:i1}
mjdStart = ${START}
SETUP default { tInt = ${TINT:1.0}  nChan = ${NCHAN:32}  doPolar = ${POLAR:False} }
ANTENNA AL { file = /data/${EXPERIMENT}/al_${DATE}.vdif, /data/cost$$ clockOffset = 1.5 }
ANTENNA BO { filelist = ${BO} clockOffset = 0 }
ANTENNA CE { module = ${CE:} clockOffset = 0 }
"""


@pytest.fixture(scope="module")
def vex() -> Vex:
    """A schedule with stations AL, BO and CE on 2025-03-12."""
    return parse_vex(vex_text(small_experiment()), "/schedules/demo.vex")


def test_a_template_is_rendered_read_and_goes_with_its_schedule(vex: Vex, tmp_path: Path) -> None:
    file = tmp_path / "intensive.v2d.in"
    file.write_text(INTENSIVE)
    template = read_template(file)
    assert template.variables == {
        "VEX": "schedule.vex",
        "STATIONS": None,
        "SERIES": "i1",
        "START": None,
        "TINT": "1.0",
        "NCHAN": "32",
        "POLAR": "False",
        "EXPERIMENT": None,
        "DATE": None,
        "BO": None,
        "CE": "",
    }
    v2d = template.v2d(vex, BO=["bo1.list", "bo2.list"], TINT=0.5, POLAR=True, CE="NRAO+1")
    assert v2d.text.startswith("# made of intensive.v2d.in for ${EXPERIMENT}; prices in $\nvex = demo.vex\n")
    assert v2d["antennas"] == ["AL", "BO", "CE"]
    assert v2d["mjdStart"] == np.datetime64("2025-03-12T06:00:00")
    assert v2d.setups["default"]["tInt"] == 0.5
    assert v2d.setups["default"]["doPolar"] is True
    assert v2d.antennas["AL"]["file"] == ["/data/DEMO/al_20250312.vdif", "/data/cost$"]
    assert v2d.antennas["BO"]["filelist"] == ["bo1.list", "bo2.list"]
    assert v2d.path is None
    assert v2d.problems().empty
    assert "STATIONS    needed" in repr(template)


def test_only_stations_that_observe_are_taken(vex: Vex) -> None:
    idle = parse_vex(vex.text.replace("station = CE", "* station = CE"), "demo.vex")
    assert V2dTemplate("vex = ${VEX}\nantennas = ${STATIONS}\n").v2d(idle)["antennas"] == ["AL", "BO"]


def test_what_is_missing_or_too_much_is_named(vex: Vex) -> None:
    template = V2dTemplate(INTENSIVE)
    with pytest.raises(ValueError, match="no value for STATIONS, START, EXPERIMENT, DATE, BO"):
        template.render()
    with pytest.raises(ValueError, match="no value for BO"):
        template.v2d(vex)
    with pytest.raises(ValueError, match="no variable NCHANS; it has VEX, STATIONS"):
        template.v2d(vex, BO="a", NCHANS=3)
    # The facts of a schedule are for all templates, whether they use them or not.
    assert V2dTemplate("vex = a\n").render(STATIONS=["Aa"]) == "vex = a\n"


@pytest.mark.parametrize(
    "value",
    ["a b", "a,b", "a=b", "a{", "}", "#a", "a#b", 'a"', "a\nb", "", "$HOME", "ANTENNA", [], ["a", "b c"], float("nan"),
     object(), b"a", {"a": 1}, np.datetime64("NaT"), "x" * 2000],
)  # fmt: skip
def test_a_value_cannot_end_its_statement(value: object) -> None:
    template = V2dTemplate("vex = ${NAME}\n")
    with pytest.raises(ValueError, match="NAME"):
        template.render(NAME=value)


def test_values_are_written_as_vex2difx_reads_them() -> None:
    template = V2dTemplate("x = ${X}\n")
    for value, text in [
        (3, "3"),
        (np.int64(3), "3"),
        (0.25, "0.25"),
        (True, "True"),
        (np.datetime64("2024-02-29T01:02:03"), "2024y060d01h02m03s"),
        (("a", 1), "a, 1"),
        (np.array([1.5, 2.0]), "1.5, 2.0"),
    ]:
        assert template.render(X=value) == f"x = {text}\n"


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("\nvex = $NAME", 2, "write"),
        ("vex = ${NAME", 1, "write"),
        ("vex = ${1A}", 1, "write"),
        ("a = ${A:1}\nb = ${A:2}", 2, "two defaults, 1 and 2"),
    ],
)
def test_a_template_that_is_none_is_refused_with_its_line(text: str, line: int, problem: str) -> None:
    with pytest.raises(FileFormatError, match=f"line {line}: .*{problem}"):
        V2dTemplate(text)


def test_a_template_that_makes_no_v2d_is_refused() -> None:
    with pytest.raises(FileFormatError, match="needs a brace"):
        V2dTemplate("ANTENNA ${A} file = x }").render(A="Aa")


@given(st.text(max_size=30))
@settings(max_examples=200, deadline=None)
def test_any_value_is_one_word_in_its_place_or_refused(value: str) -> None:
    template = V2dTemplate("vex = a.vex\nANTENNA Aa { file = /d/${V} polSwap = True } # ${V}\nnCore = 1\n")
    try:
        text = template.render(V=value)
    except ValueError:
        return
    v2d = parse_v2d(text)
    assert v2d.antennas["Aa"]["file"] == [f"/d/{value}"]
    assert dict(v2d.antennas["Aa"]) == {"file": [f"/d/{value}"], "polSwap": True}
    assert v2d["nCore"] == 1


@given(st.text(st.sampled_from(list("${}:#AB\n =x")), max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_text_is_a_template_or_refused(text: str) -> None:
    try:
        template = V2dTemplate(text)
    except FileFormatError:
        return
    try:
        template.render(**dict.fromkeys(template.variables, "v"))
    except FileFormatError:
        return
