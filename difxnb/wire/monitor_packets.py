# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets of the monitor exchange: their ids, their true lengths, and what a client asks for.

The ids are those of ``DifxMonitorExchange.h`` (100-143); they belong to this exchange alone. guiServer 2.9
declares wrong lengths for four of its six data packets, older ones for all six, so `body_length` works the
length out from the counts inside the packet and serves faulty and repaired servers alike.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

from difxnb.errors import ProtocolError
from difxnb.wire.packet import (
    Packet,
    UnknownPacket,
    decode_int,
    decode_text,
    encode_int,
    encode_text,
    packet_chunks,
)

NUMBER_BYTES = 14
"""Bytes of one number, printed as ``%14.6e``."""
MAX_CHANNELS = 2**20
"""Channels (and lags on one side) accepted in one data packet."""


class MonitorId(IntEnum):
    """Ids of the monitor exchange, with guiServer's spelling."""

    MESSAGE = 100
    WARNING = 101
    ERROR = 102
    INPUT_FILE_PATH = 103
    CLOSE_CONNECTION = 104
    NUM_BASELINES = 105
    NUM_FREQUENCIES = 106
    BASELINE = 107
    FREQUENCY = 108
    NUM_SCANS = 109
    SCAN = 110
    TELESCOPE_1 = 111
    TELESCOPE_2 = 112
    BEGIN_CORRELATION_PRODUCTS = 113
    NUM_PHASE_CENTERS = 114
    PHASE_CENTER = 115
    NUM_PULSAR_BINS = 116
    PULSAR_BIN = 117
    NUM_POL_PRODUCTS = 118
    POL_PRODUCT = 119
    NEW_PRODUCT = 120
    AUTOCORRELATION = 121
    PRODUCT_REQUEST = 122
    START_PRODUCT_REQUESTS = 123
    END_PRODUCT_REQUESTS = 124
    VISIBILITY_DATA = 125
    AMPLITUDE_DATA = 126
    PHASE_DATA = 127
    LAG_DATA = 128
    END_VISIBILITY_BLOCK = 129
    JOB_NAME = 130
    OBS_CODE = 131
    SCAN_IDENTIFIER = 132
    SCAN_START_TIME = 133
    SCAN_END_TIME = 134
    SOURCE = 135
    SOURCE_RA = 136
    SOURCE_DEC = 137
    VISIBILITY_SCAN = 138
    FFT_SIZE = 139
    MEAN_AMPLITUDE_DATA = 140
    MEAN_PHASE_DATA = 141
    MEAN_LAG_DATA = 142
    END_CORRELATION_PRODUCTS = 143


SPECTRUM_HEAD = struct.Struct(">4i")  # product, channels, time, integration
LAG_HEAD = struct.Struct(">5i")  # product, half of the FFT size, time, integration, index of the maximum
_COUNTS = struct.Struct(">2i")  # what both begin with


def spectrum_length(channels: int) -> int:
    """Bytes of an amplitude or phase packet."""
    return SPECTRUM_HEAD.size + NUMBER_BYTES * channels


def lag_length(half: int) -> int:
    """Bytes of a lag packet: the heading, delay, SNR, and twice `half` magnitudes."""
    return LAG_HEAD.size + NUMBER_BYTES * (2 + 2 * half)


# By id: the length for a count of 0, and what each count adds.
_LENGTHS = {
    **dict.fromkeys((126, 127, 140, 141), (spectrum_length(0), NUMBER_BYTES)),
    **dict.fromkeys((128, 142), (lag_length(0), 2 * NUMBER_BYTES)),
}


def body_length(packet_id: int, declared: int, body: bytes | memoryview) -> int | None:
    """Give the true length of a payload; the rule that `PacketReader` takes for this exchange.

    Parameters
    ----------
    packet_id, declared : int
        Id and length as they stand in the packet's header.
    body : bytes
        What has arrived behind the header.

    Returns
    -------
    int or None
        The length; None while too little has arrived to tell.

    Raises
    ------
    ProtocolError
        The packet announces a negative number of values, or more than 2**20.
    """
    if packet_id not in _LENGTHS:
        return declared
    if len(body) < _COUNTS.size:
        return None
    _, count = _COUNTS.unpack_from(body)
    if not 0 <= count <= MAX_CHANNELS:
        raise ProtocolError(
            f"monitor packet {packet_id} announces {count} values; 0 to {MAX_CHANNELS} are accepted"
        )
    least, per_count = _LENGTHS[packet_id]
    return least + per_count * int(count)


@dataclass(frozen=True, slots=True)
class MonitorText:
    """A text for the user: id 100 is a message, 101 a warning, 102 an error (the server then closes)."""

    id: int
    text: str


