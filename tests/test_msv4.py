# SPDX-License-Identifier: GPL-3.0-or-later
"""Measurement Sets that xradio opens and checks, of every reference job."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import difxnb
from difxnb.errors import PositionsUnknown
from difxnb.visibility.msv4.labels import unix_seconds
from tests.msv4_sets import REFERENCE, SWIN_JOBS, check, opened, require_valid

JOBS = sorted(
    folder
    for kind in ("mpifxcorr-output", "raw-jobs")
    for folder in (REFERENCE / kind).iterdir()
    if folder.is_dir()
)

pytestmark = [
    pytest.mark.usefixtures("zarr_awake", "without_threads"),
    pytest.mark.filterwarnings("ignore::difxnb.errors.DoubtfulAutocorrelations"),
]


@pytest.mark.parametrize("folder", JOBS, ids=lambda folder: folder.name)
def test_xradio_finds_nothing_wrong(folder: Path) -> None:
    require_valid(difxnb.to_msv4(difxnb.open_visibilities(folder / f"{folder.name}.difx")))


def test_a_measurement_set_has_what_the_dataset_has() -> None:
    dataset = opened("alpha_1").load()
    tree = difxnb.to_msv4(dataset)
    assert list(tree.children) == ["alpha_1_band0", "alpha_1_band1"]
    for band, node in enumerate(tree.children.values()):
        one = dataset.isel(band=band).transpose("time", "baseline", "channel", "polarization", ...)
        np.testing.assert_array_equal(node["VISIBILITY"].values, one["VISIBILITY"].values)
        np.testing.assert_array_equal(node["WEIGHT"].isel(frequency=5).values, one["WEIGHT"].values)
        np.testing.assert_array_equal(node["frequency"].values, one["frequency"].values)
        np.testing.assert_array_equal(node["baseline_antenna1_name"].values, one["antenna1_name"].values)
        np.testing.assert_array_equal(node["baseline_antenna2_name"].values, one["antenna2_name"].values)
        np.testing.assert_array_equal(node["polarization"].values, one["polarization"].values)
        np.testing.assert_array_equal(node["UVW"].values, -one["UVW"].values)
        assert set(node["scan_name"].values.tolist()) == {"No0001"}
        assert not node["FLAG"].values.any()
        exposure = one["WEIGHT"].mean("polarization").values * 0.512
        np.testing.assert_allclose(node["EFFECTIVE_INTEGRATION_TIME"].values, exposure, rtol=1e-6)
        assert node.attrs["difx"]["job"] == "alpha_1"
        assert node["frequency"].attrs["frequency_group_name"] == "alpha_1"


def test_parts_of_spectra_are_those_of_the_whole() -> None:
    dataset = opened("alpha_1")
    whole = difxnb.to_msv4(dataset.load())["alpha_1_band1"]["VISIBILITY"].values
    lazy = difxnb.to_msv4(opened("alpha_1"))["alpha_1_band1"]["VISIBILITY"]
    np.testing.assert_array_equal(lazy[3].values, whole[3])
    np.testing.assert_array_equal(lazy[2:5, 1, ::3].values, whole[2:5, 1, ::3])
    np.testing.assert_array_equal(
        lazy.isel(baseline_id=[4, 0], polarization=[3, 1]).values, whole[:, [4, 0]][..., [3, 1]]
    )
    np.testing.assert_array_equal(lazy[0, 0, 0, 0].values, whole[0, 0, 0, 0])
    np.testing.assert_array_equal(lazy[::-2, :, ::-1].values, whole[::-2, :, ::-1])
    points = {"time": xr.DataArray([1, 2], dims="point"), "frequency": xr.DataArray([3, 9], dims="point")}
    np.testing.assert_array_equal(lazy.isel(points).values, lazy.load().isel(points).values)


def test_what_is_missing_is_flagged() -> None:
    dataset = opened("alpha_1").load()
    dataset["WEIGHT"][1, 2, 0, 3] = 0
    dataset["VISIBILITY"][1, 2, 0, 3] = np.nan
    dataset["VISIBILITY"][4, 0, 0, 1, 7] = np.nan  # weighs something, and is nothing
    dataset["WEIGHT"][5, 1, 0, 0] = 0  # is something, and weighs nothing
    node = difxnb.to_msv4(dataset)["alpha_1_band0"]
    expected = np.zeros((8, 6, 32, 4), dtype=bool)
    expected[1, 2, :, 3] = expected[4, 0, 7, 1] = expected[5, 1, :, 0] = True
    np.testing.assert_array_equal(node["FLAG"].values, expected)
    np.testing.assert_array_equal(node["FLAG"][4, 0, 5:9, 1].values, [False, False, True, False])
    exposure = node["EFFECTIVE_INTEGRATION_TIME"].values
    assert exposure[1, 2] == pytest.approx(0.512, rel=1e-6)  # of the products that are there


def test_what_is_nowhere_in_a_band_has_no_place_there() -> None:
    dataset = opened("alpha_1").load()
    here = (dataset["band"] == 0) | ~dataset["polarization"].isin(["RL", "LR"]) & (
        dataset["baseline"] != "AA-CC"
    )
    dataset["WEIGHT"] = dataset["WEIGHT"].where(
        here & ((dataset["band"] == 0) | (dataset["time"] > dataset["time"][2])), 0
    )
    tree = difxnb.to_msv4(dataset)
    first, second = tree.children.values()
    assert first["VISIBILITY"].shape == (8, 6, 32, 4)
    assert second["VISIBILITY"].shape == (5, 5, 32, 2)
    np.testing.assert_array_equal(
        second["VISIBILITY"].sel(polarization="LL").values,
        dataset["VISIBILITY"].sel(band=1, polarization="LL").values[3:][:, [0, 2, 3, 4, 5]],
    )
    require_valid(tree)


def test_each_phase_centre_is_a_field_of_its_own() -> None:
    dataset = opened("zeta_1")
    tree = difxnb.to_msv4(dataset)
    sources = {
        source.name: (source.ra, source.dec)
        for source in difxnb.read_calc(SWIN_JOBS / "zeta_1/zeta_1.calc").sources
    }
    names = ["zeta_1_band0_center0", "zeta_1_band1_center0", "zeta_1_band0_center1", "zeta_1_band1_center1"]
    assert list(tree.children) == names
    for name, node in tree.children.items():
        center = int(name[-1])
        source = ["SRCA", "SRCA-2"][center]
        fields = node["field_and_source_base_xds"].to_dataset()
        assert set(node["field_name"].values.tolist()) == {source}
        assert (
            tuple(fields["FIELD_PHASE_CENTER_DIRECTION"].sel(field_name=source).values.tolist())
            == sources[source]
        )
        uvw = dataset["UVW"].isel(phase_center=center).values[:, : node.sizes["baseline_id"]]
        np.testing.assert_array_equal(node["UVW"].values, 0 - uvw)
        assert node.attrs["difx"]["phase_center"] == center
        assert node.sizes["baseline_id"] == (
            6 if center == 0 else 3
        )  # autocorrelations are not written again
        assert "EFFECTIVE_INTEGRATION_TIME" not in node


def test_phase_centres_without_names_or_vectors_say_so() -> None:
    dataset = opened("zeta_1").load().drop_vars("phase_center_name")
    dataset["UVW"] = dataset["UVW"].isel(phase_center=0)
    with pytest.warns(PositionsUnknown, match=r"SRCA \(phase centre 1\)"):
        tree = difxnb.to_msv4(dataset)
    assert np.isfinite(tree["zeta_1_band0_center0"]["UVW"].values).all()
    assert np.isnan(tree["zeta_1_band0_center1"]["UVW"].values).all()


def test_each_pulsar_bin_is_a_measurement_set() -> None:
    dataset = opened("epsilon_1").load()
    tree = difxnb.to_msv4(dataset)
    assert len(tree.children) == 6
    for name, node in tree.children.items():
        band, pulsar_bin = int(name[-6]), int(name[-1])
        assert node.attrs["difx"]["pulsar_bin"] == pulsar_bin
        one = dataset.isel(band=band, pulsar_bin=pulsar_bin, baseline=slice(node.sizes["baseline_id"]))
        np.testing.assert_array_equal(
            node["VISIBILITY"].values,
            one["VISIBILITY"].transpose("time", "baseline", "channel", "polarization").values,
        )


def test_bands_keep_their_own_channels() -> None:
    dataset = opened("alpha_1").load()
    dataset["frequency"][1, 20:] = np.nan
    dataset["VISIBILITY"][..., 1, :, 20:] = np.nan
    tree = difxnb.to_msv4(dataset)
    assert [node.sizes["frequency"] for node in tree.children.values()] == [32, 20]
    assert not any(node["FLAG"].values.any() for node in tree.children.values())
    require_valid(tree)


def test_integrations_of_another_length_are_apart() -> None:
    dataset = opened("alpha_1").load()
    dataset = dataset.assign_coords(integration_time=("time", [0.512] * 3 + [2.0] * 5))
    tree = difxnb.to_msv4(dataset)
    assert [node["time"].size for node in tree.children.values()] == [3, 3, 5, 5]
    assert [node["time"].attrs["integration_time"]["data"] for node in tree.children.values()] == [
        0.512,
        0.512,
        2,
        2,
    ]
    assert list(tree.children)[2] == "alpha_1_band0_2.0s"
    require_valid(tree)


def test_fields_and_scans_follow_each_other_or_are_apart() -> None:
    dataset = opened("eta_1").load()
    dataset["field_name"][4:] = "SRCB"
    dataset["scan_name"][2:] = "No/2"
    together = difxnb.to_msv4(dataset)
    fields = together["eta_1_band0/field_and_source_base_xds"].to_dataset()
    assert fields["field_name"].values.tolist() == ["SRCA", "SRCB"]
    assert fields["FIELD_PHASE_CENTER_DIRECTION"].values[1].tolist() == [2.5, -0.2]
    assert together["eta_1_band0"]["field_name"].values.tolist() == ["SRCA"] * 4 + ["SRCB"] * 3
    require_valid(together)
    apart = difxnb.to_msv4(dataset, split=("field", "scan"))
    assert list(apart.children)[::2] == [
        "eta_1_band0_SRCA_No0001",
        "eta_1_band0_SRCA_No-2",
        "eta_1_band0_SRCB_No-2",
    ]
    require_valid(apart)
    with pytest.raises(ValueError, match="field and scan, not by 'source'"):
        difxnb.to_msv4(dataset, split=["source"])


def test_live_data_have_weights_that_nobody_knows() -> None:
    dataset = opened("alpha_1").load()
    dataset["WEIGHT"] = dataset["WEIGHT"].where(dataset["WEIGHT"] == 0, np.nan)
    dataset["WEIGHT"][0] = 0
    dataset["VISIBILITY"][0] = np.nan
    dataset = dataset.assign_coords(time_uncertainty=("time", np.zeros(8)))
    tree = difxnb.to_msv4(dataset)
    assert (tree["alpha_1_band0"]["WEIGHT"].values == 1).all()
    assert tree["alpha_1_band0"]["time"].size == 7
    require_valid(tree)


def test_positions_come_from_the_calc_that_is_given_or_beside(tmp_path: Path) -> None:
    dataset = opened("alpha_1").load()
    calc = difxnb.read_calc(SWIN_JOBS / "alpha_1" / "alpha_1.calc")
    beside = difxnb.to_msv4(dataset)
    dataset.attrs["input_file"] = "/nowhere/alpha_1.input"
    for given in (calc, calc.path, str(calc.path), [calc]):
        found = difxnb.to_msv4(dataset, calc=given)
        for table in ("antenna_xds", "field_and_source_base_xds"):
            xr.testing.assert_identical(
                found["alpha_1_band0"][table].to_dataset(), beside["alpha_1_band0"][table].to_dataset()
            )
    with pytest.warns(PositionsUnknown, match="position of AA, BB, CC, SRCA; it is NaN"):
        unknown = difxnb.to_msv4(dataset)
    assert np.isnan(unknown["alpha_1_band0/antenna_xds"]["ANTENNA_POSITION"].values).all()
    assert not check.check_datatree(unknown)
    with pytest.raises(FileNotFoundError):
        difxnb.to_msv4(dataset, calc=tmp_path / "none.calc")


def test_mounts_and_spacecraft() -> None:
    dataset = opened("alpha_1").load()
    calc = difxnb.read_calc(SWIN_JOBS / "alpha_1" / "alpha_1.calc")
    for telescope, mount in zip(calc.telescopes, ("XYEW", "NASR", "odd"), strict=True):
        telescope.mount = mount
    calc.num_spacecraft, calc.spacecraft = 1, [("SPACECRAFT 0 NAME", "SRCA")]
    with pytest.warns(PositionsUnknown, match="position of SRCA"):
        node = difxnb.to_msv4(dataset, calc=calc)["alpha_1_band0"]
    assert node["antenna_xds"]["mount"].values.tolist() == ["X-Y", "ALT-AZ+NASMYTH-R", "odd"]
    assert np.isnan(node["field_and_source_base_xds"]["FIELD_PHASE_CENTER_DIRECTION"].values).all()


def test_a_tone_on_the_border_of_two_bands_is_there_once() -> None:
    pcal = difxnb.read_pcal(SWIN_JOBS / "alpha_1" / "alpha_1.difx")
    twice = pcal.isel(tone=[0, 0, 1, 2, 3]).copy(deep=True)
    twice["band"][0] = 1
    twice["PHASE_CAL"][..., 0] = 9.0
    tones = difxnb.to_msv4(opened("alpha_1"), pcal=twice)["alpha_1_band0/phase_calibration_xds"][
        "PHASE_CAL"
    ].values
    assert tones.shape[-1] == 2
    assert np.nanmax(np.abs(tones)) < 1


def test_several_jobs_are_one_set_with_positions_of_all() -> None:
    folders = [SWIN_JOBS / name / f"{name}.difx" for name in ("alpha_1", "eta_1")]
    dataset = difxnb.open_visibilities(folders)
    tree = difxnb.to_msv4(dataset)  # no warning: the .calc of each is found
    require_valid(tree)
    assert next(iter(tree.children)) == "alpha_1+1_band0_0.256s"
    assert tree.children["alpha_1+1_band0_0.256s"].attrs["difx"]["job"] == "alpha_1, eta_1"


def test_linear_hands_get_the_letters_of_msv4() -> None:
    dataset = opened("alpha_1").load().assign_coords(polarization=["HH", "VV", "HV", "VH"])
    node = difxnb.to_msv4(dataset)["alpha_1_band0"]
    assert node["polarization"].values.tolist() == ["XX", "YY", "XY", "YX"]
    assert node["antenna_xds"]["polarization_type"].values.tolist() == [["X", "Y"]] * 3


def test_what_is_no_dataset_of_visibilities_is_refused() -> None:
    dataset = opened("alpha_1")
    with pytest.raises(ValueError, match="WEIGHT, antenna1_name is missing"):
        difxnb.to_msv4(dataset.drop_vars(["WEIGHT", "antenna1_name"]))
    with pytest.raises(ValueError, match="nothing tells the integration time"):
        difxnb.to_msv4(dataset.drop_attrs())
    empty = dataset.load()
    empty["WEIGHT"][:] = 0
    with pytest.raises(ValueError, match="nothing to make a Measurement Set of"):
        difxnb.to_msv4(empty)


def test_without_vectors_there_are_none() -> None:
    node = difxnb.to_msv4(opened("alpha_1").drop_vars("UVW"))["alpha_1_band0"]
    assert "UVW" not in node
    assert "uvw" not in node.attrs["data_groups"]["base"]


def test_times_keep_a_quarter_of_a_microsecond() -> None:
    times = np.array(["2024-06-15T00:00:00.040000001", "2016-12-31T23:59:59.999999"], dtype="datetime64[ns]")
    assert np.abs(unix_seconds(times) - [1_718_409_600.040000001, 1_483_228_799.999999]).max() < 2.4e-7
