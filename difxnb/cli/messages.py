# SPDX-License-Identifier: GPL-3.0-or-later
"""``difxnb messages``: what DiFX says, as it comes, or counted."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from difxnb.cli.connection import USUAL, Json, Once, Reached, Server, reached
from difxnb.cli.printed import complain, print_json, say
from difxnb.cli.program import app, told_in_a_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from difxnb.cli.message_lines import Counted, Wanted
    from difxnb.client.session import Item
    from difxnb.tables.message_rows import Row

_MOST_WAITING = 20_000
"""Messages that wait for being printed; where a pipe is not read, later ones are counted and left out."""

_GLANCE_S = 0.5


@app.command(short_help="Show messages of DiFX as they come.")
def messages(
    identifier: Annotated[
        str | None,
        typer.Option("--identifier", "-i", metavar="REGEX", help="Only jobs in whose names this is found."),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--source", "-s", metavar="REGEX", help="Only hosts in whose names this is found."),
    ] = None,
    types: Annotated[
        str | None,
        typer.Option("--types", "-t", metavar="TYPES", help="Show these types only, as alert,status,load."),
    ] = None,
    restrict: Annotated[
        str | None,
        typer.Option("--restrict", "-R", metavar="TYPES", help="Have the server send these types only."),
    ] = None,
    parsed: Annotated[
        bool, typer.Option("--parse", "-p", help="All fields of each message, in lines below it.")
    ] = False,
    raw: Annotated[bool, typer.Option("--raw", "-r", help="The XML as it came.")] = False,
    statistics: Annotated[
        bool, typer.Option("--statistics", "-S", help="Count by type instead of showing.")
    ] = False,
    save: Annotated[
        Path | None,
        typer.Option("--save", metavar="FILE", help="At the end, write all that came to a parquet file."),
    ] = None,
    listen: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="How long --once listens.")] = 12.0,
    once: Once = False,
    as_json: Json = False,
    at: Server = USUAL,
) -> None:
    """Show messages of DiFX and notices of the server as they come, until Ctrl-C. Times are UTC.

    difxnb messages -t alert,status -i exp_1

    difxnb messages --statistics --once --listen 30

    difxnb messages --json -R alert --save alerts.parquet
    """
    if raw and (parsed or as_json or statistics):
        raise typer.BadParameter("--raw shows what came; --parse, --json and --statistics do not fit it")
    from difxnb.cli.message_lines import Wanted, split_types

    with told_in_a_line():
        if save is not None:
            _require_room(save)
        follower = _Follower(Wanted.parse(types, identifier, source))
        chosen = split_types(restrict)
        follower.heard.hide_others(chosen)
        with reached(
            at, subscriber=follower.hear, tap=follower.tap
        ) as there, _kept(follower, save):  # fmt: skip
            follower.there = there
            if chosen is not None:
                there.call(follower.heard.select(chosen))
            end = time.monotonic() + listen if once else None
            if statistics:
                _count(follower, end, as_json=as_json)
            else:
                _show(follower, end, _printer(raw=raw, parsed=parsed, as_json=as_json))


class _Follower:
    """Hears on the connection's thread, for a reader on another."""

    def __init__(self, wanted: Wanted) -> None:
        from difxnb.aio.messages import Messages

        self.heard, self._wanted = Messages(self._choose), wanted
        self.heard.subscribe(self._take)
        self.there: Reached | None = None
        self._waiting: queue.Queue[tuple[Row, bytes]] = queue.Queue(_MOST_WAITING)
        self.left_out = 0
        self._time, self._datagram = 0.0, b""

    def tap(self, datagram: bytes, time: float) -> None:
        """Keep how the next message came."""
        self._datagram = datagram

    def hear(self, item: Item, time: float) -> None:
        """Take in a message."""
        self._time = time
        self.heard.add(item, time)
        self._datagram = b""

    def next(self, timeout: float) -> tuple[Row, bytes] | None:
        """The next message to show; None where none comes in so many seconds."""
        with suppress(queue.Empty):
            return self._waiting.get(timeout=timeout)
        return None

    def _take(self, item: Item) -> None:
        from difxnb.tables.message_rows import make_row

        row = make_row(item, self._time)
        if self._wanted.fits(row):
            try:
                self._waiting.put_nowait((row, self._datagram))
            except queue.Full:
                self.left_out += 1

    async def _choose(self, lines: tuple[str, ...]) -> None:
        if self.there is not None:
            await self.there.node.select_messages(lines)


def _require_room(path: Path) -> None:
    """Refuse before hours of listening what could not be written after them."""
    from difxnb.errors import OutputExists

    if path.exists():
        raise OutputExists(f"{path} is there already; it would not be replaced")
    if not path.absolute().parent.is_dir():
        raise FileNotFoundError(f"there is no directory {path.absolute().parent}")


@contextmanager
def _kept(follower: _Follower, path: Path | None) -> Iterator[None]:
    """At the end, also after Ctrl-C, write what was heard."""
    try:
        yield
    finally:
        if follower.left_out:
            complain(f"{follower.left_out} messages came faster than they could be shown, and were left out")
        if path is not None:
            follower.heard.save(path)


def _printer(*, raw: bool, parsed: bool, as_json: bool) -> Callable[[Row, bytes], None]:
    from difxnb.cli.message_lines import data_of, line_of, lines_of_fields

    def show(row: Row, datagram: bytes) -> None:
        if raw:
            say(datagram.decode("utf-8", "replace").strip() if datagram else line_of(row))
        elif as_json:
            print_json(data_of(row))
        else:
            say("\n".join(lines_of_fields(row)) if parsed else line_of(row))

    return show


def _show(follower: _Follower, end: float | None, show: Callable[[Row, bytes], None]) -> None:
    while end is None or time.monotonic() < end:
        left = _GLANCE_S if end is None else min(_GLANCE_S, max(0.0, end - time.monotonic()))
        if (one := follower.next(left)) is not None:
            show(*one)


def _count(follower: _Follower, end: float | None, *, as_json: bool) -> None:
    from difxnb.cli.live import Printer, follow

    once = end is not None
    if end is not None:
        time.sleep(max(0.0, end - time.monotonic()))
    with Printer(as_json=as_json, once=once) as printer:
        if once:
            printer.show(_counted(follower))
        else:
            follow(printer, lambda: _counted(follower))


def _counted(follower: _Follower) -> Counted:
    from difxnb.cli.message_lines import Counted

    return Counted(follower.heard.statistics())