def encode_text_packet(item: MonitorText) -> list[bytes]:
    """Write a text packet as the server's elementary writes."""
    return packet_chunks(item.id, encode_text(item.text))


# -- requests ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InputFilePath:
    """Ask for the products of the job with this ``.input`` file."""

    path: str


@dataclass(frozen=True, slots=True)
class CloseConnection:
    """End the exchange."""


@dataclass(frozen=True, slots=True)
class StartProductRequests:
    """Begin a new selection of products."""


@dataclass(frozen=True, slots=True)
class ProductRequest:
    """Ask for one product: its number, its offset in the result array (complex samples), its channels."""

    number: int
    offset: int
    channels: int


@dataclass(frozen=True, slots=True)
class EndProductRequests:
    """The selection is complete; data may flow."""


@dataclass(frozen=True, slots=True)
class FftSize:
    """Number of lags wanted; None where the payload was not 4 bytes long, which servers ignore."""

    size: int | None


MonitorRequest: TypeAlias = (
    InputFilePath | CloseConnection | StartProductRequests | ProductRequest | EndProductRequests | FftSize
)

_PRODUCT = struct.Struct(">3i")


def decode_triple(payload: bytes, what: str) -> tuple[int, int, int]:
    """Read a product number, offset and number of channels."""
    if len(payload) != _PRODUCT.size:
        raise ProtocolError(f"{what} should carry three 4-byte integers, and carries {len(payload)} bytes")
    number, offset, channels = _PRODUCT.unpack(payload)
    return number, offset, channels


def encode_triple(number: int, offset: int, channels: int) -> bytes:
    """Write a product number, offset and number of channels."""
    return encode_int(number) + encode_int(offset) + encode_int(channels)


def decode_request(packet: Packet) -> MonitorRequest | UnknownPacket:
    """Understand a packet from a monitor client.

    Raises
    ------
    ProtocolError
        A product request is not three integers.
    """
    payload = packet.payload
    match packet.id:
        case MonitorId.INPUT_FILE_PATH:
            return InputFilePath(decode_text(payload))
        case MonitorId.CLOSE_CONNECTION:
            return CloseConnection()
        case MonitorId.START_PRODUCT_REQUESTS:
            return StartProductRequests()
        case MonitorId.PRODUCT_REQUEST:
            return ProductRequest(*decode_triple(payload, "a product request"))
        case MonitorId.END_PRODUCT_REQUESTS:
            return EndProductRequests()
        case MonitorId.FFT_SIZE:
            return FftSize(decode_int(payload, "FFT size") if len(payload) == 4 else None)
    return UnknownPacket(packet.id, payload)


def encode_input_path(path: str) -> list[bytes]:
    """Write the request for a product list, as chunks that are safe in channel mode."""
    return packet_chunks(MonitorId.INPUT_FILE_PATH, encode_text(path))


def encode_close() -> list[bytes]:
    """Write the end of the exchange, as chunks that are safe in channel mode."""
    return packet_chunks(MonitorId.CLOSE_CONNECTION)


def check_fft_size(fft_size: int, channels: int) -> None:
    """Refuse FFT sizes that leave garbage in a real server's lags.

    Raises
    ------
    ValueError
        `fft_size` is no power of two, less than 32 or less than twice `channels`.
    """
    if fft_size < 20 or fft_size & (fft_size - 1):
        raise ValueError(f"FFT size {fft_size} has to be a power of two of at least 32")
    if fft_size < 2 * channels or fft_size > 2 * MAX_CHANNELS:
        raise ValueError(
            f"FFT size {fft_size} does not suit {channels} channels: at least twice as many are needed"
        )


def encode_request(products: Iterable[tuple[int, int, int]], fft_size: int) -> list[bytes]:
    """Write the whole request for data: FFT size, start, one product each, end.

    Parameters
    ----------
    products : iterable of (number, offset, channels)
        What is wanted, with corrected offsets. Send it once: a real server breaks when the selection
        changes while data flow.
    fft_size : int
        Power of two, at least twice the largest number of channels.

    Returns
    -------
    list of bytes
        Chunks that are safe in channel mode; joined they are what a plain connection carries.
    """
    wanted = list(products)
    if not wanted:
        raise ValueError("no products were asked for; a server ignores an empty request")
    check_fft_size(fft_size, max(channels for _, _, channels in wanted))
    chunks = packet_chunks(MonitorId.FFT_SIZE, encode_int(fft_size))
    chunks += packet_chunks(MonitorId.START_PRODUCT_REQUESTS)
    for product in wanted:
        chunks += packet_chunks(MonitorId.PRODUCT_REQUEST, encode_triple(*product))
    return chunks + packet_chunks(MonitorId.END_PRODUCT_REQUESTS)
