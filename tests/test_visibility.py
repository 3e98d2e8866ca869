# SPDX-License-Identifier: GPL-3.0-or-later
"""Datasets from SWIN records and from live blocks: the same, and with the delays that were put in."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from difxnb.errors import OutputExists
from difxnb.formats.calc import read_calc
from difxnb.formats.im import read_im
from difxnb.formats.input import read_input
from difxnb.formats.result_layout import result_layout
from difxnb.formats.swin import read_records
from difxnb.tables import JobTable
from difxnb.visibility import (
    VisibilitySeries,
    fringe_fit,
    open_visibilities,
    products_frame,
    save_netcdf,
    weights_array,
)
from difxnb.wire.message import Header, Message, Status
from difxnb.wire.monitor import Product, Scan, ServerFringe, VisibilityBlock
from tests.stored_jobs import encoded, made_job

REFERENCE = Path(__file__).parent / "reference"
SWIN_JOBS = REFERENCE / "mpifxcorr-output"
RAW_JOBS = REFERENCE / "raw-jobs"


class Job:
    """A reference job with everything that a test may want of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.input = read_input(folder / f"{folder.name}.input")
        self.calc = read_calc(folder / f"{folder.name}.calc")
        self.im = read_im(folder / f"{folder.name}.im")
        self.files = sorted((folder / f"{folder.name}.difx").glob("DIFX_*"))

    def records(self, index=0):
        return list(read_records(self.files[index], self.input.channels))

    def dataset(self, index=0):
        return open_visibilities(self.files[index]).load()

    def products(self):
        """The product list as a real guiServer sends it: offsets repeated within each group."""
        first: dict[tuple[int, int], int] = {}
        counted: defaultdict[tuple[int, int], int] = defaultdict(int)
        made = []
        names = [telescope.name for telescope in self.input.telescopes]
        for number, place in enumerate(result_layout(self.input)):
            is_auto = place.kind == "auto"
            group = (place.baseline, place.freq_index)
            offset = place.offset if is_auto else first.setdefault(group, place.offset)
            made.append(
                Product(
                    scan=0,
                    number=number,
                    offset=offset,
                    channels=place.channels,
                    baseline=None if is_auto else place.baseline,
                    telescope1=names[place.antenna1],
                    telescope2=names[place.antenna2],
                    frequency_hz=self.input.freqs[place.freq_index].freq_mhz * 1e6,
                    frequency_index=0,
                    phase_center=0,
                    pulsar_bin=0,
                    polarization_index=0 if is_auto else counted[group],
                    is_autocorrelation=is_auto,
                )
            )
            counted[group] += 1
        return made

    def scans(self):
        start = self.input.start_mjd + self.input.start_seconds / 86400
        return [
            Scan(
                index,
                scan.identifier,
                round(start + scan.start_s / 86400, 7),
                round(start + (scan.start_s + scan.duration_s) / 86400, 7),
                self.calc.sources[scan.pointing_source].name,
            )
            for index, scan in enumerate(self.calc.scans)
        ]

    def blocks(self):
        """What the monitor sends of the records: whole seconds only, no weights."""
        numbers = {
            (place.antenna1, place.antenna2, place.freq_index, place.polarization): number
            for number, place in enumerate(result_layout(self.input))
        }
        for record in self.records():
            begun = (record.mjd - self.input.start_mjd) * 86400 + record.seconds
            begun -= self.input.configurations[0].int_time / 2
            after = begun - self.input.start_seconds
            scan = [s for s in self.calc.scans if s.start_s <= after + 1e-6][-1]
            yield VisibilityBlock(
                product=numbers[record.antenna1, record.antenna2, record.freq, record.polarization],
                channels=len(record.spectrum),
                time=int(begun + 1e-6),
                integration=1,
                scan=scan.identifier,
                source=self.calc.sources[record.source].name,
                visibility=record.spectrum,
                server=ServerFringe(0.5, 7.0, 3),
            )


@pytest.fixture(scope="module")
def alpha():
    return Job(SWIN_JOBS / "alpha_1")


@pytest.fixture(scope="module")
def usb():
    return Job(RAW_JOBS / "usb2bit")


@pytest.fixture(scope="module")
def lsb():
    return Job(RAW_JOBS / "lsb1bit")


@pytest.fixture(scope="module")
def dataset(alpha):
    return alpha.dataset()


# --- fringes ----------------------------------------------------------------------------------------------


