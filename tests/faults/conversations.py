# SPDX-License-Identifier: GPL-3.0-or-later
"""Every conversation that a client has with guiServer, each with the proof that its answer was right."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from difxnb import aio

JOB = Path(__file__).parents[1] / "reference" / "mpifxcorr-output" / "beta_1"
CONTENT = bytes(range(1, 256)) * 5
"""Of files that are sent and fetched: more than one block of the protocol, without NUL."""


@dataclass(frozen=True)
class Conversation:
    """One verb.

    Attributes
    ----------
    hold : callable
        Has the conversation and asserts that the answer is right. Everything happens below the directory.
    prepare : callable
        Makes the directory ready.
    is_whole : callable, optional
        Asserts of the directory, after any end, that nothing is in it by halves.
    """

    hold: Callable[[aio.Correlator, Path], Awaitable[None]]
    prepare: Callable[[Path], None]
    is_whole: Callable[[Path], None] = lambda _: None


def _some_files(root: Path) -> None:
    (root / "dir").mkdir()
    (root / "empty").mkdir()
    for file in JOB.iterdir():
        if file.is_file() and file.suffix not in (".machines", ".threads"):
            shutil.copy(file, root)
    for name in ("dir/a.input", "dir/b.input", "old"):
        (root / name).write_bytes(CONTENT)


async def _ls(difx: aio.Correlator, root: Path) -> None:
    assert sorted((await difx.ls(str(root / "dir")))["name"]) == ["a.input", "b.input"]


async def _mkdir(difx: aio.Correlator, root: Path) -> None:
    await difx.mkdir(str(root / "new"))
    assert (root / "new").is_dir()


async def _rm(difx: aio.Correlator, root: Path) -> None:
    await difx.rm(str(root / "old"))
    assert not (root / "old").exists()


async def _rmdir(difx: aio.Correlator, root: Path) -> None:
    await difx.rmdir(str(root / "empty"))
    assert not (root / "empty").exists()


async def _touch(difx: aio.Correlator, root: Path) -> None:
    await difx.touch(str(root / "touched"))
    assert (root / "touched").read_bytes() == b""


async def _mv(difx: aio.Correlator, root: Path) -> None:
    await difx.mv(str(root / "old"), str(root / "moved"))
    assert (root / "moved").read_bytes() == CONTENT
    assert not (root / "old").exists()


def _old_or_moved(root: Path) -> None:
    assert (root / "old").exists() != (root / "moved").exists()


async def _cp(difx: aio.Correlator, root: Path) -> None:
    await difx.cp(str(root / "old"), str(root / "copy"))
    assert (root / "copy").read_bytes() == (root / "old").read_bytes() == CONTENT


async def _set_machines(difx: aio.Correlator, root: Path) -> None:
    job = difx.job(str(root / "beta_1.input"))
    machines = await job.set_machines(
        head_node="localhost", datastreams=["localhost"] * 3, processors={"localhost": 3}
    )
    assert machines["role"].tolist() == ["head", *["datastream"] * 3, "processor"]


async def _check(difx: aio.Correlator, root: Path) -> None:
    findings = await difx.job(str(root / "beta_1.input")).check()
    assert findings.attrs["passed"] is not None


async def _get(difx: aio.Correlator, root: Path) -> None:
    assert await difx.get_file(str(root / "old")) == CONTENT


async def _send(difx: aio.Correlator, root: Path) -> None:
    assert await difx.send_file(str(root / "old"), CONTENT[::-1]) == len(CONTENT)
    assert (root / "old").read_bytes() == CONTENT[::-1]


def _old_or_new(root: Path) -> None:
    assert (root / "old").read_bytes() in (CONTENT, CONTENT[::-1])


async def _status(difx: aio.Correlator, root: Path) -> None:
    assert list((await difx.job_status(str(root / "dir" / "*.input")))["job"]) == ["a", "b"]


CONVERSATIONS = {
    "ls": Conversation(_ls, _some_files),
    "mkdir": Conversation(_mkdir, _some_files),
    "rm": Conversation(_rm, _some_files),
    "rmdir": Conversation(_rmdir, _some_files),
    "touch": Conversation(_touch, _some_files),
    "mv": Conversation(_mv, _some_files, _old_or_moved),
    "cp": Conversation(_cp, _some_files),
    "set_machines": Conversation(_set_machines, _some_files),
    "check": Conversation(_check, _some_files),
    "get_file": Conversation(_get, _some_files),
    "send_file": Conversation(_send, _some_files, _old_or_new),
    "job_status": Conversation(_status, _some_files),
}
