# SPDX-License-Identifier: GPL-3.0-or-later
"""`ls -l`: lines written by hand, by format_entry, and by the ls of this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from difxnb.errors import ProtocolError
from difxnb.wire.escapes import escape_name, unescape_name
from difxnb.wire.listing import Entry, format_entry, parse_listing

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
WHEN = datetime(2026, 11, 22, 10, 52, 33, 123456, tzinfo=UTC)
ISO = "2026-11-22 10:52:33.123456789 +0000"


def entry(name: str = "a.im", **changes: object) -> Entry:
    values: dict[str, object] = {
        "name": name,
        "path": f"/d/{name}",
        "type": "file",
        "mode": "-rw-r--r--",
        "owner": "oper",
        "group": "vlbi",
        "size": 2977,
        "modified": WHEN,
    }
    return Entry(**(values | changes))


HEAD = "oper vlbi"
DIRECTORY = {"type": "directory", "mode": "drwxr-xr-x"}
LINK = {"type": "link", "mode": "lrwxrwxrwx"}
TABLE = [
    (f"-rw-r--r-- 1 {HEAD} 2977 {ISO} a.im", entry()),
    (f"-rw-r--r--. 1 {HEAD} 2977 {ISO} a.im", entry()),
    (f"-rw-r--r--+ 12   oper   vlbi    2977 {ISO} a.im", entry(links=12)),
    (f"drwxr-xr-x 3 {HEAD} 2977 {ISO} e.difx", entry("e.difx", links=3, **DIRECTORY)),
    (f"drwxr-xr-x 1 {HEAD} 2977 {ISO} e.difx/", entry("e.difx", **DIRECTORY)),
    (
        f"drwxr-sr-t 1 1001 1002 2977 {ISO} d",
        entry("d", type="directory", mode="drwxr-sr-t", owner="1001", group="1002"),
    ),
    (f"-rw-r--r-- 1 {HEAD} 2977 {ISO} two  blanks ", entry("two  blanks ")),
    (f"-rw-r--r-- 1 {HEAD} 2977 {ISO}  leading", entry(" leading")),
    (f"-rw-r--r-- 1 {HEAD} 2977 {ISO} \u5929\u6587\u53f0 \u00e9", entry("\u5929\u6587\u53f0 \u00e9")),
    (f"-rw-r--r-- 1 {HEAD} 2977 {ISO} 1 root root 5 {ISO} x", entry(f"1 root root 5 {ISO} x")),
    (f"lrwxrwxrwx 1 {HEAD} 4 {ISO} now -> a.im", entry("now", size=4, target="a.im", **LINK)),
    (f"lrwxrwxrwx 1 {HEAD} 1 {ISO} a -> b -> c", entry("a -> b", size=1, target="c", **LINK)),
    (f"lrwxrwxrwx 1 {HEAD} 6 {ISO} a -> b -> c", entry("a", size=6, target="b -> c", **LINK)),
    (f"lrwxrwxrwx 1 {HEAD} 3 {ISO} \u00e9 -> \u00e9x", entry("\u00e9", size=3, target="\u00e9x", **LINK)),
    (f"lrwxrwxrwx 1 {HEAD} 99 {ISO} a -> b -> c", entry("a", size=99, target="b -> c", **LINK)),
    (f"lrwxrwxrwx 1 {HEAD} 0 {ISO} odd", entry("odd", size=0, **LINK)),
    (f"crw-rw-rw- 1 {HEAD} 1,   3 {ISO} null", entry("null", type="character", mode="crw-rw-rw-", size=0)),
    (f"brw-rw---- 1 {HEAD} 8, 0 {ISO} sda", entry("sda", type="block", mode="brw-rw----", size=0)),
    (f"prw-r--r-- 1 {HEAD} 0 {ISO} pipe", entry("pipe", type="fifo", mode="prw-r--r--", size=0)),
    (f"srwxr-xr-x 1 {HEAD} 0 {ISO} sock", entry("sock", type="socket", mode="srwxr-xr-x", size=0)),
    (f"-rw-r--r-- 1 {HEAD} 2977 {ISO} /else/where/a.im", entry(path="/else/where/a.im")),
    (f"drwxr-xr-x 1 {HEAD} 2977 {ISO} /", entry("/", path="/", **DIRECTORY)),
    (f"-rw-r--r-- 1 {HEAD} 2977 {ISO} sub/a.im", entry(path="/d/sub/a.im")),
    (f"-rw-r--r-- 1 {HEAD} 2977 2026-11-22 18:52:33.123456000 +0800 a.im", entry()),
    (f"-rw-r--r-- 1 {HEAD} 2977 2026-11-22 07:22:33.123456999 -0330 a.im", entry()),
    (
        f"-rw-r--r-- 1 {HEAD} 2977 2026-11-22 10:52:33.5 +0000 a.im",
        entry(modified=WHEN.replace(microsecond=500_000)),
    ),
]


@pytest.mark.parametrize(("line", "expected"), TABLE)
def test_lines_of_full_iso(line: str, expected: Entry) -> None:
    assert parse_listing([line], "/d") == [expected]
    assert parse_listing([line + "\n"], "/d/") == [expected]


@pytest.mark.parametrize(
    ("text", "modified"),
    [
        ("Nov 22 10:52", datetime(2026, 11, 22, 10, 52, tzinfo=UTC)),
        ("Nov  2 00:00", datetime(2026, 11, 2, tzinfo=UTC)),
        ("Nov 23 11:59", datetime(2026, 11, 23, 11, 59, tzinfo=UTC)),  # a clock that is ahead
        ("Nov 23 12:01", datetime(2025, 11, 23, 12, 1, tzinfo=UTC)),
        ("Dec 31 23:59", datetime(2025, 12, 31, 23, 59, tzinfo=UTC)),
        ("Mar 12  2015", datetime(2015, 3, 12, tzinfo=UTC)),
        ("Feb 29  2024", datetime(2024, 2, 29, tzinfo=UTC)),
    ],
)
def test_default_style_takes_the_year_from_now(text: str, modified: datetime) -> None:
    line = f"-rw-r--r-- 1 oper vlbi 2977 {text} a.im"
    assert parse_listing([line], "/d", now=NOW) == [entry(modified=modified)]


def test_default_style_is_in_the_zone_of_now() -> None:
    now = NOW.astimezone(timezone(timedelta(hours=9)))
    line = "-rw-r--r-- 1 oper vlbi 2977 Nov 22 19:52 a.im"
    (found,) = parse_listing([line], "/d", now=now)
    assert found.modified == datetime(2026, 11, 22, 10, 52, tzinfo=UTC)
    assert found.modified.utcoffset() == timedelta(0)


def test_new_year() -> None:
    now = datetime(2027, 1, 1, 0, 30, tzinfo=UTC)
    lines = ["-rw-r--r-- 1 o g 0 Dec 31 23:50 a", "-rw-r--r-- 1 o g 0 Jan  1 00:10 b"]
    assert [e.modified.year for e in parse_listing(lines, "/d", now=now)] == [2026, 2027]
    eve = datetime(2026, 12, 31, 23, 50, tzinfo=UTC)
    assert parse_listing(lines[1:], "/d", now=eve)[0].modified.year == 2027


@pytest.mark.parametrize("now", [None, datetime(2026, 11, 22)])
def test_default_style_needs_now_with_its_zone(now: datetime | None) -> None:
    with pytest.raises(ValueError, match="give now"):
        parse_listing(["-rw-r--r-- 1 oper vlbi 2977 Nov 22 10:52 a.im"], "/d", now=now)


def test_headings_totals_and_blank_lines() -> None:
    def file(name: str) -> str:
        return f"-rw-r--r-- 1 oper vlbi 2977 {ISO} {name}"

    lines = [
        file("/d/top"),
        "",
        "/d/one:",
        "total 8",
        file("x"),
        file("odd:"),
        "",
        "two:",
        "total 4.1K",
        file("y"),
    ]
    assert [e.path for e in parse_listing(lines, "/d")] == [
        "/d/top",
        "/d/one/x",
        "/d/one/odd:",
        "/d/one/two/y",
    ]
    assert [e.path for e in parse_listing(["/d:", "total 0", file("x")], "/elsewhere")] == ["/d/x"]
    assert parse_listing(["total 0"], "/d") == parse_listing([], "/d") == []


NOT_OF_LS = [
    "garbage",
    "ls: cannot access '/x': No such file or directory",
    "-rw-r--r--",
    f"-rw-r--r-- 1 oper vlbi {ISO} a",
    f"-rw-r--r-- 1 oper vlbi 5 {ISO}",
    f"-rw-r--r-- 1 oper vlbi 5 {ISO} ",
    f"Drw-r--r-- 1 oper vlbi 5 {ISO} a",
    f"-rw-r--r-- 1 oper vlbi -5{ISO} a",
    f"-rw-r--r-- 1 oper vlbi {'9' * 5000} {ISO} a",
    "-rw-r--r-- 1 oper vlbi 5 Nop 22 10:52 a",
    "not a heading after an entry:",
    "total 5 after an entry",
    "total 5",
]


@pytest.mark.parametrize("line", NOT_OF_LS)
def test_what_is_no_line_of_ls_costs_no_other(line: str) -> None:
    good = f"-rw-r--r-- 1 oper vlbi 2977 {ISO} a.im"
    first, odd, last = parse_listing([good, line, good], "/d", now=NOW)
    assert first == last == entry()
    assert (odd.name, odd.path, odd.type, odd.modified) == (line, "", "unknown", None)


@pytest.mark.parametrize("line", NOT_OF_LS[:-3])
def test_a_listing_without_any_line_of_ls_is_none(line: str) -> None:
    with pytest.raises(ProtocolError, match="no line of ls"):
        parse_listing([line, ""], "/d", now=NOW)


@pytest.mark.parametrize(
    "time",
    [
        "2026-13-22 10:52:33.0 +0000",
        "2026-11-31 10:52:33.0 +0000",
        "2026-11-22 25:52:33.0 +0000",
        "2026-11-22 10:52:33.0 +9900",
        "0000-11-22 10:52:33.0 +0000",
        "0001-01-01 00:00:00.0 +0100",
        "9999-12-31 23:59:59.0 -0100",
        "Nov 31 10:52",
        "Nov 22 24:52",
        "Nov  0  2020",
        "Feb 29 10:52",
    ],
)
def test_a_file_with_an_impossible_time_is_there(time: str) -> None:
    lines = [f"-rw-r--r-- 1 oper vlbi 2977 {time} a.im"]
    assert parse_listing(lines, "/d", now=NOW) == [entry(modified=None)]


@pytest.mark.parametrize("letter", "-dlpsbc?")
def test_what_ls_could_not_look_at_stays_as_a_row(letter: str) -> None:
    good = f"-rw-r--r-- 1 oper vlbi 2977 {ISO} a.im"
    unseen = f"{letter}????????? ? ?    ?       ?            ? two words"
    found = parse_listing(["total 0", good, unseen, good], "/d", escaped=False)
    assert [e.path for e in found] == ["/d/a.im", "/d/two words", "/d/a.im"]
    assert (found[1].mode[0], found[1].size, found[1].modified) == (letter, 0, None)
    assert parse_listing([unseen], "/d", escaped=True)[0].type != "file" or letter == "-"


@pytest.mark.parametrize("total", ["insgesamt 8", "合計 8", "total 4,1K", "итого 8"])
def test_totals_in_the_language_of_the_server(total: str) -> None:
    lines = [total, f"-rw-r--r-- 1 oper vlbi 2977 {ISO} a.im", "", "/d/sub:", total]
    assert parse_listing(lines, "/d") == [entry()]


@pytest.mark.parametrize("group", ["domain users", "domain  users", "5 users", "a 5 b"])
def test_groups_with_blanks(group: str) -> None:
    line = f"-rw-r--r--  1 oper {group}   2977 {ISO} two  words"
    assert parse_listing([line], "/d") == [entry("two  words", group=group)]


# --- escaped names ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("plain-1.input", "plain-1.input"),
        ("two  words", r"two\ \ words"),
        ("back\\slash", r"back\\slash"),
        ("line\nfeed\ttab\r\a\b\f\v", r"line\nfeed\ttab\r\a\b\f\v"),
        ("\x01\x7f\udcff", r"\001\177\377"),
        ("\u00e9 -> x", "\u00e9\\ ->\\ x"),
        ("\u200b", r"\342\200\213"),
    ],
)
def test_names_as_ls_escapes_them(name: str, written: str) -> None:
    assert escape_name(name) == written
    assert unescape_name(written) == name


@given(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(["\udc80", "\\", " ", "\n", "1"])))
def test_any_name_comes_back_from_its_escape(name: str) -> None:
    written = escape_name(name)
    assert unescape_name(written) == name
    assert not set(written) & set("\n\r\0\udc80")


def test_names_in_octal_of_a_server_without_utf_8() -> None:
    line = rf"-rw-r--r-- 1 oper vlbi 2977 {ISO} \303\244\ \344"
    assert parse_listing([line], "/d", escaped=True)[0].name == "\u00e4 \udce4"


@pytest.mark.parametrize(
    ("text", "name", "target"),
    [
        (r"a -> b", "a", "b"),
        (r"a\ ->\ x -> b", "a -> x", "b"),
        (r"x\ -> -> y", "x ->", "y"),
        (r"a\\ -> b\ -> c", "a\\", "b -> c"),
        (r"odd", "odd", None),
    ],
)
def test_escaped_links(text: str, name: str, target: str | None) -> None:
    line = f"lrwxrwxrwx 1 oper vlbi 4 {ISO} {text}"
    (found,) = parse_listing([line], "/d", escaped=True)
    assert (found.name, found.target) == (name, target)


def test_escaped_headings() -> None:
    lines = ["/d/a\\:b c\\n:", "total 0", f"-rw-r--r-- 1 oper vlbi 2977 {ISO} x\\ y"]
    assert [e.path for e in parse_listing(lines, "/d", escaped=True)] == ["/d/a:b c\n/x y"]


# --- writing ------------------------------------------------------------------------------------------

NAMES = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="/\0\n"), min_size=1, max_size=30
).filter(lambda name: " -> " not in name)
TIMES = st.datetimes(datetime(1970, 1, 2), datetime(2037, 1, 1)).map(lambda t: t.replace(tzinfo=UTC))
WORDS = st.text(st.characters(categories=["Ll", "Nd", "Lo"]), min_size=1, max_size=12)
SIZES = st.integers(0, 2**63 - 1)
MODES = st.text("rwx-sStT", min_size=9, max_size=9)
LETTERS = {"file": "-", "directory": "d", "fifo": "p", "socket": "s", "block": "b", "character": "c"}


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    kind, name, target = draw(st.sampled_from([*LETTERS, "link"])), draw(NAMES), None
    size = 0 if kind in ("block", "character") else draw(SIZES)
    if kind == "link":
        target = draw(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\n"), min_size=1)
        )
        size = len(target.encode())
    mode = LETTERS.get(kind, "l") + draw(MODES)
    owner, group, links = draw(WORDS), draw(WORDS), draw(st.integers(1, 10**6))
    return Entry(name, f"/data/{name}", kind, mode, owner, group, size, draw(TIMES), target, links)


@given(entries())
def test_full_iso_round_trip(written: Entry) -> None:
    assert parse_listing([format_entry(written)], "/data") == [written]
    assert parse_listing([format_entry(written, shown=written.path)], "/elsewhere") == [written]


@given(entries(), st.integers(0, 180 * 86400))
def test_default_style_round_trip_to_the_minute(written: Entry, age: int) -> None:
    modified = NOW - timedelta(seconds=age)
    line = format_entry(entry(written.name, modified=modified), time_style="default", now=NOW)
    (read,) = parse_listing([line], "/d", now=NOW)
    assert read == entry(written.name, modified=modified.replace(second=0, microsecond=0))


@pytest.mark.parametrize("modified", [NOW - timedelta(days=200), NOW + timedelta(days=2)])
def test_default_style_gives_old_and_future_files_their_day(modified: datetime) -> None:
    line = format_entry(entry(modified=modified), time_style="default", now=NOW)
    (read,) = parse_listing([line], "/d", now=NOW)
    assert read.modified == modified.replace(hour=0, minute=0)


def test_lines_by_hand() -> None:
    assert format_entry(entry()) == "-rw-r--r-- 1 oper vlbi 2977 2026-11-22 10:52:33.123456000 +0000 a.im"
    default = format_entry(
        entry(modified=WHEN.replace(day=2)), time_style="default", now=NOW, shown="/d/a.im"
    )
    assert default == "-rw-r--r-- 1 oper vlbi 2977 Nov  2 10:52 /d/a.im"


@pytest.mark.parametrize(
    ("modified", "options"),
    [
        (WHEN, {"time_style": "iso"}),
        (WHEN, {"time_style": "default"}),
        (WHEN, {"time_style": "default", "now": datetime(2026, 11, 22)}),
        (datetime(2026, 11, 22), {}),
    ],
)
def test_what_cannot_be_written(modified: datetime, options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"time_style|give now|no zone"):
        format_entry(entry(modified=modified), **options)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=90), max_size=5))
def test_any_text_gives_entries_or_the_documented_error(lines: list[str]) -> None:
    try:
        found = parse_listing(lines, "/d", now=NOW)
    except ProtocolError:
        return
    assert len(found) <= len(lines)


@pytest.mark.parametrize("piece", [" ", "1 ", "- ", "-rw-r--r-- ", "9", " -> ", ", ", ": "])
def test_long_hostile_lines_cost_no_more_than_their_length(piece: str) -> None:
    # Quadratic matching would take minutes here, and the suite's time-out is its judge.
    lines = [
        f"-rw-r--r-- 1 oper vlbi 2977 {ISO} a",
        *[head + piece * 200_000 for head in ("", "lrwxrwxrwx 1 o g 1 ")],
    ]
    for line in lines[1:]:
        assert parse_listing([lines[0], line], "/d")[1].type == "unknown"
    for escaped in (False, True):
        line = f"lrwxrwxrwx 1 o g 1 {ISO} x{piece * 200_000}"
        (link,) = parse_listing([line], "/d", escaped=escaped)
        assert link.name


HOSTILE_NAMES = (
    "a b", "new\nline", "\n-rw-r--r-- 1 root root 0 2026-01-01 00:00:00.0 +0000 x", "back\\slash", "\u00e4",
    "quote'\"", "a:b", "ends:", "tab\t", "a -> b", "\x01", " ", "-rf", "total 5", "$(id)", "*", "\U0001f52d",
)  # fmt: skip


# --- the ls of this machine ---------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("ls") is None, reason="no ls on this machine")
@pytest.mark.parametrize("style", ["--time-style=full-iso", "--time-style=locale"])
def test_what_ls_writes(tmp_path: Path, style: str) -> None:
    (tmp_path / "with blank").write_bytes(bytes(1234))
    (tmp_path / "\u00e9t\u00e9.im").write_bytes(b"")
    (tmp_path / "old").write_bytes(b"x")
    os.utime(tmp_path / "old", (1_000_000_000, 1_000_000_000))
    (tmp_path / "e.difx").mkdir()
    (tmp_path / "e.difx" / "DIFX_0").write_bytes(b"abc")
    (tmp_path / "link").symlink_to("with blank")
    os.mkfifo(tmp_path / "pipe")
    names = sorted([*tmp_path.iterdir(), tmp_path / "e.difx" / "DIFX_0", Path("/dev/null")])
    command = ["ls", "-lR", style, str(tmp_path), "/dev/null"]
    environment = {"LC_ALL": "C", "TZ": "UTC", "PATH": os.environ["PATH"]}
    done = subprocess.run(command, capture_output=True, check=True, timeout=30, env=environment)
    found = parse_listing(done.stdout.decode().splitlines(), str(tmp_path), now=datetime.now(UTC))
    assert sorted(Path(e.path) for e in found) == names
    by_path = {e.path: e for e in found}
    for path in names:
        stat, read = path.lstat(), by_path[str(path)]
        assert read.links == stat.st_nlink
        assert read.size == (0 if path.is_char_device() else stat.st_size)
        assert read.target == (os.readlink(path) if path.is_symlink() else None)
        assert abs(read.modified.timestamp() - stat.st_mtime) < (86400 if "locale" in style else 1e-5)
    kinds = {Path(e.path).name: e.type for e in found}
    assert (kinds["link"], kinds["pipe"]) == ("link", "fifo")
    assert (kinds["null"], kinds["e.difx"], kinds["old"]) == ("character", "directory", "file")


@pytest.mark.skipif(shutil.which("ls") is None, reason="no ls on this machine")
@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_what_ls_writes_of_hostile_names(tmp_path: Path, locale: str) -> None:
    hostile = [*HOSTILE_NAMES, "bad\udcff"]
    for name in hostile:
        (tmp_path / name).mkdir()
        (tmp_path / name / "inside\nit").write_bytes(b"")
        (tmp_path / name / "link -> it").symlink_to(name)
    command = ["ls", "-lbAR", "--time-style=full-iso", f"{tmp_path}/"]
    environment = {"LC_ALL": locale, "PATH": os.environ["PATH"]}
    done = subprocess.run(command, capture_output=True, check=True, timeout=30, env=environment)
    lines = done.stdout.decode("utf-8", "surrogateescape").split("\n")
    found = {e.path: e for e in parse_listing(lines, f"{tmp_path}/", escaped=True)}
    assert sorted(found) == sorted(map(str, tmp_path.rglob("*")))
    assert all(found[f"{tmp_path}/{name}/link -> it"].target == name for name in hostile)


@pytest.mark.skipif(shutil.which("ls") is None, reason="no ls on this machine")
def test_names_are_escaped_as_by_ls(tmp_path: Path) -> None:
    for name in HOSTILE_NAMES:
        (tmp_path / name).write_bytes(b"")
    environment = {"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]}
    done = subprocess.run(
        ["ls", "-b", tmp_path], capture_output=True, check=True, timeout=30, env=environment
    )
    assert done.stdout.decode().split("\n")[:-1] == sorted(map(escape_name, HOSTILE_NAMES), key=unescape_name)
