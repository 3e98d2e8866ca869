# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs with fringes that were put in, what live monitors of them must hold, and a gate to stop jobs at meanwhile."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from difxnb import aio
from difxnb.first_light import compare, correlated_dataset
from difxnb.server.gui_server import GuiServer
from difxnb.server.running_jobs import embedded_correlator
from difxnb.server.start_plan import Launch
from difxnb.synthetic import make_experiment, read_truth, small_experiment
from tests.client.peers import patience_for

SCANS = ["No0001", "No0002"]
PASSING = 4
"""Integrations that a gate lets through."""

PATIENT = "2.9,-data-timeout"
"""A server with all faults but one: what comes after it gave up waiting and before it is asked again, nobody gets.

Where every integration is counted a busy machine, on which one comes a second late, would lose some.
"""


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two scans of a second, three stations, two bands, four products; what comes out is known."""
    folder = tmp_path_factory.mktemp("demo")
    make_experiment(folder, experiment=small_experiment(scan_seconds=1))
    return folder


def put_demo(demo: Path, root: Path, int_time: float) -> Path:
    """Give a test its own copy, with another integration time; recordings are shared."""
    for file in demo.iterdir():
        if file.suffix == ".vdif":
            os.link(file, root / file.name)
        elif file.suffix in (".input", ".calc"):
            text = file.read_text().replace(str(demo), str(root))
            key = "INT TIME (SEC):     "
            assert file.suffix == ".calc" or f"{key}1.000000" in text
            (root / file.name).write_text(text.replace(f"{key}1.000000", f"{key}{int_time:.6f}"))
        elif file.is_file():
            shutil.copy(file, root)
    return root / "demo_1.input"


def truth_of(demo: Path) -> pd.DataFrame:
    """Expected fringes, as `DemoCorrelator.truth` gives them."""
    truth = pd.DataFrame([asdict(fringe) for fringe in read_truth(demo).fringes])
    truth["baseline"] = truth["antenna1"] + "-" + truth["antenna2"]
    return truth.rename(columns={"delay_s": "delay"})


def require_fringes(fringes: pd.DataFrame, truth: pd.DataFrame, query: str) -> None:
    """All strong fringes of a part of the truth were measured, with the right sign, within their errors."""
    both = compare(fringes, truth.query(query))
    strong = both[both["strong"]]
    assert len(strong)
    assert strong["found"].all(), strong.to_string()


def require_truth(live: xr.Dataset, job: Path) -> None:
    """What is there is what the correlator wrote, at its time and under its name."""
    file = correlated_dataset(job).transpose(*live["VISIBILITY"].dims, "uvw")
    assert len(np.unique(live["time"])) == live.sizes["time"]
    assert set(live["time"].values) <= set(file["time"].values)
    for name in ("time", "baseline", "band", "polarization"):
        file = file.sel({name: live[name].values})
    for name in ("scan_name", "field_name", "frequency", "antenna1_name", "antenna2_name"):
        np.testing.assert_array_equal(live[name].values, file[name].values, err_msg=name)
    there = np.isfinite(live["VISIBILITY"].values)
    assert there.any()
    expected = np.where(file["WEIGHT"].values[..., None] > 0, file["VISIBILITY"].values, 0)
    np.testing.assert_allclose(live["VISIBILITY"].values[there], expected[there], rtol=1e-5, atol=1e-5)


@asynccontextmanager
async def correlator(
    server: GuiServer, quirks: str | None, **options: object
) -> AsyncIterator[aio.Correlator]:
    async with aio.connect("127.0.0.1", server.port, **{"patience": patience_for(quirks), **options}) as difx:
        yield difx


async def until(difx: aio.Correlator, found: Callable[[], bool]) -> None:
    """Wait for what a monitor has got, and leave the processor to the job meanwhile."""
    async with asyncio.timeout(60):
        while not found():
            await difx.head_node.fence()
            await asyncio.sleep(0.02)


def integrations(monitor: aio.Monitor) -> int:
    return len(monitor._known)


def requests_taken(monitor: aio.Monitor) -> int:
    """How often the server said that it will send what was asked for; what comes before is for nobody."""
    return sum("products will be sent" in text for text in monitor.texts)


class Gate:
    """Holds a job up behind its first integrations until it is opened, whatever the pace of the machine.

    To stop the correlator when a client has seen some of them is too late on a busy machine.
    """

    def __init__(self, pipe: Path, stream: BinaryIO) -> None:
        self._pipe, self._stream = pipe, stream

    def correlator(self, launch: Launch, root: Path) -> list[str]:
        """The server's correlator behind the gate."""
        script = str(Path(__file__).with_name("gated_correlator.py"))
        return [sys.executable, script, str(PASSING), str(self._pipe), *embedded_correlator(launch, root)]

    def open(self) -> None:
        """Let the rest through."""
        self._stream.write(b"!")


@pytest.fixture
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    pipe = tmp_path_factory.mktemp("gate") / "pipe"
    os.mkfifo(pipe)
    with open(pipe, "r+b", buffering=0) as stream:
        yield Gate(pipe, stream)
