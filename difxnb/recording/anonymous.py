# SPDX-License-Identifier: GPL-3.0-or-later
"""Records without names of users, hosts, addresses and directories.

In: the records of a recording. Out: the same records with pseudonyms (:mod:`difxnb.recording.pseudonyms`), and without
the environment of the server. Names of experiments, jobs, stations, sources and scans are science and stay, but for
what in them is the name of a user or host. What is made of these records (tables, Datasets, journals) knows no more.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from difxnb.formats.journal import Damage, Kind, Record
from difxnb.formats.journal_content import (
    decode_block,
    decode_facts,
    decode_file,
    decode_notice,
    encode_block,
    encode_facts,
    encode_file,
    encode_notice,
)
from difxnb.recording.pseudonyms import Pseudonyms
from difxnb.recording.records import Records
from difxnb.wire.message import Message, Processor, Unparsed, parse
from difxnb.wire.message_names import JobState
from difxnb.wire.message_types import BY_PAYLOAD, CATALOGUE

_HOST_FIELDS = frozenset(
    {"head_node", "datastreams", "address", "data_node", "node", "target_node", "mark5", "host", "hosts"}
)
_USER_VARIABLES = ("USER", "LOGNAME", "DIFX_USER_ID", "USERNAME", "SUDO_USER")
_HOST_VARIABLES = ("HOSTNAME", "HOST", "DIFX_HEAD_NODE")
_MARKUP = re.compile(r"(<[^<>]*>)")
_TAG = re.compile(r"<([\w:.-]+)")
_NAMED = re.compile(r"(</?)([\w:.-]+)(.*?)(/?>)\Z", re.DOTALL)
_KEPT_WORDS = frozenset(state.value for state in JobState) | {entry.type for entry in CATALOGUE}
# Comments and the like may stand within names, and zeros between the letters of what is in another encoding.
_HIDING = re.compile(rb"<!|<\?(?!xml\s)|\0")
_NUMBER = re.compile(r"\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*\Z")


def pseudonyms_for(records: Records) -> Pseudonyms:
    """Find all names in a recording."""
    names = Pseudonyms()
    for record in records.records():
        try:
            _collect(names, record)
        except ValueError:
            continue  # what is not understood is not handed on either
    return names


def _collect(names: Pseudonyms, record: Record) -> None:
    payload = record.payload
    match record.kind:
        case Kind.DATAGRAM:
            _collect_message(names, parse(payload))
        case Kind.NOTICE:
            names.look(decode_notice(payload).text)
        case Kind.FILE:
            file = decode_file(payload)
            names.add_path(file.path)
            names.look(file.text)
            for line in file.text.splitlines():
                names.add_path(line.partition(":")[2].strip())
        case Kind.SERVER:
            _collect_server(names, decode_facts(payload))
        case Kind.BLOCK | Kind.END:
            pass
        case _ if record.kind in _FACTS:
            facts = decode_facts(payload)
            names.add_path(facts.get("input_file") if isinstance(facts.get("input_file"), str) else None)
            address = facts.get("address")
            if isinstance(address, str) and address:
                names.add_host(address.split()[0])
            _each_text(facts, names.look)


def _collect_server(names: Pseudonyms, facts: Mapping[str, Any]) -> None:
    _each_text([facts.get("user")], names.add_user)
    _each_text([facts.get("difx_base"), facts.get("setup_path")], names.add_path)
    variables = facts.get("environment")
    if isinstance(variables, dict):
        for name in _USER_VARIABLES:
            _each_text([variables.get(name)], names.add_user)
        for name in _HOST_VARIABLES:
            _each_text([variables.get(name)], names.add_host)
        home = variables.get("HOME")
        if isinstance(home, str) and home.startswith("/"):
            names.add_path(home)
            names.add_user(home.rstrip("/").rpartition("/")[2])


def _collect_message(names: Pseudonyms, item: Message | Unparsed) -> None:
    if item.header is not None:
        for host in (item.header.source, *item.header.to):
            names.add_host(host)
    if isinstance(item, Unparsed):
        names.look(item.text)
        return
    for field_ in dataclasses.fields(item.body):
        value = getattr(item.body, field_.name)
        if field_.name == "user":
            names.add_user(value)
        elif field_.name in _HOST_FIELDS:
            _each_text(value, names.add_host)
        elif isinstance(value, tuple) and value and isinstance(value[0], Processor):
            for processor in value:
                _each_text(processor.nodes, names.add_host)
        if isinstance(value, str) and value.startswith("/"):
            names.add_path(value)
        _each_text(value, names.look)


def _each_text(value: Any, take: Callable[[str], None]) -> None:
    """Do something with every text in a value."""
    if isinstance(value, str):
        take(value)
    elif isinstance(value, dict):
        for name, part in value.items():
            _each_text(name, take)
            _each_text(part, take)
    elif isinstance(value, list | tuple):
        for part in value:
            _each_text(part, take)


# --- replacing -------------------------------------------------------------------------------------------


@dataclass(slots=True)
class AnonymousRecords:
    """The records of a recording without names; they are made anew each time they are asked for.

    Attributes
    ----------
    path : Path
        No real one.
    """

    _records: Records
    _names: Pseudonyms
    path: Path = Path("anonymous")
    _places: list[int] = field(init=False)
    kinds: list[int] = field(init=False)
    times: list[float] = field(init=False)

    def __post_init__(self) -> None:
        kinds, times = self._records.kinds, self._records.times
        self._places = [place for place, kind in enumerate(kinds) if kind in _REWRITE]
        self.kinds = [kinds[place] for place in self._places]
        self.times = [times[place] for place in self._places]

    def __len__(self) -> int:
        return len(self.kinds)

    @property
    def damage(self) -> list[Damage]:
        """What was lost, without saying more of it than where."""
        return [Damage(one.begin, one.end, "damaged") for one in self._records.damage]

    def records(self, kinds: Container[int] | None = None, *, begin: int = 0) -> Iterator[Record]:
        """Those of some kinds, or all, from number `begin` on; what is not understood comes empty."""
        if begin >= len(self._places):
            return
        wanted = _REWRITE if kinds is None else frozenset(kind for kind in _REWRITE if kind in kinds)
        for record in self._records.records(wanted, begin=self._places[begin]):
            try:
                yield record._replace(payload=_REWRITE[record.kind](self._names, record.payload))
            except ValueError:
                yield record._replace(payload=b"")


def _rewrite_datagram(names: Pseudonyms, payload: bytes) -> bytes:
    if _HIDING.search(payload.strip(b"\0")):
        return b""
    try:
        text, encoding = payload.decode(), "utf-8"
    except UnicodeDecodeError:
        text, encoding = payload.decode("latin-1"), "latin-1"
    if "<" not in text:
        return names.replace(text).encode(encoding, "replace")
    tag, pieces = "", []
    for piece in _MARKUP.split(text):
        if piece.startswith("<"):
            tag = found[1] if (found := _TAG.match(piece)) else ""
            pieces.append(_rewrite_markup(names, piece))
        else:
            pieces.append(_rewrite_text(names, piece, tag))
    return "".join(pieces).encode(encoding, "replace")


def _rewrite_text(names: Pseudonyms, piece: str, tag: str) -> str:
    stand_in = {"from": names.host, "to": names.host, "user": names.user}.get(tag, names.replace)
    if not piece.strip() or piece in _KEPT_WORDS or (_NUMBER.match(piece) and stand_in == names.replace):
        return piece
    plain = unescape(piece)
    made = stand_in(plain)
    return piece if made == plain else escape(made)


def _rewrite_markup(names: Pseudonyms, piece: str) -> str:
    if piece.startswith("<?xml "):
        return piece
    found = _NAMED.match(piece)
    if found is None:
        return f"<{names.replace(piece[1:-1])}>"
    begin, name, rest, end = found.groups()
    name = name if name in _VOCABULARY else names.replace(name)
    plain = unescape(rest)
    made = names.replace(plain)
    return f"{begin}{name}{rest if made == plain else escape(made)}{end}"


_VOCABULARY = frozenset(BY_PAYLOAD) | {"difxMessage", "header", "body", "from", "to", "type", "seqNumber"}


def _rewrite_notice(names: Pseudonyms, payload: bytes) -> bytes:
    notice = decode_notice(payload)
    return encode_notice(dataclasses.replace(notice, text=names.replace(notice.text)))


def _rewrite_file(names: Pseudonyms, payload: bytes) -> bytes:
    file = decode_file(payload)
    return encode_file(file._replace(path=names.replace(file.path), text=names.replace(file.text)))


def _rewrite_block(names: Pseudonyms, payload: bytes) -> bytes:
    monitor, block = decode_block(payload)
    scan, source = names.replace(block.scan), names.replace(block.source)
    if (scan, source) == (block.scan, block.source):
        return payload
    return encode_block(monitor, dataclasses.replace(block, scan=scan, source=source))


def _rewrite_server(names: Pseudonyms, payload: bytes) -> bytes:
    facts = decode_facts(payload)
    facts["environment"] = {}
    user = facts.get("user")
    facts["user"] = names.user(user) if isinstance(user, str) else ""
    kept = {name: value for name, value in facts.items() if name != "user"}
    return encode_facts(**{**_replaced(names, kept), "user": facts["user"]})


def _rewrite_facts(names: Pseudonyms, payload: bytes) -> bytes:
    return encode_facts(**_replaced(names, decode_facts(payload)))


def _replaced(names: Pseudonyms, value: Any) -> Any:
    if isinstance(value, str):
        return names.replace(value)
    if isinstance(value, dict):
        return {n: part if n in _OUR_WORDS else _replaced(names, part) for n, part in value.items()}
    if isinstance(value, list):
        return [_replaced(names, part) for part in value]
    return value


_OUR_WORDS = frozenset({"event", "outcome", "types"})
_FACTS = frozenset(
    {
        Kind.SESSION,
        Kind.GAP,
        Kind.SELECTION,
        Kind.CONNECTION,
        Kind.DROPPED,
        Kind.MONITOR,
        Kind.OFFER,
        Kind.CHOICE,
    }
    | {Kind.RUN}
)
_REWRITE: dict[int, Callable[[Pseudonyms, bytes], bytes]] = {
    **dict.fromkeys(_FACTS, _rewrite_facts),
    Kind.DATAGRAM: _rewrite_datagram,
    Kind.NOTICE: _rewrite_notice,
    Kind.FILE: _rewrite_file,
    Kind.BLOCK: _rewrite_block,
    Kind.SERVER: _rewrite_server,
    Kind.END: lambda names, payload: b"",
}
