# SPDX-License-Identifier: GPL-3.0-or-later
"""Every plot by its name, of what a monitor holds."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from matplotlib.figure import Figure

from difxnb import plots
from difxnb.plots.kinds import OF_FRINGES, OF_VISIBILITIES, plot

WANTED = {"waterfall": {"quantity": "phase"}, "reference_station": {"antenna": "AA"}}


@pytest.fixture
def watched(sky, fitted):
    return SimpleNamespace(dataset=sky, fringes=fitted)


@pytest.mark.parametrize("kind", [*OF_VISIBILITIES, *OF_FRINGES])
def test_every_kind_draws(watched, kind):
    artists = plot(watched, kind, **WANTED.get(kind, {}))
    assert len(artists)
    assert artists.is_own


def test_kinds_are_the_public_functions():
    for kind in {*OF_VISIBILITIES, *OF_FRINGES} - {"spectra"}:
        assert getattr(plots, kind) is {**OF_VISIBILITIES, **OF_FRINGES}[kind]


def test_selections_and_axes_are_handed_on(watched):
    ax = Figure().add_subplot()
    artists = plot(watched, "amplitude", ax=ax, baselines=["AA-CC"], bands=[1], polarizations=["LL"])
    assert [one.get_label() for one in artists] == ["AA-CC LL"]
    assert artists.axes is ax


def test_what_there_is_not(watched):
    with pytest.raises(ValueError, match="no kind of plot 'spectrum'; there are spectra, amplitude"):
        plot(watched, "spectrum")
    with pytest.raises(ValueError, match="whole figure"):
        plot(watched, "spectra", ax=Figure().add_subplot())
    with pytest.raises(ValueError, match="there are AA-BB"):
        plot(watched, "spectra", baselines=["AA-XX"])


def test_every_monitor_draws():
    """Live, awaitable and recorded monitors have the same verb, whose words are kept in one place."""
    from difxnb import aio, notebook
    from difxnb.recording.monitor import RecordedMonitor

    for kind in {*OF_VISIBILITIES, *OF_FRINGES}:
        assert f'"{kind}"' in (notebook.Monitor.plot.__doc__ or ""), kind
    for monitor in (notebook.Monitor, aio.Monitor, RecordedMonitor):
        assert "Monitor.plot" in monitor.plot.__qualname__
