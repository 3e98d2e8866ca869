# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a .v2d is said with its line, and with what to do; what is right is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from difxnb.errors import FileFormatError
from difxnb.formats.v2d import V2d, parse_v2d, read_v2d
from difxnb.formats.v2d_block_problems import is_format
from difxnb.formats.v2d_parameter_list import PARAMETERS
from difxnb.formats.v2d_parameters import Parameter, parameter
from difxnb.formats.v2d_values import V2dValue, read_value, written_words

RIGHT = """\
vex = a.vex
antennas = Aa, Bb
SETUP default { tInt = 1  nChan = 32 }
ANTENNA Aa { file = a }
ANTENNA Bb { file = b }
"""


def test_every_parameter_of_the_reference_page_is_known(shared: Path) -> None:
    page = (shared / "protocol" / "difx-files.md").read_text()
    table = page[page.index("| block | common parameters |") : page.index("Numbers in ( ) are the code's")]
    names = dict[str, list[str]]()
    for line in table.split("\n")[2:]:
        if line.startswith("|"):
            _, kind, text, _ = (part.strip() for part in line.split("|"))
            bare = re.sub(r"\([^()]*\)|`[^`]*`|= [^,]*", " ", text)
            names[kind.split()[0]] = re.findall(r"[A-Za-z_][A-Za-z0-9_]*", bare)
    assert {"global", "SETUP", "RULE", "SOURCE", "ANTENNA", "EOP"} <= set(names)
    for kind, wanted in names.items():
        block = "" if kind == "global" else kind
        prose = {"required", "or", "MHz", "Hz", "lines", "named", "in", "an", "antenna", "s", "auto"}
        prose |= {
            "yPole",
            "the",
            "v2d",
            "vex",
            "not",
            "both",
            "five",
            "days",
            "around",
            "job",
            "are",
            "expected",
        }
        prose |= {
            "as",
            "data",
            "part",
            "of",
            "ANTENNA",
            "datastreams",
            "free",
            "late",
            "positive",
            "µs",
            "first",
        }
        prose |= {"matching", "rule", "wins", "free", "text"} if kind != "global" else set()
        unknown = [name for name in wanted if not parameter(block, name) and name not in prose]
        assert unknown == [], kind
    assert parameter("", "vex")
    assert parameter("EOP", "yPole")
    assert parameter("ANTENNA", "datastreams")


def test_parameters_are_told_once_with_defaults_that_can_be_read() -> None:
    assert len(PARAMETERS) > 140
    names = [(one.block, name) for one in PARAMETERS for name in one.names]
    assert len(names) == len(set(names))
    for one in PARAMETERS:
        assert one.text
        if one.default:
            assert read_value(one, [one.default]) is not None


WRONG = {
    "int": ["many", "1.5", "1e6", "99999999999"],
    "float": ["many", "1.5x", "nan", "1e400", "--1"],
    "time": ["soon", "2024-01-32T00:00:00", "2024y001d12h", "-5"],
    "angle": ["12h34", "99:00:00x", "400deg"],
    "word": ["nothing"],
    "offsets": ["1:2:3:4", "x", "1:"],
    "pairs": ["freq=3", "name", "nothing@3", "freq@x"],
}
BLOCKS = {"": "{}", "OUTPUTBAND": "OUTPUTBAND {{ {} }}", "EOP": "EOP 60310 {{ {} }}"}


@pytest.mark.parametrize("one", PARAMETERS, ids=lambda one: f"{one.block}-{one.name}")
def test_a_wrong_value_of_each_kind_is_a_row(one: Parameter) -> None:
    for word in WRONG.get(one.item or one.kind, ()):
        if "=" in word or (one.numeral == 16 and word == "1e6"):
            continue
        statement = f"{one.name} = {word}"
        text = "\n" + BLOCKS.get(one.block, one.block + " x {{ {} }}").format(statement) + "\n"
        rows = parse_v2d(text).problems()
        found = rows[rows["kind"].isin(["bad value", "out of range"]) & (rows["name"] == one.name)]
        assert len(found) == 1, (one, word)
        assert found["line"].iloc[0] == 2
        assert found["severity"].iloc[0] == "error"
        assert not rows.attrs["passed"]


