# SPDX-License-Identifier: GPL-3.0-or-later
"""One session with a monitored job, recorded, and what it showed while it was live."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import xarray as xr

from difxnb import aio
from difxnb.recording import Recording, open_recording
from difxnb.synthetic import make_experiment, small_experiment
from difxnb.wire.job import JobOutcome
from tests.client.conftest import pytest_pyfunc_call
from tests.client.peers import own_server

__all__ = ["pytest_pyfunc_call"]


@dataclass
class Live:
    """What a session showed, and where it was recorded."""

    path: Path
    root: Path
    messages: pd.DataFrame
    senders: pd.DataFrame
    jobs: pd.DataFrame
    job_events: pd.DataFrame
    weights: xr.DataArray
    dataset: xr.Dataset
    products: pd.DataFrame
    available: pd.DataFrame
    scans: pd.DataFrame
    fringes: pd.DataFrame
    monitor_events: pd.DataFrame
    run_events: pd.DataFrame
    evidence: str
    nodes: pd.DataFrame
    recorders: pd.DataFrame
    alerts: pd.DataFrame
    server: Any


async def _live(folder: Path) -> Live:
    root = folder / "exp"
    root.mkdir()
    make_experiment(root, experiment=small_experiment(scan_seconds=1))
    path = folder / "session.dxr"
    async with own_server(root) as server, aio.connect("127.0.0.1", server.port) as difx, difx.record(path):
        run = await difx.job(str(root / "demo_1.input")).start(monitor=True)
        assert await run.wait(60) is JobOutcome.DONE
        monitor = run.monitor
        assert monitor is not None
        async with asyncio.timeout(30):
            while monitor.version < 2 * len(monitor.products):  # every spectrum of both integrations
                await difx.head_node.fence()
                await asyncio.sleep(0.02)
        return Live(
            path,
            root,
            difx.messages.frame(),
            difx.messages.statistics("sender", now=0.0),
            difx.jobs._table.frame(0.0),
            difx.jobs.events("demo_1"),
            run.weights,
            monitor.dataset,
            monitor.products,
            monitor.available,
            monitor.scans,
            monitor.fringes,
            monitor.events,
            run.events,
            run.outcome_evidence,
            difx.nodes.frame(0.0),
            difx.recorders.frame(0.0),
            difx.alerts.frame(),
            difx.server,
        )


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Live:
    return asyncio.run(_live(tmp_path_factory.mktemp("live").resolve()))


@pytest.fixture
def recording(live: Live) -> Recording:
    return open_recording(live.path)
