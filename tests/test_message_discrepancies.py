# SPDX-License-Identifier: GPL-3.0-or-later
"""Every disagreement between documentation, senders and parsers of difxMessages: section 13 of ``difxmessage.md``.

One test for each row that touches whoever receives or writes messages, with its number in the name. The others:

* 13.2 (port 50200 or 50201): guiServer chooses the port; what connects to guiServer is in tests/aio/test_address.py.
* 13.23 (default of errormon): a program that we neither are nor run.
* 13.24 (STA records count from the start of the job): guiServer does not relay that channel, and nothing here reads it.
* 13.31 (numbers of types): nothing here goes by numbers; those in the server's texts are in
  tests/server/test_protocol.py.
* 13.32 (the original client on Python 3): it is no part of this.
"""

from __future__ import annotations

from datetime import datetime

import pytest

from difxnb.formats.difxlog import parse_line, status_lines
from difxnb.tables import JobTable, MessageTable
from difxnb.wire import message as m
from difxnb.wire.message import Header, Message, Unparsed, parse, to_xml
from difxnb.wire.parameters import make_parameter
from difxnb.wire.recorder_commands import harm_of

T0 = 1_704_110_400.0


def document(
    kind: str, body: str, *, prolog: str = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
) -> str:
    head = (
        f"<header><from>n1</from><mpiProcessId>0</mpiProcessId>"
        f"<identifier>e_1</identifier><type>{kind}</type></header>"
    )
    return f"{prolog}<difxMessage>{head}<body><seqNumber>7</seqNumber>{body}</body></difxMessage>"


def body_of(kind: str, body: str) -> object:
    message = parse(document(kind, body))
    assert isinstance(message, Message), message
    return message.body


def test_13_01_messages_may_be_longer_than_an_ethernet_frame() -> None:
    text = "x" * 7500
    long = document(
        "DifxAlertMessage",
        f"<difxAlert><alertMessage>{text}</alertMessage><severity>4</severity></difxAlert>",
    )
    message = parse(long)
    assert isinstance(message, Message)
    assert message.body == m.Alert(None, text, 4)


@pytest.mark.parametrize(
    "prolog",
    [
        "",
        '<?xml version="1.0" encoding="UTF-8"?>',
        "<?xml version='1.0' encoding='UTF-8' standalone='yes'?>\n",
    ],
)
def test_13_03_prologs_with_and_without_standalone(prolog: str) -> None:
    assert isinstance(
        parse(document("DifxInfoMessage", "<difxInfo><message>a</message></difxInfo>", prolog=prolog)),
        Message,
    )


def test_13_04_load_has_six_elements_or_only_three() -> None:
    three = "<cpuLoad>17.42</cpuLoad><totalMemory>100</totalMemory><usedMemory>50</usedMemory>"
    six = f"{three}<netRXRate>4294967295</netRXRate><netTXRate>5</netTXRate><nCore>40</nCore>"
    assert body_of("DifxLoadMessage", f"<difxLoad>{three}</difxLoad>") == m.Load(17.42, 100, 50)
    assert body_of("DifxLoadMessage", f"<difxLoad>{six}</difxLoad>") == m.Load(
        17.42, 100, 50, 2**32 - 1, 5, 40
    )


def test_13_05_states_and_alerts_with_and_without_input_and_times() -> None:
    bare = "<difxStatus><state>Done</state><message></message><visibilityMJD>0</visibilityMJD></difxStatus>"
    full = (
        "<difxStatus><input>/d/e_1.input</input><state>Running</state><message/><visibilityMJD>60000.5</visibilityMJD>"
        "<jobstartMJD>60000.25</jobstartMJD><jobstopMJD>60000.75</jobstopMJD></difxStatus>"
    )
    assert body_of("DifxStatusMessage", bare) == m.Status(None, "Done")
    assert body_of("DifxStatusMessage", full) == m.Status(
        "/d/e_1.input", "Running", None, 60000.5, 60000.25, 60000.75
    )


