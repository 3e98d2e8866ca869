# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on a server from a shell: each verb does what it says, says what it would do, and fails in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import lead_to
from tests.cli.in_process import difxnb_program as difxnb
from tests.client.peers import own_server
from tests.notebook.far_end import FarEnd


def test_ls_shows_names_details_and_rows(served: Path) -> None:
    (served / "note").write_text("hello")
    (served / "sub").mkdir()
    (served / "sub" / "deep").touch()
    assert difxnb("ls", served).lines == ["note", "sub"]
    head, note, sub = difxnb("ls", "-l", served).lines
    assert head.split()[:4] == ["mode", "owner", "group", "size"]
    assert note.startswith("-rw")
    assert note.split()[3] == "5"
    assert sub.startswith("drw")
    assert difxnb("ls", "-R", served).lines == [str(served / name) for name in ("note", "sub", "sub/deep")]
    (answer,) = difxnb("ls", "--json", f"{served}/n*").objects
    assert [(row["name"], row["type"], row["size"]) for row in answer["rows"]] == [("note", "file", 5)]
    assert answer["rows"][0]["modified"].endswith("Z")
    assert answer["attrs"] == {}


def test_names_do_not_act_on_the_terminal(served: Path) -> None:
    (served / "e\x1b[2Jvil").touch()
    for options in ([], ["-l"], ["--json"]):
        assert "\x1b" not in difxnb("ls", *options, served).out


def test_directories_come_and_go(served: Path) -> None:
    deep = served / "one" / "two"
    assert difxnb("mkdir", deep, served / "other").status == 0
    assert deep.is_dir()
    refused = difxnb("rmdir", served / "one")
    assert refused.status == 1
    assert refused.complaints.startswith("difxnb: rmdir")
    assert difxnb("rmdir", deep, served / "other").status == 0
    assert [path.name for path in served.iterdir()] == ["one"]


def test_touch_makes_files_and_keeps_what_is_in_others(served: Path) -> None:
    (served / "note").write_text("hello")
    os.utime(served / "note", (1, 1))
    looked = difxnb("touch", served / "note", served / "new", "--dry-run")
    assert looked.lines == [f"would give the present time to {served}/note", f"would make {served}/new"]
    assert not (served / "new").exists()
    done = difxnb("touch", served / "note", served / "new", "--json")
    assert [(one["path"], one["done"]) for one in done.objects] == [
        (str(served / "note"), True),
        (str(served / "new"), True),
    ]
    assert (served / "note").read_text() == "hello"
    assert (served / "note").stat().st_mtime > 1e9
    assert difxnb("touch", served / "none" / "new").status == 1
    assert difxnb("touch", "relative").status == 2


def test_rm_wants_to_be_told_what_is_dangerous(served: Path) -> None:
    (served / "sub").mkdir()
    for name in ("a1", "a2", "sub/b"):
        (served / name).touch()
    refused = difxnb("rm", served / "sub")
    assert (refused.status, "--recursive" in refused.complaints) == (1, True)
    assert "=True" not in refused.complaints
    assert difxnb("rm", f"{served}/a*").status == 1
    assert difxnb("rm", "-rf", "/").status == 1
    assert difxnb("rm", served / "none").status == 1
    assert difxnb("rm", "-f", served / "none").status == 0
    assert len(list(served.iterdir())) == 3
    gone = difxnb("rm", "-f", f"{served}/a*", "--json")
    assert [one["path"] for one in gone.objects] == [str(served / "a1"), str(served / "a2")]
    assert difxnb("rm", "-r", served / "sub").out == ""
    assert list(served.iterdir()) == []


def test_files_are_moved_and_copied_over_others_only_when_asked(served: Path) -> None:
    (served / "a").write_text("A")
    (served / "b").write_text("B")
    (served / "sub").mkdir()
    assert difxnb("cp", served / "a", served / "sub").status == 0
    refused = difxnb("cp", served / "b", served / "a")
    assert (refused.status, "--overwrite" in refused.complaints) == (1, True)
    assert difxnb("cp", served / "b", served / "a", "--overwrite").status == 0
    assert (served / "a").read_text() == "B"
    assert difxnb("mv", served / "b", served / "sub" / "a").status == 1
    assert difxnb("mv", served / "b", served / "sub" / "a", "--overwrite").status == 0
    assert (served / "sub" / "a").read_text() == "B"


def test_files_are_fetched_and_sent(served: Path, tmp_path: Path) -> None:
    content = bytes(range(256)) * 10
    (served / "data").write_bytes(content)
    here = tmp_path / "here"
    assert difxnb("get", served / "data", "--to", here).status == 0
    assert here.read_bytes() == content
    refused = difxnb("get", served / "data", "--to", here)
    assert (refused.status, "--overwrite" in refused.complaints) == (1, True)
    (answer,) = difxnb("get", served / "data", "--to", here, "--overwrite", "--json", "--checksum").objects
    assert answer == {"deed": "get", "path": str(served / "data"), "target": str(here), "done": True}
    assert difxnb("send", here, served / "again").status == 0
    assert (served / "again").read_bytes() == content
    assert difxnb("send", here, served / "again").status == 1
    assert difxnb("send", tmp_path / "none", served).status == 1


