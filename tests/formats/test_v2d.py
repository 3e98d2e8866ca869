# SPDX-License-Identifier: GPL-3.0-or-later
"""A .v2d as a mapping: values in, values out, and every other character as it was."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.errors import FileChanged, FileFormatError, OutputExists
from difxnb.formats.keyvalue import read_text
from difxnb.formats.v2d import V2d, parse_v2d, read_v2d
from difxnb.formats.v2d_text import KINDS

TWO_STATIONS = """\
# made by hand
vex = r1234.vex   # the schedule
antennas = Aa, Bb,  # not Cc
           Dd
nCore = 2  nThread = 3
mjdStart = 2024y001d12h00m00s

SETUP default { tInt = 1.0  nChan = 32 }

ANTENNA Aa
{
  # as measured
  clockOffset = 1.5+0.25  # us
  file = /data/a1.vdif, /data/a2.vdif
  phaseCalInt = 0
}
ANTENNA bb { module = NRAO+123 }
SOURCE 3C345 { addPhaseCentre = name@3C345B/RA@16:42:59.0/Dec@39:48:40.0 }
RULE calibrators { source = 3C345  setup = default }
EOP 60310 { tai_utc = 37 ut1_utc = -0.01 xPole = 0.1 yPole = 0.2 }
"""


def samples(shared: Path) -> list[Path]:
    """Every .v2d among the reference files."""
    return sorted((shared / "data" / "difx-samples").rglob("*.v2d*"))


def changed_lines(v2d: V2d) -> list[str]:
    """What a difference shows, without its heads."""
    return [line for line in v2d.edit().diff.split("\n")[2:] if line[:1] in "+-"]


def test_every_sample_is_written_as_it_was_read(shared: Path, tmp_path: Path) -> None:
    files = samples(shared)
    assert len(files) == 12
    for file in files:
        v2d = read_v2d(file)
        assert v2d.text == read_text(file)
        assert v2d.edit().diff == ""
        written = v2d.write(tmp_path / file.name)
        assert written.read_bytes() == file.read_bytes()
        for block in (v2d, *v2d.blocks()):
            for name in block:
                assert block[name] is not None


def test_values_have_the_types_of_their_parameters() -> None:
    v2d = parse_v2d(TWO_STATIONS)
    assert v2d["vex"] == "r1234.vex"
    assert v2d["antennas"] == ["Aa", "Bb", "Dd"]
    assert v2d["nCore"] == 2
    assert v2d["mjdStart"] == np.datetime64("2024-01-01T12:00:00")
    assert list(v2d) == ["vex", "antennas", "nCore", "nThread", "mjdStart"]
    assert v2d.antennas["AA"]["clockOffset"] == 1.75
    assert v2d.antennas["Aa"]["file"] == ["/data/a1.vdif", "/data/a2.vdif"]
    assert list(v2d.antennas) == ["Aa", "bb"]
    assert v2d.setups["default"]["tInt"] == 1.0
    (centre,) = v2d.sources["3C345"]["addPhaseCentre"]
    assert centre["name"] == "3C345B"
    assert centre["dec"] == pytest.approx(math.radians(39 + 48 / 60 + 40 / 3600), rel=1e-14)
    assert centre["ra"] == pytest.approx((16 + 42 / 60 + 59 / 3600) * math.pi / 12, rel=1e-14)
    assert v2d.rules[0]["source"] == ["3C345"]
    assert v2d.eops["60310"]["tai_utc"] == 37.0
    assert v2d.in_force("maxGap") == 180.0
    assert v2d.in_force("machines") == []
    assert v2d.in_force("outPath") is None
    assert v2d.line_of("nThread") == 5
    assert v2d.antennas["aa"].line == 10


def test_a_name_has_one_value_under_all_its_spellings() -> None:
    v2d = parse_v2d("SETUP s { outputSpecRes = 0.5 fftSpecRes = 0.25 }\nstart = 60000.5\n")
    assert dict(v2d.setups["s"]) == {"specRes": 0.5, "FFTSpecRes": 0.25}
    v2d.setups["s"]["specRes"] = 1
    v2d["mjdStart"] = np.datetime64("2024-02-29T01:02:03")
    assert v2d.text == "SETUP s { outputSpecRes = 1 fftSpecRes = 0.25 }\nstart = 2024y060d01h02m03s\n"


def test_changes_leave_comments_and_lines() -> None:
    v2d = parse_v2d(TWO_STATIONS)
    v2d["vex"] = "other.vex"
    v2d["antennas"] = ["Aa", "Cc"]
    v2d["nThread"] = 7
    v2d["maxGap"] = 100.0
    v2d["singleScan"] = True
    v2d.antennas["aa"]["clockOffset"] = -2.5e-3
    v2d.antennas["aa"]["deltaClock"] = 0.5
    v2d.setups["default"]["doPolar"] = False
    v2d.antennas["Bb"]["polSwap"] = True
    del v2d.antennas["Aa"]["phaseCalInt"]
    assert changed_lines(v2d) == [
        "-vex = r1234.vex   # the schedule",
        "-antennas = Aa, Bb,  # not Cc",
        "-           Dd",
        "-nCore = 2  nThread = 3",
        "+vex = other.vex   # the schedule",
        "+antennas = Aa, Cc  # not Cc",
        "+nCore = 2  nThread = 7",
        "+maxGap = 100.0",
        "+singleScan = True",
        "-SETUP default { tInt = 1.0  nChan = 32 }",
        "+SETUP default { tInt = 1.0  nChan = 32 doPolar = False }",
        "-  clockOffset = 1.5+0.25  # us",
        "+  clockOffset = -0.0025  # us",
        "-  phaseCalInt = 0",
        "+  deltaClock = 0.5",
        "-ANTENNA bb { module = NRAO+123 }",
        "+ANTENNA bb { module = NRAO+123 polSwap = True }",
    ]


WORDS = st.text("abXY09._/+-@:#", min_size=1, max_size=5).filter(
    lambda one: one[0] != "#" and one not in KINDS
)
NAMES = st.sampled_from(["vex", "files", "file", "antennas", "clock0", "clockOffset", "nothing", "other"])
GAPS = st.sampled_from([" ", "\n", "\t", "\r\n", " # a = { comment }\n"])
TIGHT = st.sampled_from(["", " ", "\n", " #, x\n"])
TAILS = st.sampled_from(["", "", "", ",", " , ", ", # c\n"])


@st.composite
def layouts(draw: st.DrawFn) -> str:
    """A .v2d in any layout, with commas left behind and names without values."""

    def statements() -> str:
        parts = draw(st.lists(st.tuples(NAMES, st.lists(WORDS, max_size=3), TAILS, GAPS), max_size=4))
        return "".join(
            f"{name}{draw(TIGHT)}={draw(TIGHT)}{(',' + draw(TIGHT)).join(words)}{tail if words else ''}{gap}"
            for name, words, tail, gap in parts
        )

    text = draw(TIGHT) + statements()
    for kind in draw(st.lists(st.sampled_from(["SETUP", "ANTENNA", "RULE"]), max_size=3)):
        text += f"{kind}{draw(GAPS)}{draw(WORDS)}{draw(TIGHT)}{{{draw(GAPS)}{statements()}}}{draw(GAPS)}"
        text += draw(st.sampled_from(["", statements()]))
    return text


def everything(v2d: V2d) -> list[tuple[str, str, list[str], dict[str, list[str]]]]:
    """All that is said, but for one value that a comma in front of a name adds to a list."""
    blocks = [v2d.block(), *v2d.blocks()]
    return [(one.kind, one.name, list(one), {name: one.words(name) for name in one}) for one in blocks]


def comments(text: str) -> list[str]:
    """What stands in comments."""
    return [one.rstrip() for one in re.findall(r"(?<![^\x00-\x20])#([^\n]*)", text)]


@given(layouts(), NAMES, st.lists(WORDS, min_size=1, max_size=2), st.data())
@settings(max_examples=150, deadline=None)
def test_one_change_is_one_change_in_any_layout(
    text: str, name: str, words: list[str], data: st.DataObject
) -> None:
    try:
        v2d = parse_v2d(text)
    except FileFormatError:
        return
    blocks = [v2d.block(), *v2d.blocks()]
    number = data.draw(st.integers(0, len(blocks) - 1))
    block = blocks[number]
    others = [one.where for one in blocks]
    value = words if name not in ("vex", "clock0", "clockOffset") else "1.5"
    try:
        block[name] = value
    except ValueError:
        assert v2d.text == text  # nothing is half done
        return
    found = block[name]
    assert found in (value, 1.5, value[0] if len(value) == 1 else None)
    assert [one.where for one in (v2d.block(), *v2d.blocks())] == others
    assert comments(v2d.text) == comments(text)
    again = parse_v2d(v2d.text)
    assert everything(again) == everything(v2d)


@given(layouts(), st.data())
@settings(max_examples=150, deadline=None)
def test_what_is_deleted_is_gone_and_all_else_is_there(text: str, data: st.DataObject) -> None:
    try:
        v2d = parse_v2d(text)
    except FileFormatError:
        return
    blocks = [v2d.block(), *v2d.blocks()]
    block = data.draw(st.sampled_from(blocks))
    names = list(block)
    if not names:
        return
    name = data.draw(st.sampled_from(names))
    try:
        del block[name]
    except ValueError:
        assert v2d.text == text
        return
    assert name not in block
    assert list(block) == [one for one in names if one != name]
    assert comments(v2d.text) == comments(text)


def test_lists_of_all_statements_become_one() -> None:
    v2d = parse_v2d("ANTENNA a\n{\n  file = x # first\n  files = y\n  format = VDIF\n  file = z\n}\n")
    assert v2d.antennas["a"]["file"] == ["x", "y", "z"]
    v2d.antennas["a"]["files"] = ["u", "w"]
    assert v2d.text == "ANTENNA a\n{\n  file = u, w # first\n  format = VDIF\n}\n"


def test_a_comma_left_behind_takes_the_next_name_in_and_goes_when_the_list_is_set() -> None:
    v2d = parse_v2d("ANTENNA a { file = x, \n format = VDIF }")
    assert v2d.antennas["a"]["file"] == ["x", "format"]  # as vex2difx reads it
    v2d.antennas["a"]["file"] = ["y"]
    assert v2d.text == "ANTENNA a { file = y \n format = VDIF }"


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("nCore", 1.5, "nCore: needs a whole number"),
        ("nCore", True, "needs a whole number"),
        ("nCore", -1, "out of range"),
        ("nCore", "many", "no whole number"),
        ("maxGap", math.nan, "no number that can be written"),
        ("maxGap", "1e400", "out of range"),
        ("singleScan", "no", "needs True or False"),
        ("singleScan", 1, "needs True or False"),
        ("antennas", [], "at least one value"),
        ("antennas", ["A a"], "read as something else"),
        ("antennas", ["#Aa"], "read as something else"),
        ("antennas", ["ANTENNA"], "begin a block"),
        ("antennas", [3], "is no text"),
        ("vex", "a,b", "end a value"),
        ("vex", "", "empty"),
        ("outputFormat", "FITS", "none of DIFX, ASCII"),
        ("mjdStart", "yesterday", "is no time"),
        ("mjdStart", "2024y366d24h00m00s", "is no time"),
        ("break", ["2024-13-01T00:00:00"], "is no time"),
        ("unheard", 3, "knows no such parameter"),
        ("un heard", "3", "read as something else"),
    ],
)
def test_values_that_vex2difx_could_not_read_are_refused(name: str, value: object, problem: str) -> None:
    v2d = parse_v2d(TWO_STATIONS)
    with pytest.raises(ValueError, match=problem):
        v2d[name] = value
    assert v2d.text == TWO_STATIONS


@pytest.mark.parametrize(
    ("text", "name", "problem"),
    [
        ("\nnCore = 4.5", "nCore", "line 2: nCore: '4.5' is no whole number"),
        ("maxGap = inf", "maxGap", "is no number"),
        ("mjdStart = 2007y346d05h", "mjdStart", "is no time"),
        ("invalidMask = xyz", "invalidMask", "whole number"),
    ],
)
def test_values_in_a_file_that_are_none_name_their_line(text: str, name: str, problem: str) -> None:
    with pytest.raises(FileFormatError, match=problem):
        parse_v2d(text)[name]


def test_what_is_not_there_is_a_key_error() -> None:
    v2d = parse_v2d("vex = a.vex\nnCore =\n")
    for call in (
        lambda: v2d["nCore"],
        lambda: v2d["maxGap"],
        lambda: v2d.antennas["Aa"],
        lambda: v2d.block("EOP", "60310"),
        lambda: v2d.__delitem__("nothing"),
    ):
        with pytest.raises(KeyError):
            call()
    v2d["nCore"] = 3
    assert v2d.text == "vex = a.vex\nnCore = 3\n"


def test_blocks_are_made_behind_those_of_their_kind() -> None:
    v2d = parse_v2d("vex = a\nANTENNA Aa { } # first\nSETUP s { }")
    v2d.block("ANTENNA", "Bb", make=True)["file"] = "/data/b"
    v2d.block("OUTPUTBAND", make=True)["outputBandwidth"] = "auto"
    assert v2d.block("antennas".upper()[:7], "aa", make=True).name == "Aa"
    assert v2d.text == (
        "vex = a\nANTENNA Aa { } # first\nANTENNA Bb\n{\n  file = /data/b\n}\nSETUP s { }\n"
        "OUTPUTBAND\n{\n  outputBandwidth = auto\n}\n"
    )
    with pytest.raises(ValueError, match="begins with SETUP"):
        v2d.block("ANTENNE", "x", make=True)


def test_it_is_written_whole_and_not_over_what_others_changed(tmp_path: Path) -> None:
    file = tmp_path / "r1234.v2d"
    file.write_bytes(TWO_STATIONS.replace("\n", "\r\n").encode())
    v2d = read_v2d(file)
    v2d["maxGap"] = 60
    with pytest.raises(OutputExists):
        v2d.write()
    assert v2d.write(overwrite=True) == file
    assert v2d.edit().diff == ""
    assert b"mjdStart = 2024y001d12h00m00s\r\nmaxGap = 60\r\n" in file.read_bytes()
    file.write_text("vex = b\n")
    v2d["maxGap"] = 61
    with pytest.raises(FileChanged):
        v2d.write(overwrite=True)
    with pytest.raises(FileNotFoundError):
        read_v2d(tmp_path / "nothing.v2d")
    made = V2d("vex = c\n")
    with pytest.raises(ValueError, match="name the one to write"):
        made.write()
    assert made.write(tmp_path / "c.v2d").read_text() == "vex = c\n"


def test_bytes_that_are_no_text_survive(tmp_path: Path) -> None:
    file = tmp_path / "a.v2d"
    file.write_bytes(b"vex = a\xff.vex # \xfe\n")
    v2d = read_v2d(file)
    assert v2d.frame()["value"].tolist() == ["a\udcff.vex"]
    assert "\\udcff" in repr(v2d)
    assert "missing file" in set(v2d.problems()["kind"])
    v2d["nCore"] = 2
    assert v2d.write(tmp_path / "b.v2d").read_bytes() == b"vex = a\xff.vex # \xfe\nnCore = 2\n"
