# SPDX-License-Identifier: GPL-3.0-or-later
"""The expected fringes, and the file that holds them."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from difxnb.errors import FileFormatError
from difxnb.synthetic import default_experiment, expected_fringes, read_truth
from difxnb.synthetic.sampling import QUANTISATION_EFFICIENCY, quantised_correlation
from difxnb.synthetic.truth import STRONG_SNR, TRUTH_FILE, write_truth


@pytest.fixture(scope="module")
def fringes():
    return expected_fringes(default_experiment())


def named(fringes, one, two, product, band=0, scan="No0001"):
    return next(
        f
        for f in fringes
        if (f.antenna1, f.antenna2, f.polarization, f.band, f.scan) == (one, two, product, band, scan)
    )


def test_there_is_one_for_every_product(fringes):
    assert len(fringes) == 2 * 3 * 4 * 4
    assert len({(f.scan, f.antenna1, f.antenna2, f.band, f.polarization) for f in fringes}) == len(fringes)


def test_positive_delay_is_a_late_second_antenna():
    experiment = default_experiment(n_stations=2)
    first, second = experiment.stations
    late = replace(
        second, residual_delay_s=first.residual_delay_s + 100e-9, residual_rate=first.residual_rate
    )
    late = replace(late, left_delay_s=0.0, left_phase_rad=0.0, phase_rad=first.phase_rad)
    fringe = expected_fringes(replace(experiment, stations=(first, late)))[0]
    assert fringe.delay_s == pytest.approx(100e-9)
    assert fringe.delay_rate == 0
    turns = fringe.reference_frequency_hz * 100e-9
    assert fringe.phase_rad == pytest.approx(math.remainder(2 * math.pi * turns, 2 * math.pi), abs=1e-6)


def test_delays_and_phases_close(fringes):
    for product in ("RR", "LL"):
        ab, bc, ac = (named(fringes, *pair, product) for pair in (("AL", "BO"), ("BO", "CE"), ("AL", "CE")))
        assert ab.delay_s + bc.delay_s == pytest.approx(ac.delay_s)
        assert ab.delay_rate + bc.delay_rate == pytest.approx(ac.delay_rate)
        assert math.remainder(ab.phase_rad + bc.phase_rad - ac.phase_rad, 2 * math.pi) == pytest.approx(
            0, abs=1e-6
        )


def test_left_hand_extra_belongs_to_its_station(fringes):
    right, left, mixed = (named(fringes, "AL", "BO", product) for product in ("RR", "LL", "RL"))
    assert left.delay_s - right.delay_s == pytest.approx(40e-9)
    assert mixed.delay_s == left.delay_s
    assert named(fringes, "BO", "CE", "LR").delay_s - named(
        fringes, "BO", "CE", "RR"
    ).delay_s == pytest.approx(-40e-9)


def test_rate_moves_delay_and_phase(fringes):
    one, two = (named(fringes, "AL", "BO", "RR", scan=scan) for scan in ("No0001", "No0002"))
    assert one.delay_at(two.mid_scan_s) == pytest.approx(two.delay_s)
    assert math.remainder(one.phase_at(two.mid_scan_s) - two.phase_rad, 2 * math.pi) == pytest.approx(
        0, abs=1e-6
    )
    assert one.phase_at(one.mid_scan_s) == pytest.approx(one.phase_rad)


def test_phase_at_another_frequency_follows_the_delay(fringes):
    fringe = named(fringes, "AL", "BO", "RR")
    beside = fringe.phase_at(fringe.mid_scan_s, fringe.reference_frequency_hz + 1e5)
    turned = math.remainder(beside - fringe.phase_rad, 2 * math.pi)
    assert turned == pytest.approx(2 * math.pi * 1e5 * fringe.delay_s)


def test_the_weak_station_is_weak_but_found(fringes):
    assert named(fringes, "AL", "CE", "RR").snr == pytest.approx(15, rel=0.01)
    assert 12 < named(fringes, "BO", "CE", "LL").snr < 15
    assert named(fringes, "AL", "BO", "RR").snr > 400
    for fringe in fringes:
        assert fringe.strong == (fringe.snr >= STRONG_SNR)
        if "CE" in (fringe.antenna1, fringe.antenna2):
            assert fringe.strong == (fringe.polarization in ("RR", "LL"))
        else:
            assert fringe.strong


def test_quantisation_of_weak_and_of_perfect_correlation():
    # 0.88 is the textbook efficiency of four levels; identical streams stay identical, and the sign is kept.
    assert pytest.approx(0.8825, abs=2e-4) == QUANTISATION_EFFICIENCY
    assert quantised_correlation(1.0) == 1.0
    assert quantised_correlation(-0.3) == pytest.approx(-quantised_correlation(0.3))
    assert quantised_correlation(0.0) == 0.0


def test_truth_is_read_back(tmp_path):
    experiment = default_experiment(seed=5)
    write_truth(experiment, ["a", "b"], tmp_path, complete=True)
    truth = read_truth(tmp_path)
    assert truth == read_truth(tmp_path / TRUTH_FILE)
    assert truth.fringes == tuple(expected_fringes(experiment))
    assert (truth.job, truth.seed, truth.complete, truth.files) == ("demo_1", 5, True, ("a", "b"))
    assert (truth.start_mjd, truth.start_seconds) == (60746, 21600)


@pytest.mark.parametrize(
    "content", ["", "[1, 2]", '{"made_by": "somebody else"}', '{"made_by": "difxnb demonstration"}', "\x00"]
)
def test_other_files_are_not_taken_for_truth(tmp_path, content):
    (tmp_path / TRUTH_FILE).write_text(content)
    with pytest.raises(FileFormatError, match=r"truth\.json"):
        read_truth(tmp_path)


def test_damaged_fringes_are_named(tmp_path):
    write_truth(default_experiment(), [], tmp_path, complete=True)
    content = json.loads((tmp_path / TRUTH_FILE).read_text())
    del content["fringes"][0]["delay_s"]
    (tmp_path / TRUTH_FILE).write_text(json.dumps(content))
    with pytest.raises(FileFormatError, match="delay_s"):
        read_truth(tmp_path)


def test_no_truth_at_all(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_truth(tmp_path)
