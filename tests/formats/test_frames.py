# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of files as DataFrames: SI units, UTC, names, and that every table of a file can be had."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from difxnb.formats import frames
from difxnb.formats.calc import Calc, parse_calc, read_calc
from difxnb.formats.calc_frames import TABLES as CALC_TABLES
from difxnb.formats.channelflags import parse_channelflags
from difxnb.formats.flag import Flags, parse_flag
from difxnb.formats.input import Input, Rule, parse_input, read_input, result_layout
from difxnb.formats.input_frames import TABLES as INPUT_TABLES
from difxnb.formats.joblist import parse_joblist
from difxnb.formats.machines import parse_machines, parse_threads

REFERENCE = Path(__file__).parents[1] / "reference"
OUTPUT = REFERENCE / "mpifxcorr-output"
JOBS = sorted(REFERENCE.rglob("*.input"))


@pytest.fixture
def alpha() -> Input:
    return read_input(OUTPUT / "alpha_1/alpha_1.input")


@pytest.fixture
def beta() -> Input:
    return read_input(OUTPUT / "beta_1/beta_1.input")


def stamps(*texts: str) -> list[pd.Timestamp]:
    return [pd.Timestamp(text) for text in texts]


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
def test_every_table_of_an_input_has_its_rows(path: Path) -> None:
    inp = read_input(path)
    rows = {
        "job": 1,
        "configurations": len(inp.configurations),
        "rules": len(inp.rules),
        "freqs": len(inp.freqs),
        "telescopes": len(inp.telescopes),
        "datastreams": len(inp.datastreams),
        "datastream_freqs": sum(len(s.recorded_freqs) + len(s.zoom_freqs) for s in inp.datastreams),
        "bands": sum(stream.num_bands for stream in inp.datastreams),
        "baselines": len(inp.baselines),
        "products": sum(len(freq.products) for baseline in inp.baselines for freq in baseline.freqs),
        "files": sum(len(stream.files) for stream in inp.datastreams),
        "network": len(inp.datastreams),
    }
    assert list(rows) == sorted(INPUT_TABLES, key=list(rows).index)
    assert {table: len(inp.frame(table)) for table in INPUT_TABLES} == rows


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
def test_products_are_those_that_the_correlator_writes(path: Path) -> None:
    inp = read_input(path)
    frame = inp.frame()
    written = {
        (p.datastream_a, p.datastream_b, p.freq_index, p.polarization)
        for row in range(len(inp.configurations))
        for p in result_layout(inp, row)
        if p.kind == "cross"
    }
    names = [telescope.name for telescope in inp.telescopes]
    streams = [names[stream.telescope_index] for stream in inp.datastreams]
    assert {(f"{streams[a]}-{streams[b]}", freq, pol) for a, b, freq, pol in written} == set(
        frame[["baseline", "band", "polarization"]].itertuples(index=False, name=None)
    )
    assert (frame["n_channels"] == [inp.freqs[band].channels for band in frame["band"]]).all()


def test_tables_without_rows_keep_their_columns() -> None:
    for table in INPUT_TABLES:
        empty, full = Input().frame(table), read_input(JOBS[0]).frame(table)
        assert list(empty.columns) == list(full.columns)
        assert empty.dtypes.to_list() == full.dtypes.to_list()
    for table in set(CALC_TABLES) - {"spacecraft"}:
        assert list(Calc().frame(table)) == list(read_calc(OUTPUT / "zeta_1/zeta_1.calc").frame(table))


@pytest.mark.parametrize("kind", [Input(), Calc()])
def test_unknown_tables_are_named(kind: Input | Calc) -> None:
    with pytest.raises(ValueError, match=r"no table 'nothing'; it has .*telescopes"):
        kind.frame("nothing")


def test_bands_are_in_hz(alpha: Input) -> None:
    freqs = alpha.frame("freqs")
    assert freqs["frequency"].to_list() == [8400.25e6, 8411.75e6]
    assert freqs["low_edge"].to_list() == [8400.25e6, 8409.75e6]
    assert freqs["bandwidth"].to_list() == [2e6, 2e6]
    assert freqs["channel_width"].to_list() == [62500.0, 62500.0]
    assert freqs["sideband"].to_list() == ["U", "L"]
    assert freqs["n_channels"].to_list() == [32, 32]
    assert freqs["is_written"].all()


def test_only_targets_are_written(beta: Input) -> None:
    freqs = beta.frame("freqs")
    assert set(freqs["band"][freqs["is_written"]]) == set(beta.frame("products")["band"])
    products = beta.frame("products")
    assert (products["band"] != products["own_band1"]).any()