def test_directories_are_fetched_and_sent_whole(served: Path, tmp_path: Path) -> None:
    (served / "exp").mkdir()
    (served / "exp" / "one").write_text("1")
    (served / "exp" / "link").symlink_to("/nowhere")
    assert difxnb("get", served / "exp", "--to", tmp_path).status == 1
    done = difxnb("get", "-r", served / "exp", "--to", tmp_path)
    assert (done.status, "left out" in done.complaints) == (0, True)
    assert (tmp_path / "exp" / "one").read_text() == "1"
    assert difxnb("send", "-r", tmp_path / "exp", served / "back").status == 0
    assert (served / "back" / "one").read_text() == "1"


def test_standard_input_and_output(served: Path) -> None:
    assert difxnb("send", "-", served / "note", given=b"first").status == 0
    assert difxnb("send", "-", served / "note", given=b"second").status == 1
    assert difxnb("send", "-", served / "note", "--overwrite", given=b"second").status == 0
    assert difxnb("get", served / "note", "--to", "-").out == "second"
    assert difxnb("send", "-", served, given=b"").status == 1
    assert difxnb("get", served / "note", "--to", "-", "--json").status == 2
    assert difxnb("get", served / "note", served / "note", "--to", served / "none").status == 2


def test_a_dry_run_says_what_it_would_do_and_does_nothing(served: Path, tmp_path: Path) -> None:
    (served / "a").write_text("A")
    (served / "sub").mkdir()
    (served / "sub" / "b").touch()
    mine = tmp_path / "mine"
    mine.write_text("mine")
    before = sorted(served.rglob("*"))
    for arguments, said in (
        (["mkdir", served / "new"], f"would make {served}/new"),
        (["mkdir", served / "sub"], f"{served}/sub exists"),
        (["rm", "-r", served / "sub"], f"would remove {served}/sub"),
        (["mv", served / "a", served / "sub"], f"would move {served}/a to {served}/sub/a"),
        (["cp", served / "a", served / "c"], f"would copy {served}/a to {served}/c"),
        (["get", "-r", served / "sub", "--to", tmp_path], f"would get {served}/sub/b to {tmp_path}/sub/b"),
        (["send", mine, served / "sub"], f"would send {mine} to {served}/sub/mine"),
        (["send", "-", served / "new"], f"would send - to {served}/new"),
    ):
        done = difxnb(*arguments, "--dry-run", given=b"")
        assert (done.status, said in done.out) == (0, True), arguments
    for refused in (
        ["rmdir", served / "sub"],
        ["rmdir", served / "a"],
        ["rm", served / "sub"],
        ["mv", served / "none", served / "x"],
        ["cp", served / "a", served / "a"],
        ["get", served / "none"],
    ):
        assert difxnb(*refused, "--dry-run").status == 1, refused
    (told,) = difxnb("rm", served / "a", "--dry-run", "--json").objects
    assert told == {"deed": "remove", "path": str(served / "a"), "done": False}
    assert sorted(served.rglob("*")) == before
    assert not (tmp_path / "sub").exists()


def test_a_server_with_the_faults_of_a_real_one(
    far: FarEnd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path.resolve()
    lead_to(far.enter(own_server(root, "2.9")), monkeypatch)
    (root / "a").write_text("text " * 20_000)
    for arguments in (
        ["get", root / "a", "--to", root / "b"],
        ["send", root / "b", root / "c"],
        ["cp", root / "c", root / "d"],
        ["mkdir", root / "sub"],
        ["mv", root / "d", root / "sub"],
        ["rm", root / "a"],
        ["version"],
    ):
        done = difxnb(*arguments)
        assert (done.status, done.complaints) == (0, ""), arguments
    assert difxnb("ls", "-R", root).lines == [str(root / name) for name in ("b", "c", "sub", "sub/d")]
    assert (root / "sub" / "d").read_text() == "text " * 20_000


@pytest.mark.parametrize(
    "arguments",
    [
        ["ls", "relative"],
        ["ls"],
        ["mv", "/one"],
        ["rm", "relative"],
        ["mkdir", "relative", "--dry-run"],
        ["touch", "relative", "--dry-run"],
    ],
)
def test_wrong_usage_is_status_2(served: Path, arguments: list[str]) -> None:
    done = difxnb(*arguments)
    assert (done.status, "Traceback" in done.complaints) == (2, False)


def test_a_port_in_the_environment_that_is_none_is_wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIFX_CONTROL_PORT", "head-node")
    assert difxnb("ls", "/data").status == 2


def test_files_need_no_notebook_stack(served: Path) -> None:
    program = (
        "import sys\nfrom difxnb.cli import app\n"
        f"try: app(['ls', '-l', {str(served)!r}])\n"
        "finally: print(sorted({'pandas', 'xarray', 'matplotlib', 'ipywidgets', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=100)
    assert (done.stdout.splitlines()[-1], done.stderr) == ("[]", "")
