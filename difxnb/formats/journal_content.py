# SPDX-License-Identifier: GPL-3.0-or-later
"""What the records of a journal hold: values to payloads, and back.

In and out: notices, gaps, files, lists of products, choices, visibility blocks, and facts as JSON. Datagrams are kept
as the bytes that came, so that whatever is learned about reading them helps old recordings too. Payloads may come from
anybody: reading raises ValueError for whatever is not as it should be.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from typing import Any, NamedTuple

import numpy as np

from difxnb.wire.events import Gap, Notice, NoticeSeverity
from difxnb.wire.monitor import Product, Scan, ServerFringe, VisibilityBlock

_MAX_CHANNELS = 2**20
# monitor, product, channels, second, integration (-1: none), fringe there, delay, SNR, maximum, lengths of two names
_BLOCK = struct.Struct(">IiIqi?ddiHH")
_NO_FRINGE = ServerFringe(0.0, 0.0, 0)


def encode_facts(**facts: object) -> bytes:
    """Write facts; what JSON does not know becomes text."""
    return json.dumps(facts, ensure_ascii=False, default=str).encode("utf-8", "surrogateescape")


def decode_facts(payload: bytes) -> dict[str, Any]:
    """Read facts; ValueError where they are none."""
    try:
        facts = json.loads(payload.decode("utf-8", "replace"))
        if b"\\ud" in payload.lower():
            facts = _without_halves(facts)
    except RecursionError as error:
        raise ValueError("facts that are nested too deep") from error
    if not isinstance(facts, dict):
        raise ValueError(f"facts are a JSON object; got {type(facts).__name__}")
    return facts


def _without_halves(value: Any) -> Any:
    """Facts without halves of characters, which JSON can hold and no file of another kind."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_without_halves(part) for part in value]
    if isinstance(value, dict):
        return {_without_halves(name): _without_halves(part) for name, part in value.items()}
    return value


def text_of(facts: Mapping[str, Any], name: str, default: str = "") -> str:
    """A fact that is a text; ValueError where it is something else."""
    value = facts.get(name, default)
    if not isinstance(value, str):
        raise ValueError(f"{name} is a text; got {value!r:.50}")
    return value


def whole_of(facts: Mapping[str, Any], name: str) -> int:
    """A fact that is a whole number; ValueError where it is something else."""
    value = facts.get(name)
    if not isinstance(value, int) or abs(value) >= 2**63:
        raise ValueError(f"{name} is a whole number; got {value!r:.50}")
    return value


def number_of(facts: Mapping[str, Any], name: str) -> float:
    """A fact that is a number; ValueError where it is something else."""
    value = facts.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or abs(value) >= 1e300:
        raise ValueError(f"{name} is a number; got {value!r:.50}")
    return float(value)


# --- messages --------------------------------------------------------------------------------------------


def encode_notice(notice: Notice) -> bytes:
    """Write a notice: a byte for its severity, and its text."""
    return bytes([notice.severity]) + notice.text.encode("utf-8", "surrogateescape")


def decode_notice(payload: bytes) -> Notice:
    """Read a notice; ValueError where there is none."""
    if not payload:
        raise ValueError("a notice without its severity")
    return Notice(NoticeSeverity(payload[0]), payload[1:].decode("utf-8", "replace"))


def encode_gap(gap: Gap) -> bytes:
    """Write a time without connection."""
    return encode_facts(begin=gap.begin, end=gap.end, reason=gap.reason)


def decode_gap(payload: bytes) -> Gap:
    """Read a time without connection."""
    facts = decode_facts(payload)
    end = None if facts.get("end") is None else number_of(facts, "end")
    return Gap(number_of(facts, "begin"), end, text_of(facts, "reason"))


# --- files -----------------------------------------------------------------------------------------------


class File(NamedTuple):
    """A file of a job as it was read from the server: what it is (``input``, ``calc``, ``im``), path, text."""

    what: str
    path: str
    text: str


def encode_file(file: File) -> bytes:
    """Write a file."""
    text = file.text.encode("utf-8", "surrogateescape")
    return encode_facts(what=file.what, path=file.path) + b"\n" + text


def decode_file(payload: bytes) -> File:
    """Read a file."""
    head, newline, text = payload.partition(b"\n")
    facts = decode_facts(head)
    if not newline:
        raise ValueError("a file without its text")
    return File(text_of(facts, "what"), text_of(facts, "path"), text.decode("utf-8", "replace"))


