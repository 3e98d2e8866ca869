# SPDX-License-Identifier: GPL-3.0-or-later
"""difxMessage documents of every type: one table of values and XML, read and written."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from difxnb.wire import message as m
from difxnb.wire.message import Header, Message, message_type, parse, to_xml
from difxnb.wire.message_types import BY_CLASS, CATALOGUE

PROLOG = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


def document(kind: str, body: str, header: str = "<from>n1</from><mpiProcessId>2</mpiProcessId>") -> str:
    """A document of the library's form."""
    head = f"<header>{header}<identifier>exp_7</identifier><type>{kind}</type></header>"
    return f"{PROLOG}<difxMessage>{head}<body><seqNumber>9</seqNumber>{body}</body></difxMessage>"


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
