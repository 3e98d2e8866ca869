# SPDX-License-Identifier: GPL-3.0-or-later
"""Blocks, definitions and statements of .vex files, revisions 1.5 and 2.0: found, and where they stand."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.errors import FileFormatError
from difxnb.formats.keyvalue import read_text
from difxnb.formats.vex_text import VexStatement, VexText, parse_vex_text

ONE_OF_EACH = """\
VEX_rev = 1.5;
* comment; with = marks : of all kinds
$GLOBAL;
 ref $EXPER = X1;
$EXPER;
def X1; * behind
 exper_description = "a; quoted : \\" text";
 start_literal(END);
  anything; def "
 end_literal(END);
 fields = one two : : &LINK :
   last;
enddef;
$SOURCE;
def S; source_name = S; ra = 1h2m3s; dec = -20d10'05.5"; enddef;
$SCHED;
scan No0001; start = 2024y001d00h00m00s; mode = m; endscan;
"""


def everything(vex: VexText) -> list[VexStatement]:
    return [one for block in vex.blocks for part in (block, *block.definitions) for one in part.statements]


def test_blocks_definitions_and_statements_are_found() -> None:
    vex = parse_vex_text(ONE_OF_EACH)
    assert vex.revision == "1.5"
    assert [block.name for block in vex.blocks] == ["GLOBAL", "EXPER", "SOURCE", "SCHED"]
    assert vex.blocks[0].statements[0].words == ("ref", "$EXPER")
    experiment = vex.blocks[1].definition("X1")
    assert experiment is not None
    quoted, fields = experiment.statements
    assert quoted.field(0) == ('"a; quoted : \\" text"',)
    assert [fields.field(number) for number in range(5)] == [("one", "two"), (), ("&LINK",), ("last",), ()]
    assert vex.text[fields.start : fields.stop].endswith("last;")
    source = vex.block("SOURCE")
    assert source is not None
    assert source.definitions[0].all("dec")[0].field(0) == ("-20d10'05.5\"",)
    schedule = vex.block("SCHED")
    assert schedule is not None
    assert [(one.kind, one.name, len(one.statements)) for one in schedule.definitions] == [
        ("scan", "No0001", 2)
    ]
    assert vex.block("CLOCK") is None
    assert source.definition("T") is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "begins with VEX_rev"),
        ("$GLOBAL;", "begins with VEX_rev"),
        ("VEX_rev;", "begins with VEX_rev"),
        ("VEX_rev = 1.5;\n$A;\ndef a;\n b = 1\n", "line 4: this statement has no semicolon"),
        ("VEX_rev = 1.5;\n$A;\ndef a;\n b = 1;", "line 3: def a has no enddef"),
        ("VEX_rev = 1.5;\n$A;\ndef a;\ndef b;", "line 4: def b is out of place"),
        ("VEX_rev = 1.5;\n$A;\nendscan;", "line 3: endscan is out of place"),
        ("VEX_rev = 1.5;\n$A;\ndef a b;", "line 3: a def has one name"),
        ('VEX_rev = 1.5;\n$A;\nc = "a\n";', "line 3: a quotation mark without its partner"),
        ("VEX_rev = 1.5;\n$A;\nstart_literal(E);\nb", r"line 3: there is no end_literal\(E\)"),
        ("VEX_rev = 1.5;\n = 3;", "line 2: a statement without words"),
    ],
)
def test_what_is_no_vex_is_refused_with_its_line(text: str, problem: str) -> None:
    with pytest.raises(FileFormatError, match=problem):
        parse_vex_text(text, "x.vex")


def test_every_public_file_is_read_and_its_words_are_its_text(shared: Path) -> None:
    samples = shared / "data/difx-samples"
    paths = [path for pattern in ("*.vex*", "*.skd", "*.vix") for path in samples.rglob(pattern)]
    assert len(paths) >= 13
    revisions = set()
    for path in sorted(paths):
        vex = parse_vex_text(read_text(path), path)
        revisions.add(vex.revision)
        names = [block.name for block in vex.blocks]
        assert {"GLOBAL", "EXPER", "STATION", "SCHED"} <= set(names)
        statements = everything(vex)
        assert len(statements) > 50
        assert all(vex.text[one.start :].startswith(one.words[0]) for one in statements)
        assert all(vex.text[one.stop - 1] == ";" for one in statements)
        tokens = [token for one in statements for field in one.fields for token in field]
        assert all(vex.text[token.start : token.stop] == token.text for token in tokens)
    assert revisions == {"1.5", "2.0"}


NAMES = st.text("abcXYZ09._/+-", min_size=1, max_size=6).filter(
    lambda one: one not in ("def", "enddef", "scan", "endscan")
)
GAPS = st.sampled_from([" ", "\n", "\t", "\r\n"])
BETWEEN = st.sampled_from(["", " ", "\n", " * a; comment = 1\n"])
STATEMENTS = st.lists(
    st.tuples(NAMES, st.lists(st.lists(NAMES, max_size=2), min_size=1, max_size=4)), max_size=4
)


@given(st.lists(st.tuples(NAMES, STATEMENTS), max_size=3), st.data())
@settings(max_examples=60, deadline=None)
def test_what_is_written_in_any_layout_is_read(definitions: list, data: st.DataObject) -> None:
    text = "VEX_rev = 2.0;\n$BLOCK;"
    for name, statements in definitions:
        text += f"def {name};{data.draw(BETWEEN)}"
        for word, fields in statements:
            written = f"{data.draw(GAPS)}:".join(data.draw(GAPS).join(field) for field in fields)
            text += f"{word}{data.draw(GAPS)}={written};{data.draw(BETWEEN)}"
        text += f"enddef;{data.draw(BETWEEN)}"
    (block,) = parse_vex_text(text).blocks
    found = [
        (
            one.name,
            [
                (line.words[0], [list(line.field(k)) for k in range(len(line.fields))])
                for line in one.statements
            ],
        )
        for one in block.definitions
    ]
    assert found == definitions


@given(st.text('aA =:;$*"\\&\n\ré\x00', max_size=40))
@settings(max_examples=150, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    text = f"VEX_rev = 1.5;{text}"
    try:
        vex = parse_vex_text(text)
    except FileFormatError as error:
        assert error.where.startswith("line ")  # noqa: PT017
    else:
        assert all(text[one.stop - 1] == ";" for one in everything(vex))
