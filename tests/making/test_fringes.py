# SPDX-License-Identifier: GPL-3.0-or-later
"""From schedule to fringes: jobs that our server makes, correlated by it, show what was put into the recordings."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from difxnb import aio
from difxnb.geometry import delay_model
from difxnb.synthetic import small_experiment
from difxnb.synthetic.experiment_model import Experiment
from difxnb.synthetic.job_files import job_calc
from difxnb.synthetic.observing_files import write_observing_files
from difxnb.synthetic.truth import expected_fringes
from difxnb.synthetic.voltages import write_recordings
from difxnb.visibility import fringe_fit, open_visibilities
from tests.client.peers import own_server

Key = tuple[str, str, str, int, str]


def found_fringes(experiment: Experiment, root: Path, *changes: tuple[str, str]) -> dict[Key, dict[str, Any]]:
    """Record, make a job with a changed ``.v2d``, correlate, and fit."""
    _, v2d = write_observing_files(experiment, root)
    text = v2d.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    v2d.write_text(text)
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
    return {
        (one["antenna1_name"], one["antenna2_name"], one["scan"], one["band"], one["polarization"]): one
        for one in table.to_dict("records")
    }


@pytest.mark.slow
def test_jobs_made_here_correlate_with_fringes(tmp_path: Path) -> None:
    """The recordings follow the full delay model; what is left are the clocks that the job does not know."""
    experiment = small_experiment()
    found = found_fringes(experiment, tmp_path.resolve())
    strong = [fringe for fringe in expected_fringes(experiment) if fringe.strong]
    assert len(strong) == 32
    for true in strong:
        seen = found[true.antenna1, true.antenna2, true.scan, true.band, true.polarization]
        assert seen["snr"] > true.snr / 2
        assert seen["delay"] == pytest.approx(true.delay_s, abs=5 * seen["delay_error"])
        turned = np.angle(np.exp(1j * (seen["phase"] - true.phase_rad)))
        assert abs(turned) < 0.1 + 5 * seen["phase_error"]


@pytest.mark.slow
def test_clocks_and_oscillators_of_bands_take_away_what_was_recorded(tmp_path: Path) -> None:
    """Signs included: BO is late in the second band, between its hands, and its oscillators are off.

    An oscillator that is too high by F turns the phase as a delay does that grows by F / sky frequency each second,
    which is what the recording holds: 100 ps/s are 0.84 Hz. mpifxcorr adds clocks of bands to the delay, other than
    clockOffset: they are positive where the band is early.
    """
    rate, late_us, between_us = 100e-12, -0.3, 0.08
    small = small_experiment()
    first, second, _ = small.stations
    first = replace(first, residual_delay_s=0.0, residual_rate=0.0, phase_rad=0.0)
    second = replace(
        second,
        residual_delay_s=late_us * 1e-6,
        residual_rate=rate,
        left_delay_s=between_us * 1e-6,
        phase_rad=0.0,
        left_phase_rad=0.0,
    )
    experiment = replace(small, stations=(first, second))
    off = ", ".join(f"{band.edge_hz * rate!r}" for band in experiment.bands)
    clock = f"{second.clock_us!r}"
    found = found_fringes(
        experiment,
        tmp_path.resolve(),
        (
            f"clockOffset = {clock}  #",
            f"loOffsets = {off}\n  freqClockOffs = 0, {-late_us}:{-between_us}\n  clockOffset = {clock}  #",
        ),
    )
    bands = sorted({key[3] for key in found if key[0] != key[1]})
    for scan in ("No0001", "No0002"):
        for hands, beyond in (("RR", 0.0), ("LL", between_us)):
            seen = [found["AL", "BO", scan, band, hands] for band in bands]
            for one, left_us in zip(seen, (late_us + beyond, between_us / 2), strict=True):
                assert one["snr"] > 15
                assert one["delay_rate"] == pytest.approx(0, abs=max(5 * one["delay_rate_error"], 2e-12))
                assert one["delay"] == pytest.approx(left_us * 1e-6, abs=5 * one["delay_error"] + 1e-9)