def test_clocks_are_in_s_and_late_is_positive(alpha: Input) -> None:
    alpha.telescopes[2].clock_coeffs = [-0.5, 0.0, 3e-3, 0.0, 2.0]
    frame = alpha.frame("telescopes").set_index("antenna")
    assert frame.loc["BB", "clock"] == pytest.approx(1.25e-6)
    assert frame.loc["CC", "clock_acceleration"] == pytest.approx(3e-9)
    assert frame.loc["CC", "clock_4"] == pytest.approx(2e-6)
    assert math.isnan(frame.loc["BB", "clock_jerk"])
    assert frame["clock_reference"].to_list() == stamps(*["2024-01-01T12:00:00"] * 3)


def test_configurations_are_in_s(alpha: Input) -> None:
    row = alpha.frame("configurations").iloc[0]
    assert (row["integration_time"], row["subintegration"], row["guard"]) == pytest.approx(
        (0.512, 6.4e-3, 16e-6)
    )
    assert row["datastreams"] == (0, 1, 2)


def test_offsets_of_datastreams(beta: Input) -> None:
    freq = beta.datastreams[1].recorded_freqs[1]
    freq.clock_offset_us, freq.clock_offset_delta_us, freq.phase_offset_deg = 0.25, -0.125, 90.0
    freq.freq_offset_hz = 12.5
    frame = beta.frame("datastream_freqs").set_index(["datastream", "kind", "number"]).sort_index()
    row = frame.loc[(1, "recorded", 1)]
    offsets = row[["clock_offset", "clock_offset_delta", "phase_offset", "freq_offset"]].to_list()
    assert offsets == pytest.approx([0.25e-6, -0.125e-6, math.pi / 2, 12.5])
    assert row["antenna"] == "BB"
    assert np.isnan(frame.loc[(1, "zoom", 0), "clock_offset"])


def test_bands_are_numbered_as_in_the_baseline_table(beta: Input) -> None:
    bands = beta.frame("bands").set_index(["antenna", "number"])
    for product in beta.frame("products").itertuples():
        one = bands.loc[(product.antenna1_name, product.band_number1)]
        two = bands.loc[(product.antenna2_name, product.band_number2)]
        assert one["polarization"] + two["polarization"] == product.polarization
        assert (one["band"], two["band"]) == (product.own_band1, product.own_band2)


def test_the_first_antenna_is_that_of_the_lower_row(alpha: Input) -> None:
    alpha.baselines[0].datastream_a, alpha.baselines[0].datastream_b = 1, 0
    alpha.baselines[0].freqs[0].products = [(0, 1)]
    row = alpha.frame().iloc[0]
    assert (row["baseline"], row["polarization"]) == ("AA-BB", "LR")


def test_times_and_conditions_of_rules(alpha: Input) -> None:
    alpha.rules = [Rule("SKIP", ["A", "B"], mjd_start=60310.25), Rule()]
    rules = alpha.frame("rules")
    assert rules["sources"].to_list() == [("A", "B"), ()]
    assert rules["start"][0] == pd.Timestamp("2024-01-01T06:00:00")
    assert rules["start"].isna().to_list() == [False, True]


def test_job_files_and_connections(alpha: Input) -> None:
    alpha.datastreams[1].data_source, alpha.datastreams[1].port = "NETWORK", "eth2"
    alpha.datastreams[1].tcp_window, alpha.datastreams[2].tcp_window = -9000, 250
    alpha.datastreams[0].files = []
    network = alpha.frame("network")
    assert network["port"].to_list() == ["0", "eth2", "0"]
    assert network["udp_packet"].to_list() == [pd.NA, 9000, pd.NA]
    assert network["tcp_window_kb"].to_list() == [0, pd.NA, 250]
    assert alpha.frame("files")["antenna"].to_list() == ["BB", "CC"]
    job = alpha.frame("job").iloc[0]
    assert (job["job"], job["start"], job["duration"]) == (
        "alpha_1",
        pd.Timestamp("2024-01-01T12:00:00"),
        4.0,
    )


def test_scans_have_times_and_sources() -> None:
    calc = read_calc(OUTPUT / "zeta_1/zeta_1.calc")
    calc.scans[0].start_s = 86_400 - 43_200 - 1
    scans = calc.frame()
    assert scans["start"].to_list() == stamps("2024-01-01T23:59:59")
    assert scans["stop"].to_list() == stamps("2024-01-02T00:00:03")
    assert scans["source"].to_list() == ["SRCA"]
    assert scans["phase_centers"].to_list() == [
        tuple(calc.sources[c].name for c in calc.scans[0].phase_centers)
    ]
    assert scans["uvshift_interval"].to_list() == [calc.scans[0].uvshift_ns / 1e9]


def test_a_start_that_is_no_date_comes_from_the_mjd() -> None:
    calc = read_calc(OUTPUT / "zeta_1/zeta_1.calc")
    calc.start_time = (2024, 2, 31, 0, 0, 0)
    assert calc.frame()["start"].to_list() == stamps("2024-01-01T12:00:00")


