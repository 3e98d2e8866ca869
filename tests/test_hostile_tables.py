# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever is sent, no table raises: neither when it takes a message in nor when somebody looks."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.tables import AlertTable, JobTable, MessageTable, NodeTable, RecorderTable
from difxnb.tables.traffic import Traffic
from difxnb.wire.events import Gap
from difxnb.wire.message import parse
from difxnb.wire.message_types import CATALOGUE

T0 = 1_704_110_400.0
NUMBERS = (
    "0",
    "1",
    "-1",
    "1e300",
    "nan",
    "60310.5",
    "65000",
    str(2**31),
    str(2**63 - 1),
    str(-(2**63)),
    "9" * 400,
)
TEXTS = (
    "",
    " ",
    "none",
    "A",
    "e_1",
    "Running",
    "Play",
    "Condition",
    "GetDirectory",
    "x[37%]",
    "Pass 1: 9%",
    "Done",
)
VALUES = st.one_of(
    st.sampled_from(NUMBERS + TEXTS), st.text(st.characters(exclude_characters="<&"), max_size=20)
)
TYPES = (*(entry.type for entry in CATALOGUE), "gap", "unparsed", "unknown")
ELEMENTS = sorted({element for entry in CATALOGUE for element in entry.layout.elements})


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    entry = draw(st.sampled_from(CATALOGUE))
    names = draw(st.lists(st.sampled_from(ELEMENTS), max_size=8))
    own = draw(st.lists(st.sampled_from(sorted(entry.layout.elements) or ["none"]), max_size=12))
    fields = "".join(
        f'<{name} ant="{draw(st.sampled_from(NUMBERS))}" wt="{draw(st.sampled_from(NUMBERS))}" '
        f'id="{draw(st.sampled_from(NUMBERS))}" value="{draw(st.sampled_from(NUMBERS))}">{draw(VALUES)}</{name}>'
        for name in own + names
    )
    head = "".join(
        f"<{name}>{draw(VALUES)}</{name}>" for name in ("from", "mpiProcessId", "identifier", "type")
    )
    payload = entry.payload or "other"
    return (
        f"<difxMessage><header>{head}</header><body><seqNumber>{draw(VALUES)}</seqNumber>"
        f"<{payload}>{fields}</{payload}></body></difxMessage>"
    ).encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("kind", TYPES)
def test_no_type_need_have_been_heard(kind: str) -> None:
    table = MessageTable(5)
    assert table.frame(type=kind).empty
    table.add(Gap(T0, None, "cut"), T0)
    assert len(table.frame(type=kind)) == (kind == "gap")


@settings(max_examples=60)
@given(
    st.lists(st.one_of(documents(), st.sampled_from(["lost", "back"])), max_size=12), st.sampled_from(TYPES)
)
def test_no_table_raises(told: list[bytes | str], another: str) -> None:
    messages, jobs, nodes = MessageTable(5), JobTable(3), NodeTable(3)
    recorders, alerts, traffic = RecorderTable(3), AlertTable(3), Traffic(3)
    for number, piece in enumerate(told):
        if isinstance(piece, str):
            item = Gap(T0, None if piece == "lost" else T0 + number, "cut")
        else:
            item = parse(piece)
        for table in (messages, jobs, nodes, recorders, alerts, traffic):
            table.add(item, T0 + number)
    for kind in {another, *messages.frame(envelope=True)["type"]}:
        messages.frame(type=kind)
    for name in jobs.frame()["job"]:
        jobs.weights(name)
        jobs.events(name)
    nodes.frame(T0 + 100)
    nodes.history()
    recorders.frame(T0 + 100)
    recorders.modules()
    recorders.smart()
    recorders.drive_statistics()
    recorders.versions()
    alerts.frame(None)
    traffic.senders(T0)
    for table in (messages, jobs, nodes, recorders, alerts):
        assert "<pre>" in table._repr_html_()
