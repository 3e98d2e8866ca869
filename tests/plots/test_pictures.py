# SPDX-License-Identifier: GPL-3.0-or-later
"""Waterfalls, matrices of stations, and what belongs to one station."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

from difxnb import plots
from difxnb.plots.times import in_days
from tests.plots.conftest import figure_words, labelled


def cells(mesh):
    """Values of a mesh; NaN where nothing is drawn."""
    values = np.ma.masked_array(mesh.get_array())
    return np.asarray(values.filled(np.nan), dtype=float)


def test_a_waterfall_holds_every_integration(sky):
    artists = plots.waterfall(sky, baseline="AA-CC", polarization="LL", scan="No0001")
    assert len(artists) == 2, "a mesh for each band"
    spectra = sky["VISIBILITY"].sel(baseline="AA-CC", polarization="LL")[:6]
    for mesh, band in zip(artists, (0, 1), strict=True):
        assert cells(mesh) == pytest.approx(np.abs(spectra.sel(band=band).values) / 2.0, rel=1e-5)
    corners = np.asarray(artists[0].get_coordinates())
    assert corners[0, [0, -1], 0] == pytest.approx([8400.0, 8416.0])
    half = 0.5 / 86400
    ends = in_days(sky["time"].values[[0, 5]])
    assert corners[[0, -1], 0, 1] == pytest.approx([ends[0] - half, ends[1] + half], rel=0, abs=1e-9)
    (bar,) = [axes for axes in artists.figure.axes if axes is not artists.axes]
    assert bar.get_ylabel() == "correlation coefficient"
    assert artists.axes.get_ylabel() == "time (UTC)"


def test_a_waterfall_of_phases_rises_with_a_late_antenna(sky):
    mesh = plots.waterfall(sky, "phase", baseline="AA-BB", bands=[0], polarization="RR", scan="No0001")[0]
    turns = np.unwrap(np.radians(cells(mesh)), axis=1) / 2 / np.pi
    slopes = (turns[:, -1] - turns[:, 0]) / 15.5e6
    assert slopes == pytest.approx(37e-9, abs=3e-9)
    assert (mesh.norm.vmin, mesh.norm.vmax) == (-180, 180)


def test_gaps_in_a_waterfall_are_empty(sky):
    part = sky.isel(time=[0, 1, 4, 5]).copy(deep=True)
    part["WEIGHT"][1] = 0
    mesh = plots.waterfall(part, baseline="AA-BB", bands=[0])[0]
    empty = np.isnan(cells(mesh)).all(axis=1)
    assert empty.tolist() == [False, True, True, False, False]
    steps = np.diff(np.asarray(mesh.get_coordinates())[:, 0, 1]) * 86400
    assert steps == pytest.approx([1, 1, 2, 1, 1], abs=1e-4)


def test_a_waterfall_of_what_is_not_there(sky):
    for wrong in ({"quantity": "delay"}, {"baseline": "XX"}, {"bands": [9]}, {"scan": "x"}):
        with pytest.raises(ValueError, match="there are"):
            plots.waterfall(sky, **wrong)


# --- matrix ----------------------------------------------------------------------------------------------


def test_the_matrix_has_the_highest_snr_of_each_baseline(fitted):
    artists = plots.snr_matrix(fitted, scan="No0001")
    mesh, *texts = artists
    assert isinstance(mesh, QuadMesh)
    best = fitted[fitted["scan"] == "No0001"].groupby("baseline")["snr"].max()
    places = {(0, 1): "AA-BB", (0, 2): "AA-CC", (1, 2): "BB-CC"}
    assert {text.get_position(): text.get_text() for text in texts} == {
        place: f"{best[name]:.0f}" for place, name in places.items()
    }
    grid = cells(mesh)
    assert grid[1, 0] == pytest.approx(np.log10(best["AA-BB"]))
    assert np.isnan(grid[np.triu_indices(3)]).all()
    assert [text.get_text() for text in artists.axes.get_yticklabels()] == ["AA", "BB", "CC"]


def test_noise_stands_in_brackets(fitted):
    weak = fitted["baseline"] == "BB-CC"
    table = fitted.assign(flags=np.where(weak, "not_detected", ""), snr=np.where(weak, 4.2, fitted["snr"]))
    _, *texts = plots.snr_matrix(table)
    assert [text.get_text() for text in texts if text.get_position() == (1, 2)] == ["(4)"]
    assert sum(text.get_text().startswith("(") for text in texts) == 1


def test_a_part_of_the_table_in_a_matrix(fitted):
    _, *texts = plots.snr_matrix(fitted, bands=1, polarizations="LL", ax=Figure().add_subplot())
    row = fitted.query("scan == 'No0002' and band == 1 and polarization == 'LL' and baseline == 'AA-CC'")
    assert [text.get_text() for text in texts if text.get_position() == (0, 2)] == [
        f"{row['snr'].item():.0f}"
    ]
    with pytest.raises(ValueError, match="no scan No0003; there are No0001, No0002"):
        plots.snr_matrix(fitted, scan="No0003")


# --- stations --------------------------------------------------------------------------------------------


def test_autocorrelations(sky):
    artists = plots.autocorrelation(sky, antennas=["BB"], polarizations=["RR"])
    assert [one.get_label() for one in artists] == ["BB RR", "_BB RR band 1"]
    assert artists[0].get_ydata() == pytest.approx(2.0)
    assert artists.axes.get_ylabel() == "power (DiFX units)"
    with pytest.raises(ValueError, match="no antenna XX; there are AA, BB, CC"):
        plots.autocorrelation(sky, antennas=["XX"])
    with pytest.raises(ValueError, match="no autocorrelations"):
        plots.autocorrelation(sky.difx.cross())


def test_all_baselines_are_read_from_the_reference_station(sky):
    artists = plots.reference_station(sky, "BB", polarizations=["RR"], bands=[0], scan="No0001")
    assert artists.grid.shape == (2, 2)
    assert [axes.get_ylabel().split("\n")[0] for axes in artists.grid[:, 0]] == ["BB-AA", "BB-CC"]
    assert figure_words(artists.figure) == []
    for axes, delay in zip(artists.grid[:, 1], (-37e-9, -89e-9), strict=True):
        dots = axes.lines[0]
        slope = np.polyfit(dots.get_xdata() * 1e6, np.unwrap(np.radians(dots.get_ydata())), 1)[0] / 2 / np.pi
        assert slope == pytest.approx(delay, abs=0.3e-9)
    heights = artists.grid[0, 0].lines[0].get_ydata()
    assert np.median(heights) == pytest.approx(0.25, rel=0.02), "coefficient"


def test_hands_are_named_once_for_all_rows(sky):
    assert figure_words(plots.reference_station(sky, "AA").figure) == ["RR", "LL"]


def test_a_reference_station_on_axes_of_the_user(sky):
    figure = Figure()
    with pytest.raises(ValueError, match="2 baselines, which need axes 2 × 2"):
        plots.reference_station(sky, "AA", ax=figure.subplots(1, 2, squeeze=False))
    artists = plots.reference_station(sky, "AA", ax=figure.subplots(2, 2), polarizations=["RR"])
    assert artists.figure is figure
    assert labelled(artists, "_AA-CC RR phase") in artists.grid[1, 1].lines
    with pytest.raises(ValueError, match="no antenna XX; there are AA, BB, CC"):
        plots.reference_station(sky, "XX")
