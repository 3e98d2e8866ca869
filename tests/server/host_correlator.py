# SPDX-License-Identifier: GPL-3.0-or-later
"""The correlation of a made job written out in double precision, to hold the engine against.

It shares no arithmetic with the package: every sample gets its own fringe phase and every channel its own fractional
delay, transform by transform, as the description of mpifxcorr's arithmetic has it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from difxnb.formats.input_model import Input
from tests.server.made_jobs import MadeJob

LEVELS = {1: np.array([-1.0, 1.0]), 2: np.array([-3.3359, -1.0, 1.0, 3.3359])}


@dataclass
class HostRecord:
    weight: float
    spectrum: np.ndarray


def correlate_host(job: MadeJob, inp: Input, codes: np.ndarray, good: np.ndarray) -> list[dict]:
    """One dict a integration of (antenna 1, antenna 2, band row, polarisations) to record.

    `good` has the shape (antenna, thread, sample).
    """
    found = []
    for scan, (start, length) in enumerate(job.scans or ((0, job.seconds),)):
        subints = _subints(length, job.subint_ns)
        ratio = job.int_time * 1e9 / job.subint_ns
        edges = [math.ceil(k * ratio - 0.5 - 1e-9) for k in range(len(subints) + 2)]
        for first, end in pairwise(edges):
            chosen = [s for s in subints if first <= s < end]
            if chosen:
                times = [start + s * job.subint_ns / 1e9 for s in chosen]
                found.append({**_integration(job, inp, codes, good, times, ratio), "scan": scan})
    return found


def _subints(length: int, subint_ns: int) -> list[int]:
    whole, rest = divmod(length * 10**9, subint_ns)
    return list(range(whole + (rest > subint_ns / 2)))


def _integration(
    job: MadeJob, inp: Input, codes: np.ndarray, good: np.ndarray, times: list[float], ratio: float
) -> dict:
    parts = [_spectra(job, inp, codes, good, time) for time in times]
    spectra = np.concatenate([part[0] for part in parts], axis=2)
    validity = np.concatenate([part[1] for part in parts], axis=2)
    nominal = parts[0][0].shape[2] * ratio
    lanes, records = len(job.pols), {}
    for a in range(job.antennas):
        for b in range(a, job.antennas):
            for band in range(len(job.bands)):
                for p, q in _lane_pairs(job, a == b):
                    one, two = band * lanes + p, band * lanes + q
                    weights = validity[a, one] * validity[b, two]
                    if a == b and (p == q or job.data_format == "VDIF"):
                        weights = validity[a, one]
                    if weights.sum() > 0:
                        product = (spectra[a, one] * spectra[b, two].conj()).sum(axis=0)
                        mean = (
                            (product / weights.sum() / (2 * job.channels))
                            .reshape(-1, job.average)
                            .mean(axis=1)
                        )
                        key = a, b, band, job.pols[p] + job.pols[q]
                        records[key] = HostRecord(weights.sum() / nominal, mean)
    return records


def _lane_pairs(job: MadeJob, same_antenna: bool) -> list[tuple[int, int]]:
    """Pairs of polarisations: autocorrelations are made of all bands, cross hands only with four products."""
    pairs = [(0, 0), (1, 1), (0, 1), (1, 0)]
    if not same_antenna:
        return pairs[: job.products]
    wanted = pairs if job.products > 2 else pairs[: len(job.pols)]
    return wanted if job.autocorrs else []


def _spectra(
    job: MadeJob, inp: Input, codes: np.ndarray, good: np.ndarray, start: float
) -> tuple[np.ndarray, np.ndarray]:
    """Spectra, shape (antenna, band, transform, channel), and validities without the last axis."""
    n, samples, dt = job.channels, 2 * job.channels, 1 / (2 * job.bandwidth)
    count = round(job.subint_ns / 1000 / (samples * dt))
    spectra = np.zeros((job.antennas, job.n_bands, count, n), complex)
    validity = np.zeros((job.antennas, job.n_bands, count))
    i, x = np.arange(count)[:, np.newaxis], np.arange(samples) / samples
    for antenna in range(job.antennas):
        seconds = round(job.clocks[antenna][0] / 1e6) if job.clocks else 0
        y0, y1, y2 = (
            _delay(job, antenna, start + part * job.subint_ns / 1e9) - 1e6 * seconds for part in (0, 0.5, 1)
        )
        a2, a1 = (2 * y0 - 4 * y1 + 2 * y2) / count**2, (-3 * y0 + 4 * y1 - y2) / count

        def q(at: np.ndarray, y0=y0, a1=a1, a2=a2) -> np.ndarray:
            return a2 * at**2 + a1 * at + y0

        wanted = (start - seconds) * 1e6 + i * samples * dt - q(i + 0.5)
        s = np.floor(wanted / dt + 0.5)
        begin = s.astype(int) - job.first_sample
        inside = (begin >= 0) & (begin + samples <= codes.shape[2])
        taken = np.clip(begin + np.arange(samples), 0, codes.shape[2] - 1)
        tau = q(i + x)
        if job.order < 2:
            bend = q(i + 0.5) - (q(i) + q(i + 1)) / 2
            tau = q(i) + bend / 3 + (q(i + 1) - q(i)) * x
        tau = tau if job.order else q(i + 0.5)
        lo_time = start + (i * samples + np.arange(samples) * (job.order > 0)) * dt * 1e-6
        for band in range(job.n_bands):
            edge, sideband = job.bands[band // len(job.pols)]
            recorded = inp.datastreams[antenna].recorded_freqs[band // len(job.pols)]
            fine = good[antenna, band * job.threads // job.n_bands][taken] & inside
            levels = LEVELS[job.bits][codes[antenna, band][taken]] * fine
            turns = -edge * tau + recorded.freq_offset_hz * lo_time
            whole = np.fft.fft(levels * np.exp(2j * np.pi * turns), axis=1)
            nu = np.arange(n) * job.bandwidth / n - (job.bandwidth if sideband == "L" else 0)
            first = job.pols[band % len(job.pols)] == "R"
            clock = recorded.clock_offset_us + recorded.clock_offset_delta_us * (-0.5 if first else 0.5)
            phase = 0 if first or len(job.pols) < 2 else recorded.phase_offset_deg / 720
            half = whole[:, n:] if sideband == "L" else whole[:, :n]
            spectra[antenna, band] = half * np.exp(2j * np.pi * (nu * (wanted - s * dt - clock) + phase))
            validity[antenna, band] = fine.mean(axis=1)
    return spectra, validity


def _delay(job: MadeJob, antenna: int, time: float) -> float:
    """Delay and clock, µs, at a time in seconds after the start of the job, where both count from."""
    coefficients = job.delay(antenna).copy()
    if job.clocks:
        clock = job.clocks[antenna]
        coefficients[: len(clock)] += clock
    return float(np.polynomial.polynomial.polyval(time, coefficients))
