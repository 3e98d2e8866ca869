# SPDX-License-Identifier: GPL-3.0-or-later
"""A job that ends badly is really made again without the station that gave no data, and then correlates."""

from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from difxnb import aio
from difxnb.formats.input import read_input
from difxnb.formats.machines import read_machines
from difxnb.geometry import delay_model
from difxnb.queue import QueueState, RetryPolicy
from difxnb.server.running_jobs import embedded_correlator
from difxnb.server.start_plan import Launch
from difxnb.synthetic import small_experiment
from difxnb.synthetic.job_files import job_calc
from difxnb.synthetic.observing_files import write_observing_files
from difxnb.synthetic.voltages import write_recordings
from difxnb.visibility import open_visibilities
from tests.client.peers import own_server, patience_for

EXPERIMENT = small_experiment(scan_seconds=1)
FEW_FRAMES = 40 * 544


def ends_badly(launch: Launch, root: Path) -> list[str]:
    """The correlator of the server; the first job is correlated, and then ends with an error."""
    command = embedded_correlator(launch, root)
    if launch.input_file.stem != EXPERIMENT.job_name:
        return command
    return ["sh", "-c", f"{shlex.join(command)}; echo ERROR: no room on the disk >&2; exit 3"]


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the stations recorded; the last one next to nothing."""
    root = tmp_path_factory.mktemp("recordings")
    write_recordings(EXPERIMENT, delay_model(job_calc(EXPERIMENT, root)), root)
    for recording in root.glob("CE_*.vdif"):
        recording.write_bytes(recording.read_bytes()[:FEW_FRAMES])
    return root


def put_experiment(recordings: Path, root: Path) -> None:
    """An experiment whose ``.v2d`` names no machines, with links to what was recorded."""
    write_observing_files(EXPERIMENT, root)
    orders = root / f"{EXPERIMENT.name}.v2d"
    lines = orders.read_text().splitlines(keepends=True)
    orders.write_text("".join(line for line in lines if not line.startswith("machines")))
    for recording in recordings.glob("*.vdif"):
        os.link(recording, root / recording.name)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("placed", "quirks", "again"), [("files", "2.9", 1), ("entry", None, 0)], ids=["files", "entry"]
)
async def test_a_job_is_made_again_of_its_v2d_and_correlates(
    tmp_path: Path, recordings: Path, placed: str, quirks: str | None, again: int
) -> None:
    root = tmp_path.resolve()
    put_experiment(recordings, root)
    machines: Mapping[str, Any] = {
        "head_node": "localhost",
        "datastreams": ["localhost"] * 3,
        "processors": {"localhost": 2},
    }
    async with (
        own_server(root, quirks, correlator=ends_badly) as server,
        aio.connect("127.0.0.1", server.port, patience=patience_for(quirks)) as difx,
    ):
        made = await difx.make_jobs(f"{root}/{EXPERIMENT.name}.v2d", calc="difxcalc")
        (first,) = made["input"]
        if placed == "files":
            await difx.job(first).set_machines(**machines)
        await difx.queue.keep(root / "queue.sqlite")
        await difx.queue.add(
            first,
            machines=machines if placed == "entry" else None,
            policy=RetryPolicy(again=again, wait=0.0),
            session="i26327",
        )
        async with asyncio.timeout(100):  # three jobs are correlated, and one is made
            while not (
                difx.queue.paused or difx.queue.rows[-1].state in (QueueState.DONE, QueueState.REFUSED)
            ):
                await asyncio.sleep(0.1)
        rows, paused = difx.queue.rows, difx.queue.why_paused
    assert [row.job for row in rows] == [EXPERIMENT.job_name, f"{EXPERIMENT.name}-2_1"], rows
    assert [str(row.state) for row in rows] == ["failed", "done"], rows
    assert [row.tries for row in rows] == [1 + again, 1]
    assert not paused
    assert "made again without CE" in rows[0].why
    second = rows[1].input_file
    assert [one.name for one in read_input(second).telescopes] == ["AL", "BO"]
    assert len(read_machines(Path(second).with_suffix(".machines"))) == 1 + 2 + 1
    table = open_visibilities(Path(second).with_suffix(".difx"))
    assert set(table["antenna1_name"].values) | set(table["antenna2_name"].values) == {"AL", "BO"}
    outputs = [f"{EXPERIMENT.job_name}.difx", f"{EXPERIMENT.job_name}.difx.1"]
    assert [(root / name).is_dir() for name in outputs] == [True, bool(again)]
