# SPDX-License-Identifier: GPL-3.0-or-later
"""Delay, phase and rate in the voltages, found by a plain correlation in double precision that is no part of us."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from difxnb.synthetic import default_experiment, expected_fringes
from difxnb.synthetic.signal import BLOCK, ScanSignal, phasors
from difxnb.synthetic.sky import StationDelay, delay_model
from difxnb.synthetic.voltages import normal_quantiles, write_recordings

_SPEC = importlib.util.spec_from_file_location(
    "plain_correlation", Path(__file__).with_name("plain_correlation.py")
)
plain = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(plain)


def model_delay(experiment, im, scan, station):
    """The job's delay (s) as a function of seconds after the scan start, from the numbers of the files."""
    polynomial, about = im.scans[scan].polynomials[0], experiment.stations[station]
    start = experiment.start_seconds + experiment.scans[scan].start_s

    def delay(seconds):
        of_day = start + seconds
        im_us = np.polynomial.polynomial.polyval(of_day - polynomial.sec, polynomial.delay_us[1, station])
        return 1e-6 * (im_us + about.clock_us + about.clock_rate_us_s * of_day)

    return delay


def expected(experiment, scan, band, product):
    return next(
        fringe
        for fringe in expected_fringes(experiment)
        if (fringe.scan_index, fringe.band, fringe.polarization) == (scan, band, product)
        and (fringe.antenna1, fringe.antenna2) == ("AL", "BO")
    )


def angle_between(one, two):
    return abs(np.angle(np.exp(1j * (one - two))))


def noiseless_voltages(experiment, im, scan, seconds):
    """First sample and voltages (channel, time) of each station, without receiver noise and sampler."""
    signal, random = ScanSignal(experiment, im, scan), np.random.default_rng(8)
    amplitudes = normal_quantiles(np.sqrt(2 / BLOCK))
    n_stations, n_channels = len(experiment.stations), experiment.recorded_channels
    first, pieces = [0] * n_stations, [[] for _ in range(n_stations)]
    last = int(seconds * experiment.sample_rate_hz) // BLOCK + 2
    for begin in range(-2, last, 64):
        blocks = range(begin, min(begin + 64, last))
        draws = random.integers(0, len(amplitudes), (n_channels, len(blocks), 2 * signal.bins))
        sky = signal.sky(amplitudes[draws])
        for station in range(n_stations):
            geometry = signal.geometry(station, blocks)
            assert np.ptp(geometry.whole) == 0, "choose a stretch without a slip of a sample"
            first[station] = -2 * BLOCK - geometry.whole[0] if begin == -2 else first[station]
            voltages = [
                signal.voltage(
                    channel,
                    signal.slope(station, pol, geometry),
                    signal.rotation(band, geometry),
                    sky[channel],
                ).ravel()
                for channel, (band, pol) in enumerate(experiment.channels)
            ]
            pieces[station].append(voltages)
    return [(first[a], np.concatenate(pieces[a], axis=1).astype(float)) for a in range(n_stations)]


@pytest.mark.parametrize("scan", [0, 1])
def test_what_is_put_in_is_in_the_voltages(scan):
    # Without noise and quantisation, over a wide band, what remains is the error of the method: it must be far below
    # that of any fringe of the demonstration (0.05 ns and 0.5 degrees are asked; both sidebands, with sign).
    seconds, n_channels = 0.06, 1024
    experiment = default_experiment(
        scan_seconds=1, n_stations=2, n_bands=2, bandwidth=4.096e6, n_channels=1024, gap_seconds=1
    )
    im = delay_model(experiment)
    stations = noiseless_voltages(experiment, im, scan, seconds)
    spectra = {}
    for station, (first, voltages) in enumerate(stations):
        delay = model_delay(experiment, im, scan, station)
        for channel, (row, pol) in enumerate(experiment.channels):
            band = experiment.bands[row]
            spectra[station, row, pol] = plain.station_spectra(
                voltages[channel],
                first,
                delay,
                band.edge_hz,
                band.sideband,
                experiment.sample_rate_hz,
                n_channels,
                0.001,
                0.001 + 0.05,
            )
    for row, band in enumerate(experiment.bands):
        frequency = band.low_edge_hz + np.arange(n_channels) * band.bandwidth_hz / n_channels
        for product in ("RR", "LL"):
            spectrum = plain.coefficient_spectrum(spectra[0, row, product[0]], spectra[1, row, product[1]])[0]
            delay, phase = plain.delay_and_phase(spectrum, frequency, band.center_hz)
            fringe = expected(experiment, scan, row, product)
            middle = experiment.scans[scan].start_s + 0.001 + 0.025
            assert abs(delay - fringe.delay_at(middle)) < 0.05e-9
            assert angle_between(phase, fringe.phase_at(middle)) < np.radians(0.05)
            assert np.abs(spectrum[3:-3]).mean() > 0.99


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """An experiment of two strong stations without faults, and spectra of its recordings."""
    folder = tmp_path_factory.mktemp("recorded")
    experiment = default_experiment(scan_seconds=1, n_stations=2, n_bands=2, gap_seconds=3)
    stations = [replace(s, common_power=0.6, missing=(), invalid=()) for s in experiment.stations]
    experiment = replace(experiment, stations=tuple(stations))
    im = delay_model(experiment)
    write_recordings(experiment, im, folder)
    spectra = {}
    for scan, about in enumerate(experiment.scans):
        second_0 = (
            70 * 86_400 + experiment.start_seconds + about.start_s
        )  # 12 March is 70 days after 1 January
        for station in range(2):
            first, samples = plain.read_samples(
                folder / experiment.recording_name(station, scan),
                experiment.frame_bytes,
                experiment.recorded_channels,
                experiment.frames_per_second,
                second_0,
            )
            delay = model_delay(experiment, im, scan, station)
            for channel, (row, pol) in enumerate(experiment.channels):
                band = experiment.bands[row]
                spectra[scan, station, row, pol] = plain.station_spectra(
                    samples[channel],
                    first,
                    delay,
                    band.edge_hz,
                    band.sideband,
                    experiment.sample_rate_hz,
                    experiment.n_channels,
                    0,
                    about.duration_s,
                )
    return experiment, spectra


