# SPDX-License-Identifier: GPL-3.0-or-later
"""From an address to a session that is ready: connect, settle, greet, choose the transport, set up.

The order is that of guiserver.md 3.4. Nothing but version requests is sent before the server has answered
one, because a real server loses what comes in its first moments. From then on it handles packets strictly
in order, so the answer to a second request proves that the set-up has arrived.
"""

from __future__ import annotations

import asyncio
import random

from difxnb.client.line import open_tcp
from difxnb.client.patience import Patience, within
from difxnb.client.reach import dials_back, is_convertible
from difxnb.client.session import Session, Subscriber, Tap
from difxnb.client.settings import Settings
from difxnb.client.tunnel import Tunnel
from difxnb.errors import AccessDenied, ConnectionFailed, ConnectionLost, NoReply, NotGuiServer, ProtocolError
from difxnb.wire.control import AccessToken, ChannelsOn, encode

TRANSPORTS = ("auto", "channel", "dial-back")


async def open_session(
    host: str,
    port: int,
    *,
    transport: str,
    patience: Patience,
    subscriber: Subscriber,
    rng: random.Random,
    settings: Settings = Settings(),  # noqa: B008 - frozen
    tunnel: Tunnel | None = None,
    token: str | None = None,
    tap: Tap | None = None,
) -> Session:
    """Connect, through `tunnel` if there is one, and make the session ready for requests.

    Raises
    ------
    ConnectionFailed
        Nobody there, refused, unreachable, or the connection was closed before an answer came.
    NotGuiServer
        Whoever answers there does not speak guiServer's protocol.
    AccessDenied
        The server wants an access token, and `token` is not the one.
    NoReply
        The connection was accepted, and then silence.
    """
    line = await (tunnel.open if tunnel else open_tcp)(host, port, patience)
    peer = f"{host}:{port}" + (f" behind {tunnel.gateway}" if tunnel else "")
    session = Session(line, peer=peer, patience=patience, subscriber=subscriber, rng=rng, tap=tap)
    session.start()
    try:
        async with within(patience.connect, f"guiServer at {peer} did not get ready; try a longer timeout="):
            if token is not None:
                await session.send(encode(AccessToken(token)))
            await asyncio.sleep(patience.settle)
            await _greet(session, token)
            await _set_up(session, transport, settings, tunneled=tunnel is not None)
    except ConnectionLost as error:
        await session.close("it could not be set up")
        raise ConnectionFailed(f"{peer} answered, and then the connection ended: {error}") from error
    except BaseException:
        await session.close("it could not be set up")
        raise
    session.watch()
    return session


async def _greet(session: Session, token: str | None) -> None:
    try:
        await session.greet()
    except ConnectionLost as error:
        if session.refused:
            raise _denied(session.peer, token) from error
        if isinstance(error.__cause__, ProtocolError):
            raise NotGuiServer(
                f"{session.peer} does not speak guiServer's protocol: {error.__cause__}; is the port right?"
            ) from error
        raise ConnectionFailed(
            f"{session.peer} accepted the connection and ended it unanswered: {error}{session.said_since(0)}"
        ) from error
    except NoReply as error:
        if session.bytes_received:
            raise NotGuiServer(
                f"{session.peer} sent {session.bytes_received} bytes, and none of them answers a version "
                "request; is the port right?"
            ) from error
        raise NoReply(
            f"{session.peer} accepts connections and says nothing: {error}. It is no guiServer, or a dead "
            "one whose port is held by the programs it started; restart it, or wait until they have ended"
        ) from error


def _denied(peer: str, token: str | None) -> AccessDenied:
    what = "wants an access token, and none was sent" if token is None else "does not accept the access token"
    return AccessDenied(
        f"guiServer at {peer} {what}: ask its operator for the token, put it into a file that only you may read "
        "(mode 600), and name that file with token_file=, DIFX_CONTROL_TOKEN_FILE, or token_file in config.toml"
    )


async def _set_up(session: Session, transport: str, settings: Settings, *, tunneled: bool) -> None:
    knows_channels = session.description.knows_channels
    if (transport == "channel" or tunneled) and not knows_channels:
        way_out = "it cannot be used through ssh" if tunneled else "use transport='dial-back'"
        raise NotGuiServer(
            f"guiServer at {session.peer} ({session.description.version}) never announces channels "
            f"(packet 18); servers before April 2014 do not have them: {way_out}"
        )
    session.dial_back = transport == "dial-back" or not knows_channels
    if session.dial_back:
        _require_convertible(session)
    elif transport == "channel" or tunneled or not await dials_back(session):
        await session.send(encode(ChannelsOn()))
    await session.take_settings(settings)


def _require_convertible(session: Session) -> None:
    if not is_convertible(session):
        raise ConnectionFailed(
            f"a real guiServer cannot dial back to {session.local_address}: it fails on addresses of 15 "
            "characters and uses another client's; use transport='channel'"
        )
