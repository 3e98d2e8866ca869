# SPDX-License-Identifier: GPL-3.0-or-later
"""Live pictures against time: fringes, waterfalls and weights show when what was, and gaps as gaps."""

from __future__ import annotations

import re

import matplotlib.dates as mdates
import numpy as np
import pytest
import xarray as xr

from difxnb.plots.live import VIEWS
from difxnb.plots.live.kept import MOST_ROWS
from difxnb.plots.live.timeline import seen_scans
from difxnb.plots.live.weights import MOST_STATIONS
from tests.plots.live.looks import DELAYS, RATES, START, bare, known, look

TWO_SCANS = ((0.0, 8), (20.0, 6))


def finished(kind, asked):
    """A view that has nothing more to show."""
    view = VIEWS[kind]()
    frames = 0
    while view.draw(asked) is not None:
        frames += 1
        assert frames < 100
    return view, view.figure()


def after(x):
    """Seconds after the start of the job of numbers of an axis."""
    return (np.asarray(x, dtype=float) - mdates.date2num(START)) * 86400


def points(axes):
    """Data of the lines with points of integrations."""
    return [
        line.get_xydata()
        for line in axes.lines
        if line.get_linestyle() == "None" and len(line.get_xdata()) > 2
    ]


@pytest.mark.parametrize("reference", [None, "CC"])
def test_fringes_move_as_they_were_made_to(reference):
    dataset = known(scans=TWO_SCANS)
    view, figure = finished("fringes", look(dataset, baselines=("AA-CC",), reference=reference))
    sign = -1 if reference else 1
    delays, snrs, phases, _ = (points(axes) for axes in figure.axes[:4])
    middle = float(dataset["frequency"].values.mean())
    assert len(delays) == 2, "two hands"
    for delay, snr, phase in zip(delays, snrs, phases, strict=True):
        times = after(delay[:, 0])
        late = DELAYS["CC"] + RATES["CC"] * times
        assert times == pytest.approx([*(0.25 + 0.5 * np.arange(8)), *(20.25 + 0.5 * np.arange(6))], abs=1e-3)
        assert delay[:, 1] == pytest.approx(sign * late * 1e9, abs=2), "ns"
        turned = np.degrees(np.angle(np.exp(2j * np.pi * middle * late)))
        assert np.abs((phase[:, 1] - sign * turned + 180) % 360 - 180).max() < 8, "degrees"
        assert (snr[:, 1] > 50).all()
    rates = [line for line in figure.axes[3].lines if len(line.get_xdata()) > 2]
    for line in rates:
        assert np.nanmedian(line.get_ydata()) == pytest.approx(sign * -3, abs=0.3), "ps/s"
    assert "fits of scans" in view.caption


def test_fits_are_made_once_and_the_newest_first():
    dataset = known(scans=((0.0, 40),))
    view = VIEWS["fringes"]()
    view.draw(bare(dataset))
    (first, *_) = points(view.figure().axes[0])
    assert after(first[:, 0]).max() == pytest.approx(19.75, abs=1e-3)
    assert len(first) < 40
    assert "being fitted" in view.caption
    while view.draw(bare(dataset)) is not None:
        pass
    (every, *_) = points(view.figure().axes[0])
    assert len(every) == 40


def test_an_integration_that_fills_is_fitted_again():
    dataset = known(scans=((0.0, 4),))
    half = dataset.copy(deep=True)
    half["VISIBILITY"][3, 1:] = np.nan
    half["WEIGHT"][3, 1:] = 0
    view = VIEWS["fringes"]()
    counts = []
    for version, one in enumerate((half, dataset)):
        while view.draw(bare(one, version=version)) is not None:
            pass
        counts.append([np.isfinite(delay[:, 1]).sum() for delay in points(view.figure().axes[0])])
    assert counts == [[4, 4, 3, 3, 3, 3], [4] * 6]


def test_of_many_integrations_one_of_each_few_is_shown():
    dataset = known(scans=((0.0, 3 * MOST_ROWS),), channels=4)
    view, figure = finished("waterfall", bare(dataset, baselines=("AA-BB",)))
    assert "one of each 4 integrations" in view.caption
    assert figure.axes[0].images[0].get_array().shape[0] < 3 * MOST_ROWS


