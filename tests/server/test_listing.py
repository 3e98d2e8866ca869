# SPDX-License-Identifier: GPL-3.0-or-later
"""``ls`` without a shell prints what ``ls`` prints."""

import os
import shutil
import subprocess
import time

import pytest

from difxnb.server import listing, listing_rows
from difxnb.server.confinement import Confinement
from difxnb.server.listing import list_files
from difxnb.wire.files import parse_listing


@pytest.fixture
def root(tmp_path):
    inside = tmp_path / "root"
    (inside / "sub").mkdir(parents=True)
    (inside / "empty").mkdir()
    (inside / "sub" / "inner.input").write_text("x" * 1234567)
    for name, size in (("B.txt", 10), ("a.txt", 999), (".hidden", 1), ("run", 5), ("_x", 2)):
        (inside / name).write_text("y" * size)
    os.chmod(inside / "run", 0o755)
    os.utime(inside / "a.txt", (1_000_000_000, 1_000_000_000.5))
    (inside / "link").symlink_to("a.txt")
    (inside / "dirlink").symlink_to("sub")
    (inside / "broken").symlink_to("nowhere")
    odd = inside / "odd" / "a:b c\\d"
    odd.mkdir(parents=True)
    for number, name in enumerate(
        ("two  blanks", "line\nfeed", "\u00e4", "ends:", "-> x", "\x01", "bad\udcff")
    ):
        (odd / name).write_text("z" * number)
        os.utime(odd / name, (1_200_000_000 + number, 1_200_000_000 + number))
    (odd / "link -> it").symlink_to("line\nfeed")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("")
    (inside / "out").symlink_to(tmp_path / "outside")
    return Confinement(inside)


GNU = pytest.mark.skipif(
    not shutil.which("ls") or b"GNU" not in subprocess.run(["ls", "--version"], capture_output=True).stdout,
    reason="needs GNU ls to compare with",
)
FLAGS = ["", "-1", "-l", "-a", "-A", "-la", "-p", "-F", "-lA --time-style=full-iso", "-ln --time-style=+%s",
         "-l --time-style=long-iso", "-d", "-ld", "-lh", "-1p", "-l -d -p", "-n",
         "-b", "-lb --time-style=full-iso", "-lbd", "-R",
         "-lbAR --time-style=full-iso", "-lR", "-t", "-rt", "-S", "-lSr"]  # fmt: skip


PATHS = [
    "",
    "/odd/*",
    "/odd/a*/",
    "/sub",
    "/empty",
    "/*.txt",
    "/link",
    "/dirlink",
    "/broken",
    "/s*",
    "/sub/*",
    "/a.txt {r}/B.txt",
]


def without_dots(lines):
    """Leave out "." and "..", and the total with them: ours are the same directory, on purpose."""
    return [
        line for line in lines if line.split()[-1:] not in (["."], [".."]) and not line.startswith("total")
    ]


