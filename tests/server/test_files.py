# SPDX-License-Identifier: GPL-3.0-or-later
"""File operations do what the commands do, inside the root, and change nothing outside."""

import errno
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from difxnb.server import files
from difxnb.server.confinement import Confinement
from difxnb.server.files import error_text, operate, replacing, write_all
from difxnb.server.words import read_words
from difxnb.wire.files import move_target, quote_once, quote_twice


@pytest.fixture
def root(tmp_path):
    inside = tmp_path / "root"
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "kept").write_text("kept")
    inside.mkdir()
    (inside / "out").symlink_to(tmp_path / "outside")
    for name in ("a.txt", "b.txt", "c.dat"):
        (inside / name).write_text(name)
    (inside / "sub" / "deep").mkdir(parents=True)
    return Confinement(inside)


@pytest.fixture
def do(root):
    def run(operation, path, argument=""):
        operate(root, operation, f"{root.root}/{path}" if not path.startswith("/") else path, argument)

    return run


def names(root):
    return sorted(str(p.relative_to(root.root)) for p in root.root.rglob("*") if not p.is_symlink())


def test_mkdir_makes_parents_and_takes_what_exists(root, do):
    do("mkdir", "x/y/z")
    do("mkdir", "x/y/z")
    assert (root.root / "x/y/z").is_dir()
    with pytest.raises(NotADirectoryError):
        do("mkdir", "a.txt/x")


def test_rmdir_takes_empty_directories_only(root, do):
    do("rmdir", "sub/deep")
    assert not (root.root / "sub/deep").exists()
    (root.root / "sub/file").write_text("")
    with pytest.raises(OSError, match="not empty"):
        do("rmdir", "sub")


def test_touch_makes_and_renews(root, do):
    os.utime(root.root / "a.txt", (1, 1))
    do("touch", "a.txt")
    do("touch", "new")
    do("touch", "sub")
    assert (root.root / "a.txt").stat().st_mtime > 1e9
    assert (root.root / "a.txt").read_text() == "a.txt"
    assert (root.root / "new").read_bytes() == b""


def test_rm_takes_patterns_and_flags(root, do):
    do("rm", "*.txt")
    assert names(root) == ["c.dat", "sub", "sub/deep"]
    with pytest.raises(IsADirectoryError):
        do("rm", "sub")
    do("rm", "sub", "-r")
    with pytest.raises(FileNotFoundError):
        do("rm", "sub")
    do("rm", "sub", "-rf")
    assert names(root) == ["c.dat"]


def test_one_that_fails_does_not_keep_the_others_from_it(root, do):
    """As with the commands themselves: the others are done, and the first failure is told."""
    here = root.root
    with pytest.raises(IsADirectoryError):
        do("rm", f"sub {here}/a.txt {here}/c.dat")
    assert names(root) == ["b.txt", "sub", "sub/deep"]
    with pytest.raises(FileNotFoundError, match="gone"):
        do("touch", f"gone/x {here}/new")
    with pytest.raises(NotADirectoryError):
        do("mkdir", f"b.txt/x {here}/made")
    with pytest.raises(FileNotFoundError, match="none"):
        do("mv", f"none {here}/b.txt", f"{here}/made")
    with pytest.raises(OSError, match="not empty"):
        do("rmdir", f"sub {here}/sub/deep")
    assert names(root) == ["made", "made/b.txt", "new", "sub"]


def test_a_move_to_another_disk_copies(root, do, monkeypatch):
    replace = os.replace

    def across(source, target, **options):
        if source == "a.txt":
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        replace(source, target, **options)

    monkeypatch.setattr(files.os, "replace", across)
    os.utime(root.root / "a.txt", ns=(1_000_000_001, 1_000_000_002))
    do("mv", "a.txt", f"{root.root}/sub/moved")
    assert (root.root / "sub/moved").read_text() == "a.txt"
    assert (root.root / "sub/moved").stat().st_mtime_ns == 1_000_000_002
    assert not (root.root / "a.txt").exists()


@pytest.mark.parametrize("argument", ["--no-preserve-root", "-x", "/", "-r /"])
def test_rm_refuses_flags_it_does_not_know(root, do, argument):
    with pytest.raises(ValueError, match="-rf"):
        do("rm", "a.txt", argument)
    assert (root.root / "a.txt").exists()


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "..",
        "sub/../..",
        "/",
        "/etc/hostname",
        "out/kept",
        "out/*",
        "*/kept",
        "sub/../../outside/kept",
    ],
)
def test_rm_never_touches_the_root_or_anything_outside(root, do, path):
    with pytest.raises((PermissionError, FileNotFoundError)):
        do("rm", path, "-r")
    assert root.root.is_dir()
    assert (root.root.parent / "outside/kept").read_text() == "kept"


def test_rm_of_a_link_takes_the_link(root, do):
    do("rm", "out", "-rf")
    assert not (root.root / "out").is_symlink()
    assert (root.root.parent / "outside/kept").exists()