def test_what_is_right_has_no_rows() -> None:
    rows = parse_v2d(RIGHT).problems()
    assert rows.empty
    assert rows.attrs["passed"]
    assert list(rows.columns) == ["severity", "kind", "where", "line", "name", "text", "fix"]


@pytest.mark.parametrize(
    ("old", "new", "severity", "kind", "where", "line", "said"),
    [
        ("antennas =", "Antennas =", "error", "unknown parameter", "", 2, "antennas is spelt so, not Antennas"),
        ("nChan", "nChannel", "warning", "unknown parameter", "SETUP default", 3, "knows no nChannel"),
        ("nChan", "nChans", "error", "unknown parameter", "SETUP default", 3, "nChan is spelt so"),
        ("tInt = 1", "tInt = 1 nCore = 2", "error", "wrong block", "SETUP default", 3, "outside of blocks"),
        ("file = a", "file = a clockOfset = 1", "error", "unknown parameter", "ANTENNA Aa", 4, "clockOffset is"),
        ("tInt = 1", "tInt = 1 tInt = 2", "warning", "given twice", "SETUP default", 3, "last one counts"),
        ("tInt = 1", "tInt = 1, 2", "warning", "several values", "SETUP default", 3, "takes 2"),
        ("nChan = 32", "nChan =", "warning", "no value", "SETUP default", 3, "passes over"),
        ("tInt = 1", "tInt = 1 doPolar = no", "warning", "doubtful value", "SETUP default", 3, "no for True"),
        ("tInt = 1", "FFTSpecRes = 0.25", "warning", "conflict", "SETUP default", 3, "passes over nChan"),
        ("tInt = 1", "specRes = 0.25", "warning", "conflict", "SETUP default", 3, "passes over specRes"),
        ("tInt = 1", "nFFTChan = 100", "error", "conflict", "SETUP default", 3, "no multiple"),
        ("tInt = 1", "nFFTChan = 64 specAvg = 2", "error", "conflict", "SETUP default", 3, "one too many"),
        ("nChan = 32", "nFFTChan = 32", "error", "conflict", "SETUP default", 3, "in Hz"),
        ("nChan = 32", "FFTSpecRes = 1", "warning", "conflict", "SETUP default", 3, "coarser"),
        ("nChan = 32", "FFTSpecRes = 0.3 specRes = 0.5", "error", "conflict", "SETUP default", 3, "no multiple"),
        ("nChan = 32", "", "warning", "no resolution", "SETUP default", 3, "0.5 MHz"),
        ("vex = a.vex", "", "error", "missing parameter", "", None, "names no schedule"),
        ("vex = a.vex", "vex = a.vex nCore = 4", "warning", "conflict", "", 1, "both or neither"),
        ("vex = a.vex", "vex = a.vex jobSeries = a_b", "error", "bad value", "", 1, "letters and digits"),
        ("vex = a.vex", "vex = a.vex baselines = Aa", "error", "bad value", "", 1, "is no baseline"),
        ("vex = a.vex", "vex=a start=60001 stop=60000", "error", "conflict", "", 1, "not after mjdStart"),
        ("Aa, Bb", "Aa", "error", "conflict", "", 2, "no job would be made"),
        ("antennas = Aa, Bb", "sortAntennas = False", "warning", "conflict", "", 2, "keep its order"),
        ("antennas = Aa, Bb", "antennas = Aa, Bb, Cc", "warning", "no data", "ANTENNA Cc", 2, "Cc has no data"),
        ("file = a", "file = a filelist = b", "error", "conflict", "ANTENNA Aa", 4, "file and filelist"),
        ("file = a", "file = a module = b", "error", "conflict", "ANTENNA Aa", 4, "with_files"),
        ("file = a", "file = a source = fake", "error", "conflict", "ANTENNA Aa", 4, "file and fake"),
        ("file = a", "file = a datastreams = s", "error", "missing block", "ANTENNA Aa", 4, "no DATASTREAM s"),
        ("file = a", "file = a zoom = z", "error", "missing block", "ANTENNA Aa", 4, "no ZOOM z"),
        ("file = a", "file = a format = VDIV/8032/2", "error", "bad value", "ANTENNA Aa", 4, "VDIF/8032/2"),
        ("file = a", "file = a fake = 1", "note", "old name", "ANTENNA Aa", 4, "source = fake"),
        ("file = a", "file = a X = 1", "warning", "conflict", "ANTENNA Aa", 4, "only some"),
        ("file = a", "file = a clockRate = 1", "warning", "missing parameter", "ANTENNA Aa", 4, "MJD 50000"),
        ("file = a", "file = a mjdStart = 2024-01-01T00:00:00", "error", "bad value", "ANTENNA Aa", 4, "number"),
        ("file = a }", "file = a, polSwap = 1 }", "error", "comma left behind", "ANTENNA Aa", 4, "polSwap"),
        ("ANTENNA Aa", "ANTENNA bb", "error", "given twice", "ANTENNA Bb", 5, "second block"),
        ("file = a", "file = a name = BB", "warning", "given twice", "ANTENNA Bb", 5, "would both be called BB"),
        ("ANTENNA Aa {", "EOP 60310.5 { tai_utc = 37 ut1_utc = 0 } ANTENNA Aa {", "warning", "odd eop",
         "EOP 60310.5", 4, "is taken for 0h"),
        ("ANTENNA Aa { file = a }", "ANTENNA DEFAULT { name = x file = a }", "error", "conflict",
         "ANTENNA DEFAULT", 4, "all stations"),
        ("ANTENNA Aa { file = a }", "ANTENNA DEFAULT { deltaClock = 1 file = a }", "warning", "conflict",
         "ANTENNA DEFAULT", 4, "one and the same"),
        ("ANTENNA Aa { file = a }", "DATASTREAM s { file = a }", "note", "not used", "DATASTREAM s", 4, "names it"),
        ("SETUP default {", "RULE r { setup = x } SETUP y {", "error", "missing block", "RULE r", 3, "SETUP x"),
        ("SETUP default {", "RULE r { } SETUP y {", "warning", "missing parameter", "RULE r", 3, "left out"),
        ("SETUP default", "EOP soon { } SETUP default", "error", "bad value", "EOP soon", 3, "no time"),
        ("SETUP default", "OUTPUTBAND { } OUTPUTBAND a { } SETUP d", "error", "given twice", "OUTPUTBAND a", 3, ""),
        ("SETUP default {", "SETUP d { nChan = 1 } SETUP d {", "warning", "given twice", "SETUP d", 3, "second"),
        ("file = b }\n", "file = b }", "error", "no line end", "", 5, "line end"),
        ("file = b }\n", "file = b\n", "warning", "open block", "ANTENNA Bb", 5, "closing brace"),
        ("vex = a.vex\n", "vex = a.vex\r\n", "error", "dos line ends", "", 1, "Unix"),
        ("vex = a.vex", "vex = a.vex\x01", "error", "control characters", "", 1, "control"),
        ("Aa, Bb", "Aa, Bb" + " " * 5000, "error", "long line", "", 2, "comma"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_where_it_is(
    old: str, new: str, severity: str, kind: str, where: str, line: int | None, said: str
) -> None:
    assert RIGHT.count(old) == 1
    rows = parse_v2d(RIGHT.replace(old, new)).problems()
    found = rows[(rows["kind"] == kind) & (rows["severity"] == severity) & (rows["where"] == where)]
    assert len(found) == 1, rows.to_string()
    row = found.iloc[0]
    assert said in f"{row['text']} {row['fix']}"
    assert (row["line"] == line) if line else row.isna()["line"]
    assert rows.attrs["passed"] == (rows["severity"] != "error").all()


def test_no_data_at_all_is_one_row() -> None:
    rows = parse_v2d("vex = a\nantennas = Aa, Bb, Cc\n").problems()
    assert rows["kind"].tolist() == ["no data"]
    assert parse_v2d("vex = a\nantennas = Aa, Bb\nfake = True\n").problems().empty


def test_names_of_files_that_vex2difx_refuses_are_rows(tmp_path: Path) -> None:
    for name, count in (("a_b.v2d", 1), ("1a.v2d", 1), ("_a.v2d", 2), ("a-b.v2d", 0)):
        rows = V2d(RIGHT, tmp_path / name).problems()
        assert (rows["kind"] == "file name").sum() == count


def test_a_schedule_that_is_not_there_is_a_row(tmp_path: Path) -> None:
    file = tmp_path / "a.v2d"
    file.write_text(RIGHT)
    rows = read_v2d(file).problems()
    assert rows[["severity", "kind", "line"]].to_numpy().tolist() == [["error", "missing file", 1]]
    file.write_text(RIGHT.replace("a.vex", "/elsewhere/a.vex"))
    assert read_v2d(file).problems()["severity"].tolist() == ["note"]
    file.write_text(RIGHT.replace("a.vex", "../a.vex"))
    (tmp_path.parent / "a.vex").write_text("VEX_rev = 1.5;\n")
    assert read_v2d(file).problems()["kind"].tolist() == ["missing file"]
    (tmp_path / "a.vex").write_text("no schedule")
    assert read_v2d(file).problems()["kind"].tolist() == ["bad schedule"]
    rows = read_v2d(file, vex=tmp_path / "nothing.vex").problems()
    assert rows["kind"].tolist() == ["missing file"]


def test_thousands_of_rows_of_a_kind_are_some_and_a_count() -> None:
    text = RIGHT + "".join(f"ANTENNA A{i} {{ nonsense{i} = {i} }}\n" for i in range(400))
    rows = parse_v2d(text).problems()
    unknown = rows[rows["kind"] == "unknown parameter"]
    assert len(unknown) == 101
    assert unknown["text"].iloc[-1] == "and 300 more of this kind"


@pytest.mark.parametrize("text", [
    "VDIF", "vdif/8032/2", "INTERLACEDVDIF/0:1:2:3/5032/2", "Mark5B", "MKIV1_4", "VDIF_8224-2048-8-2", "LBAVSOP",
    "VDIFC/8032/2", "Mark5B-2048-16-2", "VLBA1_2-256-8-2", "VDIF8032", "CODIF/27/8064/8", "mark4",
])  # fmt: skip
def test_formats_that_vex2difx_knows_are_formats(text: str) -> None:
    assert is_format(text)


@pytest.mark.parametrize(
    "text", ["", "Mark6", "VDIF/8032", "VDIF/0/2x", "VDIF/a/8032/2", "XVDIF/8032/2", "S2/1/2/3"]
)
def test_other_formats_are_none(text: str) -> None:
    assert is_format(text) == (text == "VDIF/8032")  # a size alone is one


@given(st.text(st.sampled_from(list("ANTENNA SETUP {}=,#\n abc123.:/@-\r\x00é")), max_size=120))
@settings(max_examples=100, deadline=None)
def test_any_text_has_problems_frames_and_a_repr_or_is_refused(text: str) -> None:
    try:
        v2d = parse_v2d(text)
    except FileFormatError:
        return
    rows = v2d.problems()
    assert rows["line"].dropna().between(1, text.count("\n") + 1).all()
    assert repr(v2d).startswith("<V2d ")
    assert len(v2d.frame()) == sum(len(one) for one in (v2d.block(), *v2d.blocks())) or len(v2d.frame()) > 0
    assert not v2d.defaults().empty


@example(
    next(one for one in PARAMETERS if one.name == "clockEpoch"), 106752
)  # beyond 292 years of nanoseconds
@example(next(one for one in PARAMETERS if one.kind == "angle"), 1e300)
@given(st.sampled_from(PARAMETERS), st.text(max_size=20) | st.floats() | st.integers() | st.booleans())
@settings(max_examples=300, deadline=None)
def test_what_can_be_written_is_read_as_the_same(one: Parameter, value: V2dValue) -> None:
    try:
        words = written_words(one, value)
    except ValueError:
        return
    read = read_value(one, words)
    again = written_words(one, read)
    assert read_value(one, again) == read
    v2d = V2d("")
    block = v2d.block(one.block, "" if one.block == "OUTPUTBAND" else "60000", make=True)
    block[one.name] = value
    assert block[one.name] == read