def test_13_06_weights_belong_to_datastreams_not_to_antennas() -> None:
    jobs = JobTable()
    status = m.Status(None, "Running", None, 60000.5, 60000.25, 60000.75, ((0, 0.5), (2, 1.0)))
    jobs.add(Message(Header("n1", (), 0, "e_1"), status, 1), T0)
    assert jobs.weights("e_1")[["datastream", "weight"]].to_numpy().tolist() == [[0, 0.5], [2, 1.0]]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<difxStop/>", m.Stop()),
        (
            "<difxStop><input>/d/e.input</input><mpiWrapper>mpirun</mpiWrapper><difxVersion>DIFX-2.9</difxVersion>"
            "<difxProgram>mpifxcorr</difxProgram></difxStop>",
            m.Stop("/d/e.input", "mpirun", "DIFX-2.9", "mpifxcorr"),
        ),
    ],
)
def test_13_07_a_stop_is_empty_or_has_four_elements(body: str, expected: m.Stop) -> None:
    assert body_of("DifxStop", body) == expected


@pytest.mark.parametrize("name", ["targetMpiId", "targetMipId"])
def test_13_08_the_rank_of_a_parameter_is_spelled_in_two_ways(name: str) -> None:
    text = f"<difxParameter><{name}>-2</{name}><name>dumpsta</name><value>true</value></difxParameter>"
    assert body_of("DifxParameter", text) == m.Parameter(-2, "dumpsta", (), "true")
    mixed = text.replace(f"</{name}>", "</other>")
    assert isinstance(parse(document("DifxParameter", mixed)), Unparsed)
    written = to_xml(Message(Header("n1", ("e_1",), -1, "e_1"), m.Parameter(-2, "dumpsta", (), "true"), 0))
    assert b"<targetMpiId>-2</targetMpiId>" in written


def test_13_09_cores_are_minus_two_and_datastreams_minus_three() -> None:
    ranks = {
        t: make_parameter("dumpsta", True, target=t).target_mpi_id for t in ("all", "cores", "datastreams")
    }
    assert ranks == {"all": -1, "cores": -2, "datastreams": -3}


def test_13_10_the_first_index_is_kept_and_a_broken_second_one_costs_no_guess() -> None:
    good = (
        "<difxParameter><targetMpiId>1</targetMpiId><name>x</name><index1>3</index1><index2>4</index2>"
        "<value>v</value></difxParameter>"
    )
    assert body_of("DifxParameter", good) == m.Parameter(1, "x", (3, 4), "v")
    broken = parse(document("DifxParameter", good.replace("</index2>", "</index1>")))
    assert isinstance(broken, Unparsed)
    assert broken.header == Header("n1", (), 0, "e_1", "DifxParameter")


def test_13_11_serials_of_smart_values_keep_their_eighth_character() -> None:
    text = '<difxSmart><mjd>60000.25</mjd><vsn>NRAO+321</vsn><slot>5</slot><smart id="5" value="12"/></difxSmart>'
    assert body_of("DifxSmartMessage", text) == m.Smart(60000.25, "NRAO+321", 5, ((5, 12),))


def test_13_12_smart_values_have_48_bits() -> None:
    text = f'<difxSmart><vsn>NRAO+321</vsn><smart id="9" value="{2**48 - 1}"/></difxSmart>'
    body = body_of("DifxSmartMessage", text)
    assert isinstance(body, m.Smart)
    assert body.values == ((9, 2**48 - 1),)


def test_13_13_versions_of_mark5_units_come_under_the_type_of_a_status() -> None:
    message = parse(document("Mark5StatusMessage", "<mark5Version><ApiVer>9.2</ApiVer></mark5Version>"))
    assert isinstance(message, Message)
    assert message.body == m.Mark5Version("9.2")
    assert message.flags == ("header type",)
    table = MessageTable()
    table.add(message, T0)
    assert len(table.frame(type="mark5version")) == 1
    assert table.frame(type="mark5status").empty


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("Poweroff", "PowerOff"),
        ("FuseMk5", "FuseMk5"),
        ("CopyTo", "CopyTo"),
        ("12", "PowerOff"),
        ("Sleeping", "Sleeping"),
    ],
)
def test_13_14_there_are_more_states_than_the_guide_lists(text: str, state: str) -> None:
    body = body_of("Mark5StatusMessage", f"<mark5Status><state>{text}</state></mark5Status>")
    assert isinstance(body, m.Mark5Status)
    assert body.state == state


