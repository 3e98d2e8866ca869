# SPDX-License-Identifier: GPL-3.0-or-later
"""Files between here and the server: ``get send``. They arrive whole or not at all."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any, Never, Protocol, TypeVar

import typer

from difxnb.cli.connection import USUAL, DryRun, Json, Reached, Server, reached
from difxnb.cli.files import tell
from difxnb.cli.printed import complain
from difxnb.cli.program import app, in_shell_words, told_in_a_line

if TYPE_CHECKING:
    from tqdm import tqdm

T_co = TypeVar("T_co", covariant=True)

_PATIENCE_S = 1.0
"""What takes less than this shows no bar."""


Recursive = Annotated[
    bool, typer.Option("--recursive", "-r", help="Directories too, with all that is in them.")
]
Checksum = Annotated[bool, typer.Option("--checksum", help="Transfer everything a second time, and compare.")]


@app.command(short_help="Fetch files from the server.")
def get(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH", help="Files, directories or patterns on the server.")
    ],
    to: Annotated[
        str, typer.Option("--to", metavar="LOCAL", help="The file to make, or a directory; - prints it.")
    ] = ".",
    recursive: Recursive = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are here.")] = False,
    checksum: Checksum = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    at: Server = USUAL,
) -> None:
    """Fetch files, what patterns match, or with -r whole directories; whole or not at all.

    difxnb get /data/exp/exp_1.input

    difxnb get '/data/exp/*.input' --to jobs

    difxnb get /data/exp/exp_1.difxlog --to - | less
    """
    if to == "-" and (len(paths) > 1 or recursive or as_json):
        raise typer.BadParameter("--to - prints one file, and nothing else", param_hint="--to")
    if len(paths) > 1 and not Path(to).is_dir():
        raise typer.BadParameter(f"several files need a directory; {to} is none", param_hint="--to")
    with told_in_a_line(), reached(at) as there:
        for path in paths:
            if to == "-" and not dry_run:
                _print_file(there, path, checksum=checksum)
            elif dry_run:
                _show_download(
                    there, path, Path(to), recursive=recursive, overwrite=overwrite, as_json=as_json
                )
            else:
                fetching = partial(
                    there.node.download,
                    path,
                    Path(to),
                    recursive=recursive,
                    overwrite=overwrite,
                    checksum=checksum,
                )
                made, left_out = _with_bar(there, path, fetching)
                _tell_left_out(left_out)
                tell("get", path, str(made), dry_run=False, as_json=as_json)


@app.command(short_help="Send a file to the server.")
def send(
    local: Annotated[
        str, typer.Argument(metavar="LOCAL", help="A file, a directory or a pattern; - is standard input.")
    ],
    path: Annotated[
        str, typer.Argument(metavar="PATH", help="The name to give on the server, or a directory there.")
    ],
    recursive: Recursive = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files on the server.")] = False,
    checksum: Checksum = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    at: Server = USUAL,
) -> None:
    """Send a file, what a pattern matches, or with -r whole directories; whole or not at all.

    difxnb send exp_1.v2d /data/exp

    date | difxnb send - /data/exp/note --overwrite
    """
    with told_in_a_line(), reached(at) as there:
        if local == "-":
            _send_input(there, path, overwrite=overwrite, checksum=checksum, dry_run=dry_run)
        elif dry_run:
            _show_upload(there, local, path, recursive=recursive, overwrite=overwrite, as_json=as_json)
            return
        else:
            sending = partial(
                there.node.upload, local, path, recursive=recursive, overwrite=overwrite, checksum=checksum
            )
            _, left_out = _with_bar(there, local, sending)
            _tell_left_out(left_out)
        tell("send", local, path, dry_run=dry_run, as_json=as_json)


def _print_file(there: Reached, path: str, *, checksum: bool) -> None:
    content = there.call(there.node.get_file(path, checksum=checksum))
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def _send_input(there: Reached, path: str, *, overwrite: bool, checksum: bool, dry_run: bool) -> None:
    """Send what comes on standard input, to the name of a file."""
    from difxnb.client.remote_files import look_through
    from difxnb.errors import RemoteFileExists

    found = there.call(there.node.ask(f"send {path}", lambda session: look_through(session, path)))
    if found is not None and (found.type == "directory" or not overwrite):
        hint = "" if found.type == "directory" else "; --overwrite replaces it"
        raise RemoteFileExists(f"send - {path}: a {found.type} of that name is there{hint}")
    if not dry_run:
        there.call(there.node.send_file(path, sys.stdin.buffer.read(), checksum=checksum))


def _show_download(
    there: Reached, path: str, local: Path, *, recursive: bool, overwrite: bool, as_json: bool
) -> None:
    from difxnb.client.trees import planned_download

    plan = there.call(
        there.node.ask(
            f"get {path}",
            lambda session: planned_download(
                session, path, local, recursive=recursive, fetched=set(), overwrite=overwrite
            ),
        )
    )
    for name, (target, _) in plan.files.items():
        tell("get", name, str(target), dry_run=True, as_json=as_json)
    _tell_left_out(plan.left_out)


def _show_upload(
    there: Reached, local: str, path: str, *, recursive: bool, overwrite: bool, as_json: bool
) -> None:
    from difxnb.client.local_trees import planned_upload

    plan = there.call(
        there.node.ask(
            f"send {local}",
            lambda session: planned_upload(session, local, path, recursive=recursive, overwrite=overwrite),
        )
    )
    for target, (name, _) in plan.files.items():
        tell("send", str(name), target, dry_run=True, as_json=as_json)
    _tell_left_out(plan.left_out)


def _tell_left_out(left_out: list[str]) -> None:
    for one in left_out:
        complain(f"left out: {in_shell_words(one)}")


class _Bar:
    """A bar on standard error, where that is a terminal, once a transfer has lasted a second."""

    def __init__(self, title: str) -> None:
        self._title, self._began = title, monotonic()
        self._latest: tuple[int, int] | None = None
        self._bar: tqdm[Never] | None = None

    def hear(self, done: int, total: int) -> None:
        """Keep the latest numbers; this is the connection's thread."""
        self._latest = done, total

    def draw(self) -> None:
        """Draw the latest numbers."""
        if self._latest is None or (self._bar is None and monotonic() - self._began < _PATIENCE_S):
            return
        done, total = self._latest
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(total=total, desc=self._title, unit="B", unit_scale=True, disable=None)
        self._bar.total = total
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self.draw()
            self._bar.close()


class _Transfer(Protocol[T_co]):
    """A verb of the head node that tells of its progress."""

    def __call__(self, *, progress: Callable[[int, int], None]) -> Coroutine[Any, Any, T_co]:
        """Begin."""


def _with_bar(there: Reached, title: str, transfer: _Transfer[T_co]) -> T_co:
    """Wait for a transfer; one that lasts shows a bar on a terminal."""
    bar = _Bar(title)
    try:
        return there.call(transfer(progress=bar.hear), while_waiting=bar.draw)
    finally:
        bar.close()
