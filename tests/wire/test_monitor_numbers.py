# SPDX-License-Identifier: GPL-3.0-or-later
"""Printed numbers against Python's own ``float()``, and the lags of a server against plain sums."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from difxnb.errors import ProtocolError
from difxnb.wire.monitor import (
    decode_numbers,
    delay_from_maximum,
    encode_numbers,
    lags,
    measure_lags,
    signal_to_noise,
    zero_lags,
)


def same_bits(left: np.ndarray, right: np.ndarray) -> bool:
    """Equal including the sign of zero; any nan equals any other."""
    nan = np.isnan(left) & np.isnan(right)
    return bool(np.all(nan | (left.view(np.int64) == right.view(np.int64))))


def read_singly(data: bytes) -> np.ndarray:
    return np.array([float(data[i : i + 14]) for i in range(0, len(data), 14)], dtype=np.float64)


EXPONENTS = st.integers(-330, 308)
WRITTEN = st.one_of(
    st.floats(),
    st.builds(lambda m, e: m * 10.0**e, st.floats(-10, 10), EXPONENTS),
    st.sampled_from([0.0, -0.0, math.nan, math.inf, -math.inf, 9.999999e28, 1e29, 1e-16, 9.999999e-17]),
)


@given(st.lists(WRITTEN, max_size=40))
def test_equal_to_float(values: list[float]) -> None:
    data = b"".join(b"%14.6e" % value for value in values)
    assert same_bits(decode_numbers(data), read_singly(data))
    assert same_bits(decode_numbers(memoryview(data)), read_singly(data))


def test_every_exponent_with_every_sign() -> None:
    mantissas = ("1.000000", "9.999999", "0.000000", "1.234567", "4.999995")
    fields = [f"{s}{m}e{e:+03d}".rjust(14) for s in ("", "-") for m in mantissas for e in range(-330, 309)]
    data = "".join(fields).encode()
    assert same_bits(decode_numbers(data), read_singly(data))


def test_many_mantissas() -> None:
    """More than one block of fields, so that the seam between blocks is crossed."""
    dice = np.random.default_rng(5)
    mantissas = dice.integers(0, 10**7, 10_000)
    exponents = dice.integers(-20, 32, 10_000)
    signs = dice.choice(("", "-"), 10_000)
    fields = [
        f"{s}{m // 10**6}.{m % 10**6:06d}e{e:+03d}".rjust(14)
        for s, m, e in zip(signs, mantissas, exponents, strict=True)
    ]
    data = "".join(fields).encode()
    assert same_bits(decode_numbers(data), read_singly(data))


FORM = re.compile(rb" *-?(\d\.\d{6}e[+-]\d{2,3}|nan|inf)")
ALPHABET = st.sampled_from(list(b"0123456789.e+-, naifx\0/:\xff"))


@given(st.lists(ALPHABET, min_size=14, max_size=14).map(bytes))
def test_rubbish(field: bytes) -> None:
    if FORM.fullmatch(field):
        assert same_bits(decode_numbers(field), read_singly(field))
    else:
        with pytest.raises(ProtocolError, match=r"no number"):
            decode_numbers(field)


@given(WRITTEN, st.integers(0, 13), st.integers(0, 255))
def test_one_wrong_character(value: float, place: int, character: int) -> None:
    good = b"%14.6e" % value
    field = good[:place] + bytes([character]) + good[place + 1 :]
    data = good * 3 + field + good
    if FORM.fullmatch(field):
        assert same_bits(decode_numbers(data), read_singly(data))
    else:
        with pytest.raises(ProtocolError):
            decode_numbers(data)


@pytest.mark.parametrize("length", [1, 13, 15, 27])
def test_broken_fields(length: int) -> None:
    with pytest.raises(ProtocolError, match="whole fields"):
        decode_numbers(b" " * length)


def test_nothing() -> None:
    assert decode_numbers(b"").shape == (0,)
    assert encode_numbers([]) == b""


@given(st.lists(st.floats(), max_size=20))
def test_printed_as_c_prints(values: list[float]) -> None:
    def printed(value: float) -> bytes:
        if math.isnan(value) and math.copysign(1, value) < 0:
            return b"          -nan"
        return b"%14.6e" % value

    assert encode_numbers(values) == b"".join(map(printed, values))


# -- lags -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("channels", "size"), [(1, 32), (8, 32), (16, 32), (10, 64)])
def test_lags_are_the_plain_sum(channels: int, size: int) -> None:
    dice = np.random.default_rng(channels)
    spectrum = dice.normal(size=channels) + 1j * dice.normal(size=channels)
    n = np.arange(size)
    total = np.full(size, spectrum[0].real)
    for k in range(1, channels):
        total += 2 * (spectrum[k] * np.exp(2j * np.pi * k * n / size)).real
    if 2 * channels == size:
        assert channels - 1 < size // 2  # the Nyquist channel is none of ours
    assert np.allclose(lags(spectrum, size), np.abs(total))


@pytest.mark.parametrize("tau_us", [-2.0, -0.5, 0.0, 0.5, 2.0])
def test_delay_has_the_sign_of_the_real_server(tau_us: float) -> None:
    bandwidth, channels, size = 8e6, 64, 1024
    frequency = np.arange(channels) * bandwidth / channels
    spectrum = np.exp(2j * np.pi * frequency * tau_us * 1e-6)
    step = channels / (size * bandwidth) * 1e6
    assert measure_lags(spectrum, size, bandwidth).delay_us == pytest.approx(-tau_us, abs=0.51 * step)
    half = measure_lags(spectrum, size, bandwidth, half_delay=True)
    assert half.delay_us == pytest.approx(-tau_us / 2, abs=0.26 * step)


def test_delay_of_each_half() -> None:
    assert delay_from_maximum(3, 64, 16, 4e6) == pytest.approx(3 * 16 / 64 / 4)
    assert delay_from_maximum(61, 64, 16, 4e6) == pytest.approx(-3 * 16 / 64 / 4)
    assert delay_from_maximum(32, 64, 16, 4e6) == pytest.approx(2.0)
    assert delay_from_maximum(3, 64, 16, 4e6, half=True) == pytest.approx(3 * 16 / 64 / 8)


def test_signal_to_noise_leaves_the_window_out() -> None:
    magnitude = np.tile([1.0, 3.0], 50)
    magnitude[[98, 99, 0, 1, 2, 3]] = 500.0  # 5 lags on both sides of lag 0 do not count
    magnitude[0] = 600.0
    assert signal_to_noise(magnitude, 0) == pytest.approx(600.0 / magnitude[6:95].std())
    magnitude[6] = 100.0
    assert signal_to_noise(magnitude, 0) < 100.0


def test_signal_to_noise_without_noise() -> None:
    assert math.isnan(signal_to_noise(np.zeros(32), 0))
    assert signal_to_noise(np.eye(1, 32, 4)[0], 4) == math.inf


@pytest.mark.parametrize("size", [16, 48, 31])
def test_lags_of_a_senseless_size(size: int) -> None:
    with pytest.raises(ValueError, match="FFT size"):
        lags(np.ones(4, complex), size)


def test_zero_lags_print_a_negative_nan() -> None:
    assert encode_numbers([zero_lags(32).snr]) == b"          -nan"
