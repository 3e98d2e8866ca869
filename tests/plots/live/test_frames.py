# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames: blitted pictures are those of a full draw, full draws are rare, and nothing of the user's is touched."""

from __future__ import annotations

import ast
import threading
from pathlib import Path

import matplotlib
import numpy as np
import pytest

import difxnb.plots.live
from difxnb.plots.live import VIEWS
from difxnb.plots.lock import RENDER_LOCK
from tests.plots.live.looks import bare, full_draw, known, look, pixels

KINDS = sorted(VIEWS)


@pytest.fixture(scope="module")
def dataset():
    return known(scans=((0.0, 6), (8.0, 4)))


@pytest.mark.parametrize(("kind", "theme"), [*((kind, "light") for kind in KINDS), ("spectra", "dark")])
def test_a_blitted_frame_is_that_of_a_full_draw(dataset, kind, theme):
    view = VIEWS[kind]()
    asked = look(dataset, baselines=("AA-BB",), theme=theme)
    view.draw(
        look(
            dataset,
            baselines=("AA-BB",),
            theme=theme,
            fringes=asked.fringes,
            until=dataset["time"].values[7],
        )
    )
    blitted = pixels(view.draw(asked))
    whole = full_draw(view.figure())
    assert blitted.shape == whole.shape
    off = np.abs(blitted - whole).max(axis=2)
    assert (off > 40).mean() < 0.01, "but for edges, where frames are drawn over lines"
    drawn = np.abs(blitted - blitted[2, 2]).max(axis=2) > 60
    assert drawn.mean() > 0.005, "not blank"
    bright = blitted[2, 2].mean()
    assert bright > 200 if theme == "light" else bright < 60


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_look_is_not_drawn_again(dataset, kind):
    view = VIEWS[kind]()
    asked = bare(dataset, baselines=("AA-BB",))
    first = view.draw(asked)
    assert first is not None
    while (frame := view.draw(asked)) is not None:
        assert kind == "fringes", "which are fitted bit by bit"
        assert frame
    assert view.draw(bare(dataset, baselines=("AA-BB",), version=1)) is not None
    view.close()
    assert view.draw(bare(dataset, version=2)) is None
    assert len(view.figure().axes) > 0, "of the last frame, after the end"


def test_nothing_drawn_is_no_figure():
    with pytest.raises(ValueError, match="nothing has been drawn yet"):
        VIEWS["spectra"]().figure()


def test_noise_causes_no_full_draws():
    view = VIEWS["spectra"]()
    for seed in range(12):
        noisy = known(scans=((0.0, 1),), noise=0.3, seed=seed)
        assert view.draw(bare(noisy, baselines=("AA-BB",), version=seed)) is not None
    assert view.full_draws <= 3


def test_another_layout_is_drawn_anew():
    view = VIEWS["spectra"]()
    sizes = []
    for version, channels in enumerate((64, 16, 1, 64)):
        picture = view.draw(
            bare(known(scans=((0.0, 2),), channels=channels), baselines=("AA-BB",), version=version)
        )
        sizes.append(pixels(picture).shape)
    assert view.full_draws == 4
    assert len(set(sizes)) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_no_data_is_said_and_no_error(dataset, kind):
    view = VIEWS[kind]()
    nothing = dataset.copy()
    nothing["VISIBILITY"] = dataset["VISIBILITY"] * np.nan
    nothing["WEIGHT"] = dataset["WEIGHT"] * 0
    without_baselines = dataset.isel(baseline=[])
    for version, one in enumerate(
        (dataset.isel(time=[]), nothing, without_baselines, dataset.isel(time=[0]))
    ):
        assert view.draw(bare(one, version=version)) is not None
        assert view.caption


def test_a_frame_waits_for_the_lock(dataset):
    view, done = VIEWS["weights"](), threading.Event()
    frames = []

    def draw():
        frames.append(view.draw(bare(dataset)))
        done.set()

    with RENDER_LOCK:
        thread = threading.Thread(target=draw)
        thread.start()
        assert not done.wait(0.2)
    assert done.wait(30)
    thread.join()
    assert frames[0] is not None


def test_settings_of_the_user_change_nothing(dataset):
    plain = pixels(VIEWS["weights"]().draw(bare(dataset)))
    with matplotlib.rc_context({"text.usetex": True, "axes.grid": True, "axes.formatter.use_mathtext": True}):
        hostile = pixels(VIEWS["weights"]().draw(bare(dataset)))
    assert np.array_equal(plain, hostile)


def test_pyplot_is_not_imported():
    for file in Path(difxnb.plots.live.__file__).parent.glob("*.py"):
        names = [
            getattr(node, "module", None) or alias.name
            for node in ast.walk(ast.parse(file.read_text()))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        ]
        assert not {name for name in names if "pyplot" in name or "widgets" in name}, file.name
