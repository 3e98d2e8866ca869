# SPDX-License-Identifier: GPL-3.0-or-later
"""Plots are guests: pyplot, its settings and its backend belong to the user, and so do figures drawn meanwhile."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from difxnb import plots
from difxnb.plots import frozen
from difxnb.plots.lock import RENDER_LOCK

ROOT = Path(__file__).parents[2]

_BESIDE_PYPLOT = """
import sys
sys.path.insert(0, {root!r})
import difxnb
from difxnb import plots
from tests.plots.conftest import BANDS, SCANS, STATIONS
from tests.injected_fringes import injected
sky = injected(STATIONS, bands=BANDS, scans=SCANS, integration_s=1.0, amplitude=0.5, noise=0.02, autos=True)
fringes = difxnb.fringe_fit(sky)

def draw():
    some = dict(fringes=fringes, baselines=["AA-BB"])
    drawn = [plots.amplitude(sky, **some), plots.phase(sky, **some), plots.lag_spectrum(sky, **some)]
    drawn += [plots.waterfall(sky), plots.weights(sky), plots.autocorrelation(sky)]
    drawn += [plots.snr_matrix(fringes), plots.fringe_history(fringes)]
    drawn += [plots.reference_station(sky, "AA", polarizations=["RR"])]
    return drawn

plots.interactive(plots.phase(sky, fringes=fringes).figure)
assert draw()[0]._repr_png_()
import matplotlib
assert "matplotlib.pyplot" not in sys.modules
assert matplotlib.rcParams._get_backend_or_none() is None

matplotlib.use("svg")
import matplotlib.pyplot as plt
mine, (left, right) = plt.subplots(1, 2)
plt.sca(left)
before = dict(matplotlib.rcParams)
assert all(one._repr_png_() for one in draw())
canvas = plots.interactive(plots.phase(sky, fringes=fringes).figure)
assert type(canvas).__name__ == "Canvas", type(canvas)
assert plt.get_fignums() == [mine.number]
assert plt.gcf() is mine and plt.gca() is left
assert dict(matplotlib.rcParams) == before
assert matplotlib.get_backend() == "svg"
assert type(mine.canvas).__name__ == "FigureCanvasSVG"
assert not left.lines and not right.lines
import ipympl
assert "ipympl" in matplotlib.get_backend(), "whoever imports it gets what it always did"
print("as before")
"""


def test_pyplot_stays_as_it_was():
    """Neither made to load nor changed; the backend too."""
    text = _BESIDE_PYPLOT.format(root=str(ROOT))
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, cwd=ROOT)
    assert (done.stdout.strip(), done.stderr) == ("as before", "")


def test_figures_of_the_user_are_drawn_beside_ours(fitted):
    """With formulae in theirs, whose parser is not made for two threads; ours leave it alone."""
    failed, drawn, stop = [], [], threading.Event()
    ready = threading.Event()

    def ours():
        try:
            while not stop.is_set():
                drawn.append(plots.snr_matrix(fitted)._repr_png_())
                ready.set()
        except Exception as error:  # noqa: BLE001 - handed to the assertion below
            failed.append(error)
            ready.set()

    thread = threading.Thread(target=ours)
    thread.start()
    assert ready.wait(60)
    try:
        for place in range(3):
            figure = Figure()
            FigureCanvasAgg(figure)
            axes = figure.add_subplot()
            axes.loglog([1, 1e6], [1, 10 + place])
            axes.set_title(rf"$\sqrt{{\nu_{{{place}}}}}\;\alpha^{{{place}}}$")
            figure.tight_layout()
            figure.canvas.draw()
    finally:
        stop.set()
        thread.join(60)
    assert not failed
    assert drawn


def test_every_draw_of_ours_takes_the_lock(sky, fitted):
    """Whoever draws: a cell, a canvas, or the user with savefig."""
    figure = plots.phase(sky, fringes=fitted).figure
    drawn = threading.Event()

    def draw():
        figure.canvas.draw()
        drawn.set()

    thread = threading.Thread(target=draw)
    with RENDER_LOCK:
        thread.start()
        assert not drawn.wait(0.2)
    assert drawn.wait(60)
    thread.join()


def test_settings_of_the_user_make_no_formulae(sky, fitted):
    """Text that TeX would read as commands stays text."""
    named = sky.assign_coords(polarization=[r"\input{x}$", r"$\y$"])
    table = fitted.assign(polarization=fitted["polarization"].map({"RR": r"\input{x}$", "LL": r"$\y$"}))
    with mpl.rc_context({"text.usetex": True}):
        for artists in (
            plots.amplitude(named, baselines=["AA-BB"], fringes=table),
            plots.fringe_history(table, baselines=["AA-BB"]),
        ):
            words = [*artists.figure.legends[0].get_texts(), artists.axes.xaxis.label, *artists.axes.texts]
            assert not any(text.get_usetex() or text.get_parse_math() for text in words)


# --- figures to zoom in ----------------------------------------------------------------------------------


# ipympl's toolbar and traitlets disagree about an argument.
@pytest.mark.filterwarnings("ignore:Passing unrecognized arguments:DeprecationWarning")
def test_a_canvas_of_a_figure(sky, fitted):
    figure = plots.phase(sky, fringes=fitted).figure
    canvas = plots.interactive(figure)
    try:
        assert canvas.figure is figure
        assert figure.canvas is canvas
        assert canvas.manager.canvas is canvas
        assert canvas.toolbar is not None, "to zoom with"
        figure.axes[0].set_xlim(8401, 8405)
        assert figure._repr_png_().startswith(b"\x89PNG")
    finally:
        canvas.close()


def test_without_ipympl_the_figure_itself(sky, fitted, monkeypatch):
    figure = plots.phase(sky, fringes=fitted).figure
    monkeypatch.setattr(frozen, "find_spec", lambda name: None)
    for name in [name for name in sys.modules if name.partition(".")[0] == "ipympl"]:
        monkeypatch.delitem(sys.modules, name)
    assert plots.interactive(figure) is figure
