# SPDX-License-Identifier: GPL-3.0-or-later
"""The KEY: value text: rules of the two readers, and numbers that keep their form."""

from __future__ import annotations

import copy
import pickle
import re
from pathlib import Path

import pytest

from difxnb.errors import FileFormatError
from difxnb.formats.keyvalue import (
    KeyValueReader,
    KeyValueWriter,
    WrittenFloat,
    patterns,
    read_text,
    write_text,
    written,
)
from tests.full_disk import room_for

KNOWN = patterns("CHANS TO AVG 0|BW (MHZ) 0|NUM ROWS|NAME")


def reader(text: str) -> KeyValueReader:
    return KeyValueReader(text, Path("job.input"), KNOWN)


def test_value_stands_in_column_20_or_behind_a_long_key() -> None:
    writer = KeyValueWriter()
    writer.line("CHANS TO AVG 3", 4)
    writer.line("SCAN 0 DUR (S)", 300)
    writer.line("SCAN 0 OBS MODE NAME", "m1")
    writer.line("SCAN 0 UVSHIFT INTERVAL (NS)", 2_000_000_000)
    writer.line("ARRAY STRIDE LENGTH", 0)
    assert writer.finish() == (
        "CHANS TO AVG 3:     4\n"
        "SCAN 0 DUR (S):     300\n"
        "SCAN 0 OBS MODE NAME:m1\n"
        "SCAN 0 UVSHIFT INTERVAL (NS):2000000000\n"
        "ARRAY STRIDE LENGTH:0\n"
    )


def test_the_first_colon_divides() -> None:
    assert reader("NAME : INTERLACEDVDIF/0:1:2 \r\n").text("NAME") == "INTERLACEDVDIF/0:1:2"


def test_comments_and_unknown_lines_are_passed_over() -> None:
    lines = reader("@ a comment: 3\nSOMETHING NEW:  1\n\nNAME: x\nOTHER:1\nCHANS TO AVG 7: 2\n")
    assert lines.text("NAME") == "x"
    assert lines.integer("CHANS TO AVG 7") == 2


def test_a_known_line_out_of_order_is_refused_with_its_line() -> None:
    with pytest.raises(FileFormatError, match=r"job\.input, line 3: expected 'NAME', found 'CHANS TO AVG 7'"):
        reader("\nNEW: 1\nCHANS TO AVG 7: 2\nNAME: x\n").text("NAME")


def test_end_of_file_is_named() -> None:
    with pytest.raises(FileFormatError, match="end of file: expected 'NAME', the file ends"):
        reader("NEW: 1\n").text("NAME")


@pytest.mark.parametrize("text", ["", "x", "1.5", "--1", "1e3", "9" * 5000, str(2**60)])
def test_whole_numbers(text: str) -> None:
    with pytest.raises(FileFormatError, match="line 1"):
        reader(f"NUM ROWS: {text}\n").integer("NUM ROWS")


@pytest.mark.parametrize("text", ["", "x", "nan", "inf", "-inf", "1e999"])
def test_numbers_are_finite(text: str) -> None:
    with pytest.raises(FileFormatError, match="line 1"):
        reader(f"BW (MHZ) 0: {text}\n").number("BW (MHZ) 0")


@pytest.mark.parametrize("count", ["-1", "3", "1000000000"])
def test_a_count_cannot_exceed_the_lines_that_are_left(count: str) -> None:
    with pytest.raises(FileFormatError, match="NUM ROWS"):
        reader(f"NUM ROWS: {count}\nNAME: a\nNAME: b\n").count("NUM ROWS")


@pytest.mark.parametrize(
    ("text", "value"),
    [("TRUE", True), ("T", True), ("true", True), ("t", True), ("FALSE", False), ("1", False)],
)
def test_truth(text: str, value: bool) -> None:
    assert reader(f"NAME: {text}").boolean("NAME") is value


def test_nul_bytes_are_refused() -> None:
    with pytest.raises(FileFormatError, match="NUL"):
        reader("NAME: a\0b\n")


def test_a_number_keeps_its_text_until_it_is_changed() -> None:
    value = WrittenFloat("8400.25000000000")
    assert value == 8400.25
    assert written(value, ".6f") == "8400.25000000000"
    assert written(value + 0, ".6f") == "8400.250000"
    for twin in (copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
        assert written(twin, ".6f") == "8400.25000000000"


def test_new_numbers_lose_nothing_unless_told_to() -> None:
    assert written(0.512, ".6f") == "0.512000"
    assert float(written(1 / 3, ".6f")) == 1 / 3
    assert written(1 / 3, ".6f", exact=False) == "0.333333"
    with pytest.raises(ValueError, match="cannot be written"):
        written(float("nan"), ".6f")


def test_what_would_not_be_read_back_is_not_written() -> None:
    writer = KeyValueWriter()
    with pytest.raises(ValueError, match="control characters"):
        writer.line("NAME", "a\nb")
    with pytest.raises(ValueError, match="blanks"):
        writer.text("NAME", "a ")


def test_any_bytes_survive_in_names(tmp_path: Path) -> None:
    path = tmp_path / "x.input"
    path.write_bytes(b"NAME: caf\xe9\n")
    name = KeyValueReader(read_text(path), path, KNOWN).text("NAME")
    writer = KeyValueWriter()
    writer.text("NAME", name)
    with pytest.raises(FileExistsError):
        write_text(path, writer.finish(), overwrite=False)
    write_text(path, writer.finish(), overwrite=True)
    assert path.read_bytes() == b"NAME:               caf\xe9\n"


def test_a_row_of_an_empty_table_is_refused_as_that() -> None:
    reader = KeyValueReader(
        "NUM ROWS:           0\nROW INDEX:          2\n", None, patterns("NUM ROWS|ROW INDEX")
    )
    reader.count("NUM ROWS")
    with pytest.raises(FileFormatError, match="line 2: 'ROW INDEX' names a row of a table that has none"):
        reader.index("ROW INDEX", 0)


@pytest.mark.parametrize("overwrite", [True, False])
def test_on_a_full_disk_the_old_file_stays_or_none_is_there(tmp_path: Path, overwrite: bool) -> None:
    path = tmp_path / "e_1.input"
    if overwrite:
        path.write_text("old")
    with room_for(1000), pytest.raises(OSError, match=re.escape(str(path))):
        write_text(path, "new" * 1000, overwrite=overwrite)
    assert {one.name: one.read_text() for one in tmp_path.iterdir()} == (
        {path.name: "old"} if overwrite else {}
    )
    write_text(path, "new", overwrite=overwrite)
    assert path.read_text() == "new"


def test_a_file_that_is_replaced_keeps_its_permissions_and_its_links(tmp_path: Path) -> None:
    path, link = tmp_path / "real.flag", tmp_path / "link.flag"
    path.write_text("old")
    path.chmod(0o640)
    link.symlink_to(path)
    write_text(link, "new", overwrite=True)
    assert (link.is_symlink(), path.read_text(), path.stat().st_mode & 0o777) == (True, "new", 0o640)
    write_text("/dev/null", "nothing is kept of it", overwrite=True)
    assert not Path("/dev/null").is_file()
