# SPDX-License-Identifier: GPL-3.0-or-later
"""Values for the server's shell, tried on a real one: H16, H17 and every row of the table in guiserver.md 5.4."""

from __future__ import annotations

import fnmatch
import glob
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.errors import UnsafeValue
from difxnb.wire import quoting

# Characters that mean something to a shell come as often as all others together.
SHARP = " '\"\\$`!&|;<>()[]{}*?~#%=,:@+-_./^\u00a0\u00e9\u4e2d\U0001f52d"
CHARACTERS = st.sampled_from(SHARP) | st.characters(exclude_categories=["Cs"], min_codepoint=32).filter(
    lambda c: c != "\x7f"
)
VALUES = st.text(CHARACTERS, min_size=1, max_size=25).filter(lambda v: not v.startswith("-"))
PRINT = r"printf '%s\0' "


def shell(command: str) -> list[str]:
    """The words that /bin/sh makes of a command line that prints its arguments."""
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        capture_output=True,
        check=True,
        timeout=30,
        cwd="/",
        text=True,
        encoding="utf-8",
    )
    assert done.stderr == ""
    return done.stdout.split("\0")[:-1]


@settings(max_examples=40)
@given(st.lists(VALUES, min_size=1, max_size=20))
def test_one_shell_reads_what_was_quoted_once(values: list[str]) -> None:
    assert shell(PRINT + " ".join(map(quoting.quote_once, values))) == values


@settings(max_examples=40)
@given(st.lists(VALUES, min_size=1, max_size=20))
def test_two_shells_read_what_was_quoted_twice(values: list[str]) -> None:
    # as in: flock LOCK -c "rm ARG PATH"
    assert shell(f'/bin/sh -c "{PRINT}{" ".join(map(quoting.quote_twice, values))}"') == values


@settings(max_examples=30)
@given(st.lists(VALUES.map("/".__add__), min_size=1, max_size=20))
def test_move_targets_keep_their_slash_in_front(values: list[str]) -> None:
    quoted = [quoting.move_target(value) for value in values]
    assert all(q.startswith("/") for q in quoted)
    assert shell(f'/bin/sh -c "{PRINT}{" ".join(quoted)}"') == values


@settings(max_examples=30)
@given(st.lists(st.from_regex(quoting._PLAIN, fullmatch=True).filter(lambda v: len(v) < 256), max_size=20))
def test_plain_values_survive_any_number_of_shells(values: list[str]) -> None:
    plain = " ".join(quoting.require_plain(value, "path") for value in values)
    assert shell(f'set -- {plain}; [ $# -eq 0 ] || {PRINT} "$@"') == values
    assert shell(f'/bin/sh -c "set -- {plain}; [ \\$# -eq 0 ] || {PRINT} {plain}"') == values


@pytest.mark.parametrize(
    ("value", "once", "twice"),
    [
        ("/data/e_1.input", "/data/e_1.input", "/data/e_1.input"),
        ("a b", "'a b'", "'a b'"),
        ("$HOME", "'$HOME'", r"'\$HOME'"),
        ("a`b\\c", "'a`b\\c'", r"'a\`b\\c'"),
        ("it's", "'it'\"'\"'s'", "'it'\\\"'\\\"'s'"),
    ],
)
def test_quoting_by_hand(value: str, once: str, twice: str) -> None:
    assert quoting.quote_once(value) == once
    assert quoting.quote_twice(value) == twice
    assert quoting.move_target("/" + value.removeprefix("/")).startswith("/")


QUOTES = [quoting.quote_once, quoting.quote_twice, quoting.move_target]


@pytest.mark.parametrize("quote", QUOTES)
@pytest.mark.parametrize(
    "value", ["/a\nb", "/a\0", "/a\tb", "/\x7f", "/\x1b[2J", "/\udcff", "/\ufffe", "/" + "'" * 100]
)
def test_values_that_no_quoting_carries(quote: Any, value: str) -> None:
    with pytest.raises(UnsafeValue):
        quote(value)


