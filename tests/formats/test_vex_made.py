# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of schedules against the job files that the real vex2difx 2.9 made of the same schedules."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from difxnb import read_calc, read_input
from difxnb.formats.vex import Vex
from tests.formats.vex_samples import sample

# Schedule, job, and whether clocks and Earth orientation come from the schedule (else from the .v2d).
MADE = [
    ("tiny.vex", "vex2difx-output/tiny/tiny_1", True),
    ("tiny.vex", "vex2difx-output/tiny/tiny_2", True),
    ("corr1.skd", "vex2difx-output/corr1/corr1_1", False),
    ("corr1.skd", "vex2difx-output/feat/feat_7", False),
    ("test-usb.vex", "vex2difx-output/test-usb/test-usb", False),
    ("test-usb-dsb.vex", "vex2difx-output/test-usb-dsb/test-usb-dsb", False),
    ("test-lsb-complex.vex", "vex2difx-output/test-lsb-complex/test-lsb-complex", False),
    ("dq601.vex.obs", "vex2difx-output/dq601/dq601_01", True),
    ("dq601.vex.obs", "vex2difx-output/dq601/dq601_05", True),
    ("dq601.vex.obs", "vex2difx-output/dq601/dq601_12", True),
    ("c212c.vex", "vex2difx-output/c212c-d280/c212c-d280_1001", True),
    ("ma008.vex.difx", "public/ma008/ma008_1", True),
]
PAIRS = pytest.mark.parametrize(("schedule", "job"), [one[:2] for one in MADE])
WITH_ALL = pytest.mark.parametrize(("schedule", "job"), [one[:2] for one in MADE if one[2]])
DELTAS_US = {("tiny.vex", "BB"): 0.25}  # deltaClock of its .v2d


def of_station(table: pd.DataFrame, antenna: str) -> pd.DataFrame:
    return table[table["station"].str.upper() == antenna]


def read(shared: Path, schedule: str, job: str) -> tuple[Vex, Path]:
    return sample(shared, schedule), shared / "data/difx-samples" / f"{job}.input"


@PAIRS
def test_bands_are_recorded_in_the_same_order(shared: Path, schedule: str, job: str) -> None:
    vex, path = read(shared, schedule, job)
    scan = read_calc(path.with_suffix(".calc")).scans[0].identifier
    bands = vex.bands(vex.scans().set_index("scan").loc[scan, "mode"])
    made = read_input(path).frame("bands").query("kind == 'recorded'")
    columns = ["frequency", "sideband", "bandwidth", "polarization"]
    assert made["antenna"].nunique() >= 2
    for antenna, theirs in made.groupby("antenna"):
        mine = of_station(bands, str(antenna))
        assert mine["channel"].to_list() == list(range(len(mine)))
        assert mine[columns].to_numpy().tolist() == theirs[columns].to_numpy().tolist()


@PAIRS
def test_antennas_and_sources_are_where_they_are_in_the_job(shared: Path, schedule: str, job: str) -> None:
    vex, path = read(shared, schedule, job)
    calc = read_calc(path.with_suffix(".calc"))
    begin = pd.Timestamp("1858-11-17") + pd.Timedelta(days=calc.job_start_mjd)
    for antenna in calc.frame("telescopes").to_dict("records"):
        (mine,) = of_station(vex.stations(), antenna["antenna"]).to_dict("records")
        # vex2difx moves an antenna that has a velocity from the time of its position to that of the job.
        moving_s = 0.0 if pd.isna(mine["vx"]) else (begin - mine["position_epoch"]).total_seconds()
        for axis in "xyz":
            there = mine[axis] + (moving_s * mine[f"v{axis}"] if moving_s else 0.0)
            assert antenna[axis] == pytest.approx(there, abs=1e-4)
        assert antenna["mount"] == mine["axis_type"].upper()
        assert antenna["axis_offset"] == pytest.approx(mine["axis_offset"], abs=1e-9)
    sources = vex.sources().set_index("source")
    known = [one for one in calc.sources if one.name in sources.index]
    assert known
    for source in known:
        assert source.ra == pytest.approx(sources.loc[source.name, "ra"], abs=2e-15)
        assert source.dec == pytest.approx(sources.loc[source.name, "dec"], abs=2e-15)


@PAIRS
def test_scans_of_a_job_lie_in_those_of_the_schedule(shared: Path, schedule: str, job: str) -> None:
    vex, path = read(shared, schedule, job)
    mine = vex.scans().set_index("scan")
    for scan in read_calc(path.with_suffix(".calc")).frame("scans").to_dict("records"):
        assert (
            mine.loc[scan["scan"], "start"] <= scan["start"] < scan["stop"] <= mine.loc[scan["scan"], "stop"]
        )


@WITH_ALL
def test_clocks_have_the_sign_that_they_have_in_the_job(shared: Path, schedule: str, job: str) -> None:
    vex, path = read(shared, schedule, job)
    for telescope in read_input(path).telescopes:
        (mine,) = of_station(vex.clocks(), telescope.name).to_dict("records")
        delta = DELTAS_US.get((schedule, telescope.name), 0.0)
        assert telescope.clock_coeffs[0] == pytest.approx(mine["offset"] * 1e6 + delta, abs=1e-8)
        assert telescope.clock_coeffs[1] == pytest.approx(mine["rate"] * 1e6, rel=1e-7, abs=1e-15)
        epoch = pd.Timestamp("1858-11-17") + pd.Timedelta(days=telescope.clock_ref_mjd)
        assert abs((epoch - mine["epoch"]).total_seconds()) < 1e-4


@WITH_ALL
def test_earth_orientation_is_that_of_the_job(shared: Path, schedule: str, job: str) -> None:
    vex, path = read(shared, schedule, job)
    theirs = read_calc(path.with_suffix(".calc")).frame("eops")
    mine = vex.eop()
    assert mine["time"].to_list() == theirs["time"].to_list()
    for column, close in (("tai_utc", 0.0), ("ut1_utc", 1e-9), ("x_pole", 1e-14), ("y_pole", 1e-14)):
        assert mine[column].to_numpy() == pytest.approx(theirs[column].to_numpy(), abs=close)
