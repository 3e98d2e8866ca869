# SPDX-License-Identifier: GPL-3.0-or-later
"""difxMessage documents: one table read both ways, odd senders, and what must not get through."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from difxnb.wire import message as m
from difxnb.wire.message import Header, Message, Unparsed, command_xml, message_type, parse, to_xml
from difxnb.wire.message_types import CATALOGUE

PROLOG = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


def document(kind: str, body: str, header: str = "<from>n1</from><mpiProcessId>2</mpiProcessId>") -> str:
    """A document of the library's form."""
    head = f"<header>{header}<identifier>exp_7</identifier><type>{kind}</type></header>"
    return f"{PROLOG}<difxMessage>{head}<body><seqNumber>9</seqNumber>{body}</body></difxMessage>"


def type_of(payload: str) -> str:
    return next(e.type for e in CATALOGUE if e.payload and payload.startswith(f"<{e.payload}>"))


def read(text: str | bytes) -> Message:
    message = parse(text)
    assert isinstance(message, Message), message
    return message


VERSIONS = (
    "<ApiVer>9.1</ApiVer><ApiDate>Jan  1 2011</ApiDate><FirmVer>14.01</FirmVer>"
    "<FirmDate>Feb  2 2011</FirmDate>"
    "<MonVer>3.01</MonVer><XbarVer>8.01</XbarVer><AtaVer>8.02</AtaVer><UAtaVer>8.03</UAtaVer>"
    "<DriverVer>9.03</DriverVer><BoardType>AMAZON</BoardType><SerialNum>17</SerialNum>"
)
BOARD = (
    "<DaughterBoard><PCBVer>B</PCBVer><PCBType>10GIGE</PCBType><PCBSubType>CX4</PCBSubType>"
    "<FPGAConfig>10GIGE</FPGAConfig><FPGAConfigVer>1.51</FPGAConfigVer><SerialNum>18</SerialNum>"
    "<NumChannels>2</NumChannels></DaughterBoard>"
)
BINS = "".join(f"<bin{i}>{i * 11}</bin{i}>" for i in range(8))


@pytest.mark.parametrize("pad", [b"\0", b"\n", b" \0\n\0", b"\r\n"])
def test_padding_is_ignored(pad: bytes) -> None:
    text = document("DifxInfoMessage", "<difxInfo><message>up</message></difxInfo>").encode()
    assert read(text + pad).body == m.Info("up")
    assert read(pad + text).body == m.Info("up")


def test_indented_document_without_wrapper() -> None:
    text = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<difxMessage>
    <header>
        <type>DifxFileOperation</type>
    </header>
    <body>
      <port>77</port>
     <operation>ls</operation>
     <path>/d</path>
    </body>
