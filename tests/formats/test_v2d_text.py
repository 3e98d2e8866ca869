# SPDX-License-Identifier: GPL-3.0-or-later
"""Blocks and statements of .v2d files: found as vex2difx finds them, in any layout, and where they stand."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.errors import FileFormatError
from difxnb.formats.keyvalue import read_text
from difxnb.formats.text_places import Edit, edited
from difxnb.formats.v2d_text import KINDS, V2dText, parse_v2d_text

ONE_OF_EACH = """\
vex = some.vex  # comment { with = marks, of all kinds }
antennas = Aa, Bb,
  Cc
file#name = a#b
SETUP default { tInt = 1.0  nChan = 32 }
COMMENT { this = is { no statement
  } EOP 60310 { tai_utc=37 ut1_utc=0 }
OUTPUTBAND { outputBandwidth = auto }
ANTENNA Aa
{
  # deltaClock = 9
  deltaClock = 0.25 # late
  file = a.vdif,b.vdif
  deltaClock=0.5
}
"""


def shape(v2d: V2dText) -> list[tuple[str, str, list[tuple[str, list[str]]]]]:
    """Everything that was found, without places."""
    return [
        (
            block.kind,
            block.name,
            [(one.name.text, [value.text for value in one.values]) for one in block.statements],
        )
        for block in (v2d.common, *v2d.blocks)
    ]


def test_blocks_and_statements_are_found_whatever_the_layout() -> None:
    v2d = parse_v2d_text(ONE_OF_EACH)
    assert shape(v2d) == [
        (
            "",
            "",
            [("vex", ["some.vex"]), ("antennas", ["Aa", "Bb", "Cc"]), ("file#name", ["a#b"])],
        ),
        ("SETUP", "default", [("tInt", ["1.0"]), ("nChan", ["32"])]),
        ("COMMENT", "", []),
        ("EOP", "60310", [("tai_utc", ["37"]), ("ut1_utc", ["0"])]),
        ("OUTPUTBAND", "", [("outputBandwidth", ["auto"])]),
        (
            "ANTENNA",
            "Aa",
            [("deltaClock", ["0.25"]), ("file", ["a.vdif", "b.vdif"]), ("deltaClock", ["0.5"])],
        ),
    ]
    (antenna,) = v2d.of_kind("ANTENNA")
    last = antenna.last("deltaClock")
    assert last is not None
    assert last.values[0].text == "0.5"
    assert v2d.text[antenna.start :].startswith("ANTENNA")
    assert v2d.text[antenna.inside - 1] == "{"
    assert v2d.text[antenna.stop] == "}"
    assert antenna.last("file", "nothing") is antenna.statements[1]
    assert antenna.last("nothing") is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a = 1\nANTENNA Aa a = 1 }", "line 2: ANTENNA Aa needs a brace"),
        ("ANTENNA Aa", "ends within the head"),
        ("ANTENNA Aa {\n a = 1\nSETUP b { }\n}", "line 3: SETUP within ANTENNA Aa"),
        ("one two = 3", "line 1: 'one' stands alone"),
        ("= 3", "nothing to give a value to"),
        ("a = = 3", "nothing to give a value to"),
        ("a\n, b", "line 2: 'b' belongs to no parameter"),
    ],
)
def test_what_vex2difx_cannot_read_is_refused_with_its_line(text: str, problem: str) -> None:
    with pytest.raises(FileFormatError, match=problem):
        parse_v2d_text(text, "x.v2d")


def test_every_public_file_is_read_and_its_tokens_are_its_text(shared: Path) -> None:
    paths = sorted((shared / "data/difx-samples").rglob("*.v2d*"))
    assert len(paths) >= 10
    for path in paths:
        text = read_text(path)
        v2d = parse_v2d_text(text, path)
        assert edited(text, []) == v2d.text == text
        assert {block.kind for block in v2d.blocks} <= set(KINDS)
        assert v2d.common.last("vex")
        tokens = [
            token
            for block in (v2d.common, *v2d.blocks)
            for one in block.statements
            for token in (one.name, *one.values)
        ]
        assert len(tokens) > 10
        assert all(text[token.start : token.stop] == token.text for token in tokens)


WORDS = st.text("abcXYZ09._/+-@:#", min_size=1, max_size=6).filter(
    lambda one: one[0] != "#" and one not in KINDS
)
GAPS = st.sampled_from([" ", "\n", "\t", "\r\n", "  ", " # a = { comment }\n"])
TIGHT = st.sampled_from(["", " ", "\n", " #, x\n"])
STATEMENTS = st.lists(st.tuples(WORDS, st.lists(WORDS, min_size=1, max_size=3)), max_size=4)
BLOCKS = st.lists(
    st.tuples(st.sampled_from(["SETUP", "ANTENNA", "RULE", "ZOOM"]), WORDS, STATEMENTS), max_size=3
)


@given(STATEMENTS, BLOCKS, st.data())
@settings(max_examples=60, deadline=None)
def test_what_is_written_in_any_layout_is_read(common: list, blocks: list, data: st.DataObject) -> None:
    def lines(statements: list) -> str:
        return "".join(
            name
            + data.draw(TIGHT)
            + "="
            + data.draw(TIGHT)
            + ("," + data.draw(TIGHT)).join(values)
            + data.draw(GAPS)
            for name, values in statements
        )

    text = data.draw(TIGHT) + lines(common)
    for kind, name, statements in blocks:
        text += f"{kind}{data.draw(GAPS)}{name}{data.draw(TIGHT)}{{ {lines(statements)}}}{data.draw(GAPS)}"
    expected = [("", "", common), *blocks]
    assert shape(parse_v2d_text(text)) == expected


@given(
    st.text("aA =,{}#\n\r\té\x00", max_size=40) | st.sampled_from(KINDS).map(lambda kind: f"{kind} a {{ b = ")
)
@settings(max_examples=150, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        v2d = parse_v2d_text(text)
    except FileFormatError as error:
        assert error.where.startswith("line ")  # noqa: PT017
    else:
        assert all(text[one.name.start : one.name.stop] == one.name.text for one in v2d.common.statements)


def test_replacements_and_insertions_are_made_at_their_places() -> None:
    assert (
        edited("abcdef", [Edit(4, 5, "X"), Edit(0, 0, "1"), Edit(0, 0, "2"), Edit(6, 6, "!")]) == "12abcdXf!"
    )
