# SPDX-License-Identifier: GPL-3.0-or-later
"""Spectra and lags: what is drawn is what the Dataset holds, with the signs of what was put in."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from difxnb import plots
from difxnb.plots.squeezed import SqueezedGaps, merged, ticks_of
from tests.plots.conftest import BANDS, figure_words, labelled


def test_amplitudes_are_those_of_the_dataset(sky, fitted):
    artists = plots.amplitude(sky, scan="No0001", bands=[0], fringes=fitted)
    assert [one.get_label() for one in artists] == [
        f"{pair} {hand}" for pair in ("AA-BB", "AA-CC", "BB-CC") for hand in ("RR", "LL")
    ]
    line = labelled(artists, "AA-CC LL")
    mean = np.abs(sky["VISIBILITY"].sel(baseline="AA-CC", band=0, polarization="LL")[:6].mean("time"))
    assert line.get_xdata() == pytest.approx(BANDS[0].centres / 1e6)
    assert line.get_ydata() == pytest.approx(mean.values / 2.0, rel=2e-3), "autocorrelations of 2"
    assert artists.axes.get_xlabel() == "sky frequency (MHz)"
    assert artists.axes.get_ylabel() == "correlation coefficient"
    assert figure_words(artists.figure) == [one.get_label() for one in artists]


def test_one_axis_has_one_unit(sky, fitted):
    """A single autocorrelation that is missing leaves all curves in DiFX's units."""
    part = sky.sel(baseline=[name for name in sky["baseline"].values if name != "CC-CC"])
    artists = plots.amplitude(part, bands=[0], fringes=fitted)
    assert artists.axes.get_ylabel() == "amplitude (DiFX units)"
    assert np.median(labelled(artists, "AA-BB RR").get_ydata()) == pytest.approx(0.5, rel=0.02)
    rho = sky.difx.normalized().difx.cross()
    assert plots.amplitude(rho, fringes=fitted).axes.get_ylabel() == "correlation coefficient"


@pytest.mark.parametrize(("pair", "delay"), [("AA-BB", 37e-9), ("AA-CC", -52e-9), ("BB-CC", -89e-9)])
def test_phases_rise_where_the_second_antenna_is_late(sky, fitted, pair, delay):
    """In upper and lower sideband alike."""
    artists = plots.phase(sky, baselines=[pair], polarizations=["RR"], scan="No0001", fringes=fitted)
    dots = [one for one in artists if one.get_marker() != "None"]
    lines = [one for one in artists if one.get_marker() == "None"]
    assert len(dots) == len(lines) == 2, "two bands"
    for dot, line in zip(dots, lines, strict=True):
        turns = np.unwrap(np.radians(dot.get_ydata())) / 2 / np.pi
        slope = np.polyfit(dot.get_xdata() * 1e6, turns, 1)[0]
        assert slope == pytest.approx(delay, abs=0.3e-9)
        fit = line.get_ydata()[np.isfinite(line.get_ydata())]
        assert fit.size > 390
        turned = np.interp(dot.get_xdata(), line.get_xdata(), np.unwrap(line.get_ydata(), period=360))
        assert np.nanmax(np.abs((dot.get_ydata() - turned + 180) % 360 - 180)) < 15
    assert artists.axes.get_ylim() == (-190, 190)
    assert artists.axes.get_ylabel() == "phase (degrees)"


def test_lags_peak_at_the_delay(sky, fitted):
    artists = plots.lag_spectrum(sky, polarizations=["RR"], scan="No0001", fringes=fitted)
    assert artists.axes.get_xlabel() == "delay (ns)"
    for pair, delay in (("AA-BB", 37), ("AA-CC", -52), ("BB-CC", -89)):
        (curve,) = [one for one in artists if one.get_label().startswith(f"{pair} RR ")]
        assert curve.get_xdata()[np.argmax(curve.get_ydata())] == pytest.approx(delay, abs=5)
        assert curve.get_ydata().max() == pytest.approx(0.25, rel=0.05), "coefficient"
        said = curve.get_label().removeprefix(f"{pair} RR ")
        assert float(said.split()[0]) == pytest.approx(delay, abs=0.5)
        mark = labelled(artists, f"_{pair} RR delay")
        assert mark.get_xdata() == pytest.approx([delay], abs=0.5)


def test_on_axes_of_the_user(sky, fitted):
    figure = Figure()
    ax = figure.add_subplot()
    artists = plots.amplitude(sky, ax=ax, baselines="AA-BB", bands=0, fringes=fitted)
    more = plots.amplitude(sky, ax=ax, baselines="AA-BB", bands=1, fringes=fitted)
    assert artists.axes is ax
    assert artists.figure is figure
    assert all(one in ax.lines for one in (*artists, *more))
    assert artists._repr_png_() is None, "the user's figure shows itself"
    assert not figure.legends
    assert ax.get_legend() is None
    low, high = ax.get_xlim()
    assert (low, high) == pytest.approx((8399.75 + 0.25, 8616.0)), "both bands"
    assert [text.get_text() for text in ax.legend().get_texts()] == ["AA-BB RR", "AA-BB LL"] * 2
    with pytest.raises(TypeError, match="Axes"):
        plots.amplitude(sky, ax=figure, fringes=fitted)