</difxMessage>
"""
    message = read(text)
    assert message.body == m.FileOperation("/d", "ls", port=77)
    assert message.flags == ("no wrapper",)
    assert message.header == Header(type="DifxFileOperation")
    assert message.sequence is None


def test_indented_document_with_wrapper() -> None:
    text = document("DifxStop", "\n  <difxStop>\n    <input>/d/e.input</input>\n  </difxStop>\n")
    assert read(text).body == m.Stop("/d/e.input")


def test_wrapper_of_another_name() -> None:
    message = read(document("DifxStop", "<stopIt><input>/d/e.input</input></stopIt>"))
    assert message.body == m.Stop("/d/e.input")
    assert message.flags == ("no wrapper",)


def test_payload_element_decides_over_the_header() -> None:
    message = read(document("Mark5StatusMessage", f"<mark5Version>{VERSIONS}{BOARD}</mark5Version>"))
    assert isinstance(message.body, m.Mark5Version)
    assert message.body.serial_number == 17
    assert message.body.daughter_board == m.DaughterBoard("B", "10GIGE", "CX4", "10GIGE", "1.51", 18, 2)
    assert message.flags == ("header type",)
    assert message.header.type == "Mark5StatusMessage"
    assert to_xml(message).decode() == document(
        "Mark5StatusMessage", f"<mark5Version>{VERSIONS}{BOARD}</mark5Version>"
    )


def test_legacy_condition_report() -> None:
    payload = (
        f"<difxCondition><serialNumber>S1</serialNumber><moduleSlot>5</moduleSlot>{BINS}</difxCondition>"
    )
    message = read(document("Mark5ConditionMessage", payload))
    assert isinstance(message.body, m.DriveStats)
    assert (message.body.type, message.body.serial_number, message.body.bins[7]) == ("condition", "S1", 77)
    assert message.flags == ("legacy difxCondition",)


def test_several_addressees() -> None:
    header = "<from>n1</from><to>a</to><to> b </to><mpiProcessId>-1</mpiProcessId>"
    text = document("DifxCommand", "<difxCommand><command>GetVSN</command></difxCommand>", header)
    assert read(text).header.to == ("a", "b")
    assert read(text).header.mpi_id == -1
    assert read(to_xml(read(text))).header == read(text).header


@pytest.mark.parametrize("last", ["wt", "ant"])
def test_order_of_weight_attributes(last: str) -> None:
    weight = '<weight ant="4" wt="0.5"/>' if last == "wt" else '<weight wt="0.5" ant="4"/>'
    assert read(document("DifxStatusMessage", f"<difxStatus>{weight}</difxStatus>")).body.weights == (
        (4, 0.5),
    )


@pytest.mark.parametrize(
    ("payload", "field", "flag"),
    [
        ("<difxAlert><severity>high</severity></difxAlert>", "severity", "unreadable severity"),
        ("<difxAlert><severity>8</severity></difxAlert>", "severity", "unreadable severity"),
        ("<difxAlert><severity>1_0</severity></difxAlert>", "severity", "unreadable severity"),
        ("<difxLoad><cpuLoad>nan</cpuLoad></difxLoad>", "cpu_load", "unreadable cpuLoad"),
        ("<difxLoad><cpuLoad>-inf</cpuLoad></difxLoad>", "cpu_load", "unreadable cpuLoad"),
        ("<difxLoad><nCore>99999999999999999999</nCore></difxLoad>", "n_core", "unreadable nCore"),
        (f"<difxLoad><nCore>{'9' * 5000}</nCore></difxLoad>", "n_core", "unreadable nCore"),
        (
            "<difxStatus><visibilityMJD>12</visibilityMJD></difxStatus>",
            "visibility_mjd",
            "unreadable visibilityMJD",
        ),
        (
            f"<difxDriveStats><startMJD>{'1' * 400}.0</startMJD></difxDriveStats>",
            "start_mjd",
            "unreadable startMJD",
        ),
        (
            "<mark5Status><statusWord>0x1ffffffff</statusWord></mark5Status>",
            "status_word",
            "unreadable statusWord",
        ),
    ],
)
def test_unreadable_numbers_are_missing_and_flagged(payload: str, field: str, flag: str) -> None:
    message = parse(document(type_of(payload), payload))
    assert isinstance(message, Message)
    assert getattr(message.body, field) is None
    assert message.flags == (flag,)


@pytest.mark.parametrize(
    "attributes", ["", 'ant="0"', 'ant="x" wt="1"', 'ant="0" wt="nan"', 'ant="-1" wt="1"']
)
def test_unreadable_weights_are_left_out(attributes: str) -> None:
    text = f'<difxStatus><weight {attributes}/><weight ant="1" wt="1.000"/></difxStatus>'
    message = read(document("DifxStatusMessage", text))
    assert message.body.weights == ((1, 1.0),)
    assert message.flags == ("unreadable weight",)


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ("<difxAlert><severity/></difxAlert>", "severity"),
        ("<difxAlert><severity> </severity></difxAlert>", "severity"),
        ("<difxAlert></difxAlert>", "severity"),
        ("<difxAlert><alertMessage></alertMessage></difxAlert>", "text"),
        ("<difxStatus><visibilityMJD>0</visibilityMJD></difxStatus>", "visibility_mjd"),
        ("<mark5Status><bankAVSN>none</bankAVSN></mark5Status>", "bank_a_vsn"),
        ("<mark5Status><activeBank> </activeBank></mark5Status>", "active_bank"),
    ],
)
def test_missing_values_are_none_without_a_flag(payload: str, field: str) -> None:
    message = read(document(type_of(payload), payload))
    assert getattr(message.body, field) is None
    assert message.flags == ()


def test_states_by_number_by_name_and_unknown() -> None:
    def state(text: str) -> str | None:
        body = read(document("Mark5StatusMessage", f"<mark5Status><state>{text}</state></mark5Status>")).body
        assert isinstance(body, m.Mark5Status)
        return body.state

    assert state("6") == "Idle"
    assert state("Poweroff") == "PowerOff"
    assert state("Levitating") == "Levitating"
    assert state("99") == "99"


def test_repeated_elements_are_bounded() -> None:
    weights = '<weight ant="0" wt="1.0"/>' * 5000
    message = read(document("DifxStatusMessage", f"<difxStatus>{weights}</difxStatus>"))
    assert isinstance(message.body, m.Status)
    assert len(message.body.weights) == 4096
    assert message.flags == ("unreadable weight",) * 20
    hosts = f'<datastream nodes="{"h " * 4097}"/>'
    start = read(document("DifxStart", f"<difxStart>{hosts}</difxStart>"))
    assert isinstance(start.body, m.Start)
    assert start.body.datastreams == ()


def test_job_state_texts_are_kept_as_sent() -> None:
    message = read(document("DifxStatusMessage", "<difxStatus><state>ABORTED</state></difxStatus>"))
    assert message.body.state == "ABORTED"
    assert m.JobState("ABORTED").is_terminal
    assert not m.JobState("Terminating").is_terminal


@pytest.mark.parametrize(
    ("value", "expected"),
    [("0", False), ("no", False), ("False", False), ("1", True), ("yes", True), ("true", True)],
)
def test_force_goes_by_the_first_letter(value: str, expected: bool) -> None:
    body = read(document("DifxStart", f"<difxStart><force>{value}</force></difxStart>")).body
    assert isinstance(body, m.Start)
    assert body.force is expected


def test_hosts_are_split_where_receivers_split() -> None:
    hosts = '<datastream nodes="(a, b)[c]{d}"/><datastream nodes="e"/>'
    text = f'<difxStart>{hosts}<process nodes="f\u00e9g"/></difxStart>'
    body = read(document("DifxStart", text)).body
    assert isinstance(body, m.Start)
    assert body.datastreams == ("a", "b", "c", "d", "e")
    assert body.processors == (m.Processor(("f", "g"), 1),)


def test_second_index_alone() -> None:
    body = read(document("DifxParameter", "<difxParameter><index2>5</index2></difxParameter>")).body
    assert isinstance(body, m.Parameter)
    assert body.indices == (None, 5)


@pytest.mark.parametrize(
    ("coded", "plain"),
    [
        ("a[[ 10]]b[[  9]]c", "a\nb\tc"),
        ("caf[[-61]][[-87]]!", "café!"),
        ("[[-128]x", "\x80x"),  # one bracket is lost at -100 and below
        ("[[-30]][[-126][[-84]]", "€"),  # a run with a short code in it
        ("[[-23]]t[[-23]]", "\u00e9t\u00e9"),  # Latin-1
        ("[[ 10] [[ 32]] [[200]] [[x]] [[]]", "[[ 10] [[ 32]] [[200]] [[x]] [[]]"),
    ],
)
def test_byte_codes(coded: str, plain: str) -> None:
    message = read(
        document("DifxAlertMessage", f"<difxAlert><alertMessage>{coded}</alertMessage></difxAlert>")
    )
    assert message.body.text == plain


def test_latin_1_is_read_and_flagged() -> None:
    text = document("DifxInfoMessage", "<difxInfo><message>caf\u00e9</message></difxInfo>").encode("latin-1")
    message = read(text)
    assert message.body == m.Info("café")
    assert message.flags == ("latin-1",)
    assert message.size == len(text)


def test_declared_encodings_cannot_hide_anything() -> None:
    text = '<?xml version="1.0" encoding="UTF-16"?><difxMessage><body/></difxMessage>'
    assert isinstance(parse(text), Message)
    hidden = '<!DOCTYPE x [<!ENTITY e "x">]><difxMessage/>'.encode("utf-16")
    assert isinstance(parse(hidden), Unparsed)


def test_unknown_type_keeps_its_fields() -> None:
    text = document(
        "DifxWeightMessage", '<difxWeight k="v"><antenna>3</antenna><deep><w>0.5</w></deep></difxWeight>'
    )
    message = read(text)
    assert message.body == m.Unknown(
        (("difxWeight@k", "v"), ("difxWeight/antenna", "3"), ("difxWeight/deep/w", "0.5"))
    )
    assert message_type(message.body) == "Unknown"
    with pytest.raises(m.MessageError, match="cannot be written"):
        to_xml(message)


def test_unknown_fields_are_bounded() -> None:
    message = read(document("What", "<what>" + "<a>1</a>" * 5000 + "</what>"))
    assert isinstance(message.body, m.Unknown)
    assert len(message.body.fields) == 256


def test_namespace_is_dropped() -> None:
    text = document("DifxInfoMessage", "<difxInfo><message>up</message></difxInfo>")
    message = read(text.replace("<difxMessage>", '<difxMessage xmlns="http://x.example/">'))
    assert message.body == m.Info("up")


ENTITIES = "".join(f'<!ENTITY a{i + 1} "&a{i};&a{i};&a{i};&a{i};">' for i in range(30))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"\0\0\n", "empty"),
        (b"exp_7 Running", "not XML"),
        (b"\xff\xfe\x00", "not XML"),
        (b"<difxMessage>", "ill-formed"),
        (b"<html>&</body>", "ill-formed"),
        (b"<difxMessage><header/></difxMessag", "ill-formed"),
        (b"<html/>", "not difxMessage"),
        (f'<!DOCTYPE d [<!ENTITY a0 "x">{ENTITIES}]><difxMessage>&a30;</difxMessage>'.encode(), "refused"),
        (b'<!DOCTYPE d [<!ENTITY e SYSTEM "file:///etc/passwd">]><difxMessage>&e;</difxMessage>', "refused"),
        (b"<a>" * 100_000 + b"</a>" * 100_000, "deeper"),
        (b"<" + b"x" * 2**20, "at most"),
    ],
)
def test_what_is_no_message_is_kept_as_text(data: bytes, reason: str) -> None:
    result = parse(data)
    assert isinstance(result, Unparsed)
    assert reason in result.reason
    assert result.size == len(data)
    assert len(result.text) <= 2**16
    assert data.decode("utf-8", "replace").startswith(result.text)


@pytest.mark.parametrize(
    ("data", "flag"),
    [
        ("<difxMessage></difxMessage><difxMessage></difxMessage>", "text after the document"),
        ("<difxMessage></difxMessage>junk", "text after the document"),
        ("<difxMessage>\x01</difxMessage>", "repaired"),
        ("<difxMessage>&undefined;</difxMessage>", "repaired"),
        ("<difxMessage>&#0;&#xffff;&#1114112;</difxMessage>", "repaired"),
        ("<difxMessage>\ud800</difxMessage>", "repaired"),
    ],
)
def test_slips_of_senders_are_repaired_and_flagged(data: str, flag: str) -> None:
    """difxmessage.md 3.1, 12.3, and what happens to several documents in a packet (1)."""
    message = read(data)
    assert (message.body, message.flags) == (m.Unknown(), (flag,))
    assert isinstance(parse(data, strict=True), Unparsed), "nothing that is executed may be guessed"


# -- refusals of the writer -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (m.Stop("/d/a\nb"), "U+000A"),
        (m.Stop("/d/a\0"), "U+0000"),
        (m.Stop("/d/\ud800"), "U+D800"),
        (m.Stop("x" * 1024), "1024 bytes"),
        (m.Stop("\u00e9" * 512), "1024 bytes"),
        (m.Stop(difx_version="x" * 32), "32 bytes"),
        (m.Command("a\nb"), "U+000A"),
        (m.Mk5Control("x" * 32), "32 bytes"),
        (m.Start(head_node="a b"), "'a b'"),
        (m.Start(head_node=""), "''"),
        (m.Start(datastreams=("a,b",)), "'a,b'"),
        (m.Start(datastreams=("x" * 256,)), "256 bytes"),
        (m.Start(datastreams=("a",) * 51), "51 datastream hosts"),
        (m.Start(processors=(m.Processor(("a",) * 51), m.Processor(("a",) * 50))), "101 process hosts"),
        (m.Start(environment=("A=1",) * 9), "at most 8"),
        (m.Start(restart_seconds=float("nan")), "nan"),
        (m.Start(port=2**63), "64 bits"),
        (m.Parameter(indices=(1,) * 8), "8 indices"),
        (m.Mark6Status(msn=("a",)), "4 values"),
        (m.Mark5Status(status_word=-1), "32 bits"),
        (m.Load(cpu_load=float("inf")), "inf"),
        (m.Status(weights=((0, float("nan")),)), "nan"),
        (m.Unknown(), "cannot be written"),
    ],
)
def test_writer_refuses(body: Any, what: str) -> None:
    with pytest.raises(m.MessageError) as caught:
        command_xml(body)
    assert what in str(caught.value)


def test_writer_refuses_long_envelopes_and_documents() -> None:
    with pytest.raises(m.MessageError, match="identifier has 32 bytes"):
        to_xml(Message(Header(identifier="x" * 32), m.Info("a")))
    with pytest.raises(m.MessageError, match="7999"):
        to_xml(Message(Header(), m.Alert("/d" * 400, "x" * 7500, 4)))


def test_limits_that_just_fit() -> None:
    assert read(command_xml(m.Stop("x" * 1023))).body == m.Stop("x" * 1023)
    hosts = tuple(f"h{i}" for i in range(50))
    start = m.Start(datastreams=hosts, processors=(m.Processor(hosts, 3), m.Processor(hosts, 4)))
    assert read(command_xml(start)).body == start


def test_empty_header_type_is_filled_in() -> None:
    assert b"<type>DifxInfoMessage</type>" in to_xml(Message(Header(), m.Info("a")))


@pytest.mark.parametrize("item", [Header(), Message(Header(), m.Info("a")), m.Start(), Unparsed("", "", 0)])
def test_values_are_frozen_and_slotted(item: Any) -> None:
    assert not hasattr(item, "__dict__")
    name = item._fields[0] if isinstance(item, tuple) else dataclasses.fields(item)[0].name
    with pytest.raises(AttributeError):
        setattr(item, name, None)
