# SPDX-License-Identifier: GPL-3.0-or-later
"""What a table of fringes says of each fit: coefficients, weights, flags; its form as a Dataset; what it refuses."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import difxnb.visibility.fits.blocks as reading
from difxnb.fringe import snr_in_convention
from difxnb.visibility import fringe_fit
from tests.injected_fringes import Band, Station, expected, injected, regular
from tests.made_visibilities import SHARES, made, waiting

STATIONS = {
    "AA": Station(power=2.0),
    "BB": Station(delay=180e-9, rate=2e-12, power=8.0),
    "CC": Station(delay=-420e-9, rate=-9e-12, power=0.5),
}
LABELS = ["scan", "baseline", "band", "polarization"]


@pytest.fixture(scope="module")
def dataset():
    return injected(STATIONS, autos=True)


def test_columns(dataset):
    table = fringe_fit(dataset)
    assert list(table) == [
        "scan", "source", "baseline", "antenna1_name", "antenna2_name", "band", "polarization", "start", "stop",
        "delay", "delay_error", "delay_rate", "delay_rate_error", "phase", "phase_error", "amplitude",
        "amplitude_error", "correlation", "snr", "false_alarm_probability", "n_integrations", "weight",
        "delay_ambiguity", "rate_ambiguity", "reference_frequency", "flags", "reference_time",
    ]  # fmt: skip
    assert (table["flags"] == "").all()
    assert (table["weight"] == 1).all()
    np.testing.assert_allclose(table["amplitude_error"], table["amplitude"] / table["snr"], rtol=0.02)
    for _, one in table.groupby("band"):
        place = one["band"].iloc[0]
        frequency = dataset["frequency"].values[place][: int(dataset["n_channels"][place])]
        np.testing.assert_allclose(one["delay_ambiguity"], 1 / np.diff(frequency).mean())
        np.testing.assert_allclose(one["reference_frequency"], frequency.mean())
        spacing = float(np.diff(dataset["time"].values[:2])[0] / np.timedelta64(1, "s"))
        np.testing.assert_allclose(one["rate_ambiguity"], 1 / (spacing * frequency.mean()))


def test_phase_and_amplitude_are_what_was_put_in(dataset):
    table = fringe_fit(dataset)
    after = (table["reference_time"] - pd.Timestamp("2024-01-01T12:00:00")).dt.total_seconds()
    late = expected(STATIONS, table)[0]
    turned = np.angle(np.exp(1j * (table["phase"] - 2 * np.pi * late * table["reference_frequency"])))
    assert np.abs(turned / table["phase_error"]).max() < 4
    assert np.abs((table["amplitude"] - 1) / table["amplitude_error"]).max() < 4
    assert (after == 2.0).all()


def test_a_frequency_for_all_phases(dataset):
    stated = 8430e6
    table = fringe_fit(dataset, reference_frequency=stated)
    assert set(table["reference_frequency"]) == {stated}
    turned = np.angle(np.exp(1j * (table["phase"] - 2 * np.pi * expected(STATIONS, table)[0] * stated)))
    assert np.abs(turned / table["phase_error"]).max() < 4
    assert (table["phase_error"] > fringe_fit(dataset)["phase_error"]).all()


# --- correlation coefficients -----------------------------------------------------------------------------


def test_coefficients_are_amplitudes_over_both_powers(dataset):
    table = fringe_fit(dataset, "2s")
    powers = [table[f"antenna{end}_name"].map(lambda name: STATIONS[name].power) for end in (1, 2)]
    np.testing.assert_allclose(
        table["correlation"], table["amplitude"] / np.sqrt(powers[0] * powers[1]), rtol=1e-6
    )


def test_coefficients_of_noise_that_is_really_correlated():
    """Voltages whose gains differ by antenna and change by integration: what is left is the share of the sky."""
    table = fringe_fit(made(samples=1000)).set_index(["scan", "baseline", "polarization"])
    for (_, baseline, hand), row in table.iterrows():
        a, b = baseline.split("-")
        ours = np.sqrt(SHARES[a] * SHARES[b]) * (1.0 if hand[0] == hand[1] else 0.5)
        assert row["correlation"] == pytest.approx(ours, abs=0.02)


def test_coefficients_need_autocorrelations_that_can_be_trusted(dataset):
    crosses = dataset.isel(baseline=~dataset["is_autocorrelation"])
    assert fringe_fit(crosses)["correlation"].isna().all()
    doubtful = dataset.assign_attrs(untrusted_autocorrelations=1)
    assert fringe_fit(doubtful)["correlation"].isna().all()
    some = dataset.sel(baseline=["AA-BB", "AA-CC", "AA-AA", "BB-BB"])
    known = fringe_fit(some).groupby("baseline")["correlation"].apply(lambda one: one.notna().all())
    assert known.to_dict() == {"AA-BB": True, "AA-CC": False}
    dead = dataset.copy(deep=True)
    dead["VISIBILITY"].loc[{"baseline": "BB-BB"}] = 0
    known = fringe_fit(dead).groupby("baseline")["correlation"].apply(lambda one: one.notna().any())
    assert known.to_dict() == {"AA-BB": False, "AA-CC": True, "BB-CC": False}


# --- SNR as others state it -------------------------------------------------------------------------------


def lag_peaks(dataset, table):
    """What a look at each record with all its channels gives: the highest lag over the rms of those far from it."""
    found = []
    for row in table.to_dict("records"):
        one = dataset["VISIBILITY"].sel({name: row[name] for name in LABELS[1:]})
        channels = int(dataset["n_channels"].sel(band=row["band"]))
        lags = np.abs(np.fft.fft(one.values[:, :channels], axis=1))
        top = lags.argmax(axis=1)
        far = [
            np.delete(lag, np.arange(place - 6, place + 7) % channels)
            for lag, place in zip(lags, top, strict=True)
        ]
        # noise of rms 1 in each component has the mean square 2
        found.append(np.mean(lags.max(axis=1) / np.sqrt(np.mean(np.square(far), axis=1) / 2)))
    return np.array(found)


def test_snr_of_other_programs():
    """Of one record without edges left out, whatever its list of lags is; fourfit's is that of all, less 3 %."""
    late = 8 / (2 * 16e6)
    stations = {"AA": Station(), "BB": Station(delay=late), "CC": Station(delay=-late)}
    bands = (Band(channels=64), Band(8440e6, 16e6, 64, "L"))
    dataset = injected(stations, bands=bands, scans=(("s", "q", regular(40, 0.5)),), amplitude=1.0)
    ours = fringe_fit(dataset)
    stated = {name: fringe_fit(dataset, snr_convention=name) for name in ("plotDiFX", "vcal", "fourfit")}
    all_channels = np.sqrt(64 / 62)
    np.testing.assert_allclose(stated["fourfit"]["snr"], 0.97 * all_channels * ours["snr"])
    of_one = ours["snr"] * all_channels / np.sqrt(40)
    np.testing.assert_allclose(lag_peaks(dataset, ours), of_one, rtol=0.15)
    for name, table in stated.items():
        assert (table["snr"] != ours["snr"]).all(), name
        pd.testing.assert_frame_equal(table.drop(columns="snr"), ours.drop(columns="snr"))
    for name, table in stated.items():
        row = ours.iloc[4]
        expected_snr = snr_in_convention(
            row["snr"],
            name,
            channels=64,
            integrations=40,
            delay=row["delay"],
            phase=row["phase"],
            bandwidth=16e6,
        )
        assert table["snr"].iloc[4] == pytest.approx(float(expected_snr))
    both = fringe_fit(dataset, multiband=True)
    joint = fringe_fit(dataset, multiband=True, snr_convention="fourfit")
    np.testing.assert_allclose(joint["snr"], 0.97 * all_channels * both["snr"])