def expected(job, row):
    """Delay (s) at the middle of the scan and rate (s/s) that were put into the synthetic data."""
    if job.folder.parent == SWIN_JOBS:
        antennas = json.loads((SWIN_JOBS / "truth.json").read_text())["antennas"]
        delays = {
            name: {"R": a["tau_ns"] * 1e-9, "L": (a["tau_ns"] + a["extra_tau_L_ns"]) * 1e-9}
            for name, a in antennas.items()
        }
        rates = {name: a["tau_rate_ps_s"] * 1e-12 for name, a in antennas.items()}
    else:
        antennas = json.loads((job.folder / "truth.json").read_text())["antennas"]
        delays = {n: dict.fromkeys("RL", a["residual_delay_us_r0"] * 1e-6) for n, a in antennas.items()}
        rates = {name: a["residual_rate_us_per_s_r1"] * 1e-6 for name, a in antennas.items()}
    start = pd.Timestamp("1858-11-17") + pd.Timedelta(
        days=job.input.start_mjd, seconds=job.input.start_seconds
    )
    first, second = row["antenna1_name"], row["antenna2_name"]
    rate = rates[second] - rates[first]
    after = (row["reference_time"] - start).total_seconds()
    delay = delays[second][row["polarization"][1]] - delays[first][row["polarization"][0]]
    return delay + rate * after, rate


@pytest.mark.parametrize(("name", "rows"), [("alpha", 24), ("usb", 24), ("lsb", 4)])
def test_delays_that_were_put_in_come_out(name, rows, request):
    """All bands of both sidebands, all hands; within the stated errors, sign included."""
    job = request.getfixturevalue(name)
    fringes = fringe_fit(job.dataset())
    assert len(fringes) == rows
    truth = np.array([expected(job, row) for _, row in fringes.iterrows()])
    scaled = (fringes["delay"] - truth[:, 0]) / fringes["delay_error"]
    assert np.abs(scaled).max() < 3.0
    assert np.sqrt(np.mean(scaled**2)) < 1.3
    assert (fringes["delay_error"] < 6e-9).all()
    rates = fringes["delay_rate"] - truth[:, 1]
    assert np.abs(rates / fringes["delay_rate_error"]).max() < 7.0  # gaps of a station shift its mean times
    assert np.abs(rates).max() < 0.8e-12
    assert (fringes["false_alarm_probability"] < 1e-10).all()


def test_table_of_fringes(dataset):
    fringes = fringe_fit(dataset)
    assert list(fringes)[:7] == [
        "scan", "source", "baseline", "antenna1_name", "antenna2_name", "band", "polarization",
    ]  # fmt: skip
    assert (fringes["n_integrations"] == 8).all()
    assert fringes["reference_time"].dtype == "datetime64[ns]"
    assert set(fringes["reference_frequency"]) == {
        float(dataset["frequency"].sel(band=band).mean()) for band in (0, 1)
    }
    closure = fringes.pivot(index=["band", "polarization"], columns="baseline", values="delay").loc[
        (slice(None), ["RR", "LL"]), :
    ]
    assert (closure["AA-BB"] + closure["BB-CC"] - closure["AA-CC"]).abs().max() < 3e-9


def test_station_without_data_is_left_out(alpha, tmp_path):
    records = [r for r in alpha.records() if 3 not in (r.antenna1 + 1, r.antenna2 + 1)]
    fringes = fringe_fit(open_visibilities(made_job(tmp_path, encoded(records))))
    assert set(fringes["baseline"]) == {"AA-BB"}
    autos = [r for r in alpha.records() if r.antenna1 == r.antenna2]
    nothing = fringe_fit(open_visibilities(made_job(tmp_path, encoded(autos), name="autos_1")))
    assert len(nothing) == 0
    assert "delay" in nothing


# --- live -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["alpha", "usb", "lsb"])
def test_live_data_agree_with_the_file(name, request):
    job = request.getfixturevalue(name)
    series = VisibilitySeries(job.input, job.products(), scans=job.scans())
    for block in job.blocks():
        series.add(block)
    assert series.dropped == 0
    live, file = series.dataset(im=job.im), job.dataset()
    for coordinate in file.coords:
        np.testing.assert_array_equal(live[coordinate].values, file[coordinate].values, err_msg=coordinate)
    np.testing.assert_array_equal(live["VISIBILITY"].values, file["VISIBILITY"].values)
    np.testing.assert_array_equal(np.isnan(live["WEIGHT"]), file["WEIGHT"] > 0)
    assert set(np.unique(live["WEIGHT"].values[~np.isnan(live["WEIGHT"].values)])) <= {0.0}
    known = np.isfinite(file["UVW"].values)
    np.testing.assert_allclose(live["UVW"].values[known], file["UVW"].values[known], atol=1e-6)
    fringes, filed = series.fringes(), fringe_fit(file)
    keys = ["scan", "baseline", "band", "polarization"]
    both = fringes.merge(filed, on=keys, suffixes=("", "_file"), validate="1:1")
    assert len(both) == len(filed)
    assert ((both["delay"] - both["delay_file"]).abs() < both["delay_error"]).all()
    assert (fringes["server_delay"] == 0.5e-6).all()
    assert (fringes["server_snr"] == 7.0).all()


