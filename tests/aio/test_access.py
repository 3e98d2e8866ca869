# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that wants a token, or is open for reading only, as a user meets it: in process and as a program."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

import difxnb
from difxnb import aio
from difxnb.client.address import find_token
from difxnb.errors import AccessDenied, ConnectionFailed, ServerNotStarted, TokenFileError
from difxnb.formats.token_file import make_token
from difxnb.server.access import Limits
from difxnb.server.child import ServerProcess
from tests.client.peers import ROBUST
from tests.server.peers import serving

NONE = Path("/nonexistent/config.toml")


@pytest.fixture(autouse=True)
def no_token_of_the_user(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DIFX_CONTROL_TOKEN_FILE", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    make_token(tmp_path / "token")
    return tmp_path / "token"


# --- where the token comes from -------------------------------------------------------------------------


def test_without_a_word_of_one_there_is_no_token() -> None:
    assert find_token(environment={}, config_file=NONE) is None
    assert find_token(environment={"DIFX_CONTROL_TOKEN_FILE": ""}, config_file=NONE) is None


def test_argument_then_environment_then_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = {name: make_token(tmp_path / name) for name in ("argument", "environment", "file")}
    config = tmp_path / "config.toml"
    config.write_text('token_file = "~/file"\n')
    monkeypatch.setenv("HOME", str(tmp_path))
    variables = {"DIFX_CONTROL_TOKEN_FILE": str(tmp_path / "environment")}
    assert find_token(tmp_path / "argument", variables, config) == tokens["argument"]
    assert find_token(None, variables, config) == tokens["environment"]
    assert find_token(None, {}, config) == tokens["file"]


def test_a_named_file_must_hold_one(tmp_path: Path) -> None:
    with pytest.raises(TokenFileError, match="none"):
        aio.connect("127.0.0.1", 1, token_file=tmp_path / "none")


# --- the server in process --------------------------------------------------------------------------------


async def test_with_the_token_everything_works(tmp_path: Path, token_file: Path) -> None:
    async with serving(tmp_path, token=token_file.read_text().strip()) as server:
        async with aio.connect("127.0.0.1", server.port, token_file=token_file) as difx:
            assert (await difx.ls(f"{tmp_path}/token"))["name"].tolist() == ["token"]
            await difx.reconnect()
            assert not difx.server.is_read_only
            assert not (await difx.ls(str(tmp_path))).empty
        assert server.keeper.refused == {}


@pytest.mark.parametrize("quirks", [None, "2.9"])
async def test_without_it_the_error_says_what_to_do(
    tmp_path: Path, token_file: Path, quirks: str | None
) -> None:
    async with serving(tmp_path, token=token_file.read_text().strip(), quirks=quirks) as server:
        with pytest.raises(AccessDenied, match="none was sent") as refused:
            await aio.connect("127.0.0.1", server.port)
        for advice in (
            f"127.0.0.1:{server.port}",
            "operator",
            "token_file=",
            "DIFX_CONTROL_TOKEN_FILE",
            "mode 600",
        ):
            assert advice in str(refused.value)
        assert isinstance(refused.value, PermissionError)


async def test_with_a_wrong_one_it_says_so_and_shows_neither(tmp_path: Path, token_file: Path) -> None:
    right = make_token(tmp_path / "right")
    async with serving(tmp_path, token=right) as server:
        connecting = aio.connect("127.0.0.1", server.port, token_file=token_file)
        with pytest.raises(AccessDenied, match="does not accept") as refused:
            await connecting
        for secret in (right, token_file.read_text().strip()):
            assert secret not in str(refused.value) + repr(connecting) + repr(server.keeper.refused)


async def test_a_token_for_somebody_who_wants_none_does_no_harm(tmp_path: Path, token_file: Path) -> None:
    for quirks in (None, "2.9"):
        async with (
            serving(tmp_path, quirks=quirks) as server,
            aio.connect("127.0.0.1", server.port, token_file=token_file) as difx,
        ):
            assert not (await difx.ls(str(tmp_path))).empty
            assert difx.messages.frame(type="notice").empty


async def test_a_full_server_says_that_it_is_full(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, limits=Limits(clients=1)) as server,
        aio.connect("127.0.0.1", server.port),
    ):
        with pytest.raises(ConnectionFailed, match="too many clients"):
            await aio.connect("127.0.0.1", server.port)


