# SPDX-License-Identifier: GPL-3.0-or-later
"""Check `order`: values that are no numbers, odd weights, times out of order, repeated and damaged records."""

from __future__ import annotations

import numpy as np
import pytest

from difxnb.quality.checks.order import check_order
from difxnb.quality.material import Material
from difxnb.quality.verdict import Verdict
from tests.quality.made_material import GOOD, LIMITS, of_data, of_job, visibilities
from tests.stored_jobs import ALPHA, encoded, made_job, records_of

LIMIT = LIMITS["order"]


@pytest.fixture(scope="module")
def records():
    return records_of(ALPHA)


def counts(check):
    return dict(zip(check.evidence["defect"].str.split().str[0], check.evidence["count"], strict=True))


@pytest.mark.parametrize("job", GOOD, ids=lambda job: job.stem)
def test_good_jobs_are_sound(job):
    check = check_order(of_job(job), LIMIT)
    assert check.verdict is Verdict.GO
    assert check.value == 0.0


@pytest.mark.parametrize("value", [np.nan, np.inf, complex(0, -np.inf)])
@pytest.mark.parametrize("spoiled", [1, 20])
def test_values_that_are_no_numbers_are_counted_by_spectrum(value, spoiled):
    data = visibilities()
    spectra = int((data["WEIGHT"] > 0).sum())
    for place in range(spoiled):
        data["VISIBILITY"][place % 8, place % 3, place % 2, place // 8, 5:7] = value
    check = check_order(of_data(data), LIMIT)
    assert check.value == spoiled
    assert check.verdict is (Verdict.NO_GO if spoiled / spectra > LIMIT["no_go"] else Verdict.LOOK)
    assert f"{spoiled} spectra with NaN or infinite values" in check.text


def test_what_was_never_written_is_no_defect():
    """Missing products are NaN with weight 0, bands with fewer channels are NaN behind their own."""
    data = visibilities()
    data["VISIBILITY"][2, 1] = np.nan
    data["WEIGHT"][2, 1] = 0
    short = data.assign_coords(n_channels=("band", [32, 16]))
    short["VISIBILITY"][:, :, 1, :, 16:] = np.nan
    assert check_order(of_data(short), LIMIT).value == 0
    live = short.assign(WEIGHT=short["WEIGHT"] * np.nan)
    assert check_order(of_data(live), LIMIT).value == 0


@pytest.mark.parametrize("weight", [-0.1, 7.0, np.inf])
def test_weights_that_cannot_be_are_counted(weight):
    data = visibilities()
    data["WEIGHT"][3, 2, 0, 1] = weight
    check = check_order(of_data(data), LIMIT)
    assert counts(check)["weights"] == 1
    assert check.verdict is not Verdict.GO


def test_times_that_do_not_ascend_are_counted():
    check = check_order(of_data(visibilities().isel(time=[0, 1, 3, 2, 4, 4, 5, 6])), LIMIT)
    assert counts(check)["times"] == 2
    assert "do not ascend" in check.text


def test_records_that_came_twice_are_counted(tmp_path, records):
    check = check_order(of_job(made_job(tmp_path, encoded([*records, *records[-5:]]))), LIMIT)
    assert counts(check)["records"] == 5


def test_integrations_in_the_wrong_order_of_a_file_are_counted(tmp_path, records):
    half = len(records) // 2
    check = check_order(of_job(made_job(tmp_path, encoded(records[half:] + records[:half]))), LIMIT)
    assert counts(check)["integrations"] == 1
    assert counts(check)["times"] == 0
    assert "behind later ones in their file" in check.text


def test_damaged_bytes_are_counted_and_told(tmp_path, records):
    whole = encoded(records)
    check = check_order(of_job(made_job(tmp_path, whole[:5000] + b"\0" * 999 + whole[5999:])), LIMIT)
    assert counts(check)["places"] == 1
    assert check.verdict is not Verdict.GO
    assert "cannot be read" in check.text


def test_nothing_to_judge_says_why(tmp_path):
    assert check_order(Material(missing_parts={"dataset": "gone"}), LIMIT).text == "gone"
    assert check_order(of_job(made_job(tmp_path, b"")), LIMIT).verdict is Verdict.NOT_APPLICABLE