def test_own_figures_show_themselves(sky, fitted):
    artists = plots.phase(sky, baselines=["AA-BB"], fringes=fitted)
    assert artists._repr_png_().startswith(b"\x89PNG")
    assert repr(artists) == f"<Artists: {len(artists)} on sky frequency (MHz) × phase (degrees)>"
    again = plots.phase(sky, ax=artists.axes, baselines=["AA-CC"], fringes=fitted)
    assert again._repr_png_() is None


def test_legends_lie_outside_the_data(sky, fitted):
    artists = plots.amplitude(sky, fringes=fitted)
    artists.figure.canvas.draw()
    (legend,) = artists.figure.legends
    assert legend.get_window_extent().y0 >= artists.axes.get_window_extent().y1


@pytest.mark.parametrize("draw", [plots.amplitude, plots.phase, plots.lag_spectrum])
@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"baselines": ["AA-XX"]}, "AA-XX; there are AA-BB, AA-CC, BB-CC"),
        ({"baselines": []}, "no baseline is named"),
        ({"bands": [7]}, "no band 7; there are 0, 1"),
        ({"polarizations": ["XX"]}, "no polarization XX; there are RR, LL"),
        ({"scan": "No0009"}, "no scan 'No0009'; there are No0001, No0002"),
    ],
)
def test_bad_selections_say_what_there_is(sky, fitted, draw, wrong, named):
    with pytest.raises(ValueError, match=named):
        draw(sky, fringes=fitted, **wrong)


def test_no_dataset_and_no_data(sky):
    with pytest.raises(TypeError, match="Dataset"):
        plots.amplitude(sky["VISIBILITY"])
    with pytest.raises(ValueError, match="no visibilities"):
        plots.phase(sky.isel(time=slice(0, 0)))
    with pytest.raises(ValueError, match="no cross-correlations"):
        plots.amplitude(sky.difx.auto())


def test_selected_values_and_missing_channels(sky):
    """An axis may be gone, and what is missing is not drawn."""
    one = sky.sel(baseline="AA-BB", polarization="RR", band=0).copy(deep=True)
    one["VISIBILITY"][:, 10:14] = np.nan
    artists = plots.amplitude(one)
    (line,) = artists
    assert np.flatnonzero(np.isnan(line.get_ydata())).tolist() == [10, 11, 12, 13]
    assert artists.axes.get_ylabel() == "amplitude (DiFX units)"
    last = plots.amplitude(one.isel(time=[-1]))
    assert np.nanmedian(last[0].get_ydata()) == pytest.approx(0.5, rel=0.05)


def test_a_scan_without_data_says_so(sky, fitted):
    empty = sky.copy(deep=True)
    empty["VISIBILITY"][:6] = np.nan
    artists = plots.amplitude(empty, scan="No0001", fringes=fitted)
    assert not artists
    assert [text.get_text() for text in artists.axes.texts] == ["no data"]


def test_names_are_no_formulae(sky, fitted):
    odd = sky.assign_coords(polarization=["$R_", "_L"])
    table = fitted.assign(polarization=fitted["polarization"].map({"RR": "$R_", "LL": "_L"}))
    artists = plots.amplitude(odd, baselines=["AA-BB"], fringes=table)
    assert figure_words(artists.figure) == ["AA-BB $R_", "AA-BB _L"]
    artists.figure.canvas.draw()


# --- bands side by side ----------------------------------------------------------------------------------


def test_gaps_are_narrow_and_places_true():
    bands = SqueezedGaps([(8400.0, 8416.0), (8600.0, 8616.0)])
    drawn = bands.transform(np.array([8400.0, 8416.0, 8600.0, 8616.0]))
    assert np.diff(drawn) == pytest.approx([16.0, 1.6, 16.0])
    places = np.array([8390.0, 8401.5, 8500.0, 8610.0, 8700.0])
    assert bands.inverted().transform(bands.transform(places)) == pytest.approx(places)
    touching = SqueezedGaps(merged([(1.0, 2.0), (2.0, 3.0), (2.5, 4.0)]))
    assert touching.spans == ((1.0, 4.0),)


@pytest.mark.parametrize("count", [1, 2, 4, 8, 40])
def test_ticks_are_few_and_within_bands(count):
    spans = [(3000.0 + 400 * k, 3032.0 + 400 * k) for k in range(count)]
    places, digits = ticks_of(spans)
    assert 1 <= len(places) <= 12
    assert digits == 0
    assert all(any(low <= one <= high for low, high in spans) for one in places)
