# SPDX-License-Identifier: GPL-3.0-or-later
"""difxMessage fields that are more than one text: weights, S.M.A.R.T. values, lists of hosts, bins, slots.

Comes in: elements with attributes, or the same element several times. Goes out: tuples. The attributes and
their order are those of ``difxsend.c``; lists of hosts are split where the receivers of DiFX split them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isfinite
from typing import Any
from xml.etree.ElementTree import Element

from difxnb.errors import MessageError
from difxnb.wire import message_fields as wire

MAX_DATASTREAM_HOSTS = 50
MAX_PROCESS_HOSTS = 100
_HOST_BYTES = 255
_MOST_READ = 4096  # hosts accepted in one document; receivers of DiFX keep far fewer
_SEPARATORS = re.compile(r"[\x00-\x20,()\[\]{}\x7f-\U0010ffff]+")


@dataclass(frozen=True, slots=True)
class Processor:
    """Hosts that compute, each with this many threads (0 where the number was unreadable)."""

    nodes: tuple[str, ...]
    threads: int = 1


# -- pairs of attributes ----------------------------------------------------------------------------------


def read_weight(element: Element) -> tuple[tuple[int, float], ...]:
    """Read ``<weight ant= wt=/>``: index of the datastream, weight."""
    antenna, weight = int(element.attrib.get("ant", "")), float(element.attrib.get("wt", ""))
    if antenna < 0 or not isfinite(weight):
        raise ValueError("weight")
    return ((antenna, weight),)


def show_weight(entry: tuple[int, float]) -> str:
    """Write one weight; ``ant`` first, because receivers ignore a ``wt`` before it."""
    antenna, weight = entry
    if antenna < 0 or not isfinite(weight):
        raise MessageError(f"weight {weight} of datastream {antenna} cannot be sent")
    return f'<weight ant="{antenna}" wt="{weight:5.3f}"/>'


def read_smart(element: Element) -> tuple[tuple[int, int], ...]:
    """Read ``<smart id= value=/>``."""
    identity, value = wire.read_integer(element.get("id", "")), wire.read_integer(element.get("value", ""))
    if identity is None or value is None:
        raise ValueError("smart")
    return ((identity, value),)


def show_smart(entry: tuple[int, int]) -> str:
    """Write one S.M.A.R.T. value."""
    return f'<smart id="{wire.show_integer(entry[0])}" value="{wire.show_integer(entry[1])}"/>'


# -- hosts ------------------------------------------------------------------------------------------------


def split_hosts(value: str) -> tuple[str, ...]:
    """Split a list of hosts at blanks, commas, brackets and everything beyond ASCII."""
    return tuple(host for host in _SEPARATORS.split(value) if host)


def _host(value: str) -> str:
    if not value or _SEPARATORS.search(value):
        raise MessageError(
            f"the host name {value!r} would be split or lost; blanks, commas and brackets cannot be in it"
        )
    return wire.escape(value, "host name", _HOST_BYTES)


def _hosts(values: tuple[str, ...]) -> str:
    return " ".join(map(_host, values))


def head_node() -> Any:
    """``<manager node=""/>``."""

    def collect(element: Element, old: Any) -> str | None:
        return element.get("node", "").strip() or None

    def emit(value: str | None) -> str:
        return "" if value is None else f'<manager node="{_host(value)}"/>'

    return wire.declare(wire.Wire(("manager",), emit, collect=collect))


def datastreams() -> Any:
    """``<datastream nodes=""/>``: one host per datastream; several elements add up."""

    def collect(element: Element, old: Any) -> tuple[str, ...]:
        hosts = split_hosts(element.get("nodes", ""))
        if len(old) + len(hosts) > _MOST_READ:
            raise ValueError("datastream")
        return (*old, *hosts)

    def emit(hosts: tuple[str, ...]) -> str:
        if len(hosts) > MAX_DATASTREAM_HOSTS:
            raise MessageError(f"{len(hosts)} datastream hosts: receivers keep {MAX_DATASTREAM_HOSTS}")
        return f'<datastream nodes="{_hosts(hosts)}"/>' if hosts else ""

    return wire.declare(wire.Wire(("datastream",), emit, collect=collect), ())


def _read_processor(element: Element) -> tuple[Processor, ...]:
    try:
        threads = wire.read_integer(element.get("threads", "1"))
    except ValueError:
        threads = 0
    nodes = split_hosts(element.get("nodes", ""))
    if len(nodes) > _MOST_READ:
        raise ValueError("process")
    return (Processor(nodes, 1 if threads is None else threads),)


def _show_processor(entry: Processor) -> str:
    return f'<process nodes="{_hosts(entry.nodes)}" threads="{wire.show_integer(entry.threads)}"/>'


def processors() -> Any:
    """``<process nodes="" threads=""/>``, any number of times."""
    declared = wire.repeated("process", _read_processor, _show_processor, MAX_PROCESS_HOSTS)
    repeated: wire.Wire = declared.metadata["wire"]

    def emit(entries: tuple[Processor, ...]) -> str:
        hosts = sum(len(entry.nodes) for entry in entries)
        if hosts > MAX_PROCESS_HOSTS:
            raise MessageError(f"{hosts} process hosts: receivers keep {MAX_PROCESS_HOSTS}")
        return repeated.emit(entries)

    return wire.declare(wire.Wire(repeated.elements, emit, collect=repeated.collect), ())


def read_environment(element: Element) -> tuple[str, ...]:
    """Read ``<env>NAME=value</env>``."""
    return (element.text,) if element.text else ()


def show_environment(entry: str) -> str:
    """Write one environment variable."""
    return f"<env>{wire.escape(entry, 'env')}</env>"


# -- numbered elements ------------------------------------------------------------------------------------


def read_group(value: str) -> str | None:
    """Serials of a module group, separated by colons."""
    return value.strip() or None


def slots(pattern: str, convert: wire.Convert, absent: str) -> Any:
    """One value for each of the four slots of a Mark6 unit."""

    def show(value: Any) -> str:
        return wire.escape(value, pattern, 35) if isinstance(value, str) else wire.show_integer(value)

    return wire.numbered(pattern, 4, 1, convert, show, absent)


def bins() -> Any:
    """Eight counts, ``bin0`` to ``bin7``."""
    return wire.numbered("bin{}", 8, 0, wire.read_integer, wire.show_integer, "")


_MOST_INDICES = 7


def indices() -> Any:
    """``index1``, ``index2``, ... of a parameter; ``None`` where one is missing."""
    elements = tuple(f"index{i + 1}" for i in range(_MOST_INDICES))

    def collect(element: Element, old: Any) -> tuple[int | None, ...]:
        place = int(element.tag[5:])
        values = [*old, *(None,) * (place - len(old))]
        values[place - 1] = wire.read_integer(element.text or "")
        return tuple(values)

    def emit(values: tuple[int | None, ...]) -> str:
        if len(values) > _MOST_INDICES:
            raise MessageError(f"{len(values)} indices: receivers know {_MOST_INDICES}")
        shown = zip(elements, values, strict=False)
        return "".join(f"<{e}>{wire.show_integer(v)}</{e}>" for e, v in shown if v is not None)

    return wire.declare(wire.Wire(elements, emit, collect=collect), ())
