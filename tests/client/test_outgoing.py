# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages that go out: their exact documents, and what is refused before it can do harm (difxmessage.md 12, 14.12)."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.client.outgoing import Outgoing, make_document, own_host, require_name
from difxnb.errors import MessageError, NotConfirmed, UnsafeValue
from difxnb.wire.message import Command, Header, Message, Parameter, Transient, parse


def made(message: object, to: object = (), *, sent: int = 0, confirm: bool = False) -> Message:
    document = make_document(message, to=to, sent={"difxnb": sent, "e_1": 40}, confirm=confirm)
    read = parse(document)
    assert isinstance(read, Message)
    return read


def raw(command: str) -> str:
    body = f"<body><difxCommand><command>{command}</command></difxCommand></body>"
    return f"<difxMessage><header><to>n1</to><type>DifxCommand</type></header>{body}</difxMessage>"


def test_a_command_gets_an_envelope() -> None:
    document = make_document("GetVSN", to=["mark5fx07", "mark6-02"], sent={}, confirm=False)
    host = socket.gethostname()[:31]
    assert document.decode() == (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
        f"<difxMessage><header><from>{host}</from><to>mark5fx07</to><to>mark6-02</to>"
        "<mpiProcessId>-1</mpiProcessId><identifier>difxnb</identifier><type>DifxCommand</type></header>"
        "<body><seqNumber>1</seqNumber><difxCommand><command>GetVSN</command></difxCommand></body></difxMessage>"
    )
    assert own_host() == host


def test_numbers_count_for_each_name() -> None:
    """difxmessage.md 2.3: receivers tell losses by the numbers of one name."""
    assert made("GetVSN", "mark5", sent=7).sequence == 8
    parameter = made(Parameter(-1, "dumpsta", (), "true"), "e_1")
    assert (parameter.sequence, parameter.header.identifier, parameter.header.to) == (41, "e_1", ("e_1",))


def test_whole_messages_and_xml_go_as_they_are() -> None:
    whole = Message(Header("ctrl", ("n1",), 3, "e_1", "DifxCommand"), Command("getver"), 99)
    assert made(whole)[:3] == whole[:3]
    xml = raw("getver")
    assert make_document(xml, to=(), sent={}, confirm=False) == xml.encode()
    assert made(Transient("e_1", 60000.5, 60000.6), "boom").header.type == "DifxTransientMessage"


@pytest.mark.parametrize(
    "command",
    ["Reboot", "poweroff", "erase", "conditionR", "killmpifxcorr e_1", "modinit_3_BHC%0101", "nobody knows"],
)
def test_14_12_what_destroys_has_to_be_confirmed(command: str) -> None:
    """difxmessage.md 14.12: whoever is on the network can reboot hosts."""
    with pytest.raises(NotConfirmed, match=r"to mark5fx07 .*; say confirm=True"):
        made(command, "mark5fx07")
    with pytest.raises(NotConfirmed):
        made(raw(command))
    assert made(command, "mark5fx07", confirm=True).body == Command(command)


@pytest.mark.parametrize(
    "command", ["copy 3 ; rm -rf /", "mount$(id)", "copy `id`", "copy a|b", "GetVSN\nreboot", "listfs > /x"]
)
def test_what_a_daemon_would_hand_to_a_shell_is_refused(command: str) -> None:
    """difxmessage.md 12, writer rule 5."""
    with pytest.raises((UnsafeValue, MessageError)):
        made(command, "mark5", confirm=True)


def test_a_command_to_nobody_and_a_parameter_to_everybody() -> None:
    """difxmessage.md 6.9 and 14.11."""
    with pytest.raises(ValueError, match="needs an addressee, such as to='mark5fx07' or to='all'"):
        made("GetVSN")
    with pytest.raises(NotConfirmed, match="obeyed by every job on the network"):
        made(Parameter(-1, "keepacting", (), "false"))
    assert made(Parameter(-1, "keepacting", (), "false"), confirm=True).header.to == ()


@pytest.mark.parametrize("name", ["", "a b", "x" * 32, "100%", "a'b", 'a"b', "<x>", "é" * 16, 5])
def test_names_that_messages_cannot_carry(name: object) -> None:
    """difxmessage.md 14.9, 14.10, and rules 2 and 3 for writers."""
    with pytest.raises(ValueError, match="names of at most 31 bytes, without blanks, quotes or %"):
        require_name(name)
    with pytest.raises((ValueError, TypeError)):
        made("GetVSN", [name])


@pytest.mark.parametrize(
    ("message", "to", "error", "says"),
    [
        ("<difxMessage>", (), MessageError, "is no difxMessage"),
        ("<html/>", (), MessageError, "is no difxMessage"),
        (b"<difxMessage/>\0", (), MessageError, "NUL"),
        ("<difxMessage/>", "n1", ValueError, "XML carries its own addressees"),
        (Message(Header(), Command("a")), "n1", ValueError, "its own addressees in its header"),
        ("<difxMessage>" + " " * 8000 + "</difxMessage>", (), MessageError, "receivers take 7999"),
        (Command("x" * 2000), "n1", MessageError, "bytes"),
    ],
)
def test_what_cannot_be_sent(message: object, to: object, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        made(message, to)


def test_outgoing_shows_everything() -> None:
    document = make_document("GetVSN", to="all", sent={}, confirm=False)
    shown = repr(Outgoing(document, "multicast group 224.2.2.1, port 50200"))
    assert "preview, not sent; it would go to multicast group 224.2.2.1, port 50200" in shown
    assert document.decode() in shown
    sent = Outgoing(document, "there", sent=True, heard=False, note="nobody heard it")
    assert repr(sent).startswith("<sent to there>")
    assert repr(sent).endswith("nobody heard it")
    assert sent.message.body == Command("GetVSN")


@settings(max_examples=60)
@given(st.text(max_size=40), st.text(max_size=12), st.booleans())
def test_any_text_is_sent_as_it_is_or_refused(command: str, to: str, confirm: bool) -> None:
    try:
        message = made(command, to, confirm=confirm)
    except (ValueError, MessageError, NotConfirmed):
        return
    if isinstance(message.body, Command):
        assert message.body.command == (command or None)
        assert message.header.to == (to,)
