# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to dask arrays: nothing is computed until it is asked for, and then it is the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from difxnb.visibility import open_visibilities
from tests.made_visibilities import made

dask_array = pytest.importorskip("dask.array")
dask = pytest.importorskip("dask")

ALPHA = Path(__file__).parent / "reference" / "mpifxcorr-output" / "alpha_1" / "alpha_1.input"

QUESTIONS = {
    "cross": lambda x: x.cross(),
    "turned": lambda x: x.baseline("BB", "AA"),
    "source": lambda x: x.source("SRCA"),
    "crosshands": lambda x: x.crosshands(),
    "normalized": lambda x: x.normalized(),
    "normalized by scan": lambda x: x.normalized(over="scan"),
    "lags": lambda x: x.lags(padding=2, edge_channels=1),
    "mean over time": lambda x: x.mean_over("time", "channel"),
    "mean over scans": lambda x: x.mean_over("scan"),
    "mean over bins": lambda x: x.mean_over("1s", "polarization"),
    "all of it": lambda x: x.normalized().difx.cross().difx.mean_over("scan").difx.lags(),
}
CHUNKS = {"time": (1, 4, 1), "baseline": 4, "band": 1, "polarization": 3, "channel": 20}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def refuse(block):
    raise RuntimeError("computed before it was asked for")


def never(array):
    """A dask array in place of an array, which cannot be computed."""
    data = dask_array.from_array(array.values, chunks=(2, *array.shape[1:]))
    return array.copy(data=data.map_blocks(refuse, dtype=array.dtype, meta=data._meta))


@pytest.fixture(name="source", scope="module")
def _source():
    """Little of everything, some of it missing."""
    source = made(samples=16)
    source.WEIGHT[2, 1, 0, 1] = 0
    source.VISIBILITY[2, 1, 0, 1] = np.nan
    return source


@pytest.mark.parametrize("name", QUESTIONS)
def test_nothing_is_computed_before_it_is_asked_for(name, source):
    lazy = source.assign({name: never(source[name]) for name in ("VISIBILITY", "WEIGHT", "UVW")})
    answer = QUESTIONS[name](lazy.difx)
    assert all(one.chunks is not None for one in answer.data_vars.values())
    with pytest.raises(RuntimeError, match="before it was asked for"):
        answer[next(iter(answer.data_vars))].compute(scheduler="synchronous")
    QUESTIONS[name](lazy.VISIBILITY.difx)


@pytest.mark.parametrize("name", QUESTIONS)
def test_answers_are_the_same_however_it_is_cut(name, source):
    with dask.config.set(scheduler="synchronous"):
        answer = QUESTIONS[name](source.chunk(CHUNKS).difx).compute()
    xr.testing.assert_allclose(answer, QUESTIONS[name](source.difx), rtol=1e-5, atol=1e-6)


def test_files_opened_in_chunks_answer_alike():
    whole = open_visibilities(ALPHA).load()
    lazy = open_visibilities(ALPHA, chunks={"time": 3})
    with dask.config.set(scheduler="synchronous"):
        for name in ("turned", "all of it"):
            answer = QUESTIONS[name](lazy.difx)
            assert answer[next(iter(answer.data_vars))].chunks is not None
            xr.testing.assert_allclose(answer.compute(), QUESTIONS[name](whole.difx), rtol=1e-5)
