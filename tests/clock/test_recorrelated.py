# SPDX-License-Identifier: GPL-3.0-or-later
"""Proof of the sign and of the units of new clocks: with them the same recordings correlate to no residual.

Three stations are off by delays and rates of both signs, in two scans that are minutes apart. What their fringes say
is put into the .input, and the embedded engine correlates the recordings once more. The other files of the experiment,
changed in the same way, must come to the same clocks.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import difxnb
from difxnb.clock.edits import edits_of
from difxnb.formats.clock_change import Clock, ClockChange
from difxnb.formats.input import parse_input
from difxnb.formats.v2d_clocks import antenna_block, own_clock
from difxnb.formats.v2d_text import parse_v2d_text
from difxnb.formats.vex_clocks import station_clocks
from difxnb.formats.vex_text import parse_vex_text
from difxnb.server.engine.embedded import correlate
from difxnb.synthetic import Band, DemoFiles, Experiment, Scan, default_experiment, make_experiment

# Delay (s) at the start of the job and its rate (s/s): half a turn a second, which can be told, is 60e-12 at 8.4 GHz.
RESIDUALS = {"AL": (0.0, 0.0), "BO": (-410e-9, 18e-12), "CE": (260e-9, -11e-12)}


def experiment() -> Experiment:
    plan = default_experiment(n_stations=3)
    stations = tuple(
        replace(
            station,
            residual_delay_s=RESIDUALS[station.code][0],
            residual_rate=RESIDUALS[station.code][1],
            common_power=0.2,
            missing=(),
            invalid=(),
        )
        for station in plan.stations
    )
    return replace(
        plan,
        stations=stations,
        scans=(Scan("No0001", 0, 2, 0), Scan("No0002", 200, 2, 1)),
        bands=(Band(8400e6, 0.512e6, "U"),),
        polarizations="R",
        n_channels=128,
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> DemoFiles:
    """The experiment, correlated with the clocks that are wrong."""
    files = make_experiment(tmp_path_factory.mktemp("clocks") / "made", experiment=experiment())
    correlate(files.input_file)
    return files


def fringes(input_file: Path) -> pd.DataFrame:
    with difxnb.open_visibilities(input_file) as visibilities:
        return difxnb.fringe_fit(visibilities)


def in_errors(found: pd.DataFrame, column: str) -> np.ndarray:
    return np.abs(found[column] / found[f"{column}_error"]).to_numpy()


def test_with_the_new_clocks_nothing_is_left(made: DemoFiles) -> None:
    before = fringes(made.input_file)
    assert in_errors(before, "delay").min() > 20
    assert in_errors(before, "delay_rate").min() > 20
    solution = difxnb.clock_search(before, reference="AL")
    clocks = solution.frame().set_index("antenna")
    middle = (solution.epoch - before["start"].iloc[0]).total_seconds()
    for code, (late, rate) in RESIDUALS.items():
        found = clocks.loc[code]
        assert abs(found["delay"] - late - rate * middle) <= 4 * found["delay_error"]
        assert abs(found["delay_rate"] - rate) <= 4 * found["delay_rate_error"]

    (edit,) = solution.edits(input=made.input_file)
    corrected = edit.write(made.input_file.with_name("corrected.input"))
    correlate(corrected, overwrite=True)
    after = fringes(corrected)
    assert in_errors(after, "delay").max() < 3
    assert in_errors(after, "delay_rate").max() < 3
    left = difxnb.clock_search(after, reference="AL").frame().iloc[1:]
    assert in_errors(left, "delay").max() < 3
    assert in_errors(left, "delay_rate").max() < 3
    # The rate no longer smears the fringes.
    assert (after["amplitude"] > before["amplitude"]).all()


def clock_block(plan: Experiment) -> str:
    """A $CLOCK block with the clocks of the stations as the .v2d has them: early is positive in a .vex."""
    definitions = (
        f"def {one.code};\n  clock_early = {plan.start_mjd} : {-one.clock_us!r} usec : {plan.start_mjd} : "
        f"{-one.clock_rate_us_s!r} usec/sec;\nenddef;\n"
        for one in plan.stations
    )
    return "$CLOCK;\n" + "".join(definitions)


def test_the_other_files_of_the_experiment_come_to_the_same_clocks(made: DemoFiles, tmp_path: Path) -> None:
    plan = experiment()
    vex = tmp_path / f"{plan.name}.vex"
    vex.write_text((made.directory / vex.name).read_text() + clock_block(plan))
    epoch = np.datetime64("1858-11-17") + np.timedelta64(plan.start_mjd * 86400 + plan.start_seconds + 3, "s")
    changes = [
        ClockChange("AL", 35.5e-9, 0.0, epoch),
        ClockChange("BO", -410e-9, 18e-12, epoch),
        ClockChange("CE", 260e-9, -11e-12, epoch),
    ]
    edits = edits_of(changes, input=made.input_file, v2d=made.directory / f"{plan.name}.v2d")
    assert edits.input is not None
    assert edits.v2d is not None
    (vex_edit,) = edits_of(changes, vex=vex)
    v2d = parse_v2d_text(edits.v2d.after)
    for telescope in parse_input(edits.input.after).telescopes:
        clock = Clock(telescope.clock_ref_mjd, tuple(value * 1e-6 for value in telescope.clock_coeffs))
        block = antenna_block(v2d, telescope.name)
        assert block is not None
        from_v2d = own_clock(v2d, block)
        assert from_v2d == Clock(clock.epoch_mjd, pytest.approx(clock.coefficients, rel=1e-12))
        (early,) = station_clocks(parse_vex_text(vex_edit.after), telescope.name)
        # The epoch is carried forward: another polynomial, the same clock.
        assert early.clock.epoch_mjd == pytest.approx(changes[0].epoch_mjd, abs=1e-9)
        for mjd in (plan.start_mjd, plan.start_mjd + 1):
            assert early.clock.at(mjd) == pytest.approx(clock.at(mjd), abs=2e-15)
