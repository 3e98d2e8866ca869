# SPDX-License-Identifier: GPL-3.0-or-later
"""Visibilities and Measurement Sets held against the FITS-IDI file that difx2fits 2.9 made of the same job.

difx2fits changes three things on purpose: it turns baseline vectors round, conjugates spectra (both FITS-IDI's sign),
and scales them. Its scale is (2.1392 / 3.3359)² for 2-bit samples: a factor with which the amplitudes become those of
the VLBA's former correlator, for each antenna over the level of the high 2-bit samples. It multiplies spectra by their
weight as well, so that they are sums of the valid data again, while SWIN has means.

It leaves out integrations that reach beyond their scan. It finds that out when it reads the first record behind, but
before it has written the row before that: so the last row before such an integration is lost, too.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import difxnb
from difxnb.formats.swin import baseline_number
from difxnb.visibility.msv4.labels import unix_seconds

fits = pytest.importorskip("astropy.io.fits")

FOLDER = Path(__file__).parent / "reference" / "mpifxcorr-output" / "alpha_1"
SCALE = (2.1392 / 3.3359) ** 2
SPEED_OF_LIGHT = 299_792_458.0
HANDS = ["RR", "LL", "RL", "LR"]  # Stokes codes -1, -2, -3, -4
BANDS, CHANNELS = 2, 32
FLOAT32 = 1.2e-7
DAY_S = 86400.0
UNIX_EPOCH_JD = 2_440_587.5


class Fits:
    """The tables of the file, and its rows by baseline number and integration."""

    def __init__(self, path: Path) -> None:
        with fits.open(path) as file:
            self.tables = {table.name: np.array(table.data) for table in file[1:]}
            self.headers = {table.name: dict(table.header) for table in file[1:]}
        rows = self.tables["UV_DATA"]
        self.unix = (rows["DATE"] - UNIX_EPOCH_JD) * DAY_S + rows["TIME"] * DAY_S
        spectra = rows["FLUX"].astype(np.float64).reshape(-1, BANDS, CHANNELS, len(HANDS), 2)
        self.spectra = spectra[..., 0] + 1j * spectra[..., 1]
        self.weights = rows["WEIGHT"].reshape(-1, BANDS, len(HANDS))
        self.uvw_m = np.stack([rows[name] for name in ("UU---SIN", "VV---SIN", "WW---SIN")], axis=1).astype(
            float
        )
        self.uvw_m *= SPEED_OF_LIGHT
        self.baselines = rows["BASELINE"]


@pytest.fixture(scope="module")
def idi() -> Fits:
    return Fits(FOLDER / "ALPHA.0.bin0000.source0000.FITS")


@pytest.fixture(scope="module")
def dataset() -> xr.Dataset:
    return difxnb.open_visibilities(FOLDER / "alpha_1.difx").load()


@pytest.fixture(scope="module")
def tree(dataset: xr.Dataset) -> xr.DataTree:
    return difxnb.to_msv4(dataset)


def places(idi: Fits, dataset: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Where each row of the file stands on our axes of time and baseline."""
    antennas = [telescope.name for telescope in difxnb.read_input(FOLDER / "alpha_1.input").telescopes]
    numbers = [
        baseline_number(antennas.index(first), antennas.index(second))
        for first, second in zip(
            dataset["antenna1_name"].values, dataset["antenna2_name"].values, strict=True
        )
    ]
    distance = np.abs(idi.unix[:, None] - unix_seconds(dataset["time"].values)[None, :])
    return distance.argmin(axis=1), np.array([numbers.index(number) for number in idi.baselines])


def test_every_row_is_there_but_those_that_difx2fits_leaves_out(idi: Fits, dataset: xr.Dataset) -> None:
    times, baselines = places(idi, dataset)
    found = set(zip(times.tolist(), baselines.tolist(), strict=True))
    everything = {(time, one) for time in range(8) for one in range(6)}
    last_auto = dataset["baseline"].values.tolist().index("CC-CC")
    assert len(found) == len(times)
    assert everything - found == {(7, one) for one in range(6)} | {(6, last_auto)}
    assert (dataset["WEIGHT"].isel(time=7) > 0).any()  # we have it: SWIN does


def test_times_are_the_same(idi: Fits, dataset: xr.Dataset, tree: xr.DataTree) -> None:
    times, _ = places(idi, dataset)
    for node in tree.children.values():
        assert np.abs(node["time"].values[times] - idi.unix).max() < 1e-6
        assert node["time"].attrs["integration_time"]["data"] == pytest.approx(
            float(idi.tables["UV_DATA"]["INTTIM"][0])
        )
    assert tree["alpha_1_band0"]["time"].values[0] == 1_704_110_400.256  # 2024-01-01T12:00:00.256