# --- weights ----------------------------------------------------------------------------------------------


def test_weights():
    rng = np.random.default_rng(3)
    weight = rng.uniform(0.2, 1.0, (8, 3, 2, 2))
    weight[2:4, 0] = 0
    dataset = injected(STATIONS, weight=weight)
    table = fringe_fit(dataset).set_index(LABELS[1:])
    for place in np.ndindex(weight.shape[1:]):
        label = tuple(
            str(dataset[name].values[i]) if name != "band" else i
            for name, i in zip(LABELS[1:], place, strict=True)
        )
        used = weight[(slice(None), *place)]
        assert table.loc[label, "weight"] == pytest.approx(used[used > 0].mean(), rel=1e-6)
        assert table.loc[label, "n_integrations"] == (used > 0).sum()


def test_unknown_weights_count_as_one_and_are_said_to_be_unknown(dataset):
    live = dataset.assign(WEIGHT=dataset["WEIGHT"] * np.nan)
    table, known = fringe_fit(live), fringe_fit(dataset)
    assert table["weight"].isna().all()
    for name in ("delay", "delay_error", "snr", "correlation"):
        np.testing.assert_array_equal(table[name], known[name])


def test_low_weights_are_in_the_errors():
    """Half the samples at a quarter of the weight: errors grow as the sum of weights falls."""
    weight = np.ones((40, 3, 2, 2))
    full = fringe_fit(injected(STATIONS, scans=(("s", "q", regular(40, 0.5)),), weight=weight, amplitude=4.0))
    weight[::2] = 0.25
    part = fringe_fit(injected(STATIONS, scans=(("s", "q", regular(40, 0.5)),), weight=weight, amplitude=4.0))
    grown = np.sqrt(40 / weight[:, 0, 0, 0].sum())
    np.testing.assert_allclose(full["snr"] / part["snr"], grown, rtol=0.05)


