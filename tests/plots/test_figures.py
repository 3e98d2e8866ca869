# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures: what they show, and that they are made without pyplot, in any thread."""

from __future__ import annotations

import ast
import threading
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from matplotlib.colors import to_hex

import difxnb
from difxnb.plots import COLOURS, fringe_figure, weights_figure
from difxnb.visibility import fringe_fit, open_visibilities

REFERENCE = Path(__file__).parents[1] / "reference"


def load(folder):
    return open_visibilities(folder / f"{folder.name}.difx").load()


@pytest.fixture(scope="module")
def alpha():
    return load(REFERENCE / "mpifxcorr-output" / "alpha_1")


@pytest.fixture(scope="module")
def lsb():
    return load(REFERENCE / "raw-jobs" / "lsb1bit")


def lines(axes, style):
    return [line for line in axes.lines if (line.get_linestyle(), line.get_marker()) == style]


def test_a_row_per_baseline_with_fitted_phases(alpha, tmp_path):
    fringes = fringe_fit(alpha)
    figure = fringe_figure(alpha, fringes=fringes)
    rows = np.array(figure.axes).reshape(3, 3)
    assert [axes.get_title() for axes in rows[0]] == ["amplitude", "phase", "lag spectrum"]
    assert [axes.get_ylabel().split("\n")[0] for axes in rows[:, 0]] == ["AA-BB", "AA-CC", "BB-CC"]
    assert "coefficient" in rows[0, 0].get_ylabel()
    amplitude, phase, lag = rows[0]
    heights = np.concatenate([line.get_ydata() for line in amplitude.lines])
    assert 0.24 < np.median(heights) < 0.28, "correlation coefficient of the reference job"
    dots, fits = lines(phase, ("None", ".")), lines(phase, ("-", "None"))
    assert len(dots) == len(fits) == 4, "two bands, two hands"
    for dot, fit in zip(dots, fits, strict=True):
        assert dot.get_color() == fit.get_color()
        turned = np.interp(dot.get_xdata()[1:-1], fit.get_xdata(), fit.get_ydata())
        off = (dot.get_ydata()[1:-1] - turned + 180) % 360 - 180
        assert np.nanmax(np.abs(off)) < 4, "points lie on the fitted line"
    peaks = lines(lag, ("None", "v")) + lines(lag, ("-", "v"))
    assert [float(peak.get_xdata()[0]) for peak in peaks] == pytest.approx([0.1245, 0.1640], abs=0.001)
    curve = lag.lines[0]
    assert curve.get_xdata()[np.argmax(curve.get_ydata())] == pytest.approx(0.125, abs=0.04)
    texts = [text.get_text() for text in lag.texts]
    assert texts[0].startswith("RR  +124.5 ± ")
    assert "alpha_1" in figure.get_suptitle()
    assert "SRCA" in figure.get_suptitle()
    figure.savefig(tmp_path / "fringes.png", dpi=50)
    assert (tmp_path / "fringes.png").stat().st_size > 10_000


def test_choices(alpha, lsb):
    figure = fringe_figure(alpha, baselines=["BB-CC"], polarizations=["RL", "LR"])
    assert len(figure.axes) == 3
    colours = {line.get_color() for line in figure.axes[1].lines}
    assert {to_hex(colour) for colour in colours} == {COLOURS["RL"], COLOURS["LR"]}
    assert "No0002" in fringe_figure(lsb).get_suptitle()
    assert "No0001" in fringe_figure(lsb, scan="No0001").get_suptitle()
    for wrong in ({"baselines": ["AA-XX"]}, {"polarizations": ["XX"]}, {"scan": "No0009"}):
        with pytest.raises(ValueError, match="there are"):
            fringe_figure(alpha, **wrong)


def test_raw_units_without_autocorrelations_and_nothing_where_nothing_is(alpha):
    cross = alpha.isel(baseline=~alpha["is_autocorrelation"].values)
    figure = fringe_figure(cross)
    assert "DiFX units" in figure.axes[0].get_ylabel()
    gone = cross.copy(deep=True)
    gone["VISIBILITY"][:, 1] = np.nan
    gone["WEIGHT"][:, 1] = 0
    figure = fringe_figure(gone)
    assert len(lines(figure.axes[4], ("None", "."))) == 0
    said = [[text.get_text() for text in figure.axes[3 * row].texts] for row in range(3)]
    assert said == [[], ["no data"], []]
    gone["VISIBILITY"][:] = np.nan
    with pytest.raises(ValueError, match="no visibilities"):
        fringe_figure(gone)
    with pytest.raises(ValueError, match="no visibilities"):
        fringe_figure(cross.isel(time=slice(0, 0)))


def test_a_row_has_one_unit(alpha):
    """Where the autocorrelations of one polarization are missing, the other is in DiFX's units as well."""
    part = alpha.copy(deep=True)
    part["VISIBILITY"].loc[{"baseline": "BB-BB", "polarization": "LL"}] = np.nan
    axes = fringe_figure(part, baselines=["AA-BB"]).axes
    assert "DiFX units" in axes[0].get_ylabel()
    heights = [np.median(line.get_ydata()) for line in axes[0].lines]
    assert max(heights) < 1.1 * min(heights), "all alike"
    assert min(heights) > 0.5
    assert min(np.max(line.get_ydata()) for line in lines(axes[2], ("-", "None"))) > 0.5


def test_amplitudes_stay_below_the_frame(alpha):
    for axes in fringe_figure(alpha).axes[::3]:
        highest = max(line.get_ydata().max() for line in axes.lines)
        assert highest < 0.97 * axes.get_ylim()[1]


def test_noise_is_called_noise(alpha):
    rng = np.random.default_rng(1)
    noise = alpha.copy(deep=True)
    shape = noise["VISIBILITY"].shape
    noise["VISIBILITY"].values[:] = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    figure = fringe_figure(noise)
    assert {text.get_text() for text in figure.axes[2].texts} == {"RR  no fringe", "LL  no fringe"}
    assert not lines(figure.axes[1], ("-", "None")), "no line through phases of noise"


def test_live_data_can_be_drawn(alpha):
    live = alpha.copy(deep=True)
    live["WEIGHT"].values[:] = np.nan
    assert len(fringe_figure(live).axes) == 9
    assert len(fringe_figure(live.isel(time=[0])).axes) == 9


def test_weights(alpha, tmp_path):
    times = alpha["time"].values
    weights = xr.DataArray(
        np.linspace(0, 1, 16).reshape(8, 2), {"time": times, "antenna": ["AA", "BB"]}, ("time", "antenna")
    )
    figure = weights_figure(weights)
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["AA", "BB"]
    figure.savefig(tmp_path / "weights.png", dpi=40)
    assert weights_figure(weights.isel(antenna=[], time=[])).axes


def test_figures_are_made_in_any_thread_at_once(alpha):
    made, failed = [], []

    def draw():
        try:
            figure = fringe_figure(alpha)
            figure.canvas.draw()
            made.append(figure)
        except Exception as error:  # noqa: BLE001 - handed to the assertion below
            failed.append(error)

    threads = [threading.Thread(target=draw) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert len(made) == 2


def test_pyplot_stays_out():
    """Its one global current figure belongs to the user."""
    package = Path(difxnb.__file__).parent
    users = [file for file in package.rglob("*.py") if _uses_pyplot(file)]
    assert not users


def _uses_pyplot(file):
    nodes = list(ast.walk(ast.parse(file.read_text())))
    names = [
        alias.name for node in nodes if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names
    ]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return any("pyplot" in name or "pylab" in name for name in names)
