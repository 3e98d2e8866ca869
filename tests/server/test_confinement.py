# SPDX-License-Identifier: GPL-3.0-or-later
"""No path leads out of the root."""

import os

import pytest

from difxnb.server.confinement import Confinement


@pytest.fixture
def root(tmp_path):
    """A root with links that lead out, beside something that must stay unseen."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret")
    inside = tmp_path / "root"
    (inside / "dir").mkdir(parents=True)
    (inside / "dir" / "file").write_text("content")
    (inside / "out").symlink_to(tmp_path / "outside")
    (inside / "leak").symlink_to(tmp_path / "outside" / "secret")
    (inside / "in").symlink_to(inside / "dir")
    (inside / "loop").symlink_to(inside / "loop")
    os.mkfifo(inside / "pipe")
    return Confinement(inside)


@pytest.mark.parametrize(
    "path",
    [
        "{r}/out/secret",
        "{r}/leak",
        "{r}/../outside/secret",
        "{r}/dir/../../outside/secret",
        "/etc/passwd",
        "dir/file",
        "",
        "{r}/out",
        "{r}x",
        "{r}/loop",
        "{r}/a\0b",
    ],
)
def test_paths_that_lead_out_do_not_exist(root, path):
    path = path.format(r=root.root)
    with pytest.raises(OSError, match=r"No such file|Too many levels"):
        root.open_file(path)
    assert not root.exists(path)


@pytest.mark.parametrize("path", ["dir/file", "in/file", "dir/../dir/./file", "//dir//file"])
def test_paths_inside_are_opened(root, path):
    descriptor = root.open_file(f"{root.root}/{path}")
    with os.fdopen(descriptor) as file:
        assert file.read() == "content"


@pytest.mark.parametrize("path", ["dir", "pipe", ""])
def test_only_regular_files_are_opened_and_no_pipe_makes_us_wait(root, path):
    with pytest.raises(OSError, match=r"[Dd]irectory|regular"):
        root.open_file(f"{root.root}/{path}")


def test_a_link_itself_can_be_named_but_not_followed_out(root):
    with root.parent(f"{root.root}/leak") as (above, name):
        assert name == "leak"
        os.unlink(name, dir_fd=above)
    assert (root.root.parent / "outside" / "secret").exists()
    with pytest.raises(FileNotFoundError), root.parent(f"{root.root}/out/secret"):
        pass


@pytest.mark.parametrize("path", ["", "/", "/.", "/dir/..", "/in/.."])
def test_the_root_itself_cannot_be_named_for_change(root, path):
    with pytest.raises((PermissionError, FileNotFoundError)), root.parent(f"{root.root}{path}"):
        pass


def test_directories_are_made_on_the_way_but_not_outside(root):
    with root.directory(f"{root.root}/new/deep", create=True):
        assert (root.root / "new" / "deep").is_dir()
    with pytest.raises(FileNotFoundError), root.directory(f"{root.root}/out/new", create=True):
        pass
    assert not (root.root.parent / "outside" / "new").exists()


def test_a_link_put_in_the_way_after_the_check_is_not_followed(root, tmp_path):
    real = root.real(f"{root.root}/dir/file")
    os.rename(root.root / "dir", root.root / "was")
    (root.root / "dir").symlink_to(tmp_path / "outside")
    with pytest.raises(OSError, match=r"No such file|Not a directory"):
        os.close(root._walk(real.parent, create=False))


def test_the_root_must_be_a_directory(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "missing"):
        with pytest.raises(NotADirectoryError):
            Confinement(path)


def test_no_descriptor_is_left(root):
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    for path in ("dir/file", "out/secret", "dir/none/x", "pipe"):
        try:
            os.close(root.open_file(f"{root.root}/{path}"))
        except OSError:
            continue
    if before:
        assert len(os.listdir("/proc/self/fd")) == before
