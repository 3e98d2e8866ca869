# SPDX-License-Identifier: GPL-3.0-or-later
"""Flags of single channels."""

from __future__ import annotations

from pathlib import Path

import pytest

from difxnb.errors import FileFormatError
from difxnb.formats.channelflags import (
    ChannelFlag,
    format_channelflags,
    parse_channelflags,
    read_channelflags,
    write_channelflags,
)

FLAGS = [
    ChannelFlag("EF", 60310.5, 60310.75, 3, 0, 1, "edge of band 3"),
    ChannelFlag("YS", 60310.5, 60310.75, 4, 127, 127),
]
TEXT = """\
EF 60310.5000000 60310.7500000 3 0 1 'edge of band 3'
YS 60310.5000000 60310.7500000 4 127 127 ''
"""


def test_text_and_values(tmp_path: Path) -> None:
    assert format_channelflags(FLAGS) == TEXT
    assert parse_channelflags(TEXT) == FLAGS
    write_channelflags(FLAGS, tmp_path / "x.channelflags")
    assert read_channelflags(tmp_path / "x.channelflags") == FLAGS
    with pytest.raises(FileExistsError):
        write_channelflags(FLAGS, tmp_path / "x.channelflags")
    assert repr(parse_channelflags(TEXT)) == "<ChannelFlags: 2 in 2 bands of 2 antennas>"


def test_comments_blank_lines_and_an_empty_file() -> None:
    assert parse_channelflags("") == []
    assert parse_channelflags(f"# a comment\n\n{TEXT}  # another\r\n".replace("\n", "\r\n")) == FLAGS


def test_reasons_with_and_without_quotes() -> None:
    text = "EF 1 2 0 0 0 no quotes at all\nEF 1 2 0 0 0 'it's odd'\nEF 1 2 0 0 0\nEF 1 2 0 0 0 '\n"
    assert [flag.reason for flag in parse_channelflags(text)] == ["no quotes at all", "it's odd", "", "'"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "EF 1 2 0 0",
            "expected 'antenna mjdStart mjdStop freqIndex channelFirst channelLast reason', found",
        ),
        ("EF 1 x 0 0 0 'a'", "expected 'antenna"),
        ("EF 1 nan 0 0 0 'a'", "expected 'antenna"),
        ("EF 1 2 -1 0 0 'a'", "expected 'antenna"),
        ("EF 1 2 99999999 0 0 'a'", "expected 'antenna"),
        ("EF 1 2 0 9 3 'a'", "the first channel 9 is beyond the last, 3"),
        ("EF\x00 1 2 0 0 0 'a'", "expected 'antenna"),
    ],
)
def test_damage_is_named(line: str, expected: str) -> None:
    with pytest.raises(FileFormatError, match=f"line 3: {expected}"):
        parse_channelflags(f"{TEXT}{line}\n")


@pytest.mark.parametrize(("antenna", "reason"), [("", "a"), ("A B", "a"), ("#", "a"), ("A", "two\nlines")])
def test_what_would_not_be_read_back_is_not_written(antenna: str, reason: str) -> None:
    with pytest.raises(ValueError, match=r"no name of an antenna|control characters"):
        format_channelflags([ChannelFlag(antenna, 1.0, 2.0, 0, 0, 0, reason)])
