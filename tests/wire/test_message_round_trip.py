# SPDX-License-Identifier: GPL-3.0-or-later
"""difxMessage documents of every type, made by hypothesis: there and back, and damaged on the way."""

from __future__ import annotations

import dataclasses
from typing import Any, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.wire import message as m
from difxnb.wire.message import Header, Message, Unparsed, command_xml, parse, to_xml
from difxnb.wire.message_types import BY_CLASS, CATALOGUE

BODIES = sorted(BY_CLASS, key=lambda cls: cls.__name__)


def read(text: str | bytes) -> Message:
    message = parse(text)
    assert isinstance(message, Message), message
    return message


CHARACTERS = st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff")
FREE = st.text(CHARACTERS | st.sampled_from("\n\t<>&\"'"), min_size=1, max_size=60).filter(
    lambda s: "[[" not in s
)
WORD = st.text("abcdefghijklmnopqrstuvwxyzABC0123456789_+%.", min_size=0, max_size=5).map(lambda s: "x" + s)
HOSTS = st.lists(WORD, max_size=5).map(tuple)
NUMBER = st.integers(4_000_000, 10_000_000).map(lambda n: n / 100)  # fits every format and is an MJD, too
INT64 = st.integers(-(2**63), 2**63 - 1)
OPTIONAL_INT = st.none() | INT64
SPECIAL: dict[str, st.SearchStrategy[Any]] = {
    "severity": st.integers(0, 7),
    "status_word": st.integers(0, 2**32 - 1),
    "port": st.integers(-(2**31), 2**31 - 1),
    "active_bank": st.sampled_from("AB"),
    "restart_seconds": st.floats(-1e300, 1e300) | st.integers(0, 10**6).map(float),
    "weights": st.lists(
        st.tuples(st.integers(0, 99), st.integers(0, 1100).map(lambda n: n / 1000)), max_size=50
    ),
    "values": st.lists(st.tuples(INT64, INT64), max_size=30),
    "datastreams": HOSTS,
    "environment": st.lists(WORD, max_size=8),
    "processors": st.lists(st.builds(m.Processor, HOSTS, st.integers(0, 99)), max_size=10),
    "indices": st.lists(INT64, max_size=7),
    "bins": st.just(()) | st.tuples(*[OPTIONAL_INT] * 8),
    "disks": st.just(()) | st.tuples(*[OPTIONAL_INT] * 4),
    "missing_disks": st.just(()) | st.tuples(*[OPTIONAL_INT] * 4),
    "msn": st.just(()) | st.tuples(*[st.none() | WORD] * 4),
    "group": st.just(()) | st.tuples(*[st.none() | WORD] * 4),
}
BY_HINT: dict[Any, st.SearchStrategy[Any]] = {
    str | None: WORD,
    int | None: INT64,
    float | None: NUMBER,
    bool | None: st.booleans(),
}


def field_strategy(cls: type[Any], name: str, hint: Any) -> st.SearchStrategy[Any]:
    if name == "daughter_board":
        return st.none() | bodies(m.DaughterBoard)
    plain = cls is m.Mark6SlotStatus and name in ("group", "msn")
    special = None if plain else SPECIAL.get(name)
    if special is None:
        return st.none() | BY_HINT[hint]
    return special.map(tuple) if str(hint).startswith("tuple") else st.none() | special


def bodies(cls: type[Any]) -> st.SearchStrategy[Any]:
    hints = get_type_hints(cls)
    fields = dataclasses.fields(cls)
    return st.builds(cls, **{f.name: field_strategy(cls, f.name, hints[f.name]) for f in fields})


def messages(cls: type[Any]) -> st.SearchStrategy[Message]:
    header = st.builds(
        Header, WORD, HOSTS, st.none() | st.integers(-10, 10**6), WORD, st.just(BY_CLASS[cls].type)
    )
    return st.builds(Message, header, bodies(cls), st.none() | st.integers(-1, 2**31))


@pytest.mark.parametrize("cls", BODIES, ids=lambda cls: cls.__name__)
@settings(max_examples=25)
@given(data=st.data())
def test_round_trip(cls: type[Any], data: st.DataObject) -> None:
    message = data.draw(messages(cls))
    back = read(to_xml(message))
    assert back.header == message.header
    assert back.body == message.body
    assert back.sequence == message.sequence
    assert back.flags == ()


COMMANDS = [
    c
    for c in BODIES
    if c.__name__ in {"Start", "Stop", "MachinesDefinition", "FileOperation", "FileTransfer"}
]


@pytest.mark.parametrize("cls", COMMANDS, ids=lambda cls: cls.__name__)
@settings(max_examples=25)
@given(data=st.data())
def test_command_round_trip(cls: type[Any], data: st.DataObject) -> None:
    body = data.draw(bodies(cls))
    document_bytes = command_xml(body)
    back = read(document_bytes)
    assert back.body == body
    assert back.header == Header(type=BY_CLASS[cls].type)
    # guiServer reads the type before the body, and pastes each value as one line.
    assert document_bytes.index(b"<type>") < document_bytes.index(b"<body>")
    assert document_bytes.count(b"\n") == 1


@given(FREE)
def test_free_text_round_trip(text: str) -> None:
    message = Message(Header(), m.Alert(None, text, 4))
    assert read(to_xml(message)).body == message.body


@given(st.binary(max_size=300) | st.text(max_size=200))
def test_any_input_gives_a_result(data: bytes | str) -> None:
    assert isinstance(parse(data), Message | Unparsed)


STATUS = m.Status("/d/e.input", "Running", "a < b", 60001.5, 60001.25, 60001.75, ((0, 0.9), (1, 1.0)))
DAMAGE = st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 2), st.binary(max_size=3)), max_size=5)


@given(DAMAGE)
def test_damaged_documents_give_a_result(damage: list[tuple[int, int, bytes]]) -> None:
    data = bytearray(to_xml(Message(Header("n1", ("a",), 0, "e"), STATUS, 5)))
    for place, removed, inserted in damage:
        place %= len(data) + 1
        data[place : place + removed] = inserted
    result = parse(bytes(data))
    assert isinstance(result, Message | Unparsed)
    assert result.size == len(data)


ELEMENTS = sorted({element for entry in CATALOGUE for element in entry.layout.elements})


@given(
    st.sampled_from([entry for entry in CATALOGUE if entry.payload]),
    st.lists(st.tuples(st.sampled_from(ELEMENTS), FREE), max_size=6),
)
def test_any_text_in_any_field(entry: Any, fields: list[tuple[str, str]]) -> None:
    texts = [(name, value.replace("&", "").replace("<", "")) for name, value in fields]
    inner = "".join(f"<{name} ant='1' nodes='{len(value)}'>{value}</{name}>" for name, value in texts)
    head = f"<header><type>{entry.type}</type></header>"
    message = read(
        f"<difxMessage>{head}<body><{entry.payload}>{inner}</{entry.payload}></body></difxMessage>"
    )
    assert type(message.body) is entry.layout.cls
    assert len(message.flags) <= 20