@pytest.mark.parametrize("quote", QUOTES)
@pytest.mark.parametrize("value", ["", "-rf"])
def test_options_and_nothing_are_no_values(quote: Any, value: str) -> None:
    with pytest.raises(UnsafeValue):
        quote(value)


def test_a_move_needs_an_absolute_target() -> None:
    with pytest.raises(UnsafeValue, match="absolute"):
        quoting.move_target("data/x")


@given(st.text(max_size=30) | st.text(CHARACTERS, max_size=300))
def test_plain_is_the_documented_set_and_nothing_else(value: str) -> None:
    allowed = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@%+=:,./-")
    if value and set(value) <= allowed and value[0] != "-" and len(value) <= 255:
        assert quoting.require_plain(value, "path") == value
    else:
        with pytest.raises(UnsafeValue, match="the path of the job"):
            quoting.require_plain(value, "the path of the job")


@pytest.mark.parametrize("value", ["a\n", "-a", "", "a b", "\u0663", "\u00e9", "~", "a*", "x" * 256, "$(id)"])
def test_values_that_are_not_plain(value: str) -> None:
    with pytest.raises(UnsafeValue):
        quoting.require_plain(value, "path")


def test_two_values_of_any_kind_fit_into_one_command_line() -> None:
    longest = max(len(quoting.require_plain("x" * 255, "path")), quoting.MAX_QUOTED)
    assert len('flock ~/.guiserver.lock -c "mv  "') + 2 * longest < 1023


# --- the commands of guiServer, word for word -----------------------------------------------------------

NAMES = st.text(CHARACTERS.filter(lambda c: c not in "/\ufffe\uffff"), min_size=1, max_size=12).filter(
    lambda name: name not in (".", "..") and not name.startswith("-")
)
needs_flock = pytest.mark.skipif(
    shutil.which("flock") is None, reason="guiServer needs flock, and so does this"
)


def guiserver(operation: str, path: str, argument: str, directory: Path) -> str:
    """Run what guiServer 2.9 would run (guiserver.md 7.2); its standard output."""
    lock = directory / "lock"
    commands = {
        "mkdir": f"mkdir -p {path} 2>&1",
        "rmdir": f"rmdir {path} 2>&1",
        "touch": f"touch {path} 2>&1",
        "rm": f'flock {lock} -c "rm {argument} {path} 2>&1"',
        "mv": f'flock {lock} -c "mv {path} {argument}"',
        "cp": f'flock {lock} -c "cp {path} {argument}"',
        "ls": f"ls {argument} {path}",
        "to DiFX": f'flock {lock} -c "cp {argument} {path}"',
    }
    command = commands[operation]
    assert len(command.encode()) < 1023
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, timeout=30, cwd=directory)
    assert done.stderr == b"", (command, done.stderr)
    return done.stdout.decode()


@needs_flock
@settings(max_examples=15)
@given(NAMES, NAMES)
def test_every_operation_meets_the_name_that_was_meant(
    tmp_path_factory: pytest.TempPathFactory, name: str, other: str
) -> None:
    """Rows one to four of the table in 5.4."""
    home, top = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("names")
    one, two = f"{top}/{name}", f"{top}/{other}~"
    assert guiserver("mkdir", quoting.quote_once(one), "", home) == ""
    assert os.listdir(top) == [name]
    assert guiserver("rmdir", quoting.quote_once(one), "", home) == ""
    assert os.listdir(top) == []
    assert guiserver("touch", quoting.quote_once(one), "", home) == ""
    assert guiserver("ls", quoting.quote_once(one), "-d", home) == f"{one}\n"
    assert guiserver("mv", quoting.quote_twice(one), quoting.move_target(two), home) == ""
    assert os.listdir(top) == [f"{other}~"]
    assert guiserver("cp", quoting.quote_twice(two), quoting.move_target(one), home) == ""
    assert sorted(os.listdir(top)) == sorted({name, f"{other}~"})
    for path in (one, two):
        assert guiserver("rm", quoting.quote_twice(path), "-f", home) == ""
    assert os.listdir(top) == []