def test_13_15_states_of_mark6_slots_are_numbers() -> None:
    text = "<mark6SlotStatus><slot>2</slot><msn>    none</msn><state>6</state><message> </message></mark6SlotStatus>"
    assert body_of("Mark6SlotStatusMessage", text) == m.Mark6SlotStatus(None, 2, None, state="Idle")


@pytest.mark.parametrize(
    ("kind", "payload", "expected"),
    [
        ("Mark6StatusMessage", "mark6Status", m.Mark6Status(position=41943040000)),
        ("Mark6SlotStatusMessage", "mark6SlotStatus", m.Mark6SlotStatus(slot=3)),
        ("Mark6ActivityMessage", "mark6Activity", m.Mark6Activity(position=41943040000)),
    ],
)
def test_13_16_mark6_documents_are_read_though_the_library_of_difx_does_not(
    kind: str, payload: str, expected: object
) -> None:
    text = f"<{payload}><position>41943040000</position><slot>3</slot></{payload}>"
    assert body_of(kind, text) == expected


def test_13_17_transients_have_a_dispersion_measure_and_neither_event_nor_class() -> None:
    text = (
        "<difxTransient><jobId>e_1</jobId><eventId>17</eventId><classification>pulsar</classification>"
        "<dm>26.76</dm></difxTransient>"
    )
    assert body_of("DifxTransientMessage", text) == m.Transient("e_1", dm=26.76)


@pytest.mark.parametrize("command", ["GetLoad", "StartMark5A", "StopMark5A", "getver", "listfs"])
def test_13_18_commands_of_the_guide_and_others_are_told_from_harmful_ones(command: str) -> None:
    assert harm_of(command) is None
    assert harm_of(f"un{command}") is not None, "what nobody knows may do anything"


@pytest.mark.parametrize("to", ["all", "mark5", "mark6", "swc"])
def test_13_19_groups_of_hosts_are_addressed_by_name(to: str) -> None:
    message = Message(Header("n1", (to,), -1, "difxnb"), m.Command("GetVSN"), 1)
    assert f"<to>{to}</to>".encode() in to_xml(message)


def test_13_20_rank_0_is_no_proof_of_a_job() -> None:
    jobs = JobTable()
    for body in (m.Start("/d/e_1.input"), m.Alert(None, "hello", 4), m.Info("up")):
        jobs.add(Message(Header("gui-host", (), 0, "doi"), body, 0), T0)
    assert len(jobs) == 0


def test_13_21_the_rate_of_a_datastream_is_in_bytes_per_second() -> None:
    text = (
        "<difxDiagnostic><diagnosticType>InputDatarate</diagnosticType><bytespersec>257425408.000</bytespersec>"
        "<bytes>9</bytes></difxDiagnostic>"
    )
    body = body_of("DifxDiagnosticMessage", text)
    assert isinstance(body, m.Diagnostic)
    assert (body.bytes_per_sec, body.bytes) == (257425408.0, 9)


def test_13_22_severity_5_is_verbose_although_logs_say_info() -> None:
    table = MessageTable()
    table.add(Message(Header("n1", (), 0, "e_1"), m.Alert(None, "chat", 5), 1), T0)
    assert table.frame()["severity"].tolist() == ["VERBOSE"]
    assert parse_line("Sun Dec 29 07:30:21 2024   0 n1 INFO  chat").kind == "INFO"


def test_13_25_vex2difx_is_read_by_the_names_that_the_server_knows() -> None:
    text = (
        "<difxVex2difxRun><node>head</node><file>e.v2d</file><calcOnly>1</calcOnly><headNode>x</headNode>"
        "<v2dFile>x</v2dFile><calcifOnly>0</calcifOnly></difxVex2difxRun>"
    )
    body = body_of("DifxVex2DifxRun", text)
    assert isinstance(body, m.Vex2DifxRun)
    assert (body.node, body.file, body.calc_only) == ("head", "e.v2d", True)