@pytest.mark.parametrize("product", ["RR", "LL", "RL", "LR"])
@pytest.mark.parametrize("band", [0, 1])
@pytest.mark.parametrize("scan", [0, 1])
def test_recordings_show_the_expected_fringes(recorded, scan, band, product):
    experiment, spectra = recorded
    about = experiment.bands[band]
    n_channels = experiment.n_channels
    frequency = about.low_edge_hz + np.arange(n_channels) * about.bandwidth_hz / n_channels
    one, two = (spectra[scan, station, band, product[station]] for station in (0, 1))
    spectrum = plain.coefficient_spectrum(one, two)[0]
    delay, phase = plain.delay_and_phase(spectrum, frequency, about.center_hz)
    fringe = expected(experiment, scan, band, product)
    # Errors of phase and delay of a flat band at this signal-to-noise ratio; 0.2 / n_channels of the delay is lost to
    # the finite transforms, and leftover delays of up to half a sample times the fringe rate are in the phase.
    phase_error = 1 / fringe.snr
    delay_error = phase_error * np.sqrt(12) / (2 * np.pi * about.bandwidth_hz)
    assert abs(delay - fringe.delay_s) < 5 * delay_error + 1e-9
    assert angle_between(phase, fringe.phase_rad) < 5 * phase_error + np.radians(0.3)
    assert np.abs(spectrum[3:-3]).mean() == pytest.approx(fringe.correlation, rel=0.05)


def test_autocorrelations_are_flat_and_independent_of_the_station(recorded):
    experiment, spectra = recorded
    for (_, _, _, _), spectrum in spectra.items():
        power = (np.abs(spectrum) ** 2).mean(axis=0) / (2 * experiment.n_channels)
        assert power[2:-2] == pytest.approx(np.full(experiment.n_channels - 4, 4.31), rel=0.15)
        assert power[2:-2].mean() == pytest.approx(4.31, rel=0.01)


def test_the_rate_is_in_the_recordings(tmp_path):
    # Over a scan of 2 s the phase of a strong fringe must turn as the residual rate says.
    experiment = default_experiment(scan_seconds=2, n_scans=1, n_stations=2, n_bands=1, polarizations="R")
    fast = replace(experiment.stations[1], residual_rate=60e-12, missing=(), common_power=0.6)
    slow = replace(experiment.stations[0], invalid=(), common_power=0.6)
    experiment = replace(experiment, stations=(slow, fast))
    im = delay_model(experiment)
    write_recordings(experiment, im, tmp_path)
    spectra = []
    for station in range(2):
        first, samples = plain.read_samples(
            tmp_path / experiment.recording_name(station, 0),
            experiment.frame_bytes,
            1,
            experiment.frames_per_second,
            70 * 86_400 + experiment.start_seconds,
        )
        spectra.append(
            plain.station_spectra(
                samples[0],
                first,
                model_delay(experiment, im, 0, station),
                experiment.bands[0].edge_hz,
                "U",
                experiment.sample_rate_hz,
                experiment.n_channels,
                0,
                2,
            )
        )
    spectra = plain.coefficient_spectrum(*spectra, integrations=20)
    fringe = expected(experiment, 0, 0, "RR")
    frequency = experiment.bands[0].low_edge_hz + np.arange(128) * experiment.bandwidth_hz / 128
    times = (np.arange(20) + 0.5) / 10
    turned = (spectra * np.exp(-2j * np.pi * fringe.delay_s * (frequency - fringe.reference_frequency_hz)))[
        :, 3:-3
    ]
    phase = np.unwrap(np.angle(turned.mean(axis=1)))
    rate = np.polynomial.polynomial.polyfit(times, phase, 1)[1] / (2 * np.pi * fringe.reference_frequency_hz)
    assert fringe.delay_rate == pytest.approx(58.5e-12)
    assert rate == pytest.approx(fringe.delay_rate, rel=0.02)


def test_long_tables_of_phasors_are_as_good_as_short_ones():
    turns, step = np.array([0.3, -0.2]), np.array([0.49 / BLOCK, -0.5 / BLOCK])
    exact = np.exp(2j * np.pi * (turns[:, None] + step[:, None] * np.arange(BLOCK)))
    assert np.abs(phasors(turns, step, BLOCK) - exact).max() < 2e-6


def test_whole_delay_moves_with_the_geometry():
    experiment = default_experiment()
    im = delay_model(experiment)
    signal = ScanSignal(experiment, im, 0)
    geometry = signal.geometry(2, range(4000))
    model, rate = StationDelay(experiment, im, 0, 2)(np.array([2.0]))
    at_2_s = int(2 * experiment.sample_rate_hz / BLOCK)
    assert geometry.delay_s[at_2_s] == pytest.approx(
        model[0] - experiment.stations[2].residual_delay_s, abs=1e-9
    )
    slips = np.diff(geometry.whole)
    assert set(slips) <= {0, int(np.sign(rate[0]))}
    assert slips.any(), "the delay of 4 s must move by a sample for this test to see anything"