def test_rm_of_a_tree_does_not_follow_links_out(root, do):
    (root.root / "sub/out").symlink_to(root.root.parent / "outside")
    do("rm", "sub", "-r")
    assert (root.root.parent / "outside/kept").exists()


def test_mv_renames_replaces_and_moves_into_directories(root, do):
    do("mv", "a.txt", f"{root.root}/b.txt")
    assert (root.root / "b.txt").read_text() == "a.txt"
    do("mv", "*.*", f"{root.root}/sub")
    assert names(root) == ["sub", "sub/b.txt", "sub/c.dat", "sub/deep"]


def test_cp_copies_content_and_mode(root, do):
    os.chmod(root.root / "a.txt", 0o640)
    do("cp", "a.txt", f"{root.root}/sub")
    do("cp", "a.txt", f"{root.root}/c.dat")
    for copy in ("sub/a.txt", "c.dat"):
        assert (root.root / copy).read_text() == "a.txt"
        assert stat.S_IMODE((root.root / copy).stat().st_mode) == 0o640
    with pytest.raises(IsADirectoryError):
        do("cp", "sub", f"{root.root}/elsewhere")


@pytest.mark.parametrize("operation", ["mv", "cp"])
@pytest.mark.parametrize("target", ["relative", "/etc/difxnb", "{r}/out/x", "{r}/../x", "{r}/none/x"])
def test_nothing_is_moved_or_copied_out(root, do, operation, target):
    with pytest.raises((OSError, ValueError)):
        do(operation, "a.txt", target.format(r=root.root))
    assert (root.root / "a.txt").exists()
    assert sorted(os.listdir(root.root.parent / "outside")) == ["kept"]


@pytest.mark.parametrize("operation", ["mv", "cp"])
def test_nothing_comes_in_from_outside(root, do, operation):
    with pytest.raises(FileNotFoundError):
        do(operation, "out/kept", f"{root.root}/stolen")
    with pytest.raises(FileNotFoundError):
        do(operation, str(root.root.parent / "outside/kept"), f"{root.root}/stolen")
    assert not (root.root / "stolen").exists()


def test_cp_does_not_follow_a_link_that_leads_out(root, do):
    (root.root / "leak").symlink_to(root.root.parent / "outside/kept")
    with pytest.raises(FileNotFoundError):
        do("cp", "leak", f"{root.root}/stolen")
    with pytest.raises(FileNotFoundError):
        do("cp", "a.txt", f"{root.root}/leak")
    assert (root.root.parent / "outside/kept").read_text() == "kept"


@pytest.mark.parametrize("path", ["$(touch x)", "a;b", "`id`", "a.txt\nb.txt"])
def test_no_shell_sees_a_value(root, do, path):
    before = names(root)
    with pytest.raises(ValueError, match="no shell"):
        do("rm", path)
    assert names(root) == before


def test_an_unknown_operation_is_refused_with_the_known_ones(root, do):
    with pytest.raises(ValueError, match=r"'chmod'.*mkdir.*ls"):
        do("chmod", "a.txt", "777")


@given(
    st.text(
        st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="/"),
        min_size=1,
        max_size=40,
    )
)
def test_any_name_can_be_made_moved_and_removed_when_it_is_quoted(tmp_path_factory, name):
    if name.startswith("-") or name in (".", "..") or len(name.encode()) > 200:
        return
    root = Confinement(tmp_path_factory.mktemp("names"))
    first, second = f"{root.root}/{name}", f"{root.root}/{name}~"
    operate(root, "touch", quote_once(first), "")
    operate(root, "mv", quote_twice(first), move_target(second))
    assert os.listdir(root.root) == [f"{name}~"]
    operate(root, "rm", quote_twice(second), "")
    assert os.listdir(root.root) == []


def test_an_error_says_what_and_where():
    assert (
        error_text(FileNotFoundError(2, "No such file or directory", "/x")) == "No such file or directory: /x"
    )
    assert error_text(ValueError("plain")) == "plain"


def test_a_replacement_that_fails_leaves_the_old_file_and_no_temporary_one(root):
    target = str(root.root / "a.txt")
    with pytest.raises(TypeError), replacing(root, target) as descriptor:
        write_all(descriptor, b"half") or write_all(descriptor, None)
    assert Path(target).read_text() == "a.txt"
    assert not [n for n in os.listdir(root.root) if n.endswith(".part")]


def test_patterns_match_a_bounded_number_of_names_in_all(root, monkeypatch):
    monkeypatch.setattr(files, "MAX_MATCHES", 10)
    for number in range(4):
        (root.root / f"many{number}").write_text("")
    assert len(files.expand(root, read_words(f"{root.root}/many* {root.root}/many*"))) == 8
    with pytest.raises(OSError, match="more than 10 names"):
        files.expand(root, read_words(f"{root.root}/many* " * 3))