# --- flags ------------------------------------------------------------------------------------------------


def test_noise_is_not_detected():
    table = fringe_fit(injected(STATIONS, amplitude=0.0, seed=7))
    assert table["flags"].str.contains("not_detected").all()
    assert (table["false_alarm_probability"] > 1e-3).all()


def test_a_fringe_outside_of_the_window(dataset):
    """BB is 180 ns late: of a window that ends before, the border is the best."""
    table = fringe_fit(dataset.sel(baseline=["AA-BB"]), delay_window=(-200e-9, 160e-9))
    assert table["flags"].str.contains("window_edge").all()
    assert (table["delay"] <= 160e-9 + table["delay_error"]).all()
    inside = fringe_fit(dataset.sel(baseline=["AA-BB"]), delay_window=(100e-9, 260e-9))
    assert (inside["flags"] == "").all()
    assert (
        inside["false_alarm_probability"]
        <= fringe_fit(dataset.sel(baseline=["AA-BB"]))["false_alarm_probability"].to_numpy()
    ).all()


def test_bands_of_few_channels():
    table = fringe_fit(injected(STATIONS, bands=(Band(channels=8), Band(8440e6, 16e6, 16)), amplitude=3.0))
    few = table.set_index("band")["flags"].str.contains("few_channels")
    assert few[0].all()
    assert not few[1].any()


# --- as a Dataset -----------------------------------------------------------------------------------------


def test_the_same_as_a_dataset(dataset):
    missing = dataset.copy(deep=True)
    missing["WEIGHT"].loc[{"baseline": "AA-CC", "band": 1}] = 0
    table = fringe_fit(missing, "2s")
    arrays = fringe_fit(missing, "2s", as_dataset=True)
    assert arrays["delay"].dims == ("scan", "baseline", "band", "polarization")
    assert arrays["start"].dims == ("scan",)
    assert arrays["delay"].attrs["units"] == "s"
    for _, row in table.iterrows():
        number = int(np.flatnonzero(arrays["start"].values == row["start"])[0])
        one = arrays.isel(scan=number).sel({name: row[name] for name in LABELS[1:]})
        for name in ("delay", "delay_error", "snr", "weight", "correlation", "reference_frequency", "flags"):
            assert one[name].item() == row[name]
        assert one["reference_time"].values == row["reference_time"]
    assert int((arrays["n_integrations"] > 0).sum()) == len(table) == int(arrays["delay"].notnull().sum())
    gone = arrays.sel(baseline="AA-CC", band=1)
    assert gone["delay"].isnull().all()
    assert (gone["flags"] == "").all()


def test_accessor_takes_the_same_options(dataset):
    pd.testing.assert_frame_equal(
        dataset.difx.fringes("2s", delay_window=(-1e-6, 1e-6), edge_channels=2),
        fringe_fit(dataset, "2s", delay_window=(-1e-6, 1e-6), edge_channels=2),
    )
    one = dataset.isel(baseline=0, band=1, polarization=0).difx.fringes(as_dataset=True)
    assert dict(one.sizes) == {"scan": 1, "baseline": 1, "band": 1, "polarization": 1}


