# SPDX-License-Identifier: GPL-3.0-or-later
"""Live spectra show what a Dataset holds: amplitudes, phases with their sign, lags."""

from __future__ import annotations

import numpy as np
import pytest

from difxnb.plots.live import VIEWS
from difxnb.plots.live.spectra import MOST_ROWS
from tests.plots.live.looks import DELAYS, LOW, RATES, WIDTH, bare, known, lines_at, look


def drawn(kind, asked):
    view = VIEWS[kind]()
    assert view.draw(asked) is not None
    return view, view.figure()


def curves(lines):
    """Data of the lines that are no helpers: those with more than two points."""
    return [line.get_xydata() for line in lines if len(line.get_xdata()) > 2]


def expected_phase(a, b, after, channels=64):
    frequency = LOW + np.arange(channels) * WIDTH / channels
    late = DELAYS[b] - DELAYS[a] + (RATES[b] - RATES[a]) * after
    return np.degrees(np.angle(np.exp(2j * np.pi * frequency * late)))


def apart(one, other):
    return np.abs((np.asarray(one) - other + 180) % 360 - 180)


def test_amplitudes_are_coefficients_and_phases_those_of_the_newest_integration():
    dataset = known(scans=((0.0, 12),))
    view, figure = drawn("spectra", look(dataset))
    for row, (a, b) in enumerate((("AA", "BB"), ("AA", "CC"), ("BB", "CC"))):
        for amplitude in curves(lines_at(figure, row, 0)):
            assert amplitude[:64, 1] == pytest.approx(0.5, abs=0.05)
            assert np.isnan(amplitude[64:, 1]).all()
        for phase in curves(lines_at(figure, row, 1)):
            assert apart(phase[:64, 1], expected_phase(a, b, 5.75)).max() < 8, (
                "degrees, at the newest integration"
            )
        for lag in curves(lines_at(figure, row, 2)):
            peak = lag[np.argmax(lag[:, 1]), 0]
            assert peak == pytest.approx((DELAYS[b] - DELAYS[a]) * 1e9, abs=16), "ns, with its sign"
    assert "known_1 No0001 SRCA" in view.caption
    assert "mean of 8 integrations, the last at 2024-01-01 12:00:05.75 UTC" in view.caption
    assert "coefficient" in view.caption


def test_marks_stand_at_the_fitted_delays():
    figure = drawn("lag", look(known()))[1]
    marks = [
        line for line in figure.axes[1].lines if line.get_marker() in "os" and len(line.get_xdata()) == 1
    ]
    assert [float(mark.get_xdata()[0]) for mark in marks] == pytest.approx([-0.09, -0.09], abs=5e-4), "µs"


def test_without_autocorrelations_amplitudes_are_those_of_difx():
    view, figure = drawn("spectra", bare(known(autos=False), baselines=("AA-BB",)))
    (amplitude, _) = curves(lines_at(figure, 0, 0))
    assert np.nanmedian(amplitude[:, 1]) == pytest.approx(0.5 * 6, rel=0.1)
    assert "DiFX units" in view.caption


def test_a_reference_station_comes_first_and_turns_what_it_ends():
    dataset = known(scans=((0.0, 1),))
    figure = drawn("spectra", bare(dataset, reference="BB"))[1]
    names = [text.get_text() for text in figure.texts]
    assert "BB-AA" in names
    assert "BB-CC" in names
    assert "AA-CC" not in names
    turned = curves(lines_at(figure, 0, 1))[0]
    assert apart(turned[:64, 1], -expected_phase("AA", "BB", 0.25)).max() < 12


def test_a_turned_baseline_shows_the_other_cross_hand():
    dataset = known(scans=((0.0, 1),)).assign_coords(polarization=["RL", "LR"])
    dataset["VISIBILITY"][:, :, :, 1] *= 3
    asked = bare(dataset, reference="BB", baselines=("AA-BB",), polarizations=("RL",))
    (amplitude,) = curves(lines_at(drawn("spectra", asked)[1], 0, 0))
    assert np.nanmedian(amplitude[:, 1]) == pytest.approx(3 * 3.0, rel=0.1), "RL of BB-AA is LR of AA-BB"


def test_until_scrolls_back_and_scans_are_not_mixed():
    dataset = known(scans=((0.0, 12), (60.0, 3)))
    view = VIEWS["spectra"]()
    asked = look(dataset)
    view.draw(asked)
    assert "No0002" in view.caption
    assert "mean of 3 integrations" in view.caption
    view.draw(look(dataset, until=dataset["time"].values[4]))
    assert "No0001" in view.caption
    assert "mean of 5 integrations, the last at 2024-01-01 12:00:02.25 UTC" in view.caption
    view.draw(look(dataset, scan="No0001"))
    assert "12:00:05.75" in view.caption


def test_what_is_absent_is_left_out_of_the_mean():
    dataset = known(scans=((0.0, 4),))
    dataset["VISIBILITY"][3, 0] = np.nan
    dataset["WEIGHT"][3, 0] = 0
    dataset["VISIBILITY"][:, 0, :, :, 10] = np.nan
    (amplitude, _) = curves(lines_at(drawn("spectra", look(dataset))[1], 0, 0))
    assert np.isnan(amplitude[10, 1])
    assert np.delete(amplitude[:64, 1], 10) == pytest.approx(0.5, abs=0.06)


def test_more_channels_than_pixels_keep_their_highest():
    dataset = known(scans=((0.0, 1),), channels=2048, noise=0.001)
    dataset["VISIBILITY"][:, 0, :, :, 777] *= 5
    view, figure = drawn("spectra", bare(dataset, baselines=("AA-BB",)))
    (amplitude, _) = curves(lines_at(figure, 0, 0))
    assert len(amplitude) <= 241
    assert np.nanmax(amplitude[:, 1]) == pytest.approx(2.5, rel=0.02)
    assert "a point for each 9 channels" in view.caption


def test_what_is_not_shown_is_counted():
    dataset = known(scans=((0.0, 1),), channels=8)
    many = dataset.isel(baseline=[0] * 40).assign_coords(baseline=[f"S{n}-T{n}" for n in range(40)])
    view = VIEWS["spectra"]()
    view.draw(bare(many))
    assert f"{40 - MOST_ROWS} of 40 baselines" in view.caption
    view.draw(bare(many, baselines=("S1-T1", "ZZ-QQ"), version=1))
    assert "ZZ-QQ, not in these data" in view.caption


def test_powers_of_stations_in_decibel():
    view, figure = drawn("autocorrelations", bare(known(autos=True)))
    for axes, power in zip(figure.axes, (4.0, 9.0, 1.0), strict=True):
        for curve in curves(axes.lines):
            assert curve[:64, 1] == pytest.approx(10 * np.log10(power), abs=1e-4)
    assert "dB" in view.caption
