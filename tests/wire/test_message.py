# SPDX-License-Identifier: GPL-3.0-or-later
"""difxMessage documents: one table read both ways, odd senders, and what must not get through."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from difxnb.wire import message as m
from difxnb.wire.message import Header, Message, Unparsed, command_xml, message_type, parse, to_xml
from difxnb.wire.message_types import BY_CLASS, CATALOGUE

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


SPECTRA = "<scanNumber>4</scanNumber><scanName>EXP_AA_1</scanName><position>123456789012345</position>"
PLAY = "<playRate>511.250</playRate><dataMJD>60001.2500000</dataMJD>"
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
NODES = (
    '<manager node="head"/><datastream nodes="s1 s2 s2"/><process nodes="c1 c2" threads="7"/>'
    '<process nodes="c3" threads="3"/>'
)
PROCESSORS = (m.Processor(("c1", "c2"), 7), m.Processor(("c3",), 3))
WHERE = "<address>192.0.2.9</address><port>50333</port>"
BINS = "".join(f"<bin{i}>{i * 11}</bin{i}>" for i in range(8))

# (body, header type, payload): each line is read, and written again to the same bytes.
TABLE: list[tuple[Any, str, str]] = [
    (
        m.Load(3.5, 16384000, 8192000, 4000000000, 12, 8),
        "DifxLoadMessage",
        "<difxLoad><cpuLoad>3.50</cpuLoad><totalMemory>16384000</totalMemory><usedMemory>8192000</usedMemory>"
        "<netRXRate>4000000000</netRXRate><netTXRate>12</netTXRate><nCore>8</nCore></difxLoad>",
    ),
    (
        m.Alert("/d/exp_7.input", "a < b & 'c'\nnext \u00e9", 3),
        "DifxAlertMessage",
        "<difxAlert><input>/d/exp_7.input</input><alertMessage>a &lt; b &amp; &apos;c&apos;[[ 10]]next \u00e9"
        "</alertMessage><severity>3</severity></difxAlert>",
    ),
    (
        m.Status("/d/exp_7.input", "Running", None, 60001.5, 60001.25, 60001.75, ((0, 0.998), (3, 0.0))),
        "DifxStatusMessage",
        "<difxStatus><input>/d/exp_7.input</input><state>Running</state><message></message>"
        "<visibilityMJD>60001.5000000</visibilityMJD><jobstartMJD>60001.2500000</jobstartMJD>"
        '<jobstopMJD>60001.7500000</jobstopMJD><weight ant="0" wt="0.998"/><weight ant="3" wt="0.000"/>'
        "</difxStatus>",
    ),
    (
        m.Status(None, "Starting", "Version 2.9"),
        "DifxStatusMessage",
        "<difxStatus><state>Starting</state><message>Version 2.9</message>"
        "<visibilityMJD>0.0000000</visibilityMJD></difxStatus>",
    ),
    (m.Info("up"), "DifxInfoMessage", "<difxInfo><message>up</message></difxInfo>"),
    (m.Datastream(), "DifxDatastreamMessage", ""),
    (
        m.Mark5Status(
            None, "AA+01", None, 0x300100, None, "Play", 4, "EXP_AA_1", 123456789012345, 511.25, 60001.25
        ),
        "Mark5StatusMessage",
        "<mark5Status><bankAVSN>AA+01</bankAVSN><bankBVSN>none</bankBVSN><statusWord>0x00300100</statusWord>"
        f"<activeBank> </activeBank><state>Play</state>{SPECTRA}{PLAY}</mark5Status>",
    ),
    (
        m.Mark6Status(
            None,
            ("AA%0001", "AA%0002", None, None),
            ("AA%0001:AA%0002", "AA%0001:AA%0002", None, None),
            (8, 7, 0, 0),
            (0, 1, 0, -8),
            "Open",
            0,
            None,
            0,
            0.0,
        ),
        "Mark6StatusMessage",
        "<mark6Status><slot1MSN>AA%0001</slot1MSN><slot2MSN>AA%0002</slot2MSN><slot3MSN>none</slot3MSN>"
        "<slot4MSN>none</slot4MSN><slot1Group>AA%0001:AA%0002</slot1Group><slot2Group>AA%0001:AA%0002</slot2Group>"
        "<slot3Group></slot3Group><slot4Group></slot4Group><slot1Disks>8</slot1Disks><slot2Disks>7</slot2Disks>"
        "<slot3Disks>0</slot3Disks><slot4Disks>0</slot4Disks><slot1MissingDisks>0</slot1MissingDisks>"
        "<slot2MissingDisks>1</slot2MissingDisks><slot3MissingDisks>0</slot3MissingDisks>"
        "<slot4MissingDisks>-8</slot4MissingDisks><state>Open</state><scanNumber>0</scanNumber>"
        "<scanName></scanName><position>0</position><playRate>0.000</playRate><dataMJD>0.0000000</dataMJD>"
        "</mark6Status>",
    ),
    (
        m.Mark6SlotStatus(None, 3, None, None, 0, 0, "Idle", None),
        "Mark6SlotStatusMessage",
        "<mark6SlotStatus><slot>3</slot><msn>    none</msn><group></group><numDisks>0</numDisks>"
        "<numMissingDisks>0</numMissingDisks><state>6</state><message> </message></mark6SlotStatus>",
    ),
    (
        m.Mark6Activity(
            "/d/exp_7.input", "AA%0001", 0, "Play", 4, "EXP_AA_1", 123456789012345, 511.25, 60001.25
        ),
        "Mark6ActivityMessage",
        "<mark6Activity><input>/d/exp_7.input</input><activeVSN>AA%0001</activeVSN>"
        f"<statusWord>0x00000000</statusWord><state>Play</state>{SPECTRA}{PLAY}</mark6Activity>",
    ),
    (
        m.Mark5Version(
            *("9.1 Jan__1_2011 14.01 Feb__2_2011 3.01 8.01 8.02 8.03 9.03 AMAZON".replace("_", "\0").split()),
            17,
        ),
        "Mark5VersionMessage",
        f"<mark5Version>{VERSIONS}</mark5Version>",
    ),
    (
        m.Transient("exp_7", 60001.5, 60001.50001, 8.25, "/d/t", "S/N 8", 26.5),
        "DifxTransientMessage",
        "<difxTransient><jobId>exp_7</jobId><startMJD>60001.50000000</startMJD><stopMJD>60001.50001000</stopMJD>"
        "<priority>8.250000</priority><destDir>/d/t</destDir><comment>S/N 8</comment><dm>26.500000</dm>"
        "</difxTransient>",
    ),
    (
        m.Smart(60001.25, "AA+01", 5, ((5, 12), (9, 2**47))),
        "DifxSmartMessage",
        '<difxSmart><mjd>60001.2500000</mjd><vsn>AA+01</vsn><slot>5</slot><smart id="5" value="12"/>'
        '<smart id="9" value="140737488355328"/></difxSmart>',
    ),
    (
        m.DriveStats(
            "S1", "M1", 1000, "AA+01", 5, 60001.5, None, "read", 77, tuple(i * 11 for i in range(8))
        ),
        "Mark5DriveStatsMessage",
        "<difxDriveStats><serialNumber>S1</serialNumber><modelNumber>M1</modelNumber><size>1000</size>"
        "<moduleVSN>AA+01</moduleVSN><moduleSlot>5</moduleSlot><startMJD>60001.50000</startMJD>"
        f"<stopMJD>0.00000</stopMJD><type>read</type><startByte>77</startByte>{BINS}</difxDriveStats>",
    ),
    (
        m.Diagnostic("BufferStatus", 0, 32, 9, 27),
        "DifxDiagnosticMessage",
        "<difxDiagnostic><diagnosticType>BufferStatus</diagnosticType><threadId>0</threadId>"
        "<numBufElements>32</numBufElements><startBufElement>9</startBufElement>"
        "<activeBufElements>27</activeBufElements></difxDiagnostic>",
    ),
    (
        m.Diagnostic("InputDatarate", bytes_per_sec=2.5e8),
        "DifxDiagnosticMessage",
        "<difxDiagnostic><diagnosticType>InputDatarate</diagnosticType><bytespersec>250000000.000</bytespersec>"
        "</difxDiagnostic>",
    ),
    (m.Command("GetVSN"), "DifxCommand", "<difxCommand><command>GetVSN</command></difxCommand>"),
    (
        m.Parameter(-2, "dumpsta", (3, 4), "true"),
        "DifxParameter",
        "<difxParameter><targetMpiId>-2</targetMpiId><name>dumpsta</name><index1>3</index1><index2>4</index2>"
        "<value>true</value></difxParameter>",
    ),
    (
        m.Start(
            "/d/exp_7.input",
            "head",
            ("s1", "s2", "s2"),
            PROCESSORS,
            ("DIFX_MTU=9000",),
            "mpirun",
            "--x y",
            "mpifxcorr",
            "DIFX-2.9",
            True,
            120.0,
            "RUN_MONITOR",
            "192.0.2.9",
            50333,
        ),
        "DifxStart",
        f"<difxStart><input>/d/exp_7.input</input>{NODES}<env>DIFX_MTU=9000</env><mpiWrapper>mpirun</mpiWrapper>"
        "<mpiOptions>--x y</mpiOptions><difxProgram>mpifxcorr</difxProgram>"
        "<difxVersion>DIFX-2.9</difxVersion>"
        f"<force>1</force><restartSeconds>120</restartSeconds><function>RUN_MONITOR</function>{WHERE}</difxStart>",
    ),
    (
        m.Stop("/d/exp_7.input", "mpirun", "DIFX-2.9", "mpifxcorr"),
        "DifxStop",
        "<difxStop><input>/d/exp_7.input</input><mpiWrapper>mpirun</mpiWrapper><difxVersion>DIFX-2.9</difxVersion>"
        "<difxProgram>mpifxcorr</difxProgram></difxStop>",
    ),
    (
        m.MachinesDefinition(
            "/d/exp_7.input",
            "head",
            ("s1", "s2", "s2"),
            PROCESSORS,
            test_processors=False,
            machines_file="/d/exp_7.machines",
            threads_file="/d/exp_7.threads",
            address="192.0.2.9",
            port=50333,
        ),
        "DifxMachinesDefinition",
        f"<difxMachinesDefinition><input>/d/exp_7.input</input>{NODES}<testProcessors>false</testProcessors>"
        "<machinesFile>/d/exp_7.machines</machinesFile><threadsFile>/d/exp_7.threads</threadsFile>"
        f"{WHERE}</difxMachinesDefinition>",
    ),
    (
        m.FileTransfer("/d/a", None, "from DiFX", "head", "192.0.2.9", 50333),
        "DifxFileTransfer",
        "<difxFileTransfer><origin>/d/a</origin><destination></destination><direction>from DiFX</direction>"
        f"<dataNode>head</dataNode>{WHERE}</difxFileTransfer>",
    ),
    (
        m.FileOperation("/d/a b", "ls", None, "-l", "192.0.2.9", 50333),
        "DifxFileOperation",
        "<difxFileOperation><path>/d/a b</path><operation>ls</operation><arg>-l</arg>"
        f"{WHERE}</difxFileOperation>",
    ),
    (
        m.Vex2DifxRun("difx", "head", "DIFX-2.9", "/d", "e.v2d", "192.0.2.9", 50333, "difxcalc", False),
        "DifxVex2DifxRun",
        "<difxVex2difxRun><user>difx</user><node>head</node><difxVersion>DIFX-2.9</difxVersion>"
        f"<passPath>/d</passPath><file>e.v2d</file>{WHERE}<calcCommand>difxcalc</calcCommand>"
        "<calcOnly>0</calcOnly></difxVex2difxRun>",
    ),
    (
        m.GetDirectory("mpirun", "DIFX-2.9", "mk5-1", "AA+01", "192.0.2.9", 50333, True),
        "DifxGetDirectory",
        "<difxGetDirectory><mpiWrapper>mpirun</mpiWrapper><difxVersion>DIFX-2.9</difxVersion><mark5>mk5-1</mark5>"
        f"<vsn>AA+01</vsn>{WHERE}<generateNew>1</generateNew></difxGetDirectory>",
    ),
    (
        m.Mk5Control("getsmart", "mk5-1", "192.0.2.9", 50333),
        "DifxMk5Control",
        f"<difxMk5Control><command>getsmart</command><targetNode>mk5-1</targetNode>{WHERE}</difxMk5Control>",
    ),
    (
        m.Mark5Copy("mpirun", "DIFX-2.9", "mk5-1", "AA+01", "3-5", "/d/c", "192.0.2.9", 50333),
        "DifxMark5Copy",
        "<difxMark5Copy><mpiWrapper>mpirun</mpiWrapper><difxVersion>DIFX-2.9</difxVersion><mark5>mk5-1</mark5>"
        f"<vsn>AA+01</vsn><scans>3-5</scans><destination>/d/c</destination>{WHERE}</difxMark5Copy>",
    ),
    (m.Vsis("stop"), "DifxVsis", "<vsis>stop</vsis>"),
]
TABLE = [
    (dataclasses.replace(b, api_date="Jan  1 2011", firmware_date="Feb  2 2011"), k, p)
    if isinstance(b, m.Mark5Version)
    else (b, k, p)
    for b, k, p in TABLE
]


@pytest.mark.parametrize(
    ("body", "kind", "payload"), TABLE, ids=[f"{i}-{k}" for i, (_, k, _) in enumerate(TABLE)]
)
def test_table_both_ways(body: Any, kind: str, payload: str) -> None:
    text = document(kind, payload)
    message = read(text.encode())
    header = Header("n1", (), 2, "exp_7", kind)
    assert message == Message(header, body, 9, len(text.encode()))
    assert to_xml(message) == text.encode()
    assert message_type(body) == kind


def test_table_covers_every_type() -> None:
    assert {type(body) for body, _, _ in TABLE} == set(BY_CLASS)
    assert len(CATALOGUE) == 26


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
    )  # type: ignore[union-attr]


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
    assert message.body.weights == ((1, 1.0),)  # type: ignore[union-attr]
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


def test_job_state_texts_are_kept_as_sent() -> None:
    message = read(document("DifxStatusMessage", "<difxStatus><state>ABORTED</state></difxStatus>"))
    assert message.body.state == "ABORTED"  # type: ignore[union-attr]
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
    assert message.body.text == plain  # type: ignore[union-attr]


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
        (b"<difxMessage></difxMessage><difxMessage></difxMessage>", "ill-formed"),
        (document("DifxAlertMessage", "<difxAlert><input>/a&b</input></difxAlert>").encode(), "ill-formed"),
        (b"<difxMessage>\x01</difxMessage>", "ill-formed"),
        (b"<difxMessage>&undefined;</difxMessage>", "ill-formed"),
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


def test_text_with_surrogates() -> None:
    assert isinstance(parse("<difxMessage>\ud800</difxMessage>"), Unparsed)


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
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(item, dataclasses.fields(item)[0].name, None)
