# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a bad experiment is in its recordings, and nothing else is: before any correlation."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import erfc

from difxnb.formats.input import read_input
from difxnb.synthetic import (
    FAULTS,
    Carrier,
    Experiment,
    bad_experiment,
    expected_fringes,
    healthy_experiment,
    make_experiment,
)
from difxnb.synthetic.sampling import LEVELS, THRESHOLD, quantised_correlation
from difxnb.synthetic.tones import steady_voltage, tone_frequencies
from tests.synthetic.plain_correlation import read_frames, read_samples

FAULTY = 1


def one_second(experiment: Experiment) -> Experiment:
    return replace(experiment, scans=tuple(replace(scan, duration_s=1) for scan in experiment.scans[:1]))


@pytest.fixture(scope="module")
def samples_of(tmp_path_factory: pytest.TempPathFactory):
    """Make an experiment; levels of a station, shape (channel, time), from a whole second on."""

    def give(experiment: Experiment, station: int = FAULTY) -> np.ndarray:
        made = make_experiment(tmp_path_factory.mktemp("faulty") / "job", experiment=experiment)
        path = made.directory / experiment.recording_name(station, 0)
        seconds = read_frames(path, experiment.frame_bytes)[0]
        first, samples = read_samples(
            path,
            experiment.frame_bytes,
            experiment.recorded_channels,
            experiment.frames_per_second,
            int(seconds[0]) + 1,
        )
        return samples[:, -first:]

    return give


def test_every_fault_differs_from_the_healthy_one_in_one_station_alone() -> None:
    healthy = healthy_experiment()
    plans = [bad_experiment(fault) for fault in FAULTS]
    for plan in plans:
        assert replace(plan, stations=healthy.stations) == healthy
        changed = [own != good for own, good in zip(plan.stations, healthy.stations, strict=True)]
        assert changed == [False, True, False]
    assert all(one != two for one, two in itertools.combinations(plans, 2))


def test_an_unknown_fault_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"no fault 'rain'.*dead station.*phase jump"):
        bad_experiment("rain")


def test_lengths_and_bands_are_as_asked() -> None:
    plan = bad_experiment("phase jump", seed=5, scan_seconds=6, n_scans=3, n_bands=4)
    assert (plan.seed, len(plan.scans), len(plan.bands)) == (5, 3, 4)
    assert {scan.duration_s for scan in plan.scans} == {6}
    assert plan.stations[FAULTY].phase_jumps[0].start_s == 3


def test_a_healthy_station_is_in_the_middle_of_its_sampler(samples_of) -> None:
    samples = samples_of(one_second(healthy_experiment()))
    outer = np.mean(np.abs(samples) > 2, axis=1)
    # The share of Gaussian noise beyond the thresholds, and a little for the tones.
    assert outer == pytest.approx(erfc(THRESHOLD / np.sqrt(2)), abs=0.005)


def test_an_overdriven_sampler_shows_outer_levels(samples_of) -> None:
    plan = one_second(bad_experiment("overdriven sampler"))
    outer = np.mean(np.abs(samples_of(plan)) > 2, axis=1)
    expected = erfc(THRESHOLD / plan.stations[FAULTY].level / np.sqrt(2))
    assert outer == pytest.approx(expected, abs=0.005)


def test_a_silent_band_is_one_level_and_the_others_live(samples_of) -> None:
    plan = one_second(bad_experiment("zeroed band"))
    silent = [band in plan.stations[FAULTY].silent_bands for band, _ in plan.channels]
    spread = np.ptp(samples_of(plan), axis=1)
    assert [bool(value == 0) for value in spread] == silent
    assert any(silent)
    assert not all(silent)


@pytest.mark.parametrize("band", [0, 1])
def test_a_carrier_is_at_its_frequency_in_both_sidebands(band: int, samples_of) -> None:
    healthy = one_second(healthy_experiment())
    place = healthy.bands[band]
    sky_hz, amplitude = round(place.low_edge_hz) + 37_000, 0.2
    station = replace(healthy.stations[FAULTY], pulse_cal=None, carriers=(Carrier(sky_hz, amplitude),))
    plan = replace(healthy, stations=(healthy.stations[0], station, healthy.stations[2]))
    samples = samples_of(plan)[:, : plan.sample_rate_hz]
    spectra = np.abs(np.fft.rfft(samples, axis=1)) / samples.shape[1]
    thresholds = np.array([-THRESHOLD, 0, THRESHOLD])
    gain = np.sum(np.diff(LEVELS) * np.exp(-(thresholds**2) / 2)) / np.sqrt(2 * np.pi)
    for channel, (own, _) in enumerate(plan.channels):
        highest = int(spectra[channel, 1:].argmax()) + 1
        if own == band:
            assert highest == abs(sky_hz - place.edge_hz)
            assert spectra[channel, highest] == pytest.approx(amplitude * gain / 2, rel=0.05)
        else:
            assert spectra[channel, highest] < 0.02


