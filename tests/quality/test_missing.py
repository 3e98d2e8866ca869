# SPDX-License-Identifier: GPL-3.0-or-later
"""Check `missing`: records that files say should be there and are not, counted exactly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from difxnb.formats.calc import read_calc, write_calc
from difxnb.formats.input import read_input, write_input
from difxnb.quality.checks.missing import check_missing
from difxnb.quality.material import Material
from difxnb.quality.verdict import Verdict
from tests.quality.made_material import GOOD, LIMITS, of_data, of_job, sides, visibilities
from tests.stored_jobs import ALPHA, SWIN_JOBS, encoded, made_job, records_of

LIMIT = LIMITS["missing"]
BB = 1  # row of the TELESCOPE table


@pytest.fixture(scope="module")
def records():
    return records_of(ALPHA)


@pytest.mark.parametrize("job", GOOD, ids=lambda job: job.stem)
def test_good_jobs_miss_nothing(job):
    check = check_missing(of_job(job), LIMIT)
    assert check.verdict is Verdict.GO
    assert check.value == 0.0


@pytest.mark.parametrize(("lost", "verdict"), [(1, Verdict.LOOK), (4, Verdict.NO_GO)])
def test_integrations_that_an_antenna_lost_are_counted(tmp_path, records, lost, verdict):
    gone = sorted({record.seconds for record in records})[:lost]
    left = [
        record
        for record in records
        if record.seconds not in gone or BB not in (record.antenna1, record.antenna2)
    ]
    check = check_missing(of_job(made_job(tmp_path, encoded(left))), LIMIT)
    assert check.verdict is verdict
    assert check.value == lost / 8
    assert f"{lost / 8:.0%} of the records of BB" in check.text
    assert f"{1 - len(left) / len(records):.2%} of all records" in check.text
    bad = check.evidence[check.evidence["missing"] > 0]
    assert set(bad["baseline"]) == {"AA-BB", "BB-CC", "BB-BB"}
    np.testing.assert_allclose(bad["seconds"], lost * 0.512)
    assert check.evidence["expected"].sum() == len(records)


def test_a_product_that_never_came_is_missing_by_the_files_alone(tmp_path, records):
    left = [record for record in records if (record.freq, record.polarization) != (1, "LL")]
    job = of_job(made_job(tmp_path, encoded(left)))
    assert check_missing(job, LIMIT).value == pytest.approx(1 / 8)
    assert check_missing(of_data(job.dataset), LIMIT).value < 1 / 8


def test_an_antenna_that_never_came_is_missing(tmp_path, records):
    left = [record for record in records if BB not in (record.antenna1, record.antenna2)]
    check = check_missing(of_job(made_job(tmp_path, encoded(left))), LIMIT)
    assert check.verdict is Verdict.NO_GO
    assert "100% of the records of BB" in check.text


def test_a_job_that_broke_off_misses_its_last_scan():
    check = check_missing(of_job(SWIN_JOBS / "eta_1" / "eta_1.input"), LIMIT)
    assert check.verdict is Verdict.NO_GO
    assert "nothing at all of scan No0002" in check.text
    assert "of all antennas in No0001" in check.text


def test_a_job_that_runs_misses_nothing_that_is_yet_to_come(tmp_path, records):
    begun = sorted({record.seconds for record in records})[:3]
    job = of_job(made_job(tmp_path, encoded(record for record in records if record.seconds in begun)))
    assert check_missing(job, LIMIT).verdict is Verdict.NO_GO
    job.running = True
    check = check_missing(job, LIMIT)
    assert check.verdict is Verdict.GO
    assert check.text.endswith("so far")


def test_scans_that_are_skipped_and_time_behind_the_job_are_not_missing(tmp_path, records):
    input_file = made_job(tmp_path, encoded(records))
    calc = read_calc(input_file.with_suffix(".calc"))
    scan = calc.scans[0]
    calc.scans = [
        scan,
        replace(scan, identifier="No0002", start_s=100),
        replace(scan, identifier="No0003", start_s=10),
    ]
    write_calc(calc, input_file.with_suffix(".calc"), overwrite=True)
    job = read_input(input_file)
    job.execute_time = 50.0
    job.rules = [*job.rules, replace(job.rules[0], config_name="SKIP", scan_ids=["No0003"])]
    write_input(job, input_file, overwrite=True)
    material = of_job(input_file)
    assert [scan.name for scan in material.schedule.scans] == ["No0001"]
    assert check_missing(material, LIMIT).value == 0.0


def test_a_selection_is_judged_by_its_gaps():
    good = visibilities()
    assert check_missing(of_data(good.isel(baseline=[0, 3])), LIMIT).verdict is Verdict.GO
    gap = check_missing(of_data(good.isel(time=[0, 1, 2, 5, 6, 7])), LIMIT)
    assert gap.verdict is Verdict.NO_GO
    assert gap.value == 2 / 8
    assert "by gaps within scans alone" in gap.text
    is_cc = good["baseline"].copy(data=sides(good, "CC") != 0)
    lost = is_cc & (good["time"] == good["time"][2])
    one = check_missing(of_data(good.assign(WEIGHT=good["WEIGHT"].where(~lost, 0.0))), LIMIT)
    assert one.value == 1 / 8
    assert set(one.evidence.query("missing > 0")["baseline"]) == {"AA-CC", "BB-CC"}


def test_nothing_to_judge_says_why():
    assert check_missing(Material(missing_parts={"dataset": "gone"}), LIMIT).text == "gone"
