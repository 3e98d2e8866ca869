# SPDX-License-Identifier: GPL-3.0-or-later
"""Recipes: read, refused, checked, and written so that the same is read again."""

from __future__ import annotations

import string
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import difxnb
from difxnb.errors import FileFormatError
from difxnb.intensives.recipe import (
    ClocksRecipe,
    CorrelateRecipe,
    Hook,
    QualityRecipe,
    Recipe,
    ReportRecipe,
    SearchRecipe,
    StationData,
)
from difxnb.intensives.recipe_text import parse_recipe
from difxnb.queue import RetryPolicy

TEXT = """\
name = "daily intensive"
schedule = "/data/{session}/{session}.vex"
template = "intensive.v2d"
variables = { tInt = 1.0 }
on_missing = "stop"
[[data]]
station = "Kk"
pattern = "/data/{session}/*_kk_*.vdif"
wait_s = 60
[search]
n = 3
[clocks]
reference = "Wz"
max_change_s = 1e-5
[correlate]
head_node = "head"
datastreams = ["node1"]
processors = { node1 = 8 }
[correlate.policy]
again = 2
[report]
to = "/data/{session}/report"
[[hooks]]
on = "failed"
kind = "command"
what = ["mail", "-s", "session"]
"""
SMALL = {"name": "n", "schedule": "/s.vex", "v2d": "/s.v2d"}


def test_a_recipe_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "daily.toml"
    path.write_text(TEXT)
    recipe = difxnb.read_recipe(path)
    assert recipe.name == "daily intensive"
    assert recipe.data == (StationData("Kk", "/data/{session}/*_kk_*.vdif", wait_s=60),)
    assert recipe.search == SearchRecipe(n=3)
    assert recipe.clocks == ClocksRecipe(reference="Wz", max_change_s=1e-5)
    assert recipe.correlate.policy == RetryPolicy(again=2)
    assert recipe.correlate.machines == {
        "head_node": "head",
        "datastreams": ["node1"],
        "processors": {"node1": 8},
    }
    assert recipe.report == ReportRecipe(to="/data/{session}/report")
    assert recipe.hooks == (Hook("failed", "command", ("mail", "-s", "session")),)
    assert (recipe.on_missing, recipe.quality) == ("stop", QualityRecipe())
    assert recipe.problems().attrs["passed"]
    assert parse_recipe(recipe.to_toml()) == recipe


