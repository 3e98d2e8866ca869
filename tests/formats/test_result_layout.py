# SPDX-License-Identifier: GPL-3.0-or-later
"""The array of results, compared with the records that mpifxcorr wrote."""

from __future__ import annotations

import dataclasses
from itertools import groupby
from pathlib import Path

import pytest

from difxnb.formats.input import Input, read_input, record_order, result_layout, result_length
from difxnb.formats.swin import list_files, read_records

REFERENCE = Path(__file__).parents[1] / "reference"
JOBS = sorted(REFERENCE.glob("*/*/*.input"))


@pytest.fixture
def alpha() -> Input:
    return read_input(REFERENCE / "mpifxcorr-output/alpha_1/alpha_1.input")


def test_offsets_of_the_worked_example(alpha: Input) -> None:
    layout = result_layout(alpha)
    cross = [product for product in layout if product.kind == "cross"]
    autos = [product for product in layout if product.kind == "auto"]
    assert len(cross) == len(autos) == 24
    assert [product.offset for product in cross] == list(range(0, 768, 32))
    # 768 values of cross products, 12 of weights.
    assert [product.offset for product in autos] == list(range(780, 780 + 768, 32))
    assert result_length(alpha) == 780 + 768


def test_frequency_is_outermost(alpha: Input) -> None:
    cross = result_layout(alpha)[:24]
    assert [(product.freq_index, product.baseline, product.polarization) for product in cross] == [
        (freq, baseline, pair)
        for freq in (0, 1)
        for baseline in (0, 1, 2)
        for pair in ("RR", "LL", "RL", "LR")
    ]


@pytest.mark.agreement
@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
def test_order_and_labels_of_the_records(path: Path) -> None:
    inp = read_input(path)
    compared = 0
    for file in list_files(inp.companion("difx")):
        records = read_records(file.path, inp.channels)
        for (_, _, config), integration in groupby(
            records, lambda record: (record.mjd, record.seconds, record.config)
        ):
            with_autos = file.phase_center == file.pulsar_bin == 0
            expected = [
                (
                    product.antenna1,
                    product.antenna2,
                    product.freq_index,
                    product.polarization,
                    product.channels,
                )
                for product in record_order(result_layout(inp, config))
                if product.kind == "cross" or with_autos
            ]
            found = [
                (record.antenna1, record.antenna2, record.freq, record.polarization, record.spectrum.size)
                for record in integration
            ]
            assert found == expected
            compared += len(found)
    assert compared > 50


def test_bins_and_phase_centres_lie_inside_a_baseline(alpha: Input) -> None:
    layout = result_layout(alpha, phase_centers=2, pulsar_bins=3)
    first = layout[:24]
    assert [(product.phase_center, product.pulsar_bin) for product in first[::4]] == [
        (0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2),
    ]  # fmt: skip
    assert {(product.freq_index, product.baseline) for product in first} == {(0, 0)}
    autos = [product for product in layout if product.kind == "auto"]
    # Six groups, each with 12 weights and 2 decorrelations, two real numbers to a value.
    assert autos[0].offset == 768 * 6 + 6 * (6 + 1)
    assert len(autos) == 24


def test_no_autos_where_they_are_not_asked_for(alpha: Input) -> None:
    alpha.configurations[0].write_autocorrs = False
    assert {product.kind for product in result_layout(alpha)} == {"cross"}


def test_two_products_make_no_cross_hands_among_the_autos(alpha: Input) -> None:
    for baseline in alpha.baselines:
        for freq in baseline.freqs:
            del freq.products[2:]
    autos = [product for product in result_layout(alpha) if product.kind == "auto"]
    assert [product.polarization for product in autos] == ["RR", "LL", "RR", "LL"] * 3


def test_a_band_without_partner_keeps_its_place(alpha: Input) -> None:
    whole = result_length(alpha)
    stream = alpha.datastreams[2]
    stream.bands[3].pol = "X"
    autos = [product for product in result_layout(alpha) if product.kind == "auto" and product.antenna1 == 2]
    assert [product.polarization for product in autos] == ["RR", "LL", "RR", "XX", "RL", "LR"]
    assert result_length(alpha) == whole


def test_the_antenna_of_the_lower_row_comes_first(alpha: Input) -> None:
    baseline = alpha.baselines[0]
    baseline.datastream_a, baseline.datastream_b = 1, 0
    product = result_layout(alpha)[2]
    assert (product.antenna1, product.antenna2, product.polarization) == (0, 1, "LR")
    assert (product.datastream_a, product.datastream_b, product.band_a, product.band_b) == (0, 1, 1, 0)


def test_autos_of_a_band_in_the_other_sideband_bear_the_target(alpha: Input) -> None:
    mirrored = dataclasses.replace(alpha.freqs[0], sideband="L", freq_mhz=alpha.freqs[0].freq_mhz + 2)
    alpha.freqs.append(mirrored)
    alpha.datastreams[1].recorded_freqs[0].freq_index = 2
    autos = [product for product in result_layout(alpha) if product.kind == "auto" and product.antenna1 == 1]
    assert [product.freq_index for product in autos] == [0, 0, 1, 1, 0, 0, 1, 1]