# --- monitors --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Listed:
    """What a server listed for a monitor."""

    monitor: int
    scans: tuple[Scan, ...]
    products: tuple[Product, ...]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was asked for of it.

    Attributes
    ----------
    monitor : int
    numbers : tuple of int
        Products, as numbered in the list of `scan`; other scans may have another list.
    scan : int
    scans : tuple of str or None
        Identifiers of the scans whose data are taken; None: whatever comes.
    left_out : tuple of str
        Scans that were asked for in vain.
    """

    monitor: int
    numbers: tuple[int, ...]
    scan: int
    scans: tuple[str, ...] | None
    left_out: tuple[str, ...]


def encode_listed(listed: Listed) -> bytes:
    """Write a list of products."""
    rows = [astuple(product) for product in listed.products]
    return encode_facts(monitor=listed.monitor, scans=[astuple(s) for s in listed.scans], products=rows)


def decode_listed(payload: bytes) -> Listed:
    """Read a list of products."""
    facts = decode_facts(payload)
    scans, products = _rows(facts, "scans", Scan), _rows(facts, "products", Product)
    return Listed(whole_of(facts, "monitor"), tuple(scans), tuple(products))


def encode_chosen(chosen: Chosen) -> bytes:
    """Write a choice."""
    return encode_facts(**{field.name: getattr(chosen, field.name) for field in fields(chosen)})


def decode_chosen(payload: bytes) -> Chosen:
    """Read a choice."""
    facts = decode_facts(payload)
    numbers = facts.get("numbers")
    if not isinstance(numbers, list) or not all(isinstance(number, int) for number in numbers):
        raise ValueError("numbers of products are a list of whole numbers")
    scans = None if facts.get("scans") is None else _texts(facts, "scans")
    monitor, scan = whole_of(facts, "monitor"), whole_of(facts, "scan")
    return Chosen(monitor, tuple(numbers), scan, scans, _texts(facts, "left_out"))


def _texts(facts: Mapping[str, Any], name: str) -> tuple[str, ...]:
    values = facts.get(name, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError(f"{name} are a list of texts")
    return tuple(values)


def _rows(facts: Mapping[str, Any], name: str, cls: type[Any]) -> Sequence[Any]:
    """Values of a dataclass, each of whose fields has the type that it is declared with."""
    rows = facts.get(name, [])
    kinds = [_KINDS[str(field.type)] for field in fields(cls)]
    if not isinstance(rows, list):
        raise ValueError(f"{name} are a list")
    for row in rows:
        if not isinstance(row, list) or len(row) != len(kinds):
            raise ValueError(f"{name}: a row has {len(kinds)} values; got {row!r:.80}")
        if not all(isinstance(value, kind) for value, kind in zip(row, kinds, strict=True)):
            raise ValueError(f"{name}: values of other kinds than those of a {cls.__name__}: {row!r:.80}")
        if any(isinstance(value, int) and abs(value) >= 2**31 for value in row):
            raise ValueError(f"{name}: a number is too large: {row!r:.80}")
    return [cls(*row) for row in rows]


_KINDS: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "int | None": (int, type(None)),
    "float": (float, int),
    "str": (str,),
    "bool": (bool,),
}


def encode_block(monitor: int, block: VisibilityBlock) -> bytes:
    """Write one product of one integration: 8 bytes for each channel, and some fifty beside."""
    scan, source = block.scan.encode("utf-8", "replace"), block.source.encode("utf-8", "replace")
    fringe = block.server or _NO_FRINGE
    head = _BLOCK.pack(
        monitor,
        block.product,
        len(block.visibility),
        block.time,
        -1 if block.integration is None else block.integration,
        block.server is not None,
        fringe.delay_us,
        fringe.snr,
        fringe.lag_maximum,
        len(scan),
        len(source),
    )
    spectrum = np.ascontiguousarray(block.visibility, "<c8")
    return b"".join((head, scan, source, spectrum.tobytes()))


def decode_block(payload: bytes) -> tuple[int, VisibilityBlock]:
    """Read one product of one integration, and the number of its monitor."""
    if len(payload) < _BLOCK.size:
        raise ValueError(f"a visibility block of {len(payload)} bytes")
    head = _BLOCK.unpack_from(payload)
    monitor, product, channels, time, integration, has_fringe, delay, snr, maximum, n_scan, n_source = head
    names = _BLOCK.size + n_scan
    begin = names + n_source
    if channels > _MAX_CHANNELS or len(payload) != begin + 8 * channels or abs(time) >= 2**40:
        raise ValueError(f"a visibility block of {channels} channels at {time} s has {len(payload)} bytes")
    scan = payload[_BLOCK.size : names].decode("utf-8", "replace")
    source = payload[names:begin].decode("utf-8", "replace")
    spectrum = np.frombuffer(payload, "<c8", channels, begin).astype(np.complex64)
    fringe = ServerFringe(delay, snr, maximum) if has_fringe else None
    length = None if integration < 0 else integration
    return monitor, VisibilityBlock(product, channels, time, length, scan, source, spectrum, fringe)


def monitor_of(payload: bytes) -> int:
    """Number of the monitor of a block, without reading the rest."""
    if len(payload) < _BLOCK.size:
        raise ValueError(f"a visibility block of {len(payload)} bytes")
    return int.from_bytes(payload[:4], "big")
