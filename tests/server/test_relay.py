# SPDX-License-Identifier: GPL-3.0-or-later
"""Selection of messages by type, and who hears what."""

import pytest

from difxnb.server.relay import Document, MessageNetwork, Selection, checked_network
from difxnb.wire.message import Alert, Header, Mark5Status, Message, Status, Stop, message_type, to_xml


def document(body):
    return to_xml(
        Message(
            header=Header(source="h", mpi_id=0, identifier="j", type=message_type(body)),
            body=body,
            sequence=1,
            size=0,
        )
    )


ALERT, STATUS, MARK5, STOP = map(
    document, (Alert(text="x", severity=4), Status(state="Done"), Mark5Status(state="Idle"), Stop(input="/x"))
)
RUBBISH = b"no xml"
STRANGE = b"<difxMessage><header><type>NoSuchType</type></header><body/></difxMessage>"
ALL = (ALERT, STATUS, MARK5, STOP, RUBBISH, STRANGE)


def wanted(lines, *, relaying=True):
    selection = Selection(relaying=relaying)
    for packet in lines:
        selection.choose(packet.split("\n"))
    return [d for d in ALL if selection.wants(Document.of(d).selection_type)]


@pytest.mark.parametrize(
    ("packets", "expected"),
    [
        ([], list(ALL)),
        (["SELECTED_MESSAGES\nSTATUS_MESSAGES"], [STATUS]),
        (["SELECTED_MESSAGES\nALERT_MESSAGES\n"], [ALERT]),
        (["SELECTED_MESSAGES"], []),
        (["SELECTED_MESSAGES\nUNKNOWN_MESSAGES"], [RUBBISH, STRANGE]),
        (["SELECTED_MESSAGES\nMARK5STATUS_MESSAGES"], [MARK5]),
        (["SELECTED_MESSAGES\nSTOP_MESSAGES\nnonsense"], [STOP]),
        (["SELECTED_MESSAGES\nWEIGHT_MESSAGES"], []),
        (["STATUS_MESSAGES"], list(ALL)),
        (["SELECTED_MESSAGES\nSTATUS_MESSAGES", "ALERT_MESSAGES"], [ALERT]),
        (["SELECTED_MESSAGES\nSTATUS_MESSAGES", "ALL_MESSAGES"], list(ALL)),
    ],
)
def test_selection(packets, expected):
    assert wanted(packets) == expected


def test_nothing_is_relayed_before_it_is_switched_on():
    assert wanted([], relaying=False) == []


def test_documents_are_cut_at_their_first_nul_and_at_the_size_of_a_datagram():
    assert Document.of(b"text\0more").payload == b"text"
    assert len(Document.of(b"x" * 20000).payload) == 10240


def test_documents_reach_those_who_listen_there():
    network, heard, here = MessageNetwork(), [], [("224.2.2.1", 50200)]
    end = network.listen(lambda: here[0], lambda d: heard.append(d.payload))
    network.send(("224.2.2.1", 50200), b"1")
    network.send(("224.2.2.1", 50201), b"2")
    here[0] = ("224.2.2.1", 50201)
    network.send(("224.2.2.1", 50201), b"3")
    end()
    network.send(("224.2.2.1", 50201), b"4")
    assert heard == [b"1", b"3"]


def test_a_listener_may_leave_while_it_hears():
    network, heard = MessageNetwork(), []
    ends = []

    def hear(document):
        heard.append(document.payload)
        ends[0]()

    ends.append(network.listen(lambda: ("224.2.2.1", 1), hear))
    network.send(("224.2.2.1", 1), b"1")
    network.send(("224.2.2.1", 1), b"2")
    assert heard == [b"1"]


@pytest.mark.parametrize(
    ("group", "port"),
    [("10.0.0.1", 50200), ("x" * 40, 50200), ("", 1), ("224.2.2.1", 0), ("224.2.2.1", 70000)],
)
def test_odd_multicast_settings_are_refused(group, port):
    with pytest.raises(ValueError, match=r"IPv4|multicast|port"):
        checked_network(group, port)


def test_good_multicast_settings_are_taken():
    assert checked_network("239.1.2.3", 4000) == ("239.1.2.3", 4000)


def test_what_broke_after_its_header_is_selected_by_it():
    """4.6: the real parser stops at ill-formed XML, and has the type by then."""
    broken = ALERT.replace(b"x</alertMessage>", b"</alert")
    assert Document.of(broken).selection_type == "DifxAlertMessage"
    assert Document.of(broken.replace(b"DifxAlertMessage", b"NoSuchType")).selection_type == ""
    assert Document.of(broken[:60]).selection_type == ""
    assert Document.of(broken).header.identifier == "j"


def test_what_was_not_escaped_goes_out_as_it_came():
    careless = ALERT.replace(b">x<", b">R&D<")
    document_of = Document.of(careless)
    assert (document_of.payload, document_of.selection_type) == (careless, "DifxAlertMessage")
