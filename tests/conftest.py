# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the whole suite: reference data, and the check that nothing is left running."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

REFERENCE = Path(__file__).parent / "reference"
# No test may fail because the machine is busy.
hypothesis.settings.register_profile("difxnb", deadline=None)
hypothesis.settings.load_profile("difxnb")

_LASTING_THREADS = ("asyncio_", "ThreadPoolExecutor-", "Dask", "IPython", "tqdm", "hypothesis")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--every-byte", action="store_true", help="break conversations at every byte, which takes minutes"
    )
    parser.addoption(
        "--every-kernel", action="store_true", help="end and interrupt kernels of every pinned version"
    )


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of public reference files beside the checkout; its tests are skipped where it is absent."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not (folder / "data").is_dir():
        pytest.skip("public reference files (../shared) are not here; they may not be committed")
    return folder


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two jobs to run, ``short`` and ``long``; tests take copies with `jobs_to_run.put`."""
    from tests.jobs_to_run import write_jobs

    folder = tmp_path_factory.mktemp("made")
    write_jobs(folder)
    return folder


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with files that take long: one that begins last keeps one core busy while the others are idle."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_collection_finish() -> None:
    """Hide what exists by now from the collector: collecting after each test then costs 1 ms, not 40."""
    gc.collect()
    gc.freeze()


def _open_sockets() -> set[str]:
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{name}")
        except FileNotFoundError:  # the descriptor of this very listing
            continue
        if target.startswith("socket:"):
            found.add(target)
    return found


@pytest.fixture(scope="session")
def zarr_awake() -> None:
    """Let zarr start the thread that it keeps, with its sockets, before tests are watched for what they leave."""
    zarr = pytest.importorskip("zarr")
    zarr.group(store=zarr.storage.MemoryStore())


@pytest.fixture
def without_threads() -> Iterator[None]:
    """Let dask compute in this thread: the arrays of tests are tiny, and its schedulers take seconds to load."""
    dask = pytest.importorskip("dask")
    with dask.config.set(scheduler="synchronous"):
        yield


@pytest.fixture(autouse=True)
def nothing_left_running() -> Iterator[None]:
    """Fail a test that leaves a thread or a socket behind."""
    threads = set(threading.enumerate())
    sockets = _open_sockets() if os.path.isdir("/proc/self/fd") else set()
    yield
    gc.collect()
    gc.freeze()  # what survived need not be looked at again, or later tests pay for earlier ones
    for thread in set(threading.enumerate()) - threads:
        if not thread.name.startswith(_LASTING_THREADS):
            thread.join(timeout=5.0)
    left = [t.name for t in set(threading.enumerate()) - threads if not t.name.startswith(_LASTING_THREADS)]
    assert not left, f"threads left running: {left}"
    if sockets or os.path.isdir("/proc/self/fd"):
        assert not _open_sockets() - sockets, "sockets left open"