def test_nobody_is_told_and_no_machine_is_named_by_default() -> None:
    recipe = Recipe(**SMALL)
    assert recipe.hooks == ()
    assert recipe.correlate.machines is None
    assert recipe.with_(newest=0).newest == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("color = 1", "color: a recipe has no such name here"),
        ("[search]\nm = 2", "search.m: a recipe has no such name"),
        ("[correlate.policy]\nagian = 2", "correlate.policy.agian"),
        ("[[data]]\nstation = 'Kk'", "data\\[1\\].*pattern is missing"),
        ("[search]\nn = 0", "search.*n is a number from 1"),
        ("search = 3", "search.*this is a table"),
        ("data = 3", "data.*list of tables"),
        ("on_missing = 'perhaps'", "on_missing is one of wait, without, stop"),
        ("wait_s = inf", "wait_s is a number"),
        ("wait_s = 'long'", "wait_s is a number"),
        ("template = 'x'", "a v2d or a template"),
        ("variables = {a = 1}", "for a template"),
        ("stations = 'Wz'", "stations is a list"),
        ("[correlate]\nprocessors = {node1 = 8}", "go with a head_node"),
        ("[[hooks]]\non='end'\nkind='callable'\nwhat='f'", "a callable cannot stand in a file"),
        ("[[hooks]]\non='end'\nkind='webhook'\nwhat='http://example.org'", "a webhook is an https"),
        ("[[hooks]]\non='end'\nkind='webhook'\nwhat='https://me:you@example.org'", "no name or password"),
        ("[[hooks]]\non='end'\nkind='command'\nwhat='rm x'", "list of texts"),
        ("name = \nx = 1", "line"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(text: str, said: str) -> None:
    start = 'schedule = "/s.vex"\nv2d = "/s.v2d"\n' + ("" if text.startswith("name") else 'name = "n"\n')
    with pytest.raises(FileFormatError, match=f"(?s){said}"):
        parse_recipe(start + text)


def test_what_may_go_wrong_is_told_in_rows() -> None:
    recipe = Recipe(
        name="n",
        schedule="/data/{year}/s.vex",
        v2d="/s.v2d",
        stations=("Wz",),
        data=(StationData("Kk", "relative"),),
        clocks=ClocksRecipe(tables=("/nowhere.csv",)),
        directory="/data",
        newest=0,
        report=ReportRecipe(html=False, ivs=False),
    )
    noted = recipe.with_(report=ReportRecipe(html=False, ivs=False, notebook="/nowhere.ipynb"))
    assert noted.problems()["text"].str.contains("/nowhere.ipynb is not on this machine").any()
    table = recipe.problems()
    assert not table.attrs["passed"]
    assert table["kind"].tolist() == [
        "unknown name",
        "unknown station",
        "bad value",
        "missing file",
        "one directory",
        "any schedule",
        "no report",
    ]


def test_a_callable_has_no_form_in_a_file() -> None:
    with pytest.raises(ValueError, match="no form"):
        Recipe(**SMALL, hooks=(Hook("end", "callable", print),)).to_toml()


@given(st.text(max_size=300))
def test_any_text_is_a_recipe_or_refused(text: str) -> None:
    with suppress(FileFormatError):
        assert isinstance(parse_recipe(text), Recipe)


WORDS = st.text(string.printable + "äµ{}\x7f", min_size=1, max_size=12)
SECONDS = st.floats(0, 3600, allow_nan=False)
RECIPES = st.builds(
    Recipe,
    name=WORDS,
    schedule=WORDS,
    v2d=WORDS,
    stations=st.lists(WORDS, max_size=3).map(tuple),
    data=st.lists(st.builds(StationData, WORDS, WORDS), max_size=1).map(tuple),
    search=st.builds(SearchRecipe, n=st.integers(1, 9), sources=st.lists(WORDS, max_size=2).map(tuple)),
    clocks=st.builds(ClocksRecipe, reference=WORDS, max_change_s=SECONDS),
    correlate=st.builds(
        CorrelateRecipe,
        head_node=WORDS,
        datastreams=st.lists(WORDS, min_size=1, max_size=2).map(tuple),
        processors=st.dictionaries(WORDS, st.integers(1, 9), max_size=2),
        policy=st.builds(RetryPolicy, again=st.integers(0, 3), wait=SECONDS),
    ),
    report=st.builds(ReportRecipe, notebook=st.booleans() | WORDS),
    quality=st.builds(QualityRecipe, limits=st.none() | st.just({"weights": {"look": 0.8}})),
    hooks=st.lists(
        st.builds(
            Hook, st.sampled_from(["end", "done", "failed"]), st.just("command"), st.tuples(WORDS, WORDS)
        ),
        max_size=2,
    ).map(tuple),
    on_missing=st.sampled_from(["wait", "without", "stop"]),
    wait_s=SECONDS,
)


@given(RECIPES)
def test_what_is_written_is_read_again(recipe: Any) -> None:
    assert parse_recipe(recipe.to_toml()) == recipe


def test_a_recipe_is_shown_by_lines_that_say_what_is_not_as_usual() -> None:
    recipe = parse_recipe(TEXT).with_(hooks=(Hook("end", "callable", print),))
    lines = repr(recipe).splitlines()
    assert lines[:3] == [
        "<Recipe daily intensive>",
        'name = "daily intensive"',
        'schedule = "/data/{session}/{session}.vex"',
    ]
    assert {"[search]", "n = 3", "[[hooks]]", "what = print"} <= set(lines)
    assert "wait_s = 3600.0" not in lines
    assert max(map(len, lines)) < 120
    hostile = Recipe(name="<b>\x1b[2J", schedule="/s.vex", v2d="vex = a.vex\n" * 1000)
    assert "(12000 characters)" in repr(hostile)
    assert "\x1b" not in repr(hostile)
    assert "<b>" not in hostile._repr_html_()
    odd = SMALL | {"v2d": None, "template": "/t.v2d", "variables": {"at": Path("/x")}}
    assert "Path('/x')" in repr(Recipe(**odd))
    assert "&lt;b&gt;" in hostile._repr_html_()
