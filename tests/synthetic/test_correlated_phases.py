# SPDX-License-Identifier: GPL-3.0-or-later
"""Phases of single integrations of a correlated experiment against the truth, to a fraction of a milliradian.

What parts them is the correlator's own: it takes the samples nearest to the wanted time, but turns them by the delay at
the wanted time (``mpifxcorr-algorithm.md`` 2 and 3). That is computed here from the polynomials of the ``.im`` and must
explain all of the difference.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from difxnb.formats.im import Im
from difxnb.server.engine.embedded import correlate
from difxnb.synthetic import (
    ExpectedFringe,
    Experiment,
    default_experiment,
    delay_model,
    make_experiment,
    read_truth,
)
from difxnb.visibility import fringe_fit, open_visibilities

SIGMAS = 3
HANDS = ("RR", "LL")
CLOCKS_US = (1.53, -3.2)
"""With these AL moves on by a sample in the middle of the scan, where the samples of BO stand where they should."""


def test_phases_of_integrations_are_the_truth_but_for_what_the_correlator_does(tmp_path):
    plan = default_experiment(n_stations=2, n_bands=2, scan_seconds=2)
    stations = tuple(
        replace(station, clock_us=clock_us, common_power=0.9, missing=(), invalid=())
        for station, clock_us in zip(plan.stations, CLOCKS_US, strict=True)
    )
    scan = replace(plan.scans[0], source=1)  # where the delays move faster
    plan = replace(plan, stations=stations, scans=(scan,))
    made = make_experiment(tmp_path / "job", experiment=plan)
    correlate(made.input_file)
    fringes = [fringe for fringe in read_truth(made.directory).fringes if fringe.polarization in HANDS]
    fits = fringe_fit(open_visibilities(made.input_file), "integration")
    phase, true_phase = phases_of_integrations(fits, plan, fringes)
    beyond = np.angle(np.exp(1j * (phase - true_phase))).mean(axis=0)
    error = np.sqrt(sum(phase_variance(plan, fringe) for fringe in fringes)) / len(fringes)

    turned, bound = turned_by_the_correlator(plan)
    assert np.abs(turned).max() > 10 * error, "what the correlator does must be seen"
    assert np.all(np.abs(turned) <= bound)
    assert np.all(np.abs(beyond - turned) < SIGMAS * error)


def phases_of_integrations(fits, experiment: Experiment, fringes) -> tuple[np.ndarray, np.ndarray]:
    """Found and true phases at the frequency of the fits, shape (fringe, integration)."""
    middles = experiment.scans[0].start_s + np.arange(experiment.scans[0].duration_s) + 0.5
    found, true = [], []
    for fringe in fringes:
        here = fits[(fits["band"] == fringe.band) & (fits["polarization"] == fringe.polarization)]
        here = here.sort_values("reference_time")
        found.append(here["phase"])
        frequency = here["reference_frequency"].iloc[0]
        true.append([fringe.phase_at(middle, frequency) for middle in middles])
    return np.array(found), np.array(true)


def phase_variance(experiment: Experiment, fringe: ExpectedFringe) -> float:
    """Cramér-Rao bound for the phase of a correlation coefficient in one integration, rad²."""
    independent = experiment.bandwidth_hz * experiment.integration_s
    return (1 / fringe.correlation**2 - 1) / (2 * independent)


def turned_by_the_correlator(experiment: Experiment) -> tuple[np.ndarray, float]:
    """Phase that the correlator adds to the baseline, per integration, and the bound that is stated for it, rad."""
    im = delay_model(experiment)
    (early1, rate1), (early2, rate2) = (earliness_and_rate(experiment, im, station) for station in (0, 1))
    edge_hz = np.mean([band.edge_hz for band in experiment.bands])
    turns = edge_hz * (rate2 * early2 - rate1 * early1)
    mean = np.exp(2j * np.pi * turns).reshape(experiment.scans[0].duration_s, -1).mean(axis=1)
    fastest = np.max(np.abs(rate1) + np.abs(rate2))
    return np.angle(mean), float(np.pi * edge_hz * fastest / experiment.sample_rate_hz)


def earliness_and_rate(experiment: Experiment, im: Im, station: int) -> tuple[np.ndarray, np.ndarray]:
    """By how much the samples of each transform come before the wanted ones (s), and the rate of the delay (s/s)."""
    scan, polynomial, about = experiment.scans[0], im.scans[0].polynomials[0], experiment.stations[station]
    clock = np.polynomial.Polynomial([about.clock_us, about.clock_rate_us_s])
    model = np.polynomial.Polynomial(polynomial.delay_us[1, station])
    transform_s = 2 * experiment.n_channels / experiment.sample_rate_hz
    begins = np.arange(round(scan.duration_s / transform_s)) * transform_s
    of_day = experiment.start_seconds + scan.start_s + begins + transform_s / 2
    delay_s = 1e-6 * (model(of_day - polynomial.sec) + clock(of_day))
    rate = 1e-6 * (model.deriv()(of_day - polynomial.sec) + clock.deriv()(of_day))
    wanted = (begins - delay_s) * experiment.sample_rate_hz
    return (wanted - np.floor(wanted + 0.5)) / experiment.sample_rate_hz, rate