def test_products_are_named_from_the_input(alpha):
    frame = products_frame(alpha.products(), alpha.input)
    layout = result_layout(alpha.input)
    assert frame["offset"].tolist() == [place.offset for place in layout]
    assert frame["polarization"].tolist() == [place.polarization for place in layout]
    assert frame["band"].tolist() == [place.freq_index for place in layout]
    assert frame["baseline"].iloc[0] == "AA-BB"
    assert frame["is_autocorrelation"].sum() == sum(place.kind == "auto" for place in layout)
    assert frame["frequency"].iloc[0] == 8400.25e6
    assert list(frame)[:3] == ["product", "scan", "baseline"]


def test_products_with_wrong_offsets_are_found_by_name(alpha):
    """The server counted two bands of the first station that are not in the array of results."""
    right = products_frame(alpha.products(), alpha.input)
    shifted = [
        Product(**{**_fields(p), "offset": p.offset + 64 * p.is_autocorrelation}) for p in alpha.products()
    ]
    pd.testing.assert_frame_equal(products_frame(shifted, alpha.input), right)
    for chosen in ([2], [5, 7], [26, 29, 40]):
        some = [alpha.products()[index] for index in chosen]
        expected = right.iloc[chosen].reset_index(drop=True)
        pd.testing.assert_frame_equal(products_frame(some, alpha.input), expected)
    stranger = Product(**{**_fields(shifted[-1]), "channels": 17})
    row = products_frame([stranger], alpha.input).iloc[0]
    assert (row["band"], row["polarization"]) == (-1, "")


def _fields(product):
    return {name: getattr(product, name) for name in product.__slots__}


def block(product, second, *, channels=32, scan="No0001", value=1.0):
    spectrum = np.full(channels, value, dtype=np.complex64)
    return VisibilityBlock(product, channels, second, 1, scan, "SRCA", spectrum, None)


def test_integrations_within_a_second_take_the_next_place_on_the_grid(alpha):
    series = VisibilitySeries(alpha.input, alpha.products())
    for second in (43200, 43200, 43201, 43201, 43203):
        for product in (0, 5):
            series.add(block(product, second))
    middles = (series.dataset()["time"].values - np.datetime64("2024-01-01T12:00:00")) / np.timedelta64(
        1, "s"
    )
    np.testing.assert_allclose(middles, [0.256, 0.768, 1.280, 1.792, 3.328])
    assert series.dropped == 0
    series.add(block(0, 43203))
    series.add(block(0, 43203))  # a third one has no place between 43203 and 43204
    assert series.dropped == 1
    assert len(series) == 6


def test_times_without_list_of_scans_fall_back_to_the_second(lsb):
    series = VisibilitySeries(lsb.input, lsb.products())
    series.add(block(0, 43202, channels=64, scan="No0002"))
    middle = (series.dataset()["time"].values[0] - np.datetime64("2020-04-09T12:00:00")) / np.timedelta64(
        1, "s"
    )
    assert 2.0 <= middle <= 3.128


def test_scans_without_a_time_are_ignored(alpha):
    series = VisibilitySeries(alpha.input, alpha.products(), scans=[Scan(0, "No0001")])
    series.add(block(0, 43200))
    assert series.dataset()["time"].values[0] == np.datetime64("2024-01-01T12:00:00.256")


def test_old_integrations_fall_out_and_are_counted(alpha):
    products = alpha.products()[:2]
    row = 1 * 1 * 2 * (32 * 8 + 4)
    series = VisibilitySeries(alpha.input, products, limit_bytes=8 * row)
    assert series.limit_rows == 8
    for k in range(30):
        for product in (0, 1):
            series.add(block(product, 43200 + 2 * k, value=k))
    dataset = series.dataset()
    assert dataset.sizes["time"] <= 8
    assert dataset.sizes["time"] * 2 + series.dropped == 60
    values = dataset["VISIBILITY"].values[:, 0, 0, 0, 0].real
    np.testing.assert_array_equal(values, np.arange(30)[-len(values) :])
    assert dataset.attrs["dropped"] == series.dropped
    held = len(series)
    series.add(block(0, 43200))
    assert len(series) == held, "what was dropped may not come back"
    with pytest.raises(ValueError, match="one integration takes"):
        VisibilitySeries(alpha.input, products, limit_bytes=100)