def test_a_waterfall_has_phases_in_their_places_and_gaps():
    dataset = known(scans=TWO_SCANS, noise=0.001)
    view, _ = finished("waterfall", bare(dataset, baselines=("AA-BB",)))
    content = view._last[0]
    phase, amplitude = content.phase[0], content.amplitude[0]
    low, high = content.time_limits
    lines = after(low + (np.arange(len(phase)) + 0.5) / len(phase) * (high - low))
    is_there = np.isfinite(phase[:, 0])
    assert is_there[(lines > 0.1) & (lines < 3.9)].all()
    assert not is_there[(lines > 5) & (lines < 19.5)].any(), "a gap"
    assert np.nanmedian(amplitude) == pytest.approx(3.0, rel=0.02), "DiFX units"
    line = int(np.argmin(np.abs(lines - 21.25)))
    late = DELAYS["BB"] + RATES["BB"] * 21.25
    channel = dataset["frequency"].values[0][np.arange(phase.shape[1]) * 64 // phase.shape[1]]
    off = phase[line] - np.degrees(np.angle(np.exp(2j * np.pi * channel * late)))
    assert np.abs((off + 180) % 360 - 180).max() < 5


def weights(count=20, antennas=("AA", "BB", "CC"), gap=()):
    values = np.full((count, len(antennas)), 0.97)
    values[5:8, 1] = 0.2
    values[list(gap), 0] = np.nan
    times = START + (np.arange(count) * 0.5e9).astype("timedelta64[ns]")
    return xr.DataArray(values, {"time": times, "antenna": list(antennas)}, ("time", "antenna"))


def lanes(figure):
    """Lines of the stations, without those of low weights."""
    lines = [line for line in figure.axes[0].lines if len(line.get_xdata()) > 2]
    return lines[: len(lines) // 2], lines[len(lines) // 2 :]


def test_weights_stand_in_lanes_with_gaps_and_low_ones_marked():
    given = weights(gap=(10, 11))
    view, figure = finished("weights", bare(known(), weights=given))
    lines, low = lanes(figure)
    bases = [2, 1, 0]
    for base, line, antenna in zip(bases, lines, ("AA", "BB", "CC"), strict=True):
        shown = (line.get_ydata() - base) / 0.86
        assert shown == pytest.approx(given.sel(antenna=antenna).values, nan_ok=True)
    assert [int(np.isfinite(line.get_ydata()).sum()) for line in low] == [0, 3, 0]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["AA", "BB", "CC"]
    assert "newest: AA 0.97" in view.caption


def test_times_of_day_are_written_in_full():
    _, figure = finished("weights", bare(known(), weights=weights()))
    figure.canvas.draw()
    labels = [label.get_text() for label in figure.axes[0].get_xticklabels() if label.get_text()]
    assert labels
    assert all(re.fullmatch(r"\d\d:\d\d:\d\d(\.\d+)?", label) for label in labels), labels


def test_a_scan_that_began_before_the_axis_is_named_at_its_end():
    scans = (("one", 1.0), ("two", 5.0), ("three", 19.0), ("four", 30.0))
    assert seen_scans((10.0, 20.0), scans) == (("two", 10.0), ("three", 19.0))
    assert seen_scans((4.5, 20.0), scans) == (("two", 5.0), ("three", 19.0))  # no room for both names


def test_scans_are_named_where_they_begin_and_gaps_between_them_stay_open():
    dataset = known(scans=TWO_SCANS)
    _, figure = finished("weights", bare(dataset))
    names = {text.get_text(): after(text.xy[0]) for text in figure.axes[0].texts}
    assert names == {"No0001": pytest.approx(0.25, abs=1e-3), "No0002": pytest.approx(20.25, abs=1e-3)}
    line = lanes(figure)[0][0]
    gap = np.flatnonzero(np.isnan(line.get_xdata()))
    assert after(line.get_xdata()[gap + 1]) == pytest.approx([20.25], abs=1e-3)


def test_weights_of_a_scan_until_a_time_and_of_many_stations():
    dataset = known(scans=TWO_SCANS)
    table = weights(count=60, antennas=[f"S{number}" for number in range(40)])
    view, figure = finished(
        "weights", bare(dataset, weights=table, scan="No0001", until=dataset["time"].values[5])
    )
    lines, _ = lanes(figure)
    assert len(lines) == MOST_STATIONS
    assert f"{40 - MOST_STATIONS} of 40 stations" in view.caption
    assert after(lines[0].get_xdata()).max() <= 2.75 + 1e-3
