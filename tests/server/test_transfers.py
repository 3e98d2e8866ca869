# SPDX-License-Identifier: GPL-3.0-or-later
"""Uploads and downloads, byte for byte, and what happens when they break."""

import os
import struct
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from difxnb.server.confinement import Confinement
from difxnb.server.side import CONTENT_PIECE
from difxnb.server.transfers import MAX_SIZE, Upload, destination_of, download
from difxnb.wire.message import FileTransfer
from difxnb.wire.quoting import quote_after_slash
from tests.server.peers import Peer, run, serving


def size(n):
    return struct.pack(">i", n)


@pytest.fixture
def root(tmp_path):
    inside = tmp_path / "root"
    inside.mkdir()
    (tmp_path / "outside").mkdir()
    (inside / "out").symlink_to(tmp_path / "outside")
    (inside / "old").write_text("old")
    (inside / "dir").mkdir()
    return Confinement(inside)


@given(content=st.binary(max_size=5000), cuts=st.lists(st.integers(1, 1500), max_size=8))
def test_an_upload_cut_anywhere_arrives_whole(tmp_path_factory, content, cuts):
    root = Confinement(tmp_path_factory.mktemp("up"))
    upload = Upload(root, f"{root.root}/file")
    stream = size(len(content)) + content
    answers = []
    for cut in cuts:
        answers.append(upload.receive_data(stream[:cut]))
        stream = stream[cut:]
    if stream or not any(answers):
        answers.append(upload.receive_data(stream))
    assert next(a for a in answers if a is not None) == size(len(content))
    assert (root.root / "file").read_bytes() == content
    assert os.listdir(root.root) == ["file"]


def test_an_upload_replaces_only_when_it_is_complete(root):
    upload = Upload(root, f"{root.root}/old")
    assert upload.receive_data(size(6) + b"new") is None
    assert (root.root / "old").read_text() == "old"
    assert upload.receive_data(b"est") == size(6)
    assert (root.root / "old").read_text() == "newest"


def test_a_file_keeps_its_permissions_when_it_is_replaced(root):
    os.chmod(root.root / "old", 0o640)
    Upload(root, f"{root.root}/old").receive_data(size(3) + b"new")
    assert (root.root / "old").stat().st_mode & 0o7777 == 0o640


def test_a_client_that_dies_leaves_the_old_file_and_no_temporary_one(root):
    upload = Upload(root, f"{root.root}/old")
    upload.receive_data(size(6) + b"new")
    upload.abort()
    assert (root.root / "old").read_text() == "old"
    assert sorted(os.listdir(root.root)) == ["dir", "old", "out"]


@pytest.mark.parametrize(
    ("path", "answer"),
    [("relative", -1), ("{r}/none/file", -2), ("/etc/difxnb", -2), ("{r}/out/file", -2), ("{r}/../file", -2),
     ("{r}/old/file", -5), ("{r}/dir", -3), ("{r}", -3), ("", -1)],
)  # fmt: skip
def test_a_destination_that_cannot_be_gets_its_code_after_the_data(root, path, answer):
    upload = Upload(root, path.format(r=root.root))
    assert upload.receive_data(size(5) + b"hell") is None
    assert upload.receive_data(b"o") == size(answer)
    assert not os.listdir(root.root.parent / "outside")


def test_a_link_that_leads_out_is_not_written_through(root, tmp_path):
    (root.root / "leak").symlink_to(tmp_path / "outside" / "new")
    upload = Upload(root, f"{root.root}/leak")
    assert upload.receive_data(size(1) + b"x") == size(-2)
    assert not os.listdir(tmp_path / "outside")


@pytest.mark.parametrize("announced", [-1, -7, -(2**31)])
def test_a_negative_size_is_echoed(root, announced):
    assert Upload(root, f"{root.root}/old").receive_data(size(announced)) == size(announced)
    assert (root.root / "old").read_text() == "old"


def test_nothing_is_stored_beyond_the_announced_size(root):
    assert Upload(root, f"{root.root}/new").receive_data(size(2) + b"abcdef") == size(2)
    assert (root.root / "new").read_bytes() == b"ab"