@GNU
@pytest.mark.parametrize("flags", FLAGS)
def test_it_prints_what_ls_prints(root, flags):
    for path in PATHS:
        whole = f"{root.root}{path}".format(r=root.root)
        theirs = subprocess.run(
            ["/bin/sh", "-c", f"ls {flags} {whole}"],
            capture_output=True,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
        ours = list_files(root, flags, whole)
        text = theirs.stdout.decode("utf-8", "surrogateescape")
        if "b" not in flags:
            text = text.replace("line\nfeed", "line?feed")  # on one line here
        expected, found = text.split("\n")[:-1], ours.lines
        if flags in ("-a", "-la"):
            expected, found = without_dots(expected), without_dots(found)
        assert found == expected, (flags, path)
        assert not ours.refusal


def test_a_missing_path_gives_nothing_and_a_complaint(root):
    found = list_files(root, "-l", f"{root.root}/none")
    assert found.lines == []
    assert "none" in found.complaints[0]


@pytest.mark.parametrize(
    "path", ["/etc", "{r}/out", "{r}/out/*", "{r}/../outside", "{r}/..", "/", "{r}/*/secret", "/*"]
)
@pytest.mark.parametrize("flags", ["", "-l", "-a"])
def test_nothing_outside_is_listed(root, path, flags):
    found = list_files(root, flags, path.format(r=root.root))
    assert not any("secret" in line or "passwd" in line for line in found.lines)
    assert all("out" in line for line in found.lines if path != "{r}/..") or found.lines == []


@pytest.mark.parametrize("flags", ["--color", "-l --time-style=locale", "; id", "x", "-lZ"])
def test_an_unknown_flag_lists_nothing_and_says_so(root, flags):
    found = list_files(root, flags, str(root.root))
    assert found.lines == []
    assert found.refusal


def test_the_default_style_has_the_year_for_old_files_only(root):
    now = 1_700_000_000.0
    os.utime(root.root / "B.txt", (now - 86400, now - 86400))
    lines = list_files(root, "-l", f"{root.root}/B.txt {root.root}/a.txt", now=now).lines
    assert ":" in lines[0][20:]
    assert f"  {time.localtime(1_000_000_000).tm_year} " in lines[1]


def test_the_reader_of_listings_understands_it(root):
    lines = list_files(root, "-l --time-style=full-iso", str(root.root)).lines
    entries = {entry.name: entry for entry in parse_listing(lines, str(root.root))}
    assert entries["a.txt"].size == 999
    assert entries["a.txt"].modified.timestamp() == 1_000_000_000.5
    assert entries["sub"].type == "directory"
    assert entries["link"].target == "a.txt"


def test_a_line_feed_in_a_name_does_not_make_two_lines(root):
    (root.root / "empty" / "two\nlines").write_text("")
    assert list_files(root, "-1", f"{root.root}/empty").lines == ["two?lines"]


def test_no_path_at_all_lists_the_root(root):
    assert "a.txt" in list_files(root, "", "").lines


def test_a_row_without_a_status():
    options = listing_rows.Options(frozenset("lb"), "full-iso")
    rows = listing_rows.Rows(options, time.time())
    items = [listing_rows.Item("a b", None, None), listing_rows.Item("/", os.stat("/"), None)]
    lines = [rows.total(items), *rows.rows(items)]
    unseen, seen = parse_listing(lines, "/d", escaped=True)
    assert (unseen.path, unseen.type, unseen.modified) == ("/d/a b", "unknown", None)
    assert seen.type == "directory"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may search everything")
def test_what_cannot_be_looked_at_keeps_its_row(root):
    os.chmod(root.root / "sub", 0o444)
    try:
        found = list_files(root, "-lb --time-style=full-iso", f"{root.root}/sub")
    finally:
        os.chmod(root.root / "sub", 0o755)
    (entry,) = parse_listing(found.lines, f"{root.root}/sub", escaped=True)
    assert (entry.name, entry.type, entry.modified) == ("inner.input", "unknown", None)
    assert "inner.input" in found.complaints[0]


def test_links_are_not_followed_into_and_nothing_outside_is_listed_recursively(root):
    (root.root / "sub" / "up").symlink_to("..")
    lines = list_files(root, "-lbAR --time-style=full-iso", f"{root.root}/").lines
    paths = {entry.path for entry in parse_listing(lines, str(root.root), escaped=True)}
    assert paths == {str(path) for path in root.root.rglob("*")}
    assert not any("secret" in path for path in paths)


def test_a_listing_is_bounded_and_says_so(root, monkeypatch):
    monkeypatch.setattr(listing, "MAX_ROWS", 5)
    found = list_files(root, "-1R", str(root.root))
    assert "ended after" in found.refusal
    assert len(found.lines) < 15


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "Africa/Monrovia"])
def test_times_of_every_age_as_ls_writes_them(root, zone, monkeypatch):
    """Also from before 1972, when some zones were off by parts of a minute."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        for seconds in (-18_000_001, 0, 59, 60, 61, 1_500_000_000, int(time.time()), 4_000_000_000):
            os.utime(root.root / "B.txt", (seconds, seconds))
            command = ["ls", "-l", "--time-style=full-iso", root.root / "B.txt"]
            theirs = subprocess.run(command, capture_output=True, text=True)
            assert list_files(root, "-l --time-style=full-iso", f"{root.root}/B.txt").lines == [
                theirs.stdout.rstrip()
            ]
    finally:
        monkeypatch.undo()
        time.tzset()
