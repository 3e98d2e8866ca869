# SPDX-License-Identifier: GPL-3.0-or-later
"""A correlation of two recordings, written out in double precision, to check the demonstration's voltages with.

It shares no code with the package: frames are taken apart by hand, the delay is evaluated sample by sample from the
polynomials of the ``.im``, the whole sample shift, fringe rotation and fractional sample shift are applied, and the
spectra of a band are multiplied and summed.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

LEVELS = np.array([-3.3359, -1.0, 1.0, 3.3359])


def read_frames(path: Path, frame_bytes: int):
    """Seconds and frame numbers of the headers, invalid bits, and payload bytes."""
    frames = np.fromfile(path, np.uint8).reshape(-1, frame_bytes)
    words = frames[:, :16].copy().view("<u4")
    return words[:, 0] & 0x3FFFFFFF, words[:, 1] & 0xFFFFFF, words[:, 0] >> 31, frames[:, 32:]


def read_samples(path: Path, frame_bytes: int, n_channels: int, frames_per_second: int, second_0: int):
    """Decode a recording.

    Returns
    -------
    first : int
        Sample time of the first sample, counted from second_0 (seconds of the VDIF epoch).
    samples : ndarray, shape (channel, time)
        Missing and invalid frames are zeros.
    """
    seconds, numbers, invalid, payload = read_frames(path, frame_bytes)
    codes = np.stack([(payload >> shift) & 3 for shift in (0, 2, 4, 6)], axis=-1).reshape(len(payload), -1)
    values = LEVELS[codes].reshape(len(payload), -1, n_channels)
    values[invalid == 1] = 0
    place = (seconds.astype(int) - second_0) * frames_per_second + numbers
    whole = np.zeros((place[-1] - place[0] + 1, *values.shape[1:]))
    whole[place - place[0]] = values
    return place[0] * values.shape[1], whole.reshape(-1, n_channels).T


def station_spectra(samples, first, delay_s, edge_hz, sideband, rate_hz, n_channels, start_s, stop_s):
    """Aligned spectra of a channel, one row per transform of 2 n_channels samples of model time."""
    length = 2 * n_channels
    begins = np.arange(round(start_s * rate_hz), round(stop_s * rate_hz), length)
    middle_delay = delay_s((begins + length / 2) / rate_hz)
    wanted = begins - middle_delay * rate_hz
    taken = np.floor(wanted + 0.5).astype(int)
    rows = taken[:, None] - first + np.arange(length)
    assert rows.min() >= 0
    assert rows.max() < len(samples)
    leftover = (wanted - taken) / rate_hz
    times = (begins[:, None] + np.arange(length)) / rate_hz - leftover[:, None]
    turned = samples[rows] * np.exp(-2j * np.pi * np.mod(edge_hz * delay_s(times), 1.0))
    transformed = np.fft.fft(turned, axis=1)
    bins = np.arange(n_channels) - (n_channels if sideband == "L" else 0)
    baseband_hz = bins * rate_hz / length
    return transformed[:, bins % length] * np.exp(2j * np.pi * baseband_hz * leftover[:, None])


def coefficient_spectrum(spectra_1, spectra_2, integrations: int = 1):
    """Correlation coefficient per channel, shape (integrations, channel)."""

    def mean(product):
        return product.reshape(integrations, -1, product.shape[-1]).mean(axis=1)

    power_1, power_2 = mean(np.abs(spectra_1) ** 2), mean(np.abs(spectra_2) ** 2)
    return mean(spectra_1 * np.conj(spectra_2)) / np.sqrt(power_1 * power_2)


def delay_and_phase(spectrum, frequency_hz, reference_hz, *, edge: int = 3):
    """Least-squares delay (s) and phase (rad) at a frequency, by maximising |Σ V exp(-2πi ν τ)|."""
    used, nu = spectrum[edge:-edge], frequency_hz[edge:-edge] - reference_hz
    trial = np.fft.fft(used, 4096)
    step = 1 / (4096 * (nu[1] - nu[0]))
    delay = np.fft.fftfreq(4096)[np.argmax(np.abs(trial))] * 4096 * step
    for _ in range(20):
        rest = used * np.exp(-2j * np.pi * nu * delay)
        total = rest.sum()
        slope = np.imag(np.conj(total) * (rest * nu).sum()) / np.real(np.conj(total) * (rest * nu**2).sum())
        delay += slope / (2 * np.pi)
    return delay, float(np.angle((used * np.exp(-2j * np.pi * nu * delay)).sum()))
