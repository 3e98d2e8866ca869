# SPDX-License-Identifier: GPL-3.0-or-later
"""The live monitor: packets of the monitor exchange to visibility blocks, and back.

For each product of each integration the server sends amplitude and phase (126, 127), lags (128), running
means of the same (140-142), and an end mark (129). The reader makes one block of amplitude and phase; what
the server derived is kept as `ServerFringe`, under a name that says so, because 2.9 halves the delay and
mixes the means of all products; the means are dropped. Ids and layouts are those of
``DifxMonitorExchange.h``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from difxnb.errors import ProtocolError
from difxnb.wire.monitor_encode import encode_block, encode_product_list, encode_scan
from difxnb.wire.monitor_lags import Lags, delay_from_maximum, lags, measure_lags, signal_to_noise, zero_lags
from difxnb.wire.monitor_numbers import decode_numbers, encode_numbers
from difxnb.wire.monitor_packets import (
    LAG_HEAD,
    MAX_CHANNELS,
    NUMBER_BYTES,
    SPECTRUM_HEAD,
    CloseConnection,
    EndProductRequests,
    FftSize,
    InputFilePath,
    MonitorId,
    MonitorRequest,
    MonitorText,
    ProductRequest,
    StartProductRequests,
    body_length,
    check_fft_size,
    decode_request,
    encode_close,
    encode_input_path,
    encode_request,
    encode_text_packet,
    lag_length,
    spectrum_length,
)
from difxnb.wire.monitor_products import (
    Product,
    ProductListReader,
    Scan,
    corrected_offsets,
)
from difxnb.wire.packet import Packet, decode_text

__all__ = [
    "CloseConnection",
    "EndProductRequests",
    "FftSize",
    "InputFilePath",
    "LagData",
    "Lags",
    "MonitorId",
    "MonitorReader",
    "MonitorRequest",
    "MonitorText",
    "Product",
    "ProductListReader",
    "ProductRequest",
    "Scan",
    "ServerFringe",
    "Spectrum",
    "StartProductRequests",
    "VisibilityBlock",
    "body_length",
    "check_fft_size",
    "corrected_offsets",
    "decode_lags",
    "decode_numbers",
    "decode_request",
    "decode_spectrum",
    "delay_from_maximum",
    "encode_block",
    "encode_close",
    "encode_input_path",
    "encode_numbers",
    "encode_product_list",
    "encode_request",
    "encode_scan",
    "encode_text_packet",
    "lags",
    "measure_lags",
    "signal_to_noise",
    "zero_lags",
]


@dataclass(frozen=True, slots=True)
class ServerFringe:
    """What the server derived from the lags, as sent: delay in microseconds, SNR, index of the maximum.

    The index is in the order of the FFT. Real servers give half the true delay, and some an SNR of nan.
    """

    delay_us: float
    snr: float
    lag_maximum: int


@dataclass(frozen=True, slots=True)
class VisibilityBlock:
    """One product of one integration.

    Attributes
    ----------
    product : int
        Number of the product, as requested.
    channels : int
    time : int
        Start of the integration, whole seconds since 0 h UTC of the job's START MJD.
    integration : int or None
        Length of the integration in whole seconds, rounded; None outside any scan, where it is undefined.
    scan, source : str
        Identifier of the scan and its source; empty when the server names none.
    visibility : ndarray of complex64, shape (channels,)
    server : ServerFringe or None
        None when no lags came.
    """

    product: int
    channels: int
    time: int
    integration: int | None
    scan: str
    source: str
    visibility: NDArray[np.complex64]
    server: ServerFringe | None


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Content of an amplitude or phase packet (126, 127, 140, 141)."""

    product: int
    time: int
    integration: int
    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LagData:
    """Content of a lag packet (128, 142); the magnitudes are shifted: lags -H ... -1, then 0 ... H-1."""

    product: int
    time: int
    integration: int
    maximum: int
    delay_us: float
    snr: float
    magnitude: NDArray[np.float64]


def decode_spectrum(payload: bytes) -> Spectrum:
    """Read an amplitude or phase packet.

    Raises
    ------
    ProtocolError
        Its length does not fit its number of channels, or a number is malformed.
    """
    product, channels, time, integration = _head(payload, SPECTRUM_HEAD, "a spectrum")
    if len(payload) != spectrum_length(channels):
        raise ProtocolError(f"a spectrum of {channels} channels has {len(payload)} bytes")
    return Spectrum(product, time, integration, decode_numbers(payload[SPECTRUM_HEAD.size :]))


