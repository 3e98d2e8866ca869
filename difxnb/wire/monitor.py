# SPDX-License-Identifier: GPL-3.0-or-later
"""The live monitor: packets of the monitor exchange to visibility blocks, and back.

For each product of each integration the server sends amplitude and phase (126, 127), lags (128), running
means of the same (140-142), and an end mark (129). The reader makes one block of amplitude and phase; what
the server derived is kept as `ServerFringe`, under a name that says so, because 2.9 halves the delay and
mixes the means of all products; the means are dropped. Numbers that nobody reads (means, magnitudes of lags)
stay characters, and the others are turned into numbers all at once for as many blocks as came together: one
block alone is too short for numpy. Ids and layouts are those of ``DifxMonitorExchange.h``.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from difxnb.errors import ProtocolError
from difxnb.wire.monitor_encode import (
    Lags,
    delay_from_maximum,
    encode_block,
    encode_product_list,
    encode_scan,
    lags,
    measure_lags,
    signal_to_noise,
    zero_lags,
)
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


_DELAY_AND_SNR = slice(LAG_HEAD.size, LAG_HEAD.size + 2 * NUMBER_BYTES)


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
    product, _, time, integration = _spectrum_head(payload)
    return Spectrum(product, time, integration, decode_numbers(payload[SPECTRUM_HEAD.size :]))


def decode_lags(payload: bytes) -> LagData:
    """Read a lag packet.

    Raises
    ------
    ProtocolError
        Its length does not fit its number of lags, or a number is malformed.
    """
    product, _, time, integration, maximum = _lag_head(payload)
    numbers = decode_numbers(payload[LAG_HEAD.size :])
    return LagData(product, time, integration, maximum, float(numbers[0]), float(numbers[1]), numbers[2:])


def _spectrum_head(payload: bytes) -> tuple[int, ...]:
    head = _head(payload, SPECTRUM_HEAD, "a spectrum")
    if len(payload) != spectrum_length(head[1]):
        raise ProtocolError(f"a spectrum of {head[1]} channels has {len(payload)} bytes")
    return head


def _lag_head(payload: bytes) -> tuple[int, ...]:
    head = _head(payload, LAG_HEAD, "lags")
    if len(payload) != lag_length(head[1]):
        raise ProtocolError(f"lags of half size {head[1]} have {len(payload)} bytes")
    return head


def _head(payload: bytes, layout: struct.Struct, what: str) -> tuple[int, ...]:
    if len(payload) < layout.size:
        raise ProtocolError(
            f"{what} should begin with {layout.size} bytes of integers, and has {len(payload)}"
        )
    head: tuple[int, ...] = layout.unpack_from(payload)
    if not 0 <= head[1] <= MAX_CHANNELS:
        raise ProtocolError(f"{what} of product {head[0]} announces {head[1]} values")
    return head


class _Unread(NamedTuple):
    """A data packet whose numbers have not been read yet."""

    head: tuple[int, ...]
    payload: bytes


class _UnreadBlock(NamedTuple):
    """The packets of a whole block, and what it belongs to."""

    amplitude: _Unread
    phase: _Unread
    lags: _Unread | None
    scan: str
    source: str


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
        self._amplitude: _Unread | None = None
        self._phase: _Unread | None = None
        self._lags: _Unread | None = None

    def add(self, packet: Packet) -> VisibilityBlock | MonitorText | None:
        """Take one packet in; see `add_all`."""
        items = self.add_all((packet,))
        return items[0] if items else None

    def add_all(self, packets: Iterable[Packet]) -> list[VisibilityBlock | MonitorText]:
        """Take packets in: best all of one read, because blocks that end together are read together.

        Returns
        -------
        list of VisibilityBlock or MonitorText
            A block for each end mark and the texts of the server, in order. All other kinds of packets are
            passed over.

        Raises
        ------
        ProtocolError
            A data packet is malformed; where it is one of its numbers, this comes with the end mark. The
            other blocks of the call are lost, as is the stream.
        """
        takers = ((_TAKE.get(packet.id), packet) for packet in packets)
        taken = [take(self, packet) for take, packet in takers if take is not None]
        blocks = iter(_read_blocks([item for item in taken if isinstance(item, _UnreadBlock)]))
        return [
            next(blocks) if isinstance(item, _UnreadBlock) else item for item in taken if item is not None
        ]

    def _take_text(self, packet: Packet) -> MonitorText:
        return MonitorText(packet.id, decode_text(packet.payload))

    def _take_scan(self, packet: Packet) -> None:
        self._scan, self._source, self._scan_is_new = decode_text(packet.payload), "", True

    def _take_source(self, packet: Packet) -> None:
        self._source = decode_text(packet.payload)

    def _take_amplitude(self, packet: Packet) -> None:
        if self._amplitude is not None:
            self.incomplete += 1
        self._amplitude = _Unread(_spectrum_head(packet.payload), packet.payload)
        self._phase = self._lags = None
        # The scan is named once per integration, before its products; an integration of which no scan is
        # named must not inherit the one before.
        time = self._amplitude.head[2]
        if self._scan_is_new:
            self._scan_time, self._scan_is_new = time, False
        elif time != self._scan_time:
            self._scan = self._source = ""

    def _take_phase(self, packet: Packet) -> None:
        self._phase = _Unread(_spectrum_head(packet.payload), packet.payload)

    def _take_lags(self, packet: Packet) -> None:
        self._lags = _Unread(_lag_head(packet.payload), packet.payload)

    def _take_end(self, _: Packet) -> _UnreadBlock | None:
        amplitude, phase, lag_data = self._amplitude, self._phase, self._lags
        self._amplitude = self._phase = self._lags = None
        # product, channels and time have to be the same
        if amplitude is None or phase is None or amplitude.head[:3] != phase.head[:3]:
            self.incomplete += 1
            return None
        return _UnreadBlock(amplitude, phase, lag_data, self._scan, self._source)


_TAKE: dict[int, Callable[[MonitorReader, Packet], _UnreadBlock | MonitorText | None]] = {
    MonitorId.MESSAGE: MonitorReader._take_text,
    MonitorId.WARNING: MonitorReader._take_text,
    MonitorId.ERROR: MonitorReader._take_text,
    MonitorId.VISIBILITY_SCAN: MonitorReader._take_scan,
    MonitorId.SOURCE: MonitorReader._take_source,
    MonitorId.AMPLITUDE_DATA: MonitorReader._take_amplitude,
    MonitorId.PHASE_DATA: MonitorReader._take_phase,
    MonitorId.LAG_DATA: MonitorReader._take_lags,
    MonitorId.END_VISIBILITY_BLOCK: MonitorReader._take_end,
}


def _read_blocks(unread: list[_UnreadBlock]) -> list[VisibilityBlock]:
    """Turn the characters of blocks into spectra, and into what the server made of these."""
    if not unread:
        return []
    # Amplitudes of all blocks, phases of all, and delay and SNR of those that have lags. Of the lags
    # themselves nothing is read: they hold no more than the spectrum.
    characters = [block.amplitude.payload[SPECTRUM_HEAD.size :] for block in unread]
    characters += [block.phase.payload[SPECTRUM_HEAD.size :] for block in unread]
    characters += [block.lags.payload[_DELAY_AND_SNR] for block in unread if block.lags is not None]
    numbers = decode_numbers(b"".join(characters))
    count = sum(block.amplitude.head[1] for block in unread)
    visibility = _complex(numbers[:count], numbers[count : 2 * count])
    fringes = iter(zip(numbers[2 * count :: 2].tolist(), numbers[2 * count + 1 :: 2].tolist(), strict=True))
    found, stop = [], 0
    for block in unread:
        product, channels, time, integration = block.amplitude.head
        start, stop = stop, stop + channels
        fringe = None if block.lags is None else ServerFringe(*next(fringes), block.lags.head[4])
        length = integration if block.scan else None
        spectrum = visibility[start:stop]
        found.append(
            VisibilityBlock(product, channels, time, length, block.scan, block.source, spectrum, fringe)
        )
    return found


def _complex(amplitude: NDArray[np.float64], degrees: NDArray[np.float64]) -> NDArray[np.complex64]:
    angle = degrees * (np.pi / 180)
    made = np.empty(len(angle), np.complex64)
    np.multiply(amplitude, np.cos(angle), out=made.real, casting="same_kind")
    np.multiply(amplitude, np.sin(angle), out=made.imag, casting="same_kind")
    return made
