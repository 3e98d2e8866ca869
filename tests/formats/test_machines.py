# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines and threads of a job."""

from __future__ import annotations

from pathlib import Path

import pytest

from difxnb.errors import FileFormatError
from difxnb.formats.machines import (
    format_machines,
    format_threads,
    parse_machines,
    parse_threads,
    read_machines,
    read_threads,
    write_machines,
    write_threads,
)

REFERENCE = Path(__file__).parents[1] / "reference"


@pytest.mark.parametrize("path", sorted(REFERENCE.rglob("*.machines")), ids=lambda path: path.stem)
def test_files_are_written_as_they_were(path: Path, tmp_path: Path) -> None:
    hosts, threads = read_machines(path), read_threads(path.with_suffix(".threads"))
    assert hosts
    write_machines(hosts, tmp_path / "x.machines")
    write_threads(threads, tmp_path / "x.threads")
    assert (tmp_path / "x.machines").read_bytes() == path.read_bytes()
    assert (tmp_path / "x.threads").read_bytes() == path.with_suffix(".threads").read_bytes()
    with pytest.raises(FileExistsError):
        write_threads(threads, tmp_path / "x.threads")


def test_words_behind_a_host_and_comments_are_no_hosts() -> None:
    assert parse_machines("head slots=1 max-slots=2\n# note\n\n  node1\r\nnode1\n") == [
        "head",
        "node1",
        "node1",
    ]


def test_control_characters_are_no_host() -> None:
    with pytest.raises(FileFormatError, match="line 2"):
        parse_machines("head\nno\x07de\n")


@pytest.mark.parametrize("host", ["", "a b", "#a", "a\nb"])
def test_only_host_names_are_written(host: str) -> None:
    with pytest.raises(ValueError, match="no host name"):
        format_machines([host])


def test_threads() -> None:
    assert format_threads([3, 3]) == "NUMBER OF CORES:    2\n3\n3\n"
    assert parse_threads("NUMBER OF CORES:   2\n 3 \n4\n5\n") == [3, 4]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "line 1"),
        ("CORES: 1\n1\n", "line 1"),
        ("NUMBER OF CORES:    1000000000\n1\n", "line 1"),
        ("NUMBER OF CORES:    3\n1\n", "line 1"),
        ("NUMBER OF CORES:    2\n1\nx\n", "line 3"),
        ("NUMBER OF CORES:    2\n1\n-1\n", "line 3"),
    ],
)
def test_damage_is_named(text: str, where: str) -> None:
    with pytest.raises(FileFormatError, match=where):
        parse_threads(text)