def test_13_26_processes_and_the_function_of_a_start_are_read() -> None:
    text = (
        '<difxStart><input>/d/e.input</input><manager node="h"/><datastream nodes="a b"/>'
        '<process threads="7" nodes="c"/><process nodes="d, e" threads="3"/><function>USNO</function></difxStart>'
    )
    body = body_of("DifxStart", text)
    assert isinstance(body, m.Start)
    assert body.processors == (m.Processor(("c",), 7), m.Processor(("d", "e"), 3))
    assert (body.head_node, body.datastreams, body.function) == ("h", ("a", "b"), "USNO")


def test_13_27_commands_are_read() -> None:
    assert body_of("DifxCommand", "<difxCommand><command>GetVSN</command></difxCommand>") == m.Command(
        "GetVSN"
    )


def test_13_28_the_daughter_board_stands_inside_and_has_a_serial_of_its_own() -> None:
    text = (
        "<mark5Version><FirmDate>May 10 2010</FirmDate><SerialNum>1482</SerialNum><DaughterBoard>"
        "<SerialNum>207</SerialNum><NumChannels>1</NumChannels></DaughterBoard></mark5Version>"
    )
    body = body_of("Mark5VersionMessage", text)
    assert isinstance(body, m.Mark5Version)
    assert (body.firmware_date, body.serial_number) == ("May 10 2010", 1482)
    assert body.daughter_board == m.DaughterBoard(serial_number=207, num_channels=1)


def test_13_29_indented_documents_are_read_as_compact_ones() -> None:
    compact = document(
        "DifxAlertMessage", "<difxAlert><alertMessage>a</alertMessage><severity>3</severity></difxAlert>"
    )
    indented = compact.replace("><", ">\n    <")
    first, second = parse(compact), parse(indented)
    assert isinstance(first, Message)
    assert isinstance(second, Message)
    assert (first.header, first.body, first.sequence) == (second.header, second.body, second.sequence)


def test_13_30_a_file_transfer_with_a_wrong_end_tag_is_kept_as_text_with_its_envelope() -> None:
    text = "<difxFileTransfer><origin>/d/a</origin><dataNode>head</nodeName><port>5</port></difxFileTransfer>"
    broken = parse(document("DifxFileTransfer", text))
    assert isinstance(broken, Unparsed)
    assert broken.header == Header("n1", (), 0, "e_1", "DifxFileTransfer")
    assert "/d/a" in broken.text


def test_13_33_a_state_makes_two_lines_of_a_log() -> None:
    lines = status_lines(datetime(2024, 12, 29), 0, "n1", "Running", "", [0.5])
    assert [parse_line(line).kind for line in lines] == ["STATUS", "WEIGHTS"]
    assert lines[0].split()[7] == "STATUS"


def test_13_34_a_job_under_guiserver_ends_with_done_and_no_mpidone() -> None:
    jobs = JobTable()
    for number, state in enumerate(("Starting", "Ending", "Done"), start=1):
        jobs.add(Message(Header("n1", (), 0, "e_1"), m.Status(None, state), number), T0 + number)
    (row,) = jobs.frame(now=T0 + 5000).to_dict("records")
    assert (row["state"], row["progress"], row["stalled"]) == ("Done", 1.0, False)


@pytest.mark.parametrize(("seconds", "text"), [(120.0, "120"), (0.5, "0.5")])
def test_13_35_restart_seconds_are_whole_where_they_can_be(seconds: float, text: str) -> None:
    xml = to_xml(Message(Header("n1", ("h",), -1, "e_1"), m.Start("/d/e.input", restart_seconds=seconds), 0))
    assert f"<restartSeconds>{text}</restartSeconds>".encode() in xml
    back = parse(xml)
    assert isinstance(back, Message)
    assert isinstance(back.body, m.Start)
    assert back.body.restart_seconds == seconds