@needs_flock
@settings(max_examples=15)
@given(NAMES)
def test_the_last_name_of_an_upload(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    """Row five: the directory goes into a plain stat as well, so only the name may be quoted."""
    home, top = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("names")
    (home / "filetransfer").write_text("content")
    destination = quoting.upload_destination(f"{top}/{name}")
    assert destination.startswith(f"{top}/")
    guiserver("to DiFX", destination, f"{home}/filetransfer", home)
    assert (top / name).read_text() == "content"


@pytest.mark.parametrize("path", ["/a b/c", "/a'b/c", "/$HOME/c", "/" + "d" * 255 + "/c"])
def test_an_upload_into_a_directory_that_is_not_plain_cannot_be_said(path: str) -> None:
    with pytest.raises(UnsafeValue, match="directory of an upload"):
        quoting.upload_destination(path)
    assert quoting.upload_destination("/c d") == "/'c d'"


# --- patterns -------------------------------------------------------------------------------------------


def expanded(pattern: str, directory: Path) -> list[str]:
    """Names that a shell finds, without the pattern itself where it finds none."""
    once = shell(f"cd '{directory}'; {PRINT}{quoting.quote_pattern_once(pattern)}")
    twice = shell(f"cd '{directory}'; /bin/sh -c \"{PRINT}{quoting.quote_pattern_twice(pattern)}\"")
    assert once == twice
    return [name for name in once if (directory / name).exists()]


@settings(max_examples=25)
@given(st.lists(NAMES, min_size=1, max_size=10))
def test_an_escaped_name_is_a_pattern_for_that_name_alone(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    top = tmp_path_factory.mktemp("names")
    for name in names:
        (top / name).touch()
    for name in names:
        assert expanded(glob.escape(name), top) == [name]
        visible = sorted(n for n in os.listdir(top) if n.startswith(name) and n.isascii())
        assert sorted(filter(str.isascii, expanded(f"{glob.escape(name)}*", top))) == visible


ASCII_NAMES = [f"a{c}b" for c in " '\"\\$`!&|;<>()[]{}*?~#%=,:@+-_.^x0"]
IN_PATTERNS = st.sampled_from(
    ["*", "?", "[", "]", "!", "^", "-", "a", "b", "x", " ", "$", "'", "\\", "[!", '"']
)


@settings(max_examples=60)
@given(st.lists(IN_PATTERNS, min_size=1, max_size=7).map("".join).filter(lambda p: p[0] not in "-."))
def test_patterns_match_what_python_matches(tmp_path_factory: pytest.TempPathFactory, pattern: str) -> None:
    top = tmp_path_factory.getbasetemp() / "patterns"
    if not top.exists():
        top.mkdir()
        for name in ASCII_NAMES:
            (top / name).touch()
    expected = sorted(fnmatch.filter(ASCII_NAMES, pattern))
    assert sorted(expanded(pattern, top)) == expected
    if expected and expected != [pattern]:
        assert quoting.is_pattern(pattern)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("/a/*.input", True), ("/a?", True), ("/[ab]", True), ("/a[1", False), ("/a]", False), ("/[!]", False),
     ("/[]", False), ("/[]]", True), ("/a b", False), ("/[*]", True)],
)  # fmt: skip
def test_what_a_pattern_is(value: str, expected: bool) -> None:
    assert quoting.is_pattern(value) is expected


@given(st.text(CHARACTERS))
def test_an_escaped_name_is_taken_for_that_name(name: str) -> None:
    assert quoting.literal_name(glob.escape(name)) == name
    if not quoting.is_pattern(name):
        assert quoting.literal_name(name) == name


@pytest.mark.parametrize("pattern", ["/*", "/a?b", "/[ab]", "/[*]*", "/[a]", "/[**]"])
def test_a_pattern_has_no_one_name(pattern: str) -> None:
    assert quoting.literal_name(pattern) is None


@pytest.mark.parametrize("pattern", ["/a\n*", "-*", "", "/*" + "'" * 100])
def test_patterns_that_cannot_be_sent(pattern: str) -> None:
    for quote in (quoting.quote_pattern_once, quoting.quote_pattern_twice):
        with pytest.raises(UnsafeValue):
            quote(pattern)
