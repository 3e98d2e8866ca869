# SPDX-License-Identifier: GPL-3.0-or-later
"""What a monitor server computes and sends: the product list, and the packets of each integration.

Comes in: scans, products and spectra. Goes out: the elementary writes of ``DifxMonitorExchange.h``, one piece
each, because in channel mode each travels in a packet of its own. The reader of the same is
:mod:`difxnb.wire.monitor`.

Lags, delay and SNR follow the formulas of that file, with its convention of signs: a phase that grows with
frequency gives a negative delay. They are not meant for measuring; clients compute delays of their own from the
spectra.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from difxnb.wire.monitor_numbers import encode_numbers
from difxnb.wire.monitor_packets import NUMBER_BYTES, MonitorId, check_fft_size, encode_triple
from difxnb.wire.monitor_products import Product, Scan
from difxnb.wire.packet import encode_int, encode_text, packet_chunks

_DOUBLE = struct.Struct(">d")


def encode_product_list(
    job_name: str,
    obs_code: str,
    scans: Sequence[Scan],
    products: Iterable[Product],
    *,
    number_per_scan: bool = True,
) -> list[bytes]:
    """Write a product list as the server's elementary writes.

    Parameters
    ----------
    job_name : str
        Name of the job.
    obs_code : str
        Code of the observation.
    scans : sequence
        The scans, in order.
    products : iterable of Product
        Those of each scan (`Product.scan`) in the order of the list, autocorrelations last.
    number_per_scan : bool
        Number the products from 0 in each scan, as guiServer does; otherwise send `Product.number`.

    Returns
    -------
    list of bytes
    """
    by_scan: dict[int, list[Product]] = {scan.index: [] for scan in scans}
    for product in products:
        by_scan[product.scan].append(product)
    packets: list[tuple[MonitorId, bytes]] = [
        (MonitorId.BEGIN_CORRELATION_PRODUCTS, b""),
        (MonitorId.NUM_SCANS, encode_int(len(scans))),
        (MonitorId.JOB_NAME, encode_text(job_name)),
        (MonitorId.OBS_CODE, encode_text(obs_code)),
    ]
    for scan in scans:
        packets += _scan_packets(scan)
        announced = by_scan[scan.index]
        if number_per_scan:
            announced = [replace(product, number=i) for i, product in enumerate(announced)]
        packets += _cross_packets([product for product in announced if not product.is_autocorrelation])
        packets += _auto_packets([product for product in announced if product.is_autocorrelation])
    packets.append((MonitorId.END_CORRELATION_PRODUCTS, b""))
    return [chunk for identity, payload in packets for chunk in packet_chunks(identity, payload)]


def _scan_packets(scan: Scan) -> Iterator[tuple[MonitorId, bytes]]:
    yield MonitorId.SCAN, encode_int(scan.index)
    yield MonitorId.SCAN_IDENTIFIER, encode_text(scan.identifier)
    yield MonitorId.SCAN_START_TIME, f"{scan.start_mjd:.7f}".encode()
    yield MonitorId.SCAN_END_TIME, f"{scan.stop_mjd:.7f}".encode()
    yield MonitorId.SOURCE, encode_text(scan.source)
    yield MonitorId.SOURCE_RA, f"{scan.ra:.15f}".encode()
    yield MonitorId.SOURCE_DEC, f"{scan.dec:.15f}".encode()


def _grouped(products: Sequence[Product], attribute: str) -> list[list[Product]]:
    return [list(group) for _, group in groupby(products, lambda product: getattr(product, attribute))]


def _cross_packets(products: Sequence[Product]) -> Iterator[tuple[MonitorId, bytes]]:
    baselines = _grouped(products, "baseline")
    yield MonitorId.NUM_BASELINES, encode_int(len(baselines))
    for baseline in baselines:
        first = baseline[0]
        yield MonitorId.BASELINE, encode_int(first.baseline or 0)
        yield MonitorId.TELESCOPE_1, encode_text(first.telescope1)
        yield MonitorId.TELESCOPE_2, encode_text(first.telescope2)
        frequencies = _grouped(baseline, "frequency_index")
        yield MonitorId.NUM_FREQUENCIES, encode_int(len(frequencies))
        for frequency in frequencies:
            yield MonitorId.FREQUENCY, _DOUBLE.pack(frequency[0].frequency_hz / 1e6)
            yield from _nested_packets(frequency)


def _nested_packets(products: Sequence[Product]) -> Iterator[tuple[MonitorId, bytes]]:
    centers = _grouped(products, "phase_center")
    yield MonitorId.NUM_PHASE_CENTERS, encode_int(len(centers))
    for center in centers:
        yield MonitorId.PHASE_CENTER, encode_int(center[0].phase_center)
        bins = _grouped(center, "pulsar_bin")
        yield MonitorId.NUM_PULSAR_BINS, encode_int(len(bins))
        for pulsar_bin in bins:
            yield MonitorId.PULSAR_BIN, encode_int(pulsar_bin[0].pulsar_bin)
            yield MonitorId.NUM_POL_PRODUCTS, encode_int(len(pulsar_bin))
            for product in pulsar_bin:
                yield MonitorId.POL_PRODUCT, encode_int(product.polarization_index)
                yield MonitorId.NEW_PRODUCT, encode_triple(product.number, product.offset, product.channels)


def _auto_packets(products: Sequence[Product]) -> Iterator[tuple[MonitorId, bytes]]:
    for product in products:
        yield MonitorId.AUTOCORRELATION, encode_text(product.telescope1)
        yield MonitorId.FREQUENCY, _DOUBLE.pack(product.frequency_hz / 1e6)
        yield MonitorId.NEW_PRODUCT, encode_triple(product.number, product.offset, product.channels)


# -- spectra and what is derived from them ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Lags:
    """Content of a lag packet.

    Attributes
    ----------
    magnitude : ndarray of float64
        One value per lag, in the order of the FFT: lags 0 ... H-1, then -H ... -1.
    maximum : int
        Index of the largest of them.
    delay_us : float
    snr : float
    """

    magnitude: NDArray[np.float64]
    maximum: int
    delay_us: float
    snr: float


def lags(visibility: NDArray[Any], fft_size: int) -> NDArray[np.float64]:
    """Magnitude of the inverse real FFT, not normalised, of a spectrum padded with zeros.

    Channel 0 counts once and its imaginary part is ignored; all others count twice.

    Parameters
    ----------
    visibility : ndarray
        Complex, shape (channels,).
    fft_size : int
        Power of two, at least twice the number of channels.

    Returns
    -------
    ndarray of float64, shape (fft_size,)
        In the order of the FFT (not shifted).
    """
    check_fft_size(fft_size, len(visibility))
    return np.abs(np.fft.irfft(visibility, fft_size, norm="forward"))


def delay_from_maximum(
    maximum: int, fft_size: int, channels: int, bandwidth_hz: float, *, half: bool = False
) -> float:
    """Delay of a lag, microseconds.

    With i = `maximum`, less `fft_size` in the upper half, it is ``i * channels / (fft_size * bandwidth)``.
    guiServer 2.9 gives half of that; `half` does, too.
    """
    index = maximum - fft_size if maximum > fft_size // 2 else maximum
    delay = index * channels / (fft_size * bandwidth_hz) * 1e6
    return delay / 2 if half else delay


def signal_to_noise(magnitude: NDArray[np.float64], maximum: int) -> float:
    """Maximum over the standard deviation outside a window of a twentieth of all lags on both sides of it.

    ``inf`` where the rest is constant, ``nan`` where all is zero or nothing is left outside.
    """
    size = len(magnitude)
    distance = np.abs((np.arange(size) - maximum + size // 2) % size - size // 2)
    rest = magnitude[distance > size // 20]
    spread = float(rest.std()) if rest.size else 0.0
    if spread == 0.0:
        return float("inf") if magnitude[maximum] > 0 and rest.size else float("nan")
    return float(magnitude[maximum]) / spread


def measure_lags(
    visibility: NDArray[Any], fft_size: int, bandwidth_hz: float, *, half_delay: bool = False
) -> Lags:
    """Compute all of a lag packet from one spectrum; see `lags`, `delay_from_maximum`, `signal_to_noise`."""
    magnitude = lags(visibility, fft_size)
    maximum = int(magnitude.argmax())
    delay = delay_from_maximum(maximum, fft_size, len(visibility), bandwidth_hz, half=half_delay)
    return Lags(magnitude, maximum, delay, signal_to_noise(magnitude, maximum))


def zero_lags(fft_size: int) -> Lags:
    """Give what a guiServer built with IPP 9 or later sends: lags of 0, and an SNR printed as ``-nan``."""
    return Lags(np.zeros(fft_size), 0, 0.0, -float("nan"))


Declared = Literal["actual", "2.9"]


def encode_scan(identifier: str, source: str) -> list[bytes]:
    """Write what precedes the products of an integration: scan and source, as elementary writes."""
    chunks = packet_chunks(MonitorId.VISIBILITY_SCAN, encode_text(identifier))
    return chunks + packet_chunks(MonitorId.SOURCE, encode_text(source))


def encode_block(
    product: int,
    time: int,
    integration: int,
    visibility: ArrayLike,
    fringe: Lags,
    *,
    mean: tuple[ArrayLike, Lags] | None = None,
    declared: Declared = "actual",
) -> list[bytes]:
    """Write one product of one integration, 126 to 129, as the server's elementary writes.

    Parameters
    ----------
    product, time, integration : int
        As in `difxnb.wire.monitor.VisibilityBlock`.
    visibility : array
        Complex, shape (channels,).
    fringe : Lags
        From `measure_lags`, or what a faulty server would send.
    mean : (visibility, Lags), optional
        Running mean since the scan began, and its lags; the block itself when left out.
    declared : {"actual", "2.9"}
        Lengths in the packet headers: the true ones, or those of 2.9, which are 4 bytes short for lags and
        means.

    Returns
    -------
    list of bytes
        Id, length, each integer and each number in a piece of its own; joined they are the stream.
    """
    mean_visibility, mean_fringe = (visibility, fringe) if mean is None else mean
    missing = 4 if declared == "2.9" else 0
    chunks: list[bytes] = []
    for ids, spectrum, lag_data, short in (
        ((126, 127, 128), visibility, fringe, 0),
        ((140, 141, 142), mean_visibility, mean_fringe, missing),
    ):
        values = np.asarray(spectrum, dtype=np.complex128)
        head = (product, len(values), time, integration)
        chunks += _pieces(ids[0], short, head, np.abs(values))
        chunks += _pieces(ids[1], short, head, np.rad2deg(np.angle(values)))
        chunks += _lag_pieces(ids[2], missing, (product, time, integration), lag_data)
    return chunks + packet_chunks(MonitorId.END_VISIBILITY_BLOCK)


def _lag_pieces(identity: int, short: int, head: tuple[int, int, int], fringe: Lags) -> Iterator[bytes]:
    product, time, integration = head
    half = len(fringe.magnitude) // 2
    numbers = np.concatenate(([fringe.delay_us, fringe.snr], np.roll(fringe.magnitude, half)))
    return _pieces(identity, short, (product, half, time, integration, fringe.maximum), numbers)


def _pieces(
    identity: int, short: int, head: tuple[int, ...], numbers: NDArray[np.float64]
) -> Iterator[bytes]:
    text = encode_numbers(numbers)
    yield encode_int(identity)
    yield encode_int(4 * len(head) + len(text) - short)
    yield from map(encode_int, head)
    for start in range(0, len(text), NUMBER_BYTES):
        yield text[start : start + NUMBER_BYTES]
