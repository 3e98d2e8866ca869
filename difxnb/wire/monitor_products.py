# SPDX-License-Identifier: GPL-3.0-or-later
"""The product list of the monitor exchange: which spectra of a job can be asked for.

Comes in: packets 105-121 and 130-137 between BEGIN and END_CORRELATION_PRODUCTS, nested as
``DifxMonitorExchange.h`` sends them. Goes out: scans and products. guiServer 2.9 announces all products of a
baseline and band with the offset of the first one; the reader keeps what was announced, and
`corrected_offsets` repairs it.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from math import isfinite
from typing import Any

from difxnb.errors import ProtocolError
from difxnb.wire.monitor_packets import MAX_CHANNELS, MonitorId, decode_triple
from difxnb.wire.packet import Packet, decode_int, decode_text

MAX_SCANS = 100_000
MAX_PRODUCTS = 1_000_000

_DOUBLE = struct.Struct(">d")


@dataclass(frozen=True, slots=True)
class Scan:
    """One scan: start and stop as UTC MJD, position of the pointing centre in radians."""

    index: int
    identifier: str = ""
    start_mjd: float = float("nan")
    stop_mjd: float = float("nan")
    source: str = ""
    ra: float = float("nan")
    dec: float = float("nan")


@dataclass(frozen=True, slots=True)
class Product:
    """One spectrum that can be asked for.

    Attributes
    ----------
    scan : int
        Index of the scan that it was announced for.
    number : int
        Its number, counted from 0 in each scan.
    offset : int
        Where it lies in the job's result array, complex samples; see `corrected_offsets`.
    channels : int
    baseline : int or None
        Index of the baseline; None for an autocorrelation.
    telescope1, telescope2 : str
        Names as the server gives them; the same for an autocorrelation.
    frequency_hz : float
        Edge of the band, Hz.
    frequency_index : int
        Counts the bands of the baseline, or of the station in the list of autocorrelations.
    phase_center, pulsar_bin, polarization_index : int
        All 0 for autocorrelations.
    is_autocorrelation : bool
    """

    scan: int
    number: int
    offset: int
    channels: int
    baseline: int | None
    telescope1: str
    telescope2: str
    frequency_hz: float
    frequency_index: int
    phase_center: int
    pulsar_bin: int
    polarization_index: int
    is_autocorrelation: bool


class ProductListReader:
    """Collect a product list from packets.

    Attributes
    ----------
    complete : bool
        Whether the end of the list was seen.
    job_name, obs_code : str
    scans : list of Scan
    products : list of Product
        As announced.
    """

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self.complete = False
        self.job_name = ""
        self.obs_code = ""
        self.scans: list[Scan] = []
        self.products: list[Product] = []
        self._place: dict[int, int] = {}  # what the next product belongs to, by packet id
        self._telescopes = ("", "")
        self._frequency = 0.0
        self._frequency_index = -1
        self._stations: Counter[str] = Counter()
        self._is_auto = False

    def add(self, packet: Packet) -> bool:
        """Take one packet in; packets of other kinds are passed over.

        Returns
        -------
        bool
            Whether the packet belonged to the list.

        Raises
        ------
        ProtocolError
            A payload is malformed, or the list grows beyond 100 000 scans or 1 000 000 products.
        """
        identity, payload = packet.id, packet.payload
        if identity == MonitorId.BEGIN_CORRELATION_PRODUCTS:
            self._forget()
        elif identity == MonitorId.END_CORRELATION_PRODUCTS:
            self.complete = True
        elif identity in _COUNTS:
            if _integer(identity, payload) < 0:
                raise ProtocolError(f"{MonitorId(identity).name} announces a negative count")
        elif identity in _SCAN_TEXTS and not self.complete:
            self._describe_scan(identity, payload)
        elif identity == MonitorId.SCAN:
            self._begin_scan(_integer(identity, payload))
        elif identity in _PLACES or identity in _JOB_TEXTS:
            self._note(identity, payload)
        elif identity == MonitorId.NEW_PRODUCT:
            self._add_product(payload)
        else:
            return False
        return True

    def _note(self, identity: int, payload: bytes) -> None:
        match identity:
            case MonitorId.JOB_NAME:
                self.job_name = decode_text(payload)
            case MonitorId.OBS_CODE:
                self.obs_code = decode_text(payload)
            case MonitorId.TELESCOPE_1:
                self._telescopes = (decode_text(payload), self._telescopes[1])
            case MonitorId.TELESCOPE_2:
                self._telescopes = (self._telescopes[0], decode_text(payload))
            case MonitorId.FREQUENCY:
                self._begin_frequency(payload)
            case MonitorId.AUTOCORRELATION:
                self._begin_autocorrelation(decode_text(payload))
            case _:
                self._begin_level(identity, _integer(identity, payload))

    def _begin_level(self, identity: int, index: int) -> None:
        self._place[identity] = index
        if identity == MonitorId.BASELINE:
            self._telescopes, self._frequency_index, self._is_auto = ("", ""), -1, False

    def _begin_frequency(self, payload: bytes) -> None:
        # In history the edge was a whole number of MHz in 4 bytes.
        mhz = float(_integer(MonitorId.FREQUENCY, payload)) if len(payload) == 4 else _double(payload)
        self._frequency = mhz * 1e6
        if not self._is_auto:
            self._frequency_index += 1

    def _begin_autocorrelation(self, station: str) -> None:
        self._is_auto = True
        self._telescopes = (station, station)
        self._frequency_index = self._stations[station]
        self._stations[station] += 1

    def _begin_scan(self, index: int) -> None:
        if len(self.scans) >= MAX_SCANS:
            raise ProtocolError(f"the product list has more than {MAX_SCANS} scans")
        self.scans.append(Scan(index))
        self._place.clear()
        self._stations.clear()
        self._is_auto = False

    def _describe_scan(self, identity: int, payload: bytes) -> None:
        if not self.scans:
            raise ProtocolError(f"{MonitorId(identity).name} came before any scan")
        name, is_number = _SCAN_TEXTS[identity]
        text = decode_text(payload)
        facts: dict[str, Any] = {name: _text_number(name, text) if is_number else text}
        self.scans[-1] = replace(self.scans[-1], **facts)

    def _add_product(self, payload: bytes) -> None:
        number, offset, channels = decode_triple(payload, "NEW_PRODUCT")
        if number < 0 or offset < 0 or not 0 <= channels <= MAX_CHANNELS:
            raise ProtocolError(
                f"product {number} with offset {offset} and {channels} channels makes no sense"
            )
        if not self.scans:
            raise ProtocolError(f"product {number} came before any scan")
        if len(self.products) >= MAX_PRODUCTS:
            raise ProtocolError(f"the product list has more than {MAX_PRODUCTS} products")
        cross = {} if self._is_auto else self._place
        self.products.append(
            Product(
                self.scans[-1].index,
                number,
                offset,
                channels,
                cross.get(MonitorId.BASELINE),
                *self._telescopes,
                self._frequency,
                self._frequency_index,
                cross.get(MonitorId.PHASE_CENTER, 0),
                cross.get(MonitorId.PULSAR_BIN, 0),
                cross.get(MonitorId.POL_PRODUCT, 0),
                self._is_auto,
            )
        )


_COUNTS = frozenset({105, 106, 109, 114, 116, 118})
_PLACES = frozenset({107, 108, 111, 112, 115, 117, 119, 121})
_JOB_TEXTS = frozenset({130, 131})
_SCAN_TEXTS = {
    132: ("identifier", False),
    133: ("start_mjd", True),
    134: ("stop_mjd", True),
    135: ("source", False),
    136: ("ra", True),
    137: ("dec", True),
}


def _integer(identity: int, payload: bytes) -> int:
    return decode_int(payload, MonitorId(identity).name)


def _double(payload: bytes) -> float:
    if len(payload) != _DOUBLE.size:
        raise ProtocolError(f"FREQUENCY should carry 8 bytes, and carries {len(payload)}")
    (value,) = _DOUBLE.unpack(payload)
    if not isfinite(value):
        raise ProtocolError(f"FREQUENCY is {value}")
    return float(value)


def _text_number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ProtocolError(f"{name} of a scan is {text[:50]!r}, which is no number") from error


def _group(product: Product) -> tuple[object, ...]:
    return (
        product.scan,
        product.baseline,
        product.telescope1,
        product.frequency_index,
        product.is_autocorrelation,
    )


def corrected_offsets(products: Iterable[Product]) -> list[Product]:
    """Repair the offsets that guiServer 2.9 repeats.

    The products of one baseline and band follow each other in the result array, phase centre by phase centre,
    bin by bin, polarization by polarization. Where all of a group were announced with one offset, the offsets
    are counted up from it; groups whose offsets advance are left alone, so a correct list stays as it is.

    Parameters
    ----------
    products : iterable of Product
        In the order of the list.

    Returns
    -------
    list of Product
    """
    repaired: list[Product] = []
    for _, grouped in groupby(products, _group):
        group = list(grouped)
        if len(group) > 1 and len({product.offset for product in group}) == 1:
            group = list(_counted_up(group))
        repaired += group
    return repaired


def _counted_up(group: Sequence[Product]) -> Iterator[Product]:
    offset = group[0].offset
    for product in group:
        yield replace(product, offset=offset)
        offset += product.channels