# --- a block at a time ------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 30_000, 100_000])
def test_no_more_is_read_than_may_be_in_memory(dataset, monkeypatch, limit):
    """One baseline of one interval at the least; what comes out is the same."""
    whole = fringe_fit(dataset, "2s")
    monkeypatch.setattr(reading, "_BLOCK_BYTES", limit)
    lazy, arrays = waiting(dataset, "VISIBILITY")
    pd.testing.assert_frame_equal(fringe_fit(lazy, "2s"), whole, rtol=1e-6)
    one = dataset["VISIBILITY"].isel(baseline=0, time=slice(0, 4)).size
    assert max(arrays["VISIBILITY"].read) * 8 <= max(limit, one * 8)
    assert sum(arrays["VISIBILITY"].read) == dataset["VISIBILITY"].size


def test_dask(dataset):
    pytest.importorskip("dask")
    chunked = dataset.chunk(time=3, baseline=2)
    pd.testing.assert_frame_equal(fringe_fit(chunked, "2s"), fringe_fit(dataset, "2s"))


# --- what cannot be fitted --------------------------------------------------------------------------------


def test_nothing_that_is_a_number(dataset):
    hopeless = dataset.assign(VISIBILITY=dataset["VISIBILITY"] * np.nan)
    assert len(fringe_fit(hopeless)) == 0
    infinite = dataset.copy(deep=True)
    infinite["VISIBILITY"][{"channel": 9}] = np.inf
    infinite["VISIBILITY"][{"time": 2}] = np.nan
    table = fringe_fit(infinite)
    delay, _ = expected(STATIONS, table)
    assert (np.abs(table["delay"] - delay) < 4 * table["delay_error"]).all()
    assert (table["n_integrations"] == dataset.sizes["time"] - 1).all()


def test_what_is_no_dataset_of_visibilities(dataset):
    with pytest.raises(TypeError, match="are a Dataset; got DataArray"):
        fringe_fit(dataset["VISIBILITY"])
    with pytest.raises(ValueError, match="there is no VISIBILITY here"):
        fringe_fit(dataset[["WEIGHT"]])
    with pytest.raises(ValueError, match=r"have no n_channels; there are .*frequency"):
        fringe_fit(dataset.drop_vars("n_channels"))
    with pytest.raises(ValueError, match="no axis 'channel'"):
        fringe_fit(dataset.isel(channel=3))


def test_huge_values(dataset):
    scaled = fringe_fit(dataset.assign(VISIBILITY=dataset["VISIBILITY"] * np.float32(1e15)))
    usual = fringe_fit(dataset)
    np.testing.assert_allclose(scaled["delay"], usual["delay"], rtol=1e-4)
    np.testing.assert_allclose(scaled["snr"], usual["snr"], rtol=1e-4)


def test_one_channel_is_no_band(dataset):
    with pytest.raises(ValueError, match="two or more frequencies"):
        fringe_fit(dataset.isel(channel=[3]).assign_coords(n_channels=("band", [1, 1])))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"delay_window": (1e-6, -1e-6)}, "window"),
        ({"rate_window": (0.0, float("nan"))}, "window"),
        ({"edge_channels": -1}, "edge"),
        ({"edge_channels": 1.5}, "edge"),
        ({"band_phases": "free"}, "multiband=True"),
        ({"band_phases": "fixed", "multiband": True}, "band_phases is None"),
        ({"snr_convention": "fourFit"}, "snr_convention is difxnb, plotDiFX, vcal, fourfit"),
        ({"snr_convention": "vcal", "multiband": True}, "vcal states the SNR of one band"),
        ({"pcal": 7}, "pcal is True or a Dataset"),
        ({"pcal": True}, "do not say of which files"),
    ],
)
def test_options_that_make_no_sense(dataset, options, text):
    with pytest.raises(ValueError, match=text):
        fringe_fit(dataset, **options)


def test_no_parallel_hands_to_combine(dataset):
    crossed = dataset.assign_coords(polarization=["RL", "LR"])
    with pytest.raises(ValueError, match=r"no parallel hands to combine; there are RL, LR"):
        fringe_fit(crossed, combine_polarizations=True)
