# SPDX-License-Identifier: GPL-3.0-or-later
"""From schedule to fringes: jobs that our server makes, correlated by it, show what was put into the recordings."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from difxnb import aio
from difxnb.geometry import delay_model
from difxnb.synthetic import small_experiment
from difxnb.synthetic.job_files import job_calc
from difxnb.synthetic.observing_files import write_observing_files
from difxnb.synthetic.truth import expected_fringes
from difxnb.synthetic.voltages import write_recordings
from difxnb.visibility import fringe_fit, open_visibilities
from tests.client.peers import own_server


@pytest.mark.slow
def test_jobs_made_here_correlate_with_fringes(tmp_path: Path) -> None:
    """The recordings follow the full delay model; what is left are the clocks that the job does not know."""
    root = tmp_path.resolve()
    experiment = small_experiment()
    write_observing_files(experiment, root)
    write_recordings(experiment, delay_model(job_calc(experiment, root)), root)

    async def main() -> None:
        async with own_server(root) as server, aio.connect("127.0.0.1", server.port) as difx:
            made = await difx.make_jobs(f"{root}/{experiment.name}.v2d", calc="difxcalc")
            assert made["job"].tolist() == [experiment.job_name]
            assert made["model"].tolist() == [f"{root}/{experiment.job_name}.im"]
            run = await difx.job(made["input"][0]).start()
            assert await run.wait(timeout=60) == "done"

    asyncio.run(main())
    table = fringe_fit(open_visibilities(root / f"{experiment.job_name}.difx").load())
    found = {
        (one["antenna1_name"], one["antenna2_name"], one["scan"], one["band"], one["polarization"]): one
        for one in table.to_dict("records")
    }
    strong = [fringe for fringe in expected_fringes(experiment) if fringe.strong]
    assert len(strong) == 32
    for true in strong:
        seen = found[true.antenna1, true.antenna2, true.scan, true.band, true.polarization]
        assert seen["snr"] > true.snr / 2
        assert seen["delay"] == pytest.approx(true.delay_s, abs=5 * seen["delay_error"])
        turned = np.angle(np.exp(1j * (seen["phase"] - true.phase_rad)))
        assert abs(turned) < 0.1 + 5 * seen["phase_error"]