def decode_lags(payload: bytes) -> LagData:
    """Read a lag packet.

    Raises
    ------
    ProtocolError
        Its length does not fit its number of lags, or a number is malformed.
    """
    product, half, time, integration, maximum = _head(payload, LAG_HEAD, "lags")
    if len(payload) != lag_length(half):
        raise ProtocolError(f"lags of half size {half} have {len(payload)} bytes")
    numbers = decode_numbers(payload[LAG_HEAD.size :])
    return LagData(product, time, integration, maximum, float(numbers[0]), float(numbers[1]), numbers[2:])


def _head(payload: bytes, layout: Any, what: str) -> tuple[int, ...]:
    if len(payload) < layout.size:
        raise ProtocolError(
            f"{what} should begin with {layout.size} bytes of integers, and has {len(payload)}"
        )
    head: tuple[int, ...] = layout.unpack_from(payload)
    if not 0 <= head[1] <= MAX_CHANNELS:
        raise ProtocolError(f"{what} of product {head[0]} announces {head[1]} values")
    return head


class MonitorReader:
    """Assemble visibility blocks from the packets of the data phase.

    Attributes
    ----------
    incomplete : int
        Blocks that were given up because amplitude or phase was missing or belonged to something else.
    """

    def __init__(self) -> None:
        self.incomplete = 0
        self._scan = self._source = ""
        self._scan_is_new = False
        self._scan_time: int | None = None  # time stamp that the scan was named for
        self._amplitude: Spectrum | None = None
        self._phase: Spectrum | None = None
        self._fringe: ServerFringe | None = None

    def add(self, packet: Packet) -> VisibilityBlock | MonitorText | None:
        """Take one packet in.

        Returns
        -------
        VisibilityBlock, MonitorText or None
            A block at its end mark, a text of the server, None for all else, other kinds of packets included.

        Raises
        ------
        ProtocolError
            A data packet is malformed.
        """
        identity, payload = packet.id, packet.payload
        match identity:
            case MonitorId.MESSAGE | MonitorId.WARNING | MonitorId.ERROR:
                return MonitorText(identity, decode_text(payload))
            case MonitorId.VISIBILITY_SCAN:
                self._scan, self._source, self._scan_is_new = decode_text(payload), "", True
            case MonitorId.SOURCE:
                self._source = decode_text(payload)
            case MonitorId.AMPLITUDE_DATA:
                self._begin(decode_spectrum(payload))
            case MonitorId.PHASE_DATA:
                self._phase = decode_spectrum(payload)
            case MonitorId.LAG_DATA:
                self._fringe = _fringe_of(payload)
            case MonitorId.END_VISIBILITY_BLOCK:
                return self._end()
        return None

    def _begin(self, amplitude: Spectrum) -> None:
        if self._amplitude is not None:
            self.incomplete += 1
        self._amplitude, self._phase, self._fringe = amplitude, None, None
        # The scan is named once per integration, before its products; an integration of which no scan is
        # named must not inherit the one before.
        if self._scan_is_new:
            self._scan_time, self._scan_is_new = amplitude.time, False
        elif amplitude.time != self._scan_time:
            self._scan = self._source = ""

    def _end(self) -> VisibilityBlock | None:
        amplitude, phase, fringe = self._amplitude, self._phase, self._fringe
        self._amplitude = self._phase = self._fringe = None
        if amplitude is None or phase is None or not _belong_together(amplitude, phase):
            self.incomplete += 1
            return None
        turns = np.deg2rad(phase.values)
        visibility = (amplitude.values * np.cos(turns) + 1j * (amplitude.values * np.sin(turns))).astype(
            np.complex64
        )
        return VisibilityBlock(
            amplitude.product,
            len(visibility),
            amplitude.time,
            amplitude.integration if self._scan else None,
            self._scan,
            self._source,
            visibility,
            fringe,
        )


def _belong_together(amplitude: Spectrum, phase: Spectrum) -> bool:
    same = amplitude.product == phase.product and amplitude.time == phase.time
    return same and len(amplitude.values) == len(phase.values)


def _fringe_of(payload: bytes) -> ServerFringe:
    _, half, _, _, maximum = _head(payload, LAG_HEAD, "lags")
    if len(payload) != lag_length(half):
        raise ProtocolError(f"lags of half size {half} have {len(payload)} bytes")
    # The magnitudes are not read: they hold nothing that the spectrum does not.
    delay, snr = decode_numbers(payload[LAG_HEAD.size : LAG_HEAD.size + 2 * NUMBER_BYTES]).tolist()
    return ServerFringe(delay, snr, maximum)