def test_tones_are_a_comb_with_a_gap_where_one_is_missing() -> None:
    plan, healthy = bad_experiment("tone missing"), healthy_experiment()
    absent = plan.stations[FAULTY].pulse_cal.absent_hz
    assert len(absent) == 1
    for band in plan.bands:
        whole = tone_frequencies(healthy.stations[FAULTY].pulse_cal, band)
        left = tone_frequencies(plan.stations[FAULTY].pulse_cal, band)
        assert set(whole) - set(left) == set(whole) & set(absent)
        assert all(band.low_edge_hz < tone < band.low_edge_hz + band.bandwidth_hz for tone in whole)
    assert absent[0] in tone_frequencies(healthy.stations[FAULTY].pulse_cal, plan.bands[0])


def test_the_comb_is_late_by_its_delay() -> None:
    # Moved by whole samples the comb of band 0 is the same, because its edge is a multiple of the spacing.
    healthy = healthy_experiment()
    station = healthy.stations[FAULTY]
    shifted = 3
    late_s = shifted / healthy.sample_rate_hz
    combs = []
    for delay_s in (0.0, late_s):
        own = replace(station, pulse_cal=replace(station.pulse_cal, delay_s=delay_s))
        plan = replace(healthy, stations=(healthy.stations[0], own, healthy.stations[2]))
        combs.append(steady_voltage(plan, FAULTY, 0))
    # What the oscillator's phase makes of the delay is the same for all tones of the band.
    early, late = (np.fft.rfft(comb)[1:-1] for comb in combs)
    lines = np.abs(early) > 1e-3 * np.abs(early).max()
    bins = np.arange(1, len(early) + 1)[lines]
    turned = np.angle(late[lines] / early[lines] * np.exp(2j * np.pi * bins * shifted / len(combs[0])))
    edge = -2 * np.pi * healthy.bands[0].edge_hz * late_s
    assert np.angle(np.exp(1j * (turned - edge))) == pytest.approx(0, abs=1e-3)


def test_nothing_steady_costs_nothing() -> None:
    plain = replace(healthy_experiment().stations[0], pulse_cal=None)
    healthy = healthy_experiment()
    assert steady_voltage(replace(healthy, stations=(plain, *healthy.stations[1:])), 0, 0) is None


def test_tones_are_asked_for_where_they_are_injected(tmp_path: Path) -> None:
    healthy = one_second(healthy_experiment(n_bands=1))
    quiet = replace(healthy.stations[0], pulse_cal=None)
    made = make_experiment(
        tmp_path / "job", experiment=replace(healthy, stations=(quiet, *healthy.stations[1:]))
    )
    spacings = [stream.phase_cal_int_mhz for stream in read_input(made.input_file).datastreams]
    assert spacings == [0, *(s.pulse_cal.interval_hz / 1e6 for s in healthy.stations[1:])]
    v2d = (made.directory / "demo.v2d").read_text()
    assert [line.split("=")[1].strip() for line in v2d.splitlines() if "phaseCalInt" in line] == [
        f"{spacing:g}" for spacing in spacings
    ]


def test_truth_follows_swapped_polarizations() -> None:
    swapped = bad_experiment("swapped polarizations", n_bands=1)
    truth, usual = (
        {key(f): f for f in expected_fringes(plan)} for plan in (swapped, healthy_experiment(n_bands=1))
    )
    assert truth["AL", "BO", "RR"].correlation == usual["AL", "BO", "RL"].correlation
    assert truth["AL", "BO", "RL"].delay_s == usual["AL", "BO", "RR"].delay_s
    assert truth["BO", "CE", "LR"].phase_rad == usual["BO", "CE", "RR"].phase_rad
    assert truth["AL", "CE", "RR"] == usual["AL", "CE", "RR"]


def key(fringe) -> tuple[str, str, str]:
    return fringe.antenna1, fringe.antenna2, fringe.polarization


@pytest.mark.parametrize(
    ("fault", "hopeless"),
    [("dead station", True), ("clock off", True), ("zeroed band", True), ("overdriven sampler", False)],
)
def test_truth_knows_what_cannot_be_seen(fault: str, hopeless: bool) -> None:
    fringes = expected_fringes(bad_experiment(fault, n_bands=1))
    of_it = [f for f in fringes if "BO" in (f.antenna1, f.antenna2)]
    assert all((f.snr == 0) == hopeless for f in of_it)
    assert all(f.strong for f in fringes if f not in of_it and f.polarization in ("RR", "LL"))


def test_an_overdriven_sampler_loses_some_correlation() -> None:
    # Far above its thresholds a sampler of four levels is one of two: 2/π for two of them, √(0.8825·2/π) for a mixture.
    small = 1e-3
    assert quantised_correlation(small, 1e3, 1e3) / small == pytest.approx(2 / np.pi, rel=1e-3)
    assert quantised_correlation(small, 1.0, 1e3) / small == pytest.approx(
        np.sqrt(0.8825 * 2 / np.pi), rel=1e-3
    )
