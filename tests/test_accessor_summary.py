# SPDX-License-Identifier: GPL-3.0-or-later
"""What a summary counts: weights, gaps and missing products, from weights alone; and tones of the same job."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from difxnb.visibility import open_visibilities
from difxnb.visibility.phase_cal import read_pcal
from tests.made_visibilities import made, waiting

REFERENCE = Path(__file__).parent / "reference"
RAW_JOBS, SWIN_JOBS = REFERENCE / "raw-jobs", REFERENCE / "mpifxcorr-output"
ALPHA, ZETA = (SWIN_JOBS / name / f"{name}.input" for name in ("alpha_1", "zeta_1"))


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def weighted(source, **changes):
    """The same Dataset with other weights at some places."""
    weight = source.WEIGHT.copy()
    for where, value in changes.values():
        weight.loc[where] = value
    return source.assign(WEIGHT=weight)


# --- counted ----------------------------------------------------------------------------------------------


def test_baselines_with_gaps():
    source = made(samples=2, scans=(("No0001", "SRCA", 6), ("No0002", "SRCB", 2)))
    holes = weighted(
        source,
        long=({"time": source.time[1:4], "baseline": "AA-BB"}, 0),
        short=({"time": source.time[[0, 2]], "baseline": ["BB-CC", "CC-CC"]}, 0),
        one_product=({"time": source.time[0], "baseline": "AA-CC", "polarization": "RR"}, 0),
    )
    frame = holes.difx.summary().frame().set_index("baseline")
    assert frame["n_missing"].to_dict() == {
        "AA-BB": 3,
        "AA-CC": 0,
        "BB-CC": 2,
        "AA-AA": 0,
        "BB-BB": 0,
        "CC-CC": 2,
    }
    assert frame["n_integrations"].to_list() == [5, 8, 6, 8, 8, 6]
    assert frame["longest_gap"].to_list() == [1.5, 0, 0.5, 0, 0, 0.5]
    antennas = holes.difx.summary().antennas().set_index("antenna")
    assert antennas["n_missing"].to_dict() == {"AA": 0, "BB": 0, "CC": 0}, "seen on another baseline"
    text = repr(holes.difx.summary())
    assert (
        "gaps           3 of 6 baselines lack integrations, most of all AA-BB (3 of 8), the longest 1.5 s"
        in text
    )


def test_integrations_that_are_on_no_axis_are_missing_too():
    source = made(samples=2, scans=(("No0001", "SRCA", 8),)).isel(time=[0, 1, 5, 7])
    summary = source.difx.summary()
    assert summary.frame()["n_missing"].to_list() == [4] * 6
    assert summary.frame()["longest_gap"].to_list() == [1.5] * 6
    assert summary.scans()[["n_integrations", "n_missing"]].to_numpy().tolist() == [[4, 4]]
    two = made(samples=2).difx.summary()
    assert two.frame()["n_missing"].sum() == 0, "between scans nothing is missing"


def test_weights_are_means_of_what_is_there():
    source = made(samples=2)
    source = weighted(
        source,
        half=({"baseline": ["AA-BB", "BB-BB"], "band": 0}, 0.5),
        none=({"baseline": "BB-BB", "band": 3}, 0),
    )
    summary = source.difx.summary()
    frame, antennas = summary.frame().set_index("baseline"), summary.antennas().set_index("antenna")
    assert frame.loc["AA-BB", "weight"] == 0.75
    assert frame.loc["BB-BB", "weight"] == 0.5
    assert antennas["weight"].to_dict() == {"AA": 1, "BB": 0.5, "CC": 1}
    assert summary.bands().set_index("band")["weight"].to_dict() == {0: pytest.approx(5 / 6), 3: 1}
    assert "weights        AA 1.000; BB 0.500; CC 1.000" in repr(summary)
    missing = summary.missing()
    assert missing["polarization"].to_list() == ["RR", "LL", "RL", "LR"]
    assert set(missing["baseline"]) == {"BB-BB"}
    assert set(missing["band"]) == {3}
    assert "missing        4 of 48 products have no data" in repr(summary)
    cross = source.difx.cross().difx.summary().antennas().set_index("antenna")
    assert cross["weight"].to_dict() == {"AA": 0.875, "BB": 0.875, "CC": 1}, "means over its baselines"


def test_unknown_weights_are_data_that_are_there():
    source = made(samples=2)
    live = weighted(source, all=({}, np.nan), gone=({"time": source.time[1]}, 0))
    summary = live.difx.summary()
    assert summary.frame()["n_missing"].to_list() == [1] * 6
    assert summary.frame()["weight"].isna().all()
    assert "weights        AA not known; BB not known; CC not known" in repr(summary)


def test_scans_and_bands():
    summary = made(samples=2).difx.summary()
    scans = summary.scans()
    assert scans["scan"].to_list() == ["No0001", "No0002"]
    assert scans["source"].to_list() == ["SRCA", "SRCB"]
    assert scans["start"].to_list() == [
        pd.Timestamp("2024-01-01T12:00:00"),
        pd.Timestamp("2024-01-01T12:00:11.75"),
    ]
    assert scans["stop"].to_list() == [
        pd.Timestamp("2024-01-01T12:00:02"),
        pd.Timestamp("2024-01-01T12:00:12.75"),
    ]
    bands = summary.bands()
    assert bands["first_channel"].to_list() == [8400.5e6, 8420e6]
    assert bands["last_channel"].to_list() == [8400.5e6 + 31 / 16 * 1e6, 8420e6 + 15 / 8 * 1e6]
    assert bands["n_channels"].to_list() == [32, 16]


def test_real_jobs_at_a_glance():
    summary = open_visibilities(RAW_JOBS / "usb2bit" / "usb2bit.input").difx.summary()
    assert repr(summary).splitlines() == [
        "<Visibilities of usb2bit, SWIN>",
        "  antennas       AA BB CC",
        "  baselines      3 cross, 3 autocorrelations",
        "  bands          0: 1 MHz U from 8400.5 MHz, 64 channels; 1: 1 MHz U from 8409.25 MHz, 64 channels",
        "  polarizations  RR LL RL LR",
        "  time           5 integrations of 0.2 s, 2020-04-09 12:00:00.000 to 2020-04-09 12:00:01.000",
        "  scans          No0001 SRCA",
        "  weights        AA 1.000; BB 0.985; CC 0.988",
        "  gaps           none",
        "  missing        no product",
    ]
    assert "phase centres  2" in repr(open_visibilities(ZETA).difx.summary())


def test_the_html_says_the_same_and_is_escaped():
    source = made(samples=2).assign_attrs(job="<b>job</b>")
    page = source.difx.summary()._repr_html_()
    assert "<b>" not in page
    assert "&lt;b&gt;job" in page
    for text in ("3 cross, 3 autocorrelations", "AA BB CC", "RR LL RL LR", "No0002 SRCB", "longest_gap"):
        assert text in page


def test_names_act_on_no_terminal():
    source = made(samples=2).assign_attrs(job="\x1b[2Jjob")
    assert repr(source.difx.summary()).startswith(r"<Visibilities of \x1b[2Jjob")


def test_many_things_are_counted_and_not_listed():
    source = made(samples=2, scans=[(f"No{k:04d}", "SRC", 1) for k in range(30)])
    assert "scans          30 scans: No0000 SRC; No0001 SRC;" in repr(source.difx.summary())


# --- what it is made of -----------------------------------------------------------------------------------


def test_visibilities_are_not_read():
    lazy, _ = waiting(made(samples=2), "VISIBILITY", forbidden=True)
    assert repr(lazy.difx.summary()) == repr(made(samples=2).difx.summary())
    assert lazy.difx.summary()._repr_html_()


def test_weights_are_read_in_pieces(monkeypatch):
    monkeypatch.setattr("difxnb.visibility.accessor.presence._BLOCK_BYTES", 8 * 48 * 2)
    source = weighted(made(samples=2), hole=({"baseline": "AA-BB"}, 0.25))
    lazy, arrays = waiting(source, "WEIGHT")
    assert repr(lazy.difx.summary()).splitlines()[-3:] == [
        "  weights        AA 1.000; BB 1.000; CC 1.000",
        "  gaps           none",
        "  missing        no product",
    ]
    assert max(arrays["WEIGHT"].read) == 2 * 48
    assert sum(arrays["WEIGHT"].read) == 6 * 48


def test_parts_have_summaries_too():
    source = made(samples=2)
    assert "1 cross, 0 auto" in repr(source.difx.baseline("AA", "BB").difx.summary())
    assert repr(source.isel(time=0, band=1, polarization=0, baseline=0).difx.summary())
    assert "no integrations" in repr(source.isel(time=slice(0, 0)).difx.summary())
    assert "2 integrations" in repr(source.difx.mean_over("scan").difx.summary())
    with pytest.raises(ValueError, match="made of WEIGHT"):
        source.drop_vars("WEIGHT").difx.summary()


# --- tones ------------------------------------------------------------------------------------------------


def test_tones_of_the_job_and_on_its_times():
    dataset = open_visibilities(ALPHA)
    tones = dataset.difx.pcal()
    xr.testing.assert_identical(tones, read_pcal(ALPHA))
    some = dataset.isel(time=[5, 2])
    aligned = some.difx.pcal(align=True)
    np.testing.assert_array_equal(aligned.time, some.time)
    np.testing.assert_array_equal(aligned.PHASE_CAL, tones.PHASE_CAL.isel(time=[5, 2]))
    assert aligned.scan_name.values.tolist() == ["No0001"] * 2
    later = dataset.assign_coords(time=dataset.time + np.timedelta64(300, "ms"))
    moved = later.difx.pcal(align=True)
    assert moved.PHASE_CAL.isel(time=-1).isnull().all(), "none within half an integration"
    with pytest.raises(ValueError, match="name the files to read_pcal"):
        made(samples=2).difx.pcal()
