# SPDX-License-Identifier: GPL-3.0-or-later
"""Schedules against time: a bar for each scan of a station, where the file has it."""

from __future__ import annotations

import time

import matplotlib.dates as mdates
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from difxnb import plots
from difxnb.formats.vex import parse_vex
from difxnb.plots.style import LIGHT
from tests.formats.vex_samples import SMALL, sample


@pytest.fixture
def small():
    return parse_vex(SMALL)


def corners(bars):
    """First and last time and lowest and highest row of each bar."""
    found = [path.vertices[:4] for path in bars.get_paths()]
    return [(*mdates.num2date([one[0, 0], one[1, 0]]), one[0, 1], one[2, 1]) for one in found]


def bars_of(artists):
    return [bar for bars in artists for bar in bars.get_paths()]


def test_bars_stand_where_data_are(small):
    artists = plots.schedule_timeline(small)
    full, empty = artists
    begin, end, low, high = corners(full)[0]
    assert (begin.strftime("%H:%M:%S"), end.strftime("%H:%M:%S")) == ("12:00:00", "12:05:00")
    assert (low + high) / 2 == pytest.approx(0.0)
    assert len(full.get_paths()) == 4
    # Bb has no drive in the first scan: an empty bar, 10 s late, in the second row.
    ((begin, _, low, high),) = corners(empty)
    assert begin.strftime("%H:%M:%S") == "12:00:10"
    assert (low + high) / 2 == pytest.approx(1.0)
    assert empty.get_facecolor().size == 0 or empty.get_facecolor()[0, 3] == 0
    words = [label.get_text() for label in artists.axes.get_yticklabels()]
    assert words == ["Aa", "Bb", "Cc"]
    assert artists.axes.yaxis_inverted()


@pytest.mark.parametrize(
    ("by", "labels"), [("source", ["S"]), ("mode", ["m"]), ("station", ["Aa", "Bb", "Cc"])]
)
def test_colours_are_of_what_is_asked_for(small, by, labels):
    artists = plots.schedule_timeline(small, by=by)
    named = {one.get_label(): to_hex(one.get_edgecolor()[0]) for one in artists if one.get_label() != "_"}
    assert named == {label: LIGHT.curve(place) for place, label in enumerate(labels)}


def test_stations_are_chosen_and_axes_handed_on(small):
    ax = Figure().add_subplot()
    artists = plots.schedule_timeline(small, stations=["Cc", "Aa"], ax=ax)
    assert artists.axes is ax
    assert not artists.is_own
    assert [label.get_text() for label in ax.get_yticklabels()] == ["Cc", "Aa"]
    assert len(bars_of(artists)) == 3
    assert "No0001" in [text.get_text() for text in ax.texts]


def test_stations_are_known_in_upper_case_as_a_v2d_has_them(small):
    artists = plots.schedule_timeline(small, stations=["CC", "aa"])
    assert [label.get_text() for label in artists.axes.get_yticklabels()] == ["Cc", "Aa"]
    one = plots.schedule_timeline(small, stations="BB")
    assert [label.get_text() for label in one.axes.get_yticklabels()] == ["Bb"]


def test_many_scans_are_drawn_in_no_time(shared):
    vex = sample(shared, "c212c.vex")
    began = time.process_time()
    artists = plots.schedule_timeline(vex)
    picture = artists._repr_png_()
    assert time.process_time() - began < 2.0
    assert picture.startswith(b"\x89PNG")
    assert len(bars_of(artists)) == len(vex.scan_stations())
    assert len(artists.axes.get_yticklabels()) == 19
    first, last = mdates.num2date(artists.axes.get_xlim())
    assert first.strftime("%Y-%m-%d") == "2021-10-03"
    assert last.strftime("%Y-%m-%d") == "2021-10-04"
    # More than the colours there are: further sources are hatched.
    assert {one.get_hatch() for one in artists} == {None, "////"}


def test_what_cannot_be_drawn(small):
    with pytest.raises(ValueError, match="no station Zz; there are Aa, Bb, Cc"):
        plots.schedule_timeline(small, stations=["Zz"])
    with pytest.raises(ValueError, match="by='band' is nothing to colour by"):
        plots.schedule_timeline(small, by="band")
    with pytest.raises(TypeError, match="a schedule to draw is a Vex; got str"):
        plots.schedule_timeline("session.vex")


def test_nothing_to_draw_is_said():
    artists = plots.schedule_timeline(parse_vex("VEX_rev = 1.5;\n"))
    assert not artists
    assert [text.get_text() for text in artists.axes.texts] == ["no data"]
    assert artists._repr_png_()


def test_names_of_files_are_no_formulae():
    vex = parse_vex(SMALL.replace("source = S;", "source = $x_1$;").replace("def S;", "def $x_1$;"))
    artists = plots.schedule_timeline(vex)
    assert artists[0].get_label() == "$x_1$"
    assert artists._repr_png_()


def test_unreadable_times_are_left_out():
    vex = parse_vex(SMALL.replace("start = 2024y001d12h00m00s", "start = soon"))
    artists = plots.schedule_timeline(vex)
    assert len(bars_of(artists)) == 2
    assert np.isfinite(artists.axes.get_xlim()).all()
