# SPDX-License-Identifier: GPL-3.0-or-later
"""Plots of what a real monitor received, while it is open and after."""

from __future__ import annotations

import asyncio

import numpy as np

from difxnb import aio
from difxnb.plots import Artists
from difxnb.synthetic import make_experiment, small_experiment
from tests.client.peers import own_server


def test_a_monitor_draws_what_it_received(tmp_path):
    """Weights are not known of live data, and that is said."""
    asyncio.run(_watch(tmp_path))


async def _watch(tmp_path):
    make_experiment(tmp_path, experiment=small_experiment(scan_seconds=1))
    async with own_server(tmp_path) as server, aio.connect("127.0.0.1", server.port) as difx:
        run = await difx.job(str(tmp_path.resolve() / "demo_1.input")).start(monitor=True)
        await run.wait(60)
        monitor = run.monitor
        async with asyncio.timeout(30):
            while monitor.version < 2 * len(monitor.products):  # every spectrum of both integrations
                await difx.head_node.fence()
        drawn = {
            kind: monitor.plot(kind)
            for kind in ("spectra", "phase", "waterfall", "fringe_history", "snr_matrix")
        }
        cross = monitor.dataset.difx.cross()
        pair = str(cross["baseline"].values[0])
        held = cross["VISIBILITY"].difx.parallel().isel(baseline=0, band=0, polarization=0)
        weights = monitor.plot("weights")
    assert all(isinstance(one, Artists) and len(one) for one in drawn.values())
    held = held[held["scan_name"].values == held["scan_name"].values[-1]]
    mesh = drawn["waterfall"][0]
    shown = np.ma.masked_array(mesh.get_array()).filled(np.nan)
    assert shown.shape == held.shape
    assert np.isfinite(shown).all()
    assert [text.get_text() for text in weights.axes.texts if text.get_text() == "no data"] == ["no data"]
    assert monitor.plot("phase", baselines=[pair])._repr_png_().startswith(b"\x89PNG")
