# SPDX-License-Identifier: GPL-3.0-or-later
"""A point source at a known place on the sky is found there: by DiFX's sign before, and by that of MSv4 after.

What the source does to the signals comes from where the antennas are, where the Earth stands and when the wave comes;
it knows nothing of baseline vectors. Those come from the delay model of the job, by way of the headers of SWIN records,
as from the correlator. The image is the plain sum of MSv4's definition. Only with both signs right is the source where
it was put, at all times and frequencies; at the mirrored place is next to nothing.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray

import difxnb
from difxnb.formats.swin import baseline_number, encode_record, file_name
from difxnb.synthetic.experiment import default_experiment
from difxnb.synthetic.experiment_model import Experiment, Scan
from difxnb.synthetic.job_files import write_job_files
from difxnb.synthetic.sky import celestial_to_terrestrial, delay_model

SPEED_OF_LIGHT = 299_792_458.0
EAST, NORTH = 1.1e-4, -0.7e-4  # l, m: so far out that w (n - 1) is half a wavelength
HOURS, STEP_S = 3, 360
DAY_NS = 86_400 * 10**9


def long_track() -> Experiment:
    """Three stations that look at one source for some hours; nothing is lost."""
    made = default_experiment(n_scans=1, n_bands=2, bandwidth=0.256e6, polarizations="R")
    stations = tuple(replace(station, missing=(), invalid=()) for station in made.stations)
    return replace(made, stations=stations, scans=(Scan("No0001", 0, HOURS * 3600, 0),))


def late_s(experiment: Experiment, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """By how much the wave of the offset source is late at each antenna, beyond the model; shape (time, antenna)."""
    source = experiment.sources[0]
    ra, dec = source.ra_rad, source.dec_rad
    center = np.array([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])
    east = np.array([-np.sin(ra), np.cos(ra), 0.0])
    north = np.cross(center, east)
    offset = EAST * east + NORTH * north + np.sqrt(1 - EAST**2 - NORTH**2) * center - center
    on_earth = np.einsum("tij,j->ti", celestial_to_terrestrial(experiment, seconds), offset)
    positions = np.array([station.position_m for station in experiment.stations])
    return -(on_earth @ positions.T) / SPEED_OF_LIGHT  # an antenna nearer to the source has the wave earlier


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    """Visibilities of that source, as the correlator writes them, opened."""
    folder = tmp_path_factory.mktemp("sky")
    experiment = long_track()
    im = delay_model(experiment)
    write_job_files(experiment, im, folder)
    inp = difxnb.read_input(folder / f"{experiment.job_name}.input")
    write_records(experiment, inp, im, folder / f"{experiment.job_name}.difx")
    return difxnb.open_visibilities(inp).load()


def write_records(experiment: Experiment, inp, im, folder: Path) -> None:
    seconds = experiment.start_seconds + np.arange(0, HOURS * 3600, STEP_S) + experiment.integration_s / 2
    late = late_s(experiment, seconds)
    folder.mkdir()
    with (folder / file_name(inp.start_mjd, inp.start_seconds)).open("wb") as file:
        for row, second in enumerate(seconds.tolist()):
            vectors = [np.asarray(im.scan_uvw(0, 1, a, inp.start_mjd, second)).ravel() for a in range(3)]
            for (first, other), freq in ((p, f) for p in combinations(range(3), 2) for f in range(2)):
                late_by = late[row, other] - late[row, first]
                frequency = inp.freqs[freq].channel_frequencies_hz
                record = encode_record(
                    baseline=baseline_number(first, other),
                    mjd=inp.start_mjd,
                    seconds=second,
                    config=0,
                    source=0,
                    freq=freq,
                    polarization="RR",
                    pulsar_bin=0,
                    weight=1.0,
                    uvw=vectors[first] - vectors[other],  # difx-files.md 13
                    spectrum=np.exp(2j * np.pi * frequency * late_by),  # V ~ exp(+2 pi i nu tau), 2 late
                )
                file.write(record)


def image(node: xr.DataTree, l: NDArray[np.float64], m: NDArray[np.float64]) -> NDArray[np.float64]:  # noqa: E741
    """Mean of V exp(-2 pi i (ul + vm + w(n - 1)) nu / c), of one Measurement Set, at each of the places."""
    n = np.sqrt(1 - l**2 - m**2)
    metres = np.einsum("tbi,ip->tbp", node["UVW"].values, np.stack([l, m, n - 1]))
    turns = metres[:, :, None, :] * (node["frequency"].values / SPEED_OF_LIGHT)[:, None]
    spectra = node["VISIBILITY"].sel(polarization="RR").values
    return np.asarray(np.einsum("tbf,tbfp->p", spectra, np.exp(-2j * np.pi * turns)).real / spectra.size)


def around(l: float, m: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:  # noqa: E741
    """Places at and around (l, m), as far as a few beams; the first is the middle."""
    steps = np.array([0, *range(-6, 0), *range(1, 7)]) * 2e-9
    return tuple(
        (np.array([l, m])[:, None, None] + np.stack(np.meshgrid(steps, steps, indexing="ij"))).reshape(2, -1)
    )


def test_the_source_is_found_where_it_was_put(observed: xr.Dataset) -> None:
    tree = difxnb.to_msv4(observed)
    assert len(tree.children) == 2
    for node in tree.children.values():
        found = image(node, *around(EAST, NORTH))
        assert found[0] > 0.999
        assert found[1:].max() < 0.985  # a maximum, and a sharp one
        mirrored = image(node, *around(-EAST, -NORTH))
        assert np.abs(mirrored).max() < 0.5


def test_w_has_the_sign_of_u_and_v(observed: xr.Dataset) -> None:
    node = next(iter(difxnb.to_msv4(observed).children.values()))
    turned = node.copy()
    turned["UVW"] = turned["UVW"] * np.array([1.0, 1.0, -1.0])
    assert image(turned, *around(EAST, NORTH))[0] < 0.9


def test_swin_has_the_other_sign_with_the_other_vector(observed: xr.Dataset) -> None:
    """Phase -2 pi (ul + vm) / lambda with the vector from antenna 1 to antenna 2 (``difx-files.md`` 13)."""
    n = np.sqrt(1 - EAST**2 - NORTH**2)
    metres = observed["UVW"].values @ np.array([EAST, NORTH, n - 1])
    turns = metres[:, :, None, None] * observed["frequency"].values / SPEED_OF_LIGHT
    spectra = observed["VISIBILITY"].sel(polarization="RR").values
    np.testing.assert_allclose(spectra, np.exp(-2j * np.pi * turns), atol=2e-3)


def test_vectors_point_from_antenna_2_to_antenna_1_and_turn_with_the_earth(observed: xr.Dataset) -> None:
    """Held against positions of the ``.calc``, which the tree carries, and how the Earth stands."""
    experiment = long_track()
    node = next(iter(difxnb.to_msv4(observed).children.values()))
    antennas, field = node["antenna_xds"].to_dataset(), node["field_and_source_base_xds"].to_dataset()
    ra, dec = field["FIELD_PHASE_CENTER_DIRECTION"].values[0]
    axes = np.array(
        [
            [-np.sin(ra), np.cos(ra), 0.0],
            [-np.sin(dec) * np.cos(ra), -np.sin(dec) * np.sin(ra), np.cos(dec)],
            [np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)],
        ]
    )
    day_s = node["time"].values - (experiment.start_mjd - 40_587) * 86_400
    to_earth = celestial_to_terrestrial(experiment, day_s)
    first, second = (
        antennas["ANTENNA_POSITION"].sel(antenna_name=node[f"baseline_antenna{number}_name"].values).values
        for number in (1, 2)
    )
    expected = np.einsum("ai,tji,bj->tba", axes, to_earth, first - second)
    np.testing.assert_allclose(node["UVW"].values, expected, rtol=0, atol=1e-3)
