# SPDX-License-Identifier: GPL-3.0-or-later
"""A Dataset with known fringes for all plots: BB is late by 37 ns, CC early by 52 ns."""

from __future__ import annotations

import pytest

from difxnb.visibility import fringe_fit
from tests.injected_fringes import Band, Station, injected, regular

STATIONS = {
    "AA": Station(power=2.0),
    "BB": Station(delay=37e-9, rate=2e-12, power=2.0),
    "CC": Station(delay=-52e-9, power=2.0),
}
BANDS = (Band(8400e6, 16e6, 32), Band(8600e6, 16e6, 32, "L"))
SCANS = (("No0001", "SRCA", regular(6, 1.0)), ("No0002", "SRCB", regular(6, 1.0, 60.0)))


@pytest.fixture(scope="session")
def sky():
    """Two scans of six integrations, three stations, two bands 200 MHz apart, amplitude 0.5."""
    return injected(
        STATIONS, bands=BANDS, scans=SCANS, integration_s=1.0, amplitude=0.5, noise=0.02, autos=True
    )


@pytest.fixture(scope="session")
def fitted(sky):
    """Fringes of `sky`, a row per scan and product."""
    return fringe_fit(sky)


def labelled(artists, label):
    """The one artist with this label."""
    (found,) = [one for one in artists if one.get_label() == label]
    return found


def figure_words(figure):
    """Texts of all legends of a figure."""
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]