def test_the_real_servers_damage_on_request(root):
    content = b"\0" + b"a" * 1023 + b"b" * 500 + b"\0" + b"b" * 523 + b"tail"
    upload = Upload(root, f"{root.root}/new", text_only=True)
    assert upload.receive_data(size(len(content)) + content) == size(len(content))
    assert (root.root / "new").read_bytes() == b"b" * 500 + b"tail"
    upload = Upload(root, f"{root.root}/old", text_only=True)
    upload.receive_data(size(100) + b"fragment")
    upload.abort()
    assert (root.root / "old").read_bytes() == b"fragment"


@pytest.mark.parametrize("length", [0, 1, 1023, 1024, 1025, 1_100_000])
def test_a_download_has_its_size_and_pieces_of_1024_bytes(root, length):
    content = os.urandom(length)
    (root.root / "file").write_bytes(content)
    parts = list(download(root, f"{root.root}/file"))
    assert parts[0] == size(length)
    assert b"".join(parts[1:]) == content
    assert all(len(part) % CONTENT_PIECE == 0 for part in parts[1:-1])

    async def main():
        async with serving(root.root) as server:
            peer = await Peer.connect(server)
            await peer.command(FileTransfer(origin=f"{root.root}/file", direction="from DiFX", port=7))
            await peer.stream(7, 4 + length)
            assert b"".join(peer.pieces[7]) == size(length) + content
            sizes = [len(piece) for piece in peer.pieces[7]]
            assert sizes[0] == 4
            assert set(sizes[1:-1]) <= {CONTENT_PIECE}
            await peer.close()

    run(main())


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("/d/plain", "/d/plain"),
        ("/d/'a b'", "/d/a b"),
        ("/d/a b", "/d/a b"),
        ("/d/it's", "/d/it's"),
        ("/d/*", "/d/*"),
        ("/d d/'x y'", "/d d/x y"),
        ("/it's/x", "/it's/x"),
        ("/d/$x", "/d/$x"),
        ("'x y'", "x y"),
        ("", ""),
        ("/d/", "/d/"),
    ],
)
def test_the_last_name_of_a_destination_may_be_quoted(sent, meant):
    assert destination_of(sent) == meant


@given(
    st.text(
        st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="/\ufffe\uffff"),
        min_size=1,
        max_size=40,
    )
)
def test_what_clients_quote_is_the_name_that_they_mean(name):
    assert destination_of(f"/some where/{quote_after_slash(name)}") == f"/some where/{name}"


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("relative", -1),
        ("{r}/none", -2),
        ("/etc/hostname", -2),
        ("{r}/out", -2),
        ("{r}/dir", -3),
        ("{r}", -3),
    ],
)
def test_a_download_that_cannot_be_gets_its_code(root, path, answer):
    assert list(download(root, path.format(r=root.root))) == [size(answer)]


def test_a_file_too_large_for_the_protocol_is_refused(root):
    with open(root.root / "large", "wb") as file:
        file.truncate(MAX_SIZE + 1)
    assert list(download(root, f"{root.root}/large")) == [size(-3)]


def test_a_file_that_grows_meanwhile_gives_what_was_announced(root):
    (root.root / "file").write_bytes(b"x" * 2000)
    pieces = download(root, f"{root.root}/file")
    assert next(pieces) == size(2000)
    with open(root.root / "file", "ab") as file:
        file.write(b"more")
    assert b"".join(pieces) == b"x" * 2000


def test_what_is_still_on_its_way_when_a_client_dies_goes_nowhere(root):
    """A descriptor number that the upload had may be another file's by then."""
    upload = Upload(root, f"{root.root}/old")
    upload.receive_data(size(6) + b"new")
    upload.abort()
    with ExitStack() as innocent:
        for _ in range(5):
            innocent.enter_context((root.root / "innocent").open("wb"))
        assert upload.receive_data(b"est") is None
    assert (root.root / "innocent").read_bytes() == b""
