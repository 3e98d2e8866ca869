# SPDX-License-Identifier: GPL-3.0-or-later
"""The file with an access token: made once, private, one word."""

import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from difxnb.errors import DifxError, TokenFileError
from difxnb.formats.token_file import LONGEST, SHORTEST, make_token, read_token


def write(path, content, mode=0o600):
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_a_new_token_is_private_random_and_reads_back(tmp_path):
    first, second = make_token(tmp_path / "a"), make_token(tmp_path / "b")
    assert first != second
    assert len(first) >= 40
    assert read_token(tmp_path / "a") == first
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600


def test_a_token_file_is_private_whatever_the_umask_says(tmp_path):
    before = os.umask(0)
    try:
        make_token(tmp_path / "a")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600


def test_nothing_is_overwritten(tmp_path):
    path = write(tmp_path / "a", b"precious")
    with pytest.raises(TokenFileError, match="exists already"):
        make_token(path)
    assert path.read_bytes() == b"precious"


def test_a_token_that_cannot_be_written_says_so(tmp_path):
    with pytest.raises(TokenFileError, match="no token was written"):
        make_token(tmp_path / "none" / "a")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o666])
def test_a_file_that_others_may_use_is_refused_with_the_remedy(tmp_path, mode):
    path = write(tmp_path / "a", b"a-token-of-some-length\n", mode)
    with pytest.raises(TokenFileError, match=f"chmod 600 {path}"):
        read_token(path)


def test_a_file_of_somebody_else_is_refused(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    path = write(tmp_path / "a", b"a-token-of-some-length\n")
    os.chown(path, 4711, 4711)
    with pytest.raises(TokenFileError, match="another user"):
        read_token(path)


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"short", b"two words of a token\n", b"x" * (LONGEST + 1), b"line-one-is-long\nline-two-is-long\n",
     b"\xff" * 20, b"a-token-with\0-a-nul", "ein-schlüssel-wort".encode()],
)  # fmt: skip
def test_what_is_no_token_is_refused(tmp_path, content):
    with pytest.raises(TokenFileError, match="one word"):
        read_token(write(tmp_path / "a", content))


def test_what_is_no_file_is_refused(tmp_path):
    for path in (tmp_path / "none", tmp_path, "/dev/null"):
        with pytest.raises(DifxError, match="token file"):
            read_token(path)


@given(st.binary(max_size=40))
def test_any_content_is_a_token_or_an_error_of_its_own(tmp_path_factory, content):
    path = write(tmp_path_factory.mktemp("t") / "a", content)
    try:
        token = read_token(path)
    except TokenFileError:
        return
    assert token.encode() == content.strip()
    assert len(token) >= SHORTEST