def test_blocks_that_do_not_belong_are_counted(alpha):
    series = VisibilitySeries(alpha.input, alpha.products()[:2])
    series.add(block(0, 43200))
    series.add(block(7, 43200))
    series.add(block(1, 43200, channels=16))
    assert series.dropped == 2
    assert series.version == 3
    with pytest.raises(ValueError, match="no products"):
        VisibilitySeries(alpha.input, [])


def test_an_empty_series_has_its_axes(alpha):
    series = VisibilitySeries(alpha.input, alpha.products())
    dataset = series.dataset()
    assert dict(dataset.sizes) == {
        "time": 0, "baseline": 6, "band": 2, "polarization": 4, "channel": 32, "uvw": 3,
    }  # fmt: skip
    assert len(series.fringes()) == 0


def test_fringes_are_fitted_again_only_when_a_block_came(alpha):
    series = VisibilitySeries(alpha.input, alpha.products())
    blocks = list(alpha.blocks())
    for one in blocks[:60]:
        series.add(one)
    first = series.fringes()["delay"].to_numpy()
    assert np.shares_memory(series.fringes()["delay"].to_numpy(), first)
    series.add(blocks[60])
    assert not np.shares_memory(series.fringes()["delay"].to_numpy(), first)


def test_a_table_of_fringes_can_be_extended(alpha):
    series = VisibilitySeries(alpha.input, alpha.products())
    for one in list(alpha.blocks())[:60]:
        series.add(one)
    fringes = series.fringes()
    fringes["mine"] = 1.0
    assert "mine" not in series.fringes()


def test_snapshots_while_blocks_arrive(alpha):
    series = VisibilitySeries(alpha.input, alpha.products())
    blocks = list(alpha.blocks())
    done = threading.Event()

    def feed():
        for one in blocks:
            series.add(one)
        done.set()

    thread = threading.Thread(target=feed)
    thread.start()
    last = 0
    while not done.is_set():
        dataset = series.dataset()
        present = int(np.isfinite(dataset["VISIBILITY"]).sum())
        assert present >= last
        assert (np.isnan(dataset["WEIGHT"]) == np.isfinite(dataset["VISIBILITY"]).any("channel")).all()
        last = present
    thread.join()
    assert series.version == len(blocks)


# --- files and weights ------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:numpy.ndarray size changed:RuntimeWarning")
def test_netcdf_gives_back_what_was_saved(alpha, dataset, tmp_path):
    series = VisibilitySeries(alpha.input, alpha.products())
    for one in alpha.blocks():
        series.add(one)
    for name, saved in {"file": dataset, "live": series.dataset()}.items():
        path = tmp_path / f"{name}.nc"
        save_netcdf(saved, path)
        with xr.open_dataset(path, engine="netcdf4", auto_complex=True) as opened:
            back = opened.load()
        xr.testing.assert_identical(back, saved)
        assert back["VISIBILITY"].dtype == np.complex64
        assert back["WEIGHT"].dtype == np.float32
        assert back["time"].dtype == "datetime64[ns]"
        content = path.read_bytes()
        with pytest.raises(OutputExists, match="Choose another name"):
            save_netcdf(saved, path)
        assert path.read_bytes() == content
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file.nc", "live.nc"]


def test_weights_of_a_job_as_an_array(alpha):
    jobs = JobTable()
    for k, weights in enumerate([((0, 1.0), (1, 0.9), (2, 0.5)), ((0, 0.8), (2, 0.25))]):
        body = Status("x", "Running", "", 60310.5 + k / 86400, 60310.5, 60310.6, weights)
        jobs.add(Message(Header("head", (), 0, "alpha_1", ""), body), 1e9 + k)
    array = weights_array(jobs.weights("alpha_1"), alpha.input)
    assert array.dims == ("time", "antenna")
    assert array["antenna"].values.tolist() == ["AA", "BB", "CC"]
    np.testing.assert_allclose(array.values, [[1.0, 0.9, 0.5], [0.8, np.nan, 0.25]])
    assert array["time"].dtype == "datetime64[ns]"
    unnamed = weights_array(jobs.weights("alpha_1"))
    assert unnamed["antenna"].values.tolist() == ["datastream 0", "datastream 1", "datastream 2"]
    empty = weights_array(jobs.weights("alpha_1").iloc[:0])
    assert empty.shape == (0, 0)