def test_sources_telescopes_and_earth_orientation() -> None:
    calc = read_calc(OUTPUT / "zeta_1/zeta_1.calc")
    calc.eops[0].x_pole_arcsec = 3600.0
    eops = calc.frame("eops")
    assert eops["x_pole"][0] == pytest.approx(math.radians(1))
    assert eops["time"][0] == pd.Timestamp("2023-12-30")
    assert eops["tai_utc"].to_list() == [37.0] * 5
    assert calc.frame("sources")["ra"].to_list() == [source.ra for source in calc.sources]
    assert calc.frame("telescopes")["x"].to_list() == [telescope.x for telescope in calc.telescopes]


def test_spacecraft_stay_text() -> None:
    text = (OUTPUT / "zeta_1/zeta_1.calc").read_text()
    calc = parse_calc(
        text.replace("NUM SPACECRAFT:     0\n", "NUM SPACECRAFT:     1\nSPACECRAFT 0 NAME:  MOON\n")
    )
    assert calc.frame("spacecraft").to_numpy().tolist() == [["SPACECRAFT 0 NAME", "MOON"]]


def test_flags() -> None:
    flags = parse_flag("2\n  54446.2104167 54446.2108681 0\n  54446.25 54447.0 12\n")
    frame = flags.frame(["EF"])
    assert frame["antenna"].to_list() == ["EF", ""]
    assert frame["start"].to_list() == stamps("2007-12-12T05:03:00", "2007-12-12T06:00:00")
    assert frame["stop"][1] == pd.Timestamp("2007-12-13")
    assert list(Flags().frame()) == list(frame)


def test_channel_flags() -> None:
    frame = parse_channelflags("# head\nEF 60310.5 60310.75 3 0 1 'edge of a band'\n").frame()
    assert frame.iloc[0].to_list() == [
        "EF", *stamps("2024-01-01T12:00", "2024-01-01T18:00"), 3, 0, 1, "edge of a band"
    ]  # fmt: skip


def test_jobs() -> None:
    frame = parse_joblist("exper=A\na_1 59490.7916667 59490.79375 2 0 1 1407  # AA BB\n").frame()
    assert frame["start"][0] == pd.Timestamp("2021-10-03T19:00")
    assert frame["antennas"][0] == ("AA", "BB")
    assert frame["out_size_mb"].isna().all()


def test_processes() -> None:
    hosts = parse_machines("head\nn1\nn1\nn2\n")
    assert hosts.frame(2)["role"].to_list() == ["manager", "datastream", "datastream", "core"]
    assert hosts.frame()["role"].to_list() == ["manager", "", "", ""]
    assert hosts.frame()["host"].to_list() == hosts
    assert parse_threads("NUMBER OF CORES:    2\n3\n4\n").frame()["threads"].to_list() == [3, 4]


def test_times_beyond_what_a_timestamp_holds() -> None:
    found = frames.utc([40587.0, None, 1e9, -1e9, math.inf, 60310.5], 0.25)
    assert found.isna().to_list() == [False, True, True, True, True, False]
    assert found[0] == pd.Timestamp("1970-01-01T00:00:00.25")
    assert found.dtype == "datetime64[ns]"
    assert frames.utc([60310.0] * 3, [1e300, -1e300, 2.0**53]).isna().all()


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
def test_reprs_tell_the_job(path: Path) -> None:
    inp, calc = read_input(path), read_calc(path.with_suffix(".calc"))
    for value in (inp, calc):
        text, html = repr(value), value._repr_html_()
        assert path.stem in text.split("\n")[0]
        for telescope in inp.telescopes:
            assert telescope.name in text
            assert telescope.name in html
        assert max(map(len, text.split("\n"))) < 200
    assert f"{inp.configurations[0].int_time:g} s" in repr(inp)


def test_html_is_escaped(alpha: Input) -> None:
    evil = "<script>alert(1)</script>"
    alpha.telescopes[0].name = alpha.configurations[0].name = alpha.output_filename = evil
    calc = read_calc(OUTPUT / "zeta_1/zeta_1.calc")
    calc.sources[0].name = calc.scans[0].identifier = calc.telescopes[0].name = calc.obscode = evil
    shown = [alpha, calc, parse_machines("<script>\n"), parse_channelflags("<script> 1 2 0 0 0 '<script>'\n")]
    shown.append(parse_joblist("exper=<script>\n<script> 1 2 2 0 1 1407  # <script>\n"))
    for value in shown:
        html = value._repr_html_()
        assert "<script" not in html
        assert "&lt;script" in html


def test_reprs_of_what_is_being_made() -> None:
    assert repr(Input()).startswith("<Input : 0 antennas")
    inp = read_input(JOBS[0])
    inp.datastreams.pop()
    inp.telescopes.clear()
    assert "?-?" in repr(inp)
    assert "MJD nan" in repr(Input(start_mjd=math.nan, start_seconds=1e300))  # type: ignore[arg-type]
    assert repr(Calc(start_time=(0, 0, 0, 0, 0, 0), job_stop_mjd=1e300)).startswith("<Calc")
    assert parse_input((OUTPUT / "alpha_1/alpha_1.input").read_text()).job_name == "alpha_1"
