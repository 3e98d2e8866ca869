# SPDX-License-Identifier: GPL-3.0-or-later
"""Weights and fringes against time: values, gaps, scans, error bars."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.dates as mdates
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from difxnb import plots
from difxnb.plots.times import in_days
from difxnb.visibility import fringe_fit
from tests.plots.conftest import figure_words, labelled


@pytest.fixture
def weighed(sky):
    """Weights of `sky`: 0.5 at AA, 0.9 at BB, none known of CC."""
    made = sky.copy(deep=True)
    for name, value in (("AA-AA", 0.5), ("BB-BB", 0.9), ("CC-CC", np.nan)):
        made["WEIGHT"].loc[{"baseline": name}] = value
    return made


def test_weights_of_visibilities(weighed):
    artists = plots.weights(weighed)
    assert figure_words(artists.figure) == ["AA", "BB", "CC"]
    values = labelled(artists, "AA").get_ydata()
    assert values[:6] == pytest.approx(0.5)
    assert np.isnan(values[6]), "the line is interrupted between the scans"
    assert values[7:] == pytest.approx(0.5)
    assert np.isnan(labelled(artists, "CC").get_ydata()).all()
    days = np.delete(labelled(artists, "BB").get_xdata(), 6)
    assert days == pytest.approx(in_days(weighed["time"].values))
    assert [text.get_text() for text in artists.axes.texts] == ["No0001", "No0002"]
    assert artists.axes.get_ylabel() == "weight"
    assert artists.axes.get_xlabel() == "time (UTC)"


def test_missing_integrations_are_gaps(weighed):
    part = weighed.isel(time=[0, 1, 4, 5])
    values = labelled(plots.weights(part), "AA").get_ydata()
    assert np.flatnonzero(np.isnan(values)).tolist() == [2]


def test_weights_without_autocorrelations_are_those_of_baselines(sky):
    cross = sky.difx.cross().copy(deep=True)
    cross["WEIGHT"].loc[{"baseline": "AA-BB"}] = 0.2
    values = labelled(plots.weights(cross, antennas="CC"), "CC").get_ydata()
    assert np.nanmax(np.abs(values - 1.0)) < 1e-6
    assert labelled(plots.weights(cross), "AA").get_ydata()[0] == pytest.approx(0.6)


def test_reported_weights_and_a_table_of_scans():
    times = np.datetime64("2024-01-01T12:00:00", "ns") + np.arange(8) * np.timedelta64(2, "s")
    times[4:] += np.timedelta64(60, "s")
    weights = xr.DataArray(np.full((8, 1), 0.7), {"time": times, "antenna": ["AA"]}, ("time", "antenna"))
    scans = pd.DataFrame(
        {"scan_name": ["No0001", "No0002"], "start": times[[0, 4]], "stop": times[[3, 7]]}, index=[0, 1]
    )
    artists = plots.weights(weights, scans=scans)
    assert np.flatnonzero(np.isnan(artists[0].get_ydata())).tolist() == [4]
    assert [text.get_text() for text in artists.axes.texts] == ["No0001", "No0002"]


def test_weights_that_cannot_be_drawn(sky):
    with pytest.raises(ValueError, match="no antenna XX; there are AA, BB, CC"):
        plots.weights(sky, antennas=["XX"])
    with pytest.raises(TypeError, match="DataArray"):
        plots.weights(sky.to_dataframe())
    with pytest.raises(ValueError, match="no antenna"):
        plots.weights(sky["WEIGHT"])


def test_times_are_utc_whatever_the_user_has_set(weighed):
    with mpl.rc_context({"timezone": "Asia/Tokyo"}):
        axes = plots.weights(weighed).axes
    axes.figure.canvas.draw()
    said = [text.get_text() for text in axes.get_xticklabels() if text.get_text()]
    assert said[0].startswith("12:00")
    assert isinstance(axes.xaxis.get_major_formatter(), mdates.ConciseDateFormatter)


# --- fringes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quantity", "factor", "words"),
    [
        ("delay", 1e9, "delay (ns)"),
        ("delay_rate", 1e12, "delay rate (ps/s)"),
        ("phase", 180 / np.pi, "phase (degrees)"),
        ("snr", 1.0, "SNR"),
        ("amplitude", 1.0, "amplitude (units of the visibilities)"),
    ],
)
def test_fringes_against_time(fitted, quantity, factor, words):
    artists = plots.fringe_history(fitted, quantity, bands=[0])
    assert artists.axes.get_ylabel() == words
    rows = fitted.query("baseline == 'AA-CC' and polarization == 'LL' and band == 0").sort_values("start")
    line = labelled(artists, "AA-CC LL")
    assert line.get_ydata() == pytest.approx(rows[quantity].to_numpy() * factor)
    assert line.get_xdata() == pytest.approx(in_days(rows["reference_time"].to_numpy()))
    bars = [one for one in artists if isinstance(one, LineCollection)]
    if quantity == "snr":
        assert not bars
    else:
        spans = [bar.get_segments() for bar in bars]
        heights = sorted(float(one[1, 1] - one[0, 1]) for part in spans for one in part)
        shown = fitted[fitted["band"] == 0]
        assert heights == pytest.approx(sorted(2 * factor * shown[f"{quantity}_error"]))
    low, high = artists.axes.get_ylim()
    everything = np.concatenate([one.get_ydata() for one in artists if hasattr(one, "get_ydata")])
    assert low <= everything.min() <= everything.max() <= high
    assert [text.get_text() for text in artists.axes.texts] == ["No0001", "No0002"]


def test_delays_have_the_sign_that_was_put_in(fitted):
    artists = plots.fringe_history(fitted, "delay", bands=[0], polarizations="RR")
    for pair, delay in (("AA-BB", 37), ("AA-CC", -52)):
        assert labelled(artists, f"{pair} RR").get_ydata()[0] == pytest.approx(delay, abs=0.5)
    rates = plots.fringe_history(fitted, "delay_rate", bands=[0], polarizations="RR", baselines="AA-BB")
    assert rates[-1].get_ydata() == pytest.approx(2.0, abs=0.2), "ps/s"


def test_what_was_not_detected_has_open_marks(fitted):
    lost = fitted["scan"] == "No0002"
    table = fitted.assign(flags=np.where(lost, "not_detected few_channels", ""))
    artists = plots.fringe_history(table, "snr", baselines=["AA-BB"], bands=[0], polarizations=["RR"])
    found, missed = artists
    assert (found.get_label(), found.get_markerfacecolor()) != (missed.get_label(), "none")
    assert missed.get_markerfacecolor() == "none"
    assert len(found.get_xdata()) == len(missed.get_xdata()) == 1
    assert missed.get_xdata() > found.get_xdata()


def test_every_product_has_its_own_look(fitted):
    artists = plots.fringe_history(fitted, "snr")
    looks = {(one.get_color(), one.get_marker()) for one in artists}
    assert len(looks) == len(artists) == 3 * 2 * 2


def test_tables_that_cannot_be_drawn(sky, fitted):
    for wrong, said in (
        ({"quantity": "weight"}, "no quantity 'weight'; there are delay, snr"),
        ({"baselines": ["AA-XX"]}, "there are AA-BB"),
        ({"bands": [5]}, "no band 5; there are 0, 1"),
    ):
        with pytest.raises(ValueError, match=said):
            plots.fringe_history(fitted, **wrong)
    with pytest.raises(ValueError, match="no fringes to draw yet"):
        plots.fringe_history(fitted[:0])
    with pytest.raises(ValueError, match="has no scan"):
        plots.snr_matrix(pd.DataFrame({"snr": [1.0]}))
    with pytest.raises(TypeError, match=r"table of difxnb\.fringe_fit"):
        plots.fringe_history(sky)


def test_multi_band_fits(sky):
    table = fringe_fit(sky, multiband=True)
    artists = plots.fringe_history(table, "delay", ax=Figure().add_subplot(), baselines=["AA-BB"])
    assert {one.get_label() for one in artists if not one.get_label().startswith("_")} == {
        "AA-BB RR",
        "AA-BB LL",
    }
    with pytest.raises(ValueError, match="no band 0; there are none"):
        plots.fringe_history(table, bands=[0])