def test_spectra_are_conjugate_and_scaled_by_weight_and_a_factor(idi: Fits, dataset: xr.Dataset) -> None:
    times, baselines = places(idi, dataset)
    ours = dataset["VISIBILITY"].sel(polarization=HANDS).values[times, baselines].swapaxes(2, 3)
    weights = dataset["WEIGHT"].sel(polarization=HANDS).values[times, baselines]
    assert ours.shape == idi.spectra.shape  # (row, band, channel, hand)
    expected = np.conj(ours).astype(np.complex128) * weights[:, :, None, :] * SCALE
    assert np.abs(idi.spectra - expected).max() < 3 * FLOAT32 * np.abs(expected).max()
    assert np.abs(np.angle(idi.spectra * np.conj(expected))).max() < 1e-5
    assert (weights < 0.95).any()  # so that the weight in the scale is seen at all
    assert np.abs(idi.spectra - np.conj(expected)).max() > 0.5  # without conjugation they would not fit


def test_weights_are_the_same(idi: Fits, dataset: xr.Dataset, tree: xr.DataTree) -> None:
    times, baselines = places(idi, dataset)
    for band, node in enumerate(tree.children.values()):
        weights = node["WEIGHT"].sel(polarization=HANDS).values[times, baselines]
        np.testing.assert_array_equal(
            weights, np.broadcast_to(idi.weights[:, band, None, :], weights.shape).astype(np.float32)
        )


def test_the_measurement_set_has_the_vectors_of_fits_and_the_spectra_of_swin(
    idi: Fits, dataset: xr.Dataset, tree: xr.DataTree
) -> None:
    """As a Measurement Set that is made of FITS-IDI: spectra conjugated back, vectors kept."""
    times, baselines = places(idi, dataset)
    for band, node in enumerate(tree.children.values()):
        uvw = node["UVW"].values[times, baselines]
        assert np.abs(uvw - idi.uvw_m).max() < FLOAT32 * np.abs(idi.uvw_m).max()
        assert np.abs(uvw).max() > 1e5
        np.testing.assert_array_equal(dataset["UVW"].values, -node["UVW"].values)
        spectra = node["VISIBILITY"].sel(polarization=HANDS).values[times, baselines]
        back = np.conj(idi.spectra[:, band]) / (SCALE * idi.weights[:, band, None, :])
        assert np.abs(spectra - back).max() < 3 * FLOAT32 * np.abs(back).max()


def test_autocorrelations_are_the_same(idi: Fits, tree: xr.DataTree) -> None:
    autos = idi.baselines % 257 == 0
    assert autos.sum() == 7 * 3 - 1
    assert not idi.uvw_m[autos].any()
    assert (idi.spectra[autos][..., :2].real > 0).all()
    assert np.abs(idi.spectra[autos][..., :2].imag).max() == 0
    node = tree["alpha_1_band0"]
    same = (node["baseline_antenna1_name"] == node["baseline_antenna2_name"]).values
    assert same.sum() == 3
    assert not node["UVW"].values[:, same].any()
    assert not np.signbit(node["UVW"].values[:, same]).any()


def test_frequencies_are_the_same(idi: Fits, tree: xr.DataTree) -> None:
    head, table = idi.headers["FREQUENCY"], idi.tables["FREQUENCY"][0]
    for band, node in enumerate(tree.children.values()):
        channels = np.arange(1, CHANNELS + 1) - head["REF_PIXL"]
        expected = head["REF_FREQ"] + table["BANDFREQ"][band] + channels * head["CHAN_BW"]
        np.testing.assert_allclose(node["frequency"].values, expected, rtol=0, atol=1e-3)
        attrs = node["frequency"].attrs
        assert attrs["channel_width"]["data"] == pytest.approx(float(table["CH_WIDTH"][band]))
        assert attrs["bandwidth"]["data"] == pytest.approx(float(table["TOTAL_BANDWIDTH"][band]))
        assert table["SIDEBAND"][band] == 1  # upwards in frequency, that of the LSB band as well
        assert attrs["sideband"] == "UL"[band]
        assert attrs["reference_frequency"]["data"] == node["frequency"].values[0]


def test_antennas_and_sources_are_where_fits_has_them(idi: Fits, tree: xr.DataTree) -> None:
    for node in tree.children.values():
        antennas = node["antenna_xds"].to_dataset()
        for row in idi.tables["ARRAY_GEOMETRY"]:
            one = antennas.sel(antenna_name=row["ANNAME"].decode().strip())
            np.testing.assert_array_equal(one["ANTENNA_POSITION"].values, row["STABXYZ"])
            assert (row["MNTSTA"], one["mount"].item()) == (0, "ALT-AZ")
        for row in idi.tables["ANTENNA"]:
            one = antennas.sel(antenna_name=row["ANNAME"].decode().strip())
            assert one["polarization_type"].values.tolist() == [
                row["POLTYA"].decode(),
                row["POLTYB"].decode(),
            ]
        source, ours = idi.tables["SOURCE"][0], node["field_and_source_base_xds"].to_dataset()
        assert ours["source_name"].values.tolist() == [source["SOURCE"].decode().strip()]
        np.testing.assert_allclose(
            ours["FIELD_PHASE_CENTER_DIRECTION"].values[0],
            np.deg2rad([source["RAEPO"], source["DECEPO"]]),
            rtol=0,
            atol=1e-14,
        )
        assert node.attrs["observation_info"]["project_UID"] == idi.headers["UV_DATA"]["OBSCODE"]
