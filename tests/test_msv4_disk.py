# SPDX-License-Identifier: GPL-3.0-or-later
"""Measurement Sets in zarr: xradio opens them, they are what was written, nothing is computed or overwritten before."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import xarray as xr

import difxnb
from tests.msv4_sets import SWIN_JOBS, opened, require_valid

pytest.importorskip("zarr")
measurement_set = pytest.importorskip("xradio.measurement_set")


pytestmark = [
    pytest.mark.usefixtures("zarr_awake", "without_threads"),
    pytest.mark.filterwarnings("ignore::difxnb.errors.DoubtfulAutocorrelations"),
]


@pytest.fixture
def open_with_xradio(monkeypatch: pytest.MonkeyPatch):
    """``open_processing_set``, which asks its S3 client whether a folder is a bucket; that client need not be here."""
    if find_spec("s3fs") is None:
        client, cloud, errors = ModuleType("s3fs"), ModuleType("botocore"), ModuleType("botocore.exceptions")
        client.core = ModuleType("s3fs.core")
        client.core.S3FileSystem = type("S3FileSystem", (), {})
        errors.NoCredentialsError = type("NoCredentialsError", (Exception,), {})
        for module in (client, cloud, errors):
            monkeypatch.setitem(sys.modules, module.__name__, module)
    return measurement_set.open_processing_set


def same_trees(first: xr.DataTree, second: xr.DataTree) -> None:
    assert sorted(first.groups) == sorted(second.groups)
    for path in first.groups:
        xr.testing.assert_identical(
            first[path].to_dataset(inherit=False), second[path].to_dataset(inherit=False)
        )


ON_DISK = {
    "plain": ("alpha_1", {}),
    "phase centres": ("zeta_1", {"time": slice(2), "band": slice(1)}),
    "pulsar bins": ("epsilon_1", {"time": slice(2), "band": slice(1)}),
}


@pytest.mark.parametrize("kind", ON_DISK)
def test_what_xradio_opens_from_disk_is_what_was_written(kind: str, tmp_path: Path, open_with_xradio) -> None:
    """One job of each kind; a set without the other bands has fewer of the same files."""
    job, part = ON_DISK[kind]
    tree = difxnb.to_msv4(opened(job).isel(part))
    tree.to_zarr(tmp_path / "set.zarr", zarr_format=2)
    back = open_with_xradio(str(tmp_path / "set.zarr"))
    require_valid(back)
    same_trees(back.load(), tree)
    summary = back.xr_ps.summary().set_index("name")
    assert sorted(summary.index) == sorted(tree.children)
    assert set(summary["shape"]) == {node["VISIBILITY"].shape for node in tree.children.values()}
    assert len(back.xr_ps.get_freq_axis()) == sum(
        len(node["frequency"])
        for name, node in tree.children.items()
        if not name.endswith(("center1", "bin1", "bin2"))
    )


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    tree = difxnb.to_msv4(opened("alpha_1").isel(time=slice(2), band=slice(1)))
    tree.to_zarr(tmp_path / "set.zarr", zarr_format=2)
    with pytest.raises(FileExistsError):
        tree.to_zarr(tmp_path / "set.zarr", zarr_format=2)


def test_dask_arrays_stay_lazy_until_they_are_written(tmp_path: Path, open_with_xradio) -> None:
    lazy = difxnb.to_msv4(opened("alpha_1", chunks={"time": 3, "baseline": 4}))
    eager = difxnb.to_msv4(opened("alpha_1").load())
    for name, node in lazy.children.items():
        for variable in ("VISIBILITY", "WEIGHT", "FLAG"):
            assert node[variable].chunks == ((3, 3, 2), (4, 2), (32,), (4,)), variable
            np.testing.assert_array_equal(node[variable].values, eager[name][variable].values)
    lazy.to_zarr(tmp_path / "set.zarr", zarr_format=2)
    back = open_with_xradio(str(tmp_path / "set.zarr"))
    assert back["alpha_1_band1"]["FLAG"].chunks == ((3, 3, 2), (4, 2), (32,), (4,))
    np.testing.assert_array_equal(
        back["alpha_1_band1"]["VISIBILITY"].values, eager["alpha_1_band1"]["VISIBILITY"].values
    )


def test_chunks_of_dask_arrays_are_such_as_zarr_takes(tmp_path: Path) -> None:
    uneven = opened("alpha_1").load().chunk({"time": (1, 4, 3), "channel": 16})
    node = difxnb.to_msv4(uneven)["alpha_1_band0"]
    assert node["VISIBILITY"].chunks == ((4, 4), (6,), (16, 16), (4,))
    assert node["WEIGHT"].chunks == node["VISIBILITY"].chunks
    node.to_zarr(tmp_path / "set.zarr", zarr_format=2)


def test_tones_of_the_band_come_along_as_the_correlator_wrote_them(tmp_path: Path, open_with_xradio) -> None:
    pcal = difxnb.read_pcal(SWIN_JOBS / "alpha_1" / "alpha_1.difx")
    tree = difxnb.to_msv4(opened("alpha_1").isel(time=slice(2, 5)), pcal=pcal)
    require_valid(tree)
    for name, megahertz in (("alpha_1_band0", [8401, 8402]), ("alpha_1_band1", [8410, 8411])):
        tones = tree[name]["phase_calibration_xds"].to_dataset()
        assert tones["PHASE_CAL"].shape == (3, 3, 2, 2)
        assert (tones["PHASE_CAL_TONE_FREQUENCY"].values == np.array(megahertz) * 1e6).all()
        assert np.isnan(tones["PHASE_CAL"].sel(antenna_name=["AA", "CC"])).all()
        for receptor, letter in enumerate("RL"):
            expected = pcal["PHASE_CAL"].sel(
                antenna="BB", polarization=letter, tone_frequency=np.array(megahertz) * 1e6
            )
            np.testing.assert_array_equal(
                tones["PHASE_CAL"].sel(antenna_name="BB").isel(receptor_label=receptor).values,
                expected.isel(time=slice(2, 5)).values,
            )
        np.testing.assert_allclose(
            tones["time_phase_cal"].values, tree[name]["time"].values, rtol=0, atol=1e-6
        )
        assert (tones["PHASE_CAL_INTERVAL"].values == 0.512).all()
    tree.to_zarr(tmp_path / "set.zarr", zarr_format=2)
    same_trees(open_with_xradio(str(tmp_path / "set.zarr")).load(), tree)
    elsewhere = pcal.assign_coords(time=pcal["time"] + np.timedelta64(1, "D"))
    assert "phase_calibration_xds" not in difxnb.to_msv4(opened("alpha_1"), pcal=elsewhere)["alpha_1_band0"]


@pytest.mark.parametrize("kind", ["netCDF", "zarr"])
def test_of_kept_visibilities_there_are_the_same_measurement_sets(kind: str, tmp_path: Path) -> None:
    """Texts come back from files as another kind of array than they were."""
    dataset = opened("alpha_1").isel(time=slice(2), band=slice(1), baseline=slice(2)).load()
    if kind == "zarr":
        dataset.to_zarr(tmp_path / "kept.zarr", zarr_format=2)
        kept = xr.open_zarr(tmp_path / "kept.zarr").load()
    else:
        difxnb.visibility.save_netcdf(dataset, tmp_path / "kept.nc")
        with xr.open_dataset(tmp_path / "kept.nc", engine="netcdf4", auto_complex=True) as file:
            kept = file.load()
    found, wanted = difxnb.to_msv4(kept)["alpha_1_band0"], difxnb.to_msv4(dataset)["alpha_1_band0"]
    for name in ("VISIBILITY", "UVW", "WEIGHT", "scan_name", "field_name", "baseline_antenna2_name"):
        assert found[name].dtype == wanted[name].dtype
        np.testing.assert_array_equal(found[name].values, wanted[name].values)
    require_valid(difxnb.to_msv4(kept))
