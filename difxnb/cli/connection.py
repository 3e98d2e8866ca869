# SPDX-License-Identifier: GPL-3.0-or-later
"""What commands that connect share: their options, and a connection that an interrupt leaves at once.

There are two: `connected` gives the correlator of notebooks with all its tables, `reached` the head node alone, which
needs neither pandas nor the second that loading it takes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar

import typer

from difxnb.errors import DifxError

if TYPE_CHECKING:
    from difxnb.client.blocking import LoopThread
    from difxnb.client.head_node import AsyncHeadNode
    from difxnb.client.session import Item, Subscriber, Tap
    from difxnb.notebook import Correlator

T = TypeVar("T")

LEAVE_S = 0.3
"""Seconds that saying goodbye may take where nothing depends on it: nothing was transferred, and no job started."""

LEAVE_GENTLY_S = 30.0
"""Seconds that it may take elsewhere: a real guiServer uses a connection after its last word on it, and dies if that
is gone. Servers of this package need none of them."""

Host: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--host",
        "-H",
        help="Where guiServer runs. Default: DIFX_CONTROL_HOST, the configuration file, localhost.",
    ),
]
Port: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--port",
        "-P",
        min=1,
        max=65535,
        help="Its TCP port. Default: DIFX_CONTROL_PORT, the configuration file, 50200.",
    ),
]
Ssh: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="GATEWAY", help="Go through this ssh gateway: user@host, host:port or its name."),
]
Timeout: TypeAlias = Annotated[
    float, typer.Option(min=0.1, metavar="SECONDS", help="Seconds that connecting may take.")
]
TokenFile: TypeAlias = Annotated[
    Path | None, typer.Option(help="File with the access token, for a server that wants one.")
]
Once: TypeAlias = Annotated[bool, typer.Option("--once", help="Show what there is once, and end.")]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON, one object on a line.")]
DryRun: TypeAlias = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be done, after looking, and do nothing.")
]


@dataclass(frozen=True)
class Address:
    """Where a server is, as a command line names it; `Verbs` makes an option of each field."""

    host: Host = None
    port: Port = None
    ssh: Ssh = None

    @property
    def is_named(self) -> bool:
        """Whether it is named at all, so that files of it are meant and not those that are here."""
        return self.host is not None or self.port is not None or self.ssh is not None


@dataclass(frozen=True)
class Server(Address):
    """How to connect to it."""

    timeout: Timeout = 10.0
    token_file: TokenFile = None


USUAL_ADDRESS, USUAL = Address(), Server()
"""What counts where nothing is named: environment, configuration file, and what is usual."""


def _ignore(item: Item, time: float) -> None:
    """Take a message and do nothing with it."""


class Reached:
    """The head node of a correlator, connected; `call` waits for what it is asked."""

    def __init__(self, node: AsyncHeadNode, loop: LoopThread) -> None:
        self.node, self._loop = node, loop

    def call(self, coroutine: Coroutine[Any, Any, T], while_waiting: Callable[[], None] | None = None) -> T:
        """Wait for what a coroutine gives; an interrupt cancels it."""
        return self._loop.call(coroutine, while_waiting=while_waiting)


@contextmanager
def reached(
    server: Server,
    *,
    subscriber: Subscriber | None = None,
    tap: Tap | None = None,
) -> Iterator[Reached]:
    """A connection without tables; it is left when a real server can bear it.

    Raises
    ------
    DifxError, ValueError
        As :func:`difxnb.connect`.
    """
    from difxnb.client.address import find_address, find_token
    from difxnb.client.blocking import LoopThread
    from difxnb.client.head_node import AsyncHeadNode

    at = find_address(server.host, server.port, ssh=server.ssh)
    token = find_token(server.token_file)
    node = AsyncHeadNode(
        at.host,
        at.port,
        ssh=at.ssh,
        timeout=server.timeout,
        subscriber=subscriber or _ignore,
        token=token,
        tap=tap,
    )
    with LoopThread() as loop:
        try:
            loop.call(node.connect())
            yield Reached(node, loop)
        finally:
            with suppress(DifxError):  # it takes longer; the end of the loop ends it
                loop.call(node.close(), timeout=LEAVE_GENTLY_S)


@contextmanager
def connected(
    server: Server,
    *,
    gently: bool = False,
) -> Iterator[Correlator]:
    """A connection; it is left within a moment whatever happens, or `gently`, when a real server can bear it.

    Raises
    ------
    DifxError
        As :func:`difxnb.connect`.
    """
    from difxnb.notebook import connect

    difx = connect(
        server.host, server.port, ssh=server.ssh, timeout=server.timeout, token_file=server.token_file
    )
    try:
        yield difx
    finally:
        try:
            if gently:
                with suppress(DifxError):
                    difx.close()
        finally:
            leaving = threading.Thread(target=difx.close, kwargs={"force": True}, daemon=True)
            leaving.start()
            leaving.join(LEAVE_S)