CHANGES: dict[str, Callable[[aio.Correlator, Path], Awaitable[object]]] = {
    "mkdir": lambda difx, root: difx.mkdir(f"{root}/new"),
    "rm": lambda difx, root: difx.rm(f"{root}/token"),
    "send_file": lambda difx, root: difx.send_file(f"{root}/token", b"x"),
    "stop": lambda difx, root: difx.job(str(root / "e_1.input")).stop(),
}


@pytest.mark.parametrize("verb", CHANGES)
async def test_read_only_is_known_before_anything_is_sent(
    tmp_path: Path, token_file: Path, verb: str
) -> None:
    before = token_file.read_bytes()
    async with (
        serving(tmp_path, read_only=True) as server,
        aio.connect("127.0.0.1", server.port) as difx,
    ):
        assert difx.server.is_read_only
        assert "open for reading only" in repr(difx.server)
        with pytest.raises(AccessDenied, match="open for reading only"):
            await CHANGES[verb](difx, tmp_path)
        assert await difx.get_file(str(token_file)) == before
        assert (await difx.ls(str(tmp_path)))["name"].tolist() == ["token"]
        assert difx.messages.frame(type="notice").empty  # nothing was even asked for
    assert token_file.read_bytes() == before


async def test_read_only_holds_against_clients_that_do_not_know_of_it(tmp_path: Path) -> None:
    """Disguised as a real server it shows no variable: the request is refused, and the client says why it failed."""
    async with (
        serving(tmp_path, read_only=True, quirks="real-name") as server,
        aio.connect("127.0.0.1", server.port, patience=ROBUST) as difx,
    ):
        assert not difx.server.is_read_only
        with pytest.raises(difxnb.DifxError, match="open for reading only"):
            await difx.mkdir(f"{tmp_path}/new")
    assert not (tmp_path / "new").exists()


# --- the server as a program --------------------------------------------------------------------------------


def test_a_program_beyond_loopback_takes_a_token_file(tmp_path: Path, token_file: Path) -> None:
    with pytest.raises(ServerNotStarted, match="token"):
        ServerProcess(tmp_path, options=("--listen", "0.0.0.0"))
    server = ServerProcess(tmp_path, options=("--listen", "0.0.0.0", "--token-file", str(token_file)))
    try:
        with difxnb.connect("127.0.0.1", server.port, token_file=token_file) as difx:
            assert difx.ls(str(tmp_path))["name"].tolist() == ["token"]
        with pytest.raises(AccessDenied, match="none was sent"):
            difxnb.connect("127.0.0.1", server.port)
    finally:
        server.close()


def test_a_program_does_not_take_a_token_that_others_may_read(tmp_path: Path, token_file: Path) -> None:
    token_file.chmod(0o644)
    with pytest.raises(ServerNotStarted, match="chmod 600"):
        ServerProcess(tmp_path, options=("--token-file", str(token_file)))


def test_a_program_takes_limits_and_may_be_for_reading_only(
    tmp_path: Path, token_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--read-only", "--max-clients", "1", "--max-packet", "65536", "--token-file", str(token_file))
    monkeypatch.setenv("DIFX_CONTROL_TOKEN_FILE", str(token_file))
    server = ServerProcess(tmp_path, options=options)
    try:
        with difxnb.connect("127.0.0.1", server.port) as difx:
            with pytest.raises(AccessDenied, match="reading only"):
                difx.mkdir(tmp_path / "new")
            with pytest.raises(ConnectionFailed, match="too many clients"):
                difxnb.connect("127.0.0.1", server.port)
            assert difx.ls(str(tmp_path))["name"].tolist() == ["token"]
    finally:
        server.close()


async def test_what_was_refused_is_counted_and_logged(
    tmp_path: Path, token_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(tmp_path, token=token_file.read_text().strip()) as server:
        for _ in range(2):
            with pytest.raises(AccessDenied):
                await aio.connect("127.0.0.1", server.port)
        assert sum(server.keeper.refused.values()) == 2
    assert [record.getMessage() for record in caplog.records if "refused" in record.getMessage()] == [
        f"a client at 127.0.0.1 was refused: no access token was sent before anything else ({n} so far)"
        for n in (1, 2)
    ]
