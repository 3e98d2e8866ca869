# SPDX-License-Identifier: GPL-3.0-or-later
"""Choosing by name, looking back, numbers and figures: the model alone, with a Dataset in which delays are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.figure import Figure

from difxnb.panels.monitor import KINDS, MonitorModel
from difxnb.plots.live import VIEWS
from difxnb.recording.monitor import RecordedMonitor
from difxnb.visibility import fringe_fit
from tests.made_visibilities import DELAYS, made


@pytest.fixture(scope="module")
def dataset() -> xr.Dataset:
    """Two scans, three stations, two bands; 6 integrations."""
    return made()


@pytest.fixture
def model(dataset: xr.Dataset) -> MonitorModel:
    model = MonitorModel(dataset)
    model.gather()
    return model


def test_nothing_is_taken_before_it_is_asked_for(dataset: xr.Dataset) -> None:
    model = MonitorModel(dataset)
    assert not model.has_data
    assert model.look() is None
    assert model.snapshot().condition.state == "not looked at yet"
    with pytest.raises(ValueError, match="nothing to show yet"):
        model.figure()
    model.refresh()
    assert model.wait(30)
    assert model.has_data
    assert model.snapshot().condition.state == "not live"


def test_what_there_is_is_offered_by_name(model: MonitorModel) -> None:
    offered = model.snapshot().offered
    assert offered.stations == ("AA", "BB", "CC")
    assert offered.baselines == ("AA-BB", "AA-CC", "BB-CC")
    assert offered.bands == ((0, "0: 8400.50 MHz"), (3, "3: 8420.00 MHz"))
    assert offered.polarizations == ("RR", "LL", "RL", "LR")
    assert offered.autocorrelations == {"AA-AA", "BB-BB", "CC-CC"}
    assert (offered.products, offered.watched_products) == (48, 48)


@pytest.mark.parametrize(
    ("choice", "shown"),
    [
        ({}, ("AA-BB", "AA-CC", "BB-CC")),
        ({"baselines": ["CC-AA"]}, ("AA-CC",)),
        ({"stations": ["BB"]}, ("AA-BB", "BB-CC")),
        ({"stations": ["BB", "CC"]}, ("BB-CC",)),
        ({"stations": ["BB"], "baselines": ["AA-CC"]}, ("AA-CC",)),
    ],
)
def test_baselines_are_chosen_by_name(
    model: MonitorModel, choice: dict[str, list[str]], shown: tuple[str, ...]
) -> None:
    model.choose(**choice)
    look = model.look()
    assert look is not None
    assert look.baselines == model.snapshot().baselines == shown
    assert {row.baseline for row in model.snapshot().rows} == set(shown)
    assert model.snapshot().message == ""


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"baselines": ["AA-ZZ"]}, "no baseline 'AA-ZZ'; there are AA-BB, AA-CC, BB-CC"),
        ({"stations": ["ZZ"]}, "no station 'ZZ'; there are AA, BB, CC"),
        ({"bands": [7]}, "no band '7'; there are 0, 3"),
        ({"polarizations": ["XX"]}, "no polarization 'XX'; there are RR, LL, RL, LR"),
    ],
)
def test_what_is_not_there_is_refused_in_words(
    model: MonitorModel, choice: dict[str, list[object]], said: str
) -> None:
    before = model.snapshot()
    model.choose(**choice)
    after = model.snapshot()
    assert (after.message, after.is_problem) == (said, True)
    assert after.chosen == before.chosen
    assert after.version > before.version
    model.choose(bands=[3])
    assert not model.snapshot().is_problem


def test_the_numbers_are_those_that_were_put_in(model: MonitorModel) -> None:
    """With the sign of the package: positive where the second station is late."""
    model.choose(bands=[0], polarizations=["RR"])
    rows = model.snapshot().rows
    assert [row.baseline for row in rows] == ["AA-BB", "AA-CC", "BB-CC"]
    for row in rows:
        first, second = row.baseline.split("-")
        assert row.is_fringe
        assert row.delay_ns == pytest.approx(
            (DELAYS[second] - DELAYS[first]) * 1e9, abs=5 * row.delay_error_ns
        )


def test_seen_from_a_station_everything_is_turned(model: MonitorModel) -> None:
    model.choose(bands=[0], polarizations=["RL"])
    straight = {row.baseline: row for row in model.snapshot().rows}
    model.set_reference("BB")
    look, turned = model.look(), {row.baseline: row for row in model.snapshot().rows}
    assert look is not None
    assert (look.reference, look.baselines) == ("BB", ("AA-BB", "BB-CC"))
    assert set(turned) == {"BB-AA", "BB-CC"}
    assert turned["BB-AA"].polarization == "LR"
    assert turned["BB-AA"].delay_ns == -straight["AA-BB"].delay_ns
    assert turned["BB-AA"].phase_deg == -straight["AA-BB"].phase_deg
    assert turned["BB-CC"] == straight["BB-CC"]
    model.set_reference("ZZ")
    assert model.snapshot().message == "no station 'ZZ'; there are AA, BB, CC"
    model.choose(stations=["AA"])
    assert model.snapshot().chosen.reference is None
    model.set_reference("CC")
    model.set_reference(None)
    assert model.snapshot().baselines == ("AA-BB", "AA-CC", "BB-CC")


def test_the_matrix_holds_the_best_of_each_baseline(model: MonitorModel, dataset: xr.Dataset) -> None:
    fringes = fringe_fit(dataset)
    last = fringes[fringes["scan"] == "No0002"]
    matrix = model.snapshot().matrix
    assert matrix.scan == "No0002"
    parallel = last[last["polarization"].isin(["RR", "LL"])]
    for cell in matrix.cells:
        mine = parallel[parallel["baseline"] == cell.baseline]
        assert cell.snr == pytest.approx(mine["snr"].max())
        best = mine.loc[mine["snr"].idxmax()]
        assert cell.best == f"band {best['band']} {best['polarization']}"
        assert cell.false_alarm == pytest.approx(len(mine) * best["false_alarm_probability"], rel=1e-3)
        assert cell.verdict == "strong"
    model.choose(bands=[3], polarizations=["RL"])
    only = last[(last["band"] == 3) & (last["polarization"] == "RL")].set_index("baseline")["snr"]
    assert {cell.baseline: cell.snr for cell in model.snapshot().matrix.cells} == pytest.approx(
        only.to_dict()
    )


def test_noise_is_no_fringe_and_absence_is_no_data(dataset: xr.Dataset) -> None:
    rng = np.random.default_rng(3)
    noise = dataset.sel(baseline=["AA-BB", "AA-CC", "AA-AA", "BB-BB", "CC-CC"]).copy(deep=True)
    values = noise["VISIBILITY"].values
    values[:, 0] = 0.01 * (
        rng.standard_normal(values[:, 0].shape) + 1j * rng.standard_normal(values[:, 0].shape)
    )
    values[:, 1] = np.nan
    noise["WEIGHT"].values[:, 1] = 0
    model = MonitorModel(noise)
    model.gather()
    cells = {cell.baseline: cell for cell in model.snapshot().matrix.cells}
    assert (cells["AA-BB"].verdict, cells["AA-BB"].short.endswith("○")) == ("none", True)
    assert "no fringe, SNR" in cells["AA-BB"].said
    assert (cells["AA-CC"].verdict, cells["AA-CC"].snr) == ("no data", None)
    assert not any(row.is_fringe for row in model.snapshot().rows)


def test_looking_back_by_integrations_and_scans(model: MonitorModel, dataset: xr.Dataset) -> None:
    times = dataset["time"].values
    assert (model.snapshot().count, model.snapshot().place, model.snapshot().is_held) == (6, 5, False)
    model.step(-1)
    seen, look = model.snapshot(), model.look()
    assert look is not None
    assert (seen.place, seen.is_held, look.until, seen.time) == (4, True, times[4], times[4])
    model.step_scans(-1)
    seen = model.snapshot()
    assert seen.place == 3
    assert seen.scan is not None
    assert (seen.scan.name, seen.fringes_scan, seen.matrix.scan) == ("No0001", "No0001", "No0001")
    model.step(-99)
    assert model.snapshot().place == 0
    model.step_scans(99)
    assert model.snapshot().place == 5
    model.go_to(2)
    assert model.snapshot().time == times[2]
    model.resume()
    seen = model.snapshot()
    assert (seen.place, seen.is_held, seen.fringes_scan) == (5, False, "No0002")


def test_one_scan_alone(model: MonitorModel) -> None:
    assert model.snapshot().scan_names == ("No0001", "No0002")
    model.go_to_scan("No0001")
    look, seen = model.look(), model.snapshot()
    assert look is not None
    assert (look.scan, seen.place, seen.only_scan, seen.is_held) == ("No0001", 3, "No0001", True)
    assert seen.fringes_scan == "No0001"
    model.step(-1)
    assert (model.snapshot().place, model.snapshot().only_scan) == (2, None)
    model.go_to_scan(None)
    assert not model.snapshot().is_held


def test_the_course_of_fringes_is_fitted_in_pieces(dataset: xr.Dataset) -> None:
    model = MonitorModel(dataset)
    model.set_kind("fringes")
    model.gather()
    look = model.look()
    assert look is not None
    assert set(look.fringes["baseline"]) == {"AA-BB", "AA-CC", "BB-CC"}
    assert set(look.fringes["polarization"]) == {"RR", "LL"}
    model.choose(baselines=["AA-BB"], bands=[0], polarizations=["RR"])
    model.gather()
    look = model.look()
    assert look is not None
    pieces = look.fringes
    spans = (pieces["stop"] - pieces["start"]) / pd.Timedelta(seconds=1)
    assert len(pieces) == 2
    assert spans.max() <= 2.0
    model.set_fits("scans")
    model.gather()
    look = model.look()
    assert look is not None
    assert len(look.fringes) == len(fringe_fit(dataset))


def test_kinds_are_those_that_can_be_drawn(model: MonitorModel) -> None:
    assert set(KINDS) == set(VIEWS)
    model.set_kind("clouds")
    assert model.snapshot().message.startswith("no kind of picture 'clouds'; there are spectra")
    assert model.kind == "spectra"


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_kind_freezes_to_a_normal_figure(dataset: xr.Dataset, kind: str) -> None:
    model = MonitorModel(dataset.sel(baseline=["AA-BB", "AA-AA", "BB-BB"], band=[0]))
    model.set_kind(kind)
    model.set_theme("dark")
    model.gather()
    figure = model.figure()
    assert isinstance(figure, Figure)
    assert figure.axes
    assert figure is not model.figure()


def test_saving_says_where_and_never_overwrites(
    model: MonitorModel, dataset: xr.Dataset, tmp_path: Path
) -> None:
    path = tmp_path / "seen.nc"
    for said in (f"saved as {path}", "not saved: "):
        model.save(path)
        assert model.wait(30)
        assert model.snapshot().message.startswith(said)
    assert model.snapshot().is_problem
    with xr.open_dataset(path, engine="netcdf4") as written:
        assert written.sizes["time"] == dataset.sizes["time"]
    model.save("  ")
    assert model.snapshot().message.startswith("name a file to save to")


def test_a_dataset_cannot_be_asked_for_more(model: MonitorModel) -> None:
    model.watch_shown()
    assert model.snapshot().is_problem
    assert "not live" in model.snapshot().message


def test_after_the_end_nothing_begins_and_the_data_are_let_go(model: MonitorModel, tmp_path: Path) -> None:
    model.close()
    model.close()
    model.pause()
    model.gather()
    assert model.look() is None
    model.save(tmp_path / "late.nc")
    assert model.under_way == ()
    assert not list(tmp_path.iterdir())


def test_a_recording_that_cannot_be_shown_says_what_it_needs() -> None:
    model = MonitorModel(RecordedMonitor("job", "/data/job.input", 2**20))
    model.gather()
    seen = model.snapshot()
    assert not model.has_data
    assert seen.is_problem
    assert "give it with use_input(path)" in seen.message
    model.set_kind("lag")
    assert "use_input" in model.snapshot().message, "it is told for as long as it is so"


def test_a_dataset_without_integrations_shows_none(dataset: xr.Dataset) -> None:
    model = MonitorModel(dataset.isel(time=slice(0, 0)))
    model.gather()
    seen = model.snapshot()
    assert (seen.count, seen.place, seen.time, seen.rows) == (0, -1, None, ())
    model.step(-1)
    model.step_scans(1)
    model.go_to(3)
    assert model.snapshot().place == -1
