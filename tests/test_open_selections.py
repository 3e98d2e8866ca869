# SPDX-License-Identifier: GPL-3.0-or-later
"""Any selection of what waits in files is the same selection of what was loaded."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.visibility import open_visibilities
from tests.stored_jobs import ALPHA, SWIN_JOBS, encoded, made_job, records_of

ZETA = SWIN_JOBS / "zeta_1" / "zeta_1.input"
EPSILON = SWIN_JOBS / "epsilon_1" / "epsilon_1.input"
USUAL = "DIFX_60310_043200.s0000.b0000"
NAMES = ("VISIBILITY", "WEIGHT", "UVW")


@pytest.fixture(scope="module")
def overlapping(tmp_path_factory):
    """A job whose second file replaces some of the first, leaves some, and is turned up side down in time."""
    records = records_of(ALPHA)
    times = sorted({record.seconds for record in records})
    first = [record for record in records if record.seconds in (*times[:3], *times[4:6])]
    second = [
        record for record in records if record.seconds in (times[1], *times[5:]) and record.baseline % 7
    ]
    files = {USUAL: encoded(first), "DIFX_60310_043202.s0000.b0000": encoded(second, weight=0.25)}
    return made_job(tmp_path_factory.mktemp("overlap"), files)


@pytest.fixture(scope="module")
def opened(overlapping):
    """Every dataset as it waits, and loaded; spectra that were read do not stay in the lazy ones."""
    sources = [ALPHA, ZETA, EPSILON, overlapping]
    return [(open_visibilities(path, cache=False), open_visibilities(path).load()) for path in sources]


@st.composite
def selections(draw, sizes):
    """What ``isel`` takes, for some of the dimensions."""
    chosen = {}
    for name in draw(st.lists(st.sampled_from(sorted(sizes)), unique=True)):
        size = sizes[name]
        # Backwards from before the first one, which is nothing, xarray takes for everything.
        bound = st.none() | st.integers(-size, size + 2)
        steps = st.none() | st.integers(1, 5) | st.integers(-5, -1)
        place = st.integers(-size, size - 1)
        chosen[name] = draw(
            st.builds(slice, bound, bound, steps)
            | place
            | st.lists(place, max_size=2 * size)
            | st.lists(st.booleans(), min_size=size, max_size=size).map(np.array)
        )
    return chosen


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_any_selection_by_place(opened, data):
    lazy, loaded = data.draw(st.sampled_from(opened), label="dataset")
    name = data.draw(st.sampled_from(NAMES))
    sizes = dict(lazy[name].sizes)
    first = data.draw(selections(sizes), label="first")
    found, wanted = lazy[name].isel(first), loaded[name].isel(first)
    left = selections(dict(found.sizes)) if found.shape and 0 not in found.shape else st.just({})
    second = data.draw(left, label="second")
    xr.testing.assert_identical(found.isel(second).load(), wanted.isel(second))


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_points_instead_of_ranges(opened, data):
    lazy, loaded = data.draw(st.sampled_from(opened), label="dataset")
    count = data.draw(st.integers(0, 6))
    dims = data.draw(st.lists(st.sampled_from(sorted(lazy["VISIBILITY"].dims)), unique=True, min_size=1))
    points = {
        name: xr.DataArray(
            data.draw(
                st.lists(st.integers(-lazy.sizes[name], lazy.sizes[name] - 1), min_size=count, max_size=count)
            ),
            dims="point",
        ).astype(int)
        for name in dims
    }
    found = lazy["VISIBILITY"].isel(points)
    xr.testing.assert_identical(found.load(), loaded["VISIBILITY"].isel(points))


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_any_selection_by_name(opened, data):
    lazy, loaded = data.draw(st.sampled_from(opened), label="dataset")
    chosen = {
        name: data.draw(st.sampled_from(values) | st.lists(st.sampled_from(values), unique=True), label=name)
        for name in ("baseline", "band", "polarization")
        for values in [lazy[name].values.tolist()]
    }
    start, stop = sorted(data.draw(st.tuples(*[st.sampled_from(range(lazy.sizes["time"]))] * 2)))
    chosen["time"] = slice(*lazy["time"].values[[start, stop]])
    found = pickle.loads(pickle.dumps(lazy.sel(chosen)))
    xr.testing.assert_identical(found.load(), loaded.sel(chosen))


def test_only_what_is_selected_is_read(tmp_path):
    """A product is read although another one's bytes are gone: nothing else of the file is touched."""
    records = records_of(ALPHA)
    input_file = made_job(tmp_path, encoded(records))
    dataset = open_visibilities(input_file, cache=False)
    wanted = dataset["VISIBILITY"].isel(time=slice(0, 3)).values
    with (tmp_path / "made_1.difx" / USUAL).open("r+b") as stream:
        stream.seek(3 * 48 * 330)
        stream.write(b"?" * 5 * 48 * 330)
    np.testing.assert_array_equal(dataset["VISIBILITY"].isel(time=slice(0, 3)).values, wanted)
    with pytest.raises(ValueError, match="byte 47520"):
        dataset["VISIBILITY"].isel(time=3).load()
