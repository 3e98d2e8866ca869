# SPDX-License-Identifier: GPL-3.0-or-later
"""Files are written as they stood, whatever else stands in them, but for the lines whose values changed."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.errors import FileFormatError
from difxnb.formats.binconfig import format_binconfig, parse_binconfig
from difxnb.formats.calc import Calc, CalcScan, format_calc, parse_calc, read_calc, write_calc
from difxnb.formats.im import format_im, parse_im
from difxnb.formats.input import (
    Baseline,
    BaselineFreq,
    Freq,
    Input,
    Rule,
    Telescope,
    format_input,
    parse_input,
    read_input,
    write_input,
)
from difxnb.formats.keyvalue import VALUE_COLUMN
from difxnb.formats.text_patch import patched

REFERENCE = Path(__file__).parents[1] / "reference"
ALPHA = (REFERENCE / "mpifxcorr-output/alpha_1/alpha_1.input").read_text()
BETA = (REFERENCE / "mpifxcorr-output/beta_1/beta_1.input").read_text()
ZETA = (REFERENCE / "mpifxcorr-output/zeta_1/zeta_1.calc").read_text()
IM = (REFERENCE / "raw-jobs/usb2bit/usb2bit.im").read_text()
BINS = (REFERENCE / "mpifxcorr-output/epsilon_1/epsilon_1.binconfig").read_text()
UNKNOWN = [
    "COLOUR 0:           red",
    "@ a remark: of someone",
    "",
    "   ",
    "NEW KEY:12",
    "A LINE",
    "# note",
    "@",
]
ROUND = {
    ".input": (parse_input, format_input),
    ".calc": (parse_calc, format_calc),
    ".im": (parse_im, format_im),
}


def with_unknown_lines(text: str, edits: list[tuple[float, str]]) -> str:
    lines = text.split("\n")
    for place, line in edits:
        lines.insert(int(place * (len(lines) - 1)), line)
    return "\n".join(lines)


def disturbed(texts: list[str], unknown: list[str]) -> st.SearchStrategy[str]:
    """A file with unknown lines in it, other spacing, DOS line ends, or without its last line end."""
    places = st.tuples(st.floats(0, 1), st.sampled_from(unknown))
    made = st.builds(with_unknown_lines, st.sampled_from(texts), st.lists(places, max_size=6))
    spaced = st.sampled_from(
        [lambda t: t, lambda t: re.sub(": +(?=.)", ":  ", t), lambda t: t.replace(":", " :", 9)]
    )
    ended = st.sampled_from([lambda t: t, lambda t: t.replace("\n", "\r\n"), str.rstrip])
    return st.builds(lambda text, space, end: end(space(text)), made, spaced, ended)


def changed_lines(old: str, new: str) -> tuple[list[str], list[str]]:
    """Lines that only one of two texts of equal length has, by their place."""
    pairs = list(zip(old.split("\n"), new.split("\n"), strict=True))
    return [a for a, b in pairs if a != b], [b for a, b in pairs if a != b]


def unknown_lines(text: str) -> list[str]:
    return [
        line.strip() for line in text.split("\n") if line.strip() in {*UNKNOWN, "# note"} and line.strip()
    ]


@pytest.mark.parametrize("ending", ROUND)
def test_every_reference_file_is_written_as_it_was(ending: str) -> None:
    parse, write = ROUND[ending]
    paths = sorted(REFERENCE.rglob(f"*{ending}"))
    assert len(paths) == (7 if ending == ".im" else 9)
    for path in paths:
        text = path.read_bytes().decode()
        assert write(parse(text)) == text, path


@pytest.mark.parametrize("ending", ROUND)
def test_every_public_file_is_written_as_it_was(ending: str, shared: Path) -> None:
    parse, write = ROUND[ending]
    paths = sorted((shared / "data").rglob(f"*{ending}"))
    assert len(paths) >= 8
    for path in paths:
        text = path.read_bytes().decode()
        assert write(parse(text, path)) == text, path


@settings(max_examples=30, deadline=None)
@given(text=disturbed([ALPHA, BETA], UNKNOWN))
def test_an_input_keeps_what_is_unknown(text: str) -> None:
    inp = parse_input(text)
    assert format_input(inp) == text
    inp.freqs[1].num_channels *= 2
    again = format_input(inp)
    before, after = changed_lines(text, again)
    assert len(before) == 1
    assert "NUM CHANNELS 1" in before[0]
    assert after[0].rstrip("\r") == f"NUM CHANNELS 1:     {inp.freqs[1].num_channels}"
    assert after[0].endswith("\r") == before[0].endswith("\r")
    assert parse_input(again) == inp


@settings(max_examples=30, deadline=None)
@given(text=disturbed([ZETA], UNKNOWN))
def test_a_calc_keeps_what_is_unknown(text: str) -> None:
    calc = parse_calc(text)
    assert format_calc(calc) == text
    calc.difx_version = "DiFX-9"
    calc.scans[0].duration_s += 1
    again = format_calc(calc)
    assert [line.partition(":")[0].strip() for line in changed_lines(text, again)[1]] == [
        "DIFX VERSION",
        "SCAN 0 DUR (S)",
    ]
    assert parse_calc(again) == calc


@settings(max_examples=20, deadline=None)
@given(text=disturbed([IM], UNKNOWN))
def test_an_im_keeps_what_is_unknown(text: str) -> None:
    im = parse_im(text)
    assert format_im(im) == text
    im.scans[0].polynomials[0].delay_us[0, 1, 0] += 0.5
    assert len(changed_lines(text, format_im(im))[1]) == 1


@settings(max_examples=20, deadline=None)
@given(text=disturbed([BINS], UNKNOWN))
def test_a_binconfig_keeps_what_is_unknown(text: str) -> None:
    config = parse_binconfig(text)
    assert format_binconfig(config) == text
    config.scrunch = True
    assert len(changed_lines(text, format_binconfig(config))[1]) == 1


def test_a_model_with_its_lines_in_another_order() -> None:
    lines = IM.split("\n")
    first = next(row for row, line in enumerate(lines) if line.startswith("SRC"))
    rows = [line for line in lines[first:] if line.startswith("SRC")]
    turned = sorted(rows, key=lambda line: (line.split()[1:4:2], line.split()[4] != "U"))
    text = "\n".join([*lines[:first], *turned]) + "\n"
    im = parse_im(text)
    assert format_im(im) == text
    im.scans[0].polynomials[0].delay_us[1, 2, 0] = 0.5
    im.scans[0].polynomials[0].u[0, 0, 1] = 2.5
    again = format_im(im)
    assert [line.partition(":")[0] for line in changed_lines(text, again)[1]] == [
        "SRC 0 ANT 0 U (m)",
        "SRC 1 ANT 2 DELAY (us)",
    ]
    assert (
        parse_im(again).scans[0].polynomials[0].delay_us.tolist()
        == im.scans[0].polynomials[0].delay_us.tolist()
    )


def test_a_line_of_a_model_that_stands_twice_is_refused() -> None:
    line = re.findall("SRC 0 ANT 0 U .*\n", IM)[0]
    with pytest.raises(FileFormatError, match=r"'SRC 0 ANT 0 U \(m\)' stands here a second time"):
        parse_im(IM.replace(line, line * 2))


def _edits(inp: Input) -> list[Callable[[float], object]]:
    """Changes of all kinds, each at a place between 0 and 1."""
    stream, baseline = inp.datastreams[0], inp.baselines[0]
    return [
        lambda x: inp.freqs.append(Freq(9000 + x, 2, "U", 64, 2)),
        lambda x: inp.telescopes.insert(int(x * 3), Telescope("ZZ", 60310, [x, 1.0, 2.0])),
        lambda x: inp.rules.insert(0, Rule("SKIP", ["SRC"], mjd_start=round(x, 7))),
        lambda x: inp.baselines.insert(int(x * 3), Baseline(0, 1, [BaselineFreq(0, [(0, 0)] * int(x * 6))])),
        lambda x: inp.baselines.pop(int(x * 2)) if len(inp.baselines) > 3 else None,
        lambda x: baseline.freqs[int(x * (len(baseline.freqs) - 1))].products.__delitem__(slice(-1, None)),
        lambda x: baseline.freqs.pop(int(x * (len(baseline.freqs) - 1))) if len(baseline.freqs) > 1 else None,
        lambda x: inp.datastreams.append(copy.deepcopy(inp.datastreams[int(x * 2)])),
        lambda x: stream.files.extend(["one.vdif", f"{x}.vdif"]),
        lambda x: stream.files.clear(),
        lambda x: setattr(stream, "data_source", "NETWORK" if x < 0.5 else "MODULE"),
        lambda x: setattr(stream, "tcal_frequency", int(x * 100)),
        lambda x: setattr(inp.configurations[0], "int_time", x),
        lambda x: inp.freqs[0].phase_cals.append(int(x * 10)),
        lambda x: setattr(inp, "output_filename", f"/x/{x}.difx"),
    ]


@settings(max_examples=60, deadline=None)
@given(
    text=disturbed([ALPHA, BETA], UNKNOWN),
    edits=st.lists(st.tuples(st.integers(0, 14), st.floats(0, 1, width=32)), min_size=1, max_size=4),
)
def test_any_change_is_written_and_nothing_unknown_is_lost(text: str, edits: list[tuple[int, float]]) -> None:
    inp = parse_input(text)
    for number, place in edits:
        _edits(inp)[number](place)
    again = format_input(inp)
    assert parse_input(again) == inp
    assert unknown_lines(again) == unknown_lines(text)
    assert format_input(parse_input(again)) == again
    usual = format_input(dataclasses.replace(inp, source_text=""))
    assert parse_input(usual) == inp
    for line in set(usual.split("\n")) & set(again.split("\n")) - set(text.split("\n")):
        key, colon, _ = line.partition(":")
        assert len(key + colon) >= VALUE_COLUMN or line[VALUE_COLUMN - 1 : VALUE_COLUMN + 1].strip()


def test_a_new_row_comes_behind_what_belongs_to_the_last_one() -> None:
    text = ALPHA.replace(
        "PHASE CALS 1 OUT:   0\n", "PHASE CALS 1 OUT:   0\nCOLOUR 1:           red\n@ end of table\n"
    )
    inp = parse_input(text)
    inp.freqs.append(Freq(9000, 2, "U", 64, 2))
    added = "FREQ (MHZ) 2:       9000.000000\n"
    assert f"COLOUR 1:           red\n{added}" in format_input(inp)
    assert "PHASE CALS 2 OUT:   0\n@ end of table\n" in format_input(inp)


def test_only_the_lines_of_a_lost_row_are_lost() -> None:
    inp = parse_input(ALPHA)
    del inp.baselines[1].freqs[0]
    old, new = ALPHA.split("\n"), format_input(inp).split("\n")
    assert len(old) - len(new) == 10
    begin, end = old.index("D/STREAM B INDEX 1: 2") + 1, old.index("D/STREAM A INDEX 2: 1")
    assert new[:begin] == old[:begin]
    assert new[-(len(old) - end) :] == old[end:]


def test_a_lost_datastream_takes_its_own_lines() -> None:
    text = ALPHA.replace(
        "TSYS:               0.000000", "TSYS:               0.000000\nSEEN BY:            me", 3
    )
    inp = parse_input(text)
    del inp.datastreams[0]
    inp.baselines.clear()
    inp.configurations.clear()
    inp.rules.clear()
    again = format_input(inp)
    assert parse_input(again).datastreams == inp.datastreams
    second = text[text.index("TELESCOPE INDEX:    1") : text.index("# BASELINE TABLE")]
    assert second in again


def test_tables_in_another_order_stay_there() -> None:
    begin, end = ALPHA.index("# TELESCOPE TABLE"), ALPHA.index("# DATASTREAM TABLE")
    text = ALPHA[:begin] + ALPHA[end:] + ALPHA[begin:end]
    inp = parse_input(text)
    assert format_input(inp) == text
    inp.telescopes[2].clock_coeffs.append(0.5)
    inp.telescopes[0].name = "XX"
    again = format_input(inp)
    assert again.index("# TELESCOPE") > again.index("# DATA TABLE")
    assert parse_input(again) == inp


def test_the_headings_keep_their_decoration() -> None:
    text = re.sub("# (.*?) #+!", r"# \1 -- mine", ALPHA)
    inp = parse_input(text)
    inp.telescopes.append(Telescope("ZZ"))
    again = format_input(inp)
    assert re.findall("# .*", again) == re.findall("# .*", text)
    assert parse_input(again) == inp


def test_a_last_line_without_an_end_stays_so() -> None:
    text = ZETA.rstrip("\n")
    calc = parse_calc(text)
    calc.flag_filename = "/x/y.flag"
    assert format_calc(calc) == text[: text.rindex("FLAG FILENAME")] + "FLAG FILENAME:      /x/y.flag"
    inp = parse_input(ALPHA.rstrip("\n").replace("\n", "\r\n"))
    inp.datastreams[-1].files.append("more.vdif")
    assert format_input(inp).endswith("cc.vdif\r\nFILE 2/1:           more.vdif")


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))]
)
def test_copies_keep_the_text(copied: Callable[[object], object], tmp_path: Path) -> None:
    text = "@ mine\n" + ALPHA
    inp, calc = copied(parse_input(text)), copied(parse_calc("@ mine\n" + ZETA))
    assert isinstance(inp, Input)
    assert isinstance(calc, Calc)
    inp.start_mjd += 1
    write_input(inp, tmp_path / "x.input")
    write_calc(calc, tmp_path / "x.calc")
    assert (tmp_path / "x.input").read_text() == text.replace("60310\n", "60311\n", 1)
    assert (tmp_path / "x.calc").read_text() == "@ mine\n" + ZETA
    assert read_input(tmp_path / "x.input").start_mjd == 60311
    assert read_calc(tmp_path / "x.calc") == dataclasses.replace(calc, path=tmp_path / "x.calc")


def test_the_text_is_no_part_of_the_value() -> None:
    assert parse_input(ALPHA.replace("\n", "\r\n")) == parse_input(ALPHA)
    assert "EXECUTE TIME (SEC)" not in repr(parse_input(ALPHA))


def test_a_second_scan_and_its_like() -> None:
    calc = parse_calc(ZETA)
    calc.scans.append(CalcScan("No0009", 4, 2, phase_centers=[0, 1]))
    calc.sources[1].calcode = "V"
    again = format_calc(calc)
    assert parse_calc(again) == calc
    assert again.count("\n") == ZETA.count("\n") + 10


def test_a_network_table_stays_although_nobody_needs_it() -> None:
    text = (
        ALPHA
        + "# NETWORK TABLE ####!\n"
        + "".join(f"PORT NUM {row}:         0\nTCP WINDOW (KB) {row}:  0\n" for row in range(3))
    )
    inp = parse_input(text)
    assert format_input(inp) == text
    inp.datastreams[1].port = "5000"
    assert changed_lines(text, format_input(inp))[1] == ["PORT NUM 1:         5000"]


def test_a_misspelt_key_is_put_right_when_its_value_changes() -> None:
    misspelt = "PHASED ARRAY:       TRUE\nPHASED ARRAY CONNFIG FILE:old.phased"
    text = ALPHA.replace("PHASED ARRAY:       FALSE", misspelt)
    inp = parse_input(text)
    assert inp.configurations[0].phased_array_config_file == "old.phased"
    assert format_input(inp) == text
    inp.configurations[0].phased_array_config_file = "new.phased"
    assert "\nPHASED ARRAY CONFIG FILE:new.phased\n" in format_input(inp)
    assert parse_input(format_input(inp)) == inp


def test_texts_that_share_nothing() -> None:
    assert patched("a:1\n@x\n", "a:1\n", "b:1\nc:2\n") == "b:1\nc:2\n@x\n"
    assert patched("", "", "b:1\n") == "b:1\n"
    assert patched("a:1", "a:1\n", "") == ""
