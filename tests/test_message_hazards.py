# SPDX-License-Identifier: GPL-3.0-or-later
"""Every hazard of difxMessages: section 14 of ``difxmessage.md``, by its number; and XML that means harm.

What touches a whole conversation is tested where that is: 14.8 and 14.18 through a relay in tests/aio/test_messages.py,
14.12 (nobody is authenticated) for commands in tests/client/test_outgoing.py, 14.19 (logs without a zone) in
tests/client/test_job_status.py.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.errors import MessageError
from difxnb.formats.difxlog import parse_line
from difxnb.tables import JobTable, MessageTable
from difxnb.tables.traffic import Traffic
from difxnb.wire import message as m
from difxnb.wire.message import Header, Message, Unparsed, parse, to_xml

T0 = 1_704_110_400.0


def document(kind: str, body: str, *, source: str = "n1", job: str = "e_1", number: int = 7) -> bytes:
    head = (
        f"<header><from>{source}</from><mpiProcessId>0</mpiProcessId>"
        f"<identifier>{job}</identifier><type>{kind}</type></header>"
    )
    return f"<difxMessage>{head}<body><seqNumber>{number}</seqNumber>{body}</body></difxMessage>".encode()


def read(data: bytes) -> Message:
    message = parse(data)
    assert isinstance(message, Message), message
    return message


def alert(inner: str) -> bytes:
    return document("DifxAlertMessage", f"<difxAlert>{inner}</difxAlert>")


def status(state: str, *, visibility: float = 60000.5, number: int = 7) -> bytes:
    text = (
        f"<difxStatus><state>{state}</state><message></message><visibilityMJD>{visibility}</visibilityMJD>"
        '<jobstartMJD>60000.25</jobstartMJD><jobstopMJD>60000.75</jobstopMJD><weight ant="0" wt="0.9"/></difxStatus>'
    )
    return document("DifxStatusMessage", text, number=number)


# -- 14.1: what senders do not escape -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["/d/R&D/e_1.input", "/d/a<3/e_1.input", "/d/a&b;c/e_1.input", "/d/a&lt/e_1.input", "/d/&#0;/e_1.input"],
)
def test_14_01_a_path_that_was_not_escaped_costs_no_alert(path: str) -> None:
    message = read(alert(f"<input>{path}</input><alertMessage>hot</alertMessage><severity>3</severity>"))
    assert message.flags == ("repaired",)
    assert isinstance(message.body, m.Alert)
    assert message.body.input == path.replace("&#0;", "\ufffd")
    assert (message.body.text, message.body.severity) == ("hot", 3)


@pytest.mark.parametrize(
    "inner",
    [
        "<input>/d/<x>/e_1.input</input><alertMessage>hot</alertMessage><severity>3</severity>",
        "<input>/d/e_1.input</input><alertMessage>ho",
        "<alertMessage>a</alertMessage",
    ],
)
def test_14_01_a_broken_alert_is_no_fatal_one_and_a_broken_state_is_not_spawning(inner: str) -> None:
    broken = parse(alert(inner))
    assert isinstance(broken, Unparsed)
    assert (broken.header, broken.sequence) == (Header("n1", (), 0, "e_1", "DifxAlertMessage"), 7)
    table, jobs = MessageTable(), JobTable()
    jobs.add(read(status("Running")), T0)
    for item in (broken, parse(status("Ru")[:-40])):
        table.add(item, T0 + 5)
        jobs.add(item, T0 + 5)
    frame = table.frame()
    assert frame["type"].tolist() == ["Unparsed"] * 2
    assert frame[["from", "job"]].to_numpy().tolist() == [["n1", "e_1"]] * 2
    assert frame[["severity", "state"]].isna().all(axis=None)
    (row,) = jobs.frame(now=T0 + 6).to_dict("records")
    assert (row["state"], row["alerts"], row["silence"]) == ("Running", 0, 1.0)


def test_14_01_a_broken_header_gives_what_came_before_the_break() -> None:
    broken = parse(b"<difxMessage><header><from>n1</from><identifier>e_1</identifier><type>Difx")
    assert isinstance(broken, Unparsed)
    assert broken.header == Header("n1", (), None, "e_1", "")
    nothing = parse(b"<difxMessage><header><fro")
    assert isinstance(nothing, Unparsed)
    assert nothing.header is None


# -- 14.2 to 14.6: texts, types, states, numbers --------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("a[[ 10]]b", "a\nb"),
        ("gr[[-61]][[-68]]n", "grün"),
        ("[[-128]x", "\x80x"),
        ("[[-28]]", "ä"),
        ("[[128]] [[ 99]]", "[[128]] [[ 99]]"),
    ],
)
def test_14_02_byte_codes_have_one_or_two_closing_brackets(text: str, meaning: str) -> None:
    message = read(alert(f"<alertMessage>{text}</alertMessage><severity>4</severity>"))
    assert isinstance(message.body, m.Alert)
    assert message.body.text == meaning


def test_14_02_raw_bytes_that_are_no_utf8_are_read_as_latin_1_and_flagged() -> None:
    message = read(alert("<alertMessage>gr?n</alertMessage><severity>4</severity>").replace(b"?", b"\xfc"))
    assert isinstance(message.body, m.Alert)
    assert (message.body.text, message.flags) == ("grün", ("latin-1",))


def test_14_03_the_body_decides_what_a_message_is() -> None:
    message = read(document("Mark5StatusMessage", "<mark5Version><ApiVer>9.2</ApiVer></mark5Version>"))
    assert isinstance(message.body, m.Mark5Version)
    assert "header type" in message.flags


@pytest.mark.parametrize(("state", "over"), [("Info", False), ("ABORTED", True), ("Sleeping", False)])
def test_14_04_states_that_no_list_has_stay_as_they_are(state: str, over: bool) -> None:
    jobs = JobTable()
    jobs.add(read(status(state)), T0)
    (row,) = jobs.frame(now=T0).to_dict("records")
    assert row["state"] == state
    assert bool(row["silence"] != row["silence"]) == over, "only a job that is not over can be silent"


@pytest.mark.parametrize("number", ["9" * 320 + ".00000", "nan", "-inf", "1e400", "123.4", "-60000.0"])
def test_14_05_numbers_that_were_never_set_are_missing_and_cost_no_row(number: str) -> None:
    fields = f"<moduleVSN>NRAO+321</moduleVSN><startMJD>{number}</startMJD><bin0>5</bin0>"
    message = read(document("Mark5DriveStatsMessage", f"<difxDriveStats>{fields}</difxDriveStats>"))
    assert isinstance(message.body, m.DriveStats)
    assert (message.body.start_mjd, message.body.module_vsn, message.body.bins[0]) == (None, "NRAO+321", 5)
    assert message.flags == ("unreadable startMJD",)
    table = MessageTable()
    table.add(message, T0)
    assert table.frame(type="mark5drivestats", envelope=True)["flags"].tolist() == [("unreadable startMJD",)]


@pytest.mark.parametrize(
    ("state", "fields", "expected"),
    [
        ("Condition", "<dataMJD>0.2500000</dataMJD>", {"data_mjd": 0.25}),
        ("FuseMk5", "<dataMJD>35.0000000</dataMJD>", {"data_mjd": 35.0}),
        ("GetDirectory", "<position>212</position><scanName>Decoded</scanName>", {"position": 212}),
        ("PlayInvalid", "<playRate>17.000</playRate>", {"play_rate": 17.0}),
    ],
)
def test_14_06_columns_that_senders_use_for_something_else_are_kept_as_sent(
    state: str, fields: str, expected: dict[str, float]
) -> None:
    message = read(
        document("Mark5StatusMessage", f"<mark5Status><state>{state}</state>{fields}</mark5Status>")
    )
    assert {name: getattr(message.body, name) for name in expected} == expected
    assert message.flags == ()


# -- 14.7 to 14.11: loss, repeats, names ----------------------------------------------------------------------


def load(number: int, value: float = 1.0) -> Message:
    return read(
        document(
            "DifxLoadMessage",
            f"<difxLoad><cpuLoad>{value}</cpuLoad></difxLoad>",
            job="mk5daemon",
            number=number,
        )
    )


def test_14_07_losses_and_messages_out_of_order_show_in_the_numbers() -> None:
    traffic = Traffic()
    found = [traffic.add(load(number), T0 + k).lost for k, number in enumerate((5, 6, 9, 8, 10))]
    assert found == [None, 0, 2, -1, 0]
    (row,) = traffic.senders(T0 + 4).to_dict("records")
    assert (row["lost"], row["late"], row["duplicates"]) == (1, 1, 0)


def test_14_08_a_stale_repeat_is_known_by_its_number() -> None:
    traffic, jobs = Traffic(), JobTable()
    stale = load(17)
    assert [traffic.add(stale, T0 + 5 * k).duplicate for k in range(3)] == [False, True, True]
    first, second = read(status("Running", number=4)), read(status("Running", visibility=60000.6, number=5))
    for item in (first, first, second, second):
        jobs.add(item, T0)
    assert len(jobs.weights("e_1")) == 2
    assert jobs.duplicates == 2


def test_14_08_programs_that_never_count_repeat_nothing() -> None:
    traffic = Traffic()
    same = read(document("DifxCommand", "<difxCommand><command>GetVSN</command></difxCommand>", number=0))
    assert not any(traffic.add(same, T0 + k).duplicate for k in range(4))
    senders = traffic.senders(T0)
    assert senders["duplicates"].tolist() == [0]
    assert senders["lost"].isna().all(), "nobody can tell what was lost"


def test_14_09_names_with_a_percent_sign_are_only_read() -> None:
    assert read(document("DifxInfoMessage", "<difxInfo/>", job="100%s")).header.identifier == "100%s"
    from difxnb.client.outgoing import require_name

    with pytest.raises(ValueError, match="quotes or %"):
        require_name("100%s")


def test_14_10_names_of_jobs_are_cut_at_31_characters_and_never_by_us() -> None:
    cut = "x" * 31
    jobs = JobTable()
    jobs.add(read(document("DifxStatusMessage", "<difxStatus><state>Done</state></difxStatus>", job=cut)), T0)
    assert jobs.frame()["job"].tolist() == [cut]
    with pytest.raises(MessageError, match="identifier has 32 bytes"):
        to_xml(Message(Header("n1", (), 0, cut + "y"), m.Info("a")))


def test_14_11_a_parameter_for_all_jobs_is_no_word_of_one_of_them() -> None:
    jobs = JobTable()
    jobs.add(read(status("Running")), T0)
    text = "<difxParameter><targetMpiId>-1</targetMpiId><name>keepacting</name><value>false</value></difxParameter>"
    jobs.add(read(document("DifxParameter", text, job="e_2")), T0 + 1)
    assert jobs.frame(now=T0 + 1)[["job", "state"]].to_numpy().tolist() == [["e_1", "Running"]]


# -- 14.13 to 14.20 -------------------------------------------------------------------------------------------


def test_14_13_a_host_has_one_short_name_whatever_it_calls_itself() -> None:
    table = MessageTable()
    for source in ("Node01", "node01.corr.example", "NODE01.Other", "192.0.2.7", "startdifx"):
        table.add(read(document("DifxInfoMessage", "<difxInfo/>", source=source)), T0)
    frame = table.frame(envelope=True)
    assert frame["host"].tolist() == ["node01", "node01", "node01", "192.0.2.7", "startdifx"]
    assert frame["from"].tolist()[1] == "node01.corr.example"


def test_14_14_silence_is_a_stall_and_no_failure() -> None:
    jobs = JobTable()
    jobs.add(read(status("Running")), T0)
    (row,) = jobs.frame(now=T0 + 1000).to_dict("records")
    assert (row["state"], row["stalled"], row["silence"]) == ("Running", True, 1000.0)


@pytest.mark.parametrize(
    ("start", "stop", "at", "progress"),
    [(60000.25, 60000.75, 60000.5, 0.5), (0.0, 0.0, 60000.5, None), (60000.25, 60000.25, 60000.5, None)],
)
def test_14_15_progress_is_known_only_where_it_can_be(
    start: float, stop: float, at: float, progress: float | None
) -> None:
    jobs = JobTable()
    body = m.Status(None, "Running", None, at, start or None, stop or None)
    jobs.add(Message(Header("n1", (), 0, "e_1"), body, 1), T0)
    found = jobs.frame(now=T0)["progress"][0]
    assert found == progress if progress is not None else found != found


def test_14_16_numbers_may_be_larger_than_32_bits() -> None:
    text = f"<difxLoad><totalMemory>{2**33}</totalMemory><netRXRate>{2**40}</netRXRate></difxLoad>"
    message = read(document("DifxLoadMessage", text))
    assert message.body == m.Load(None, 2**33, None, 2**40)
    table = MessageTable()
    table.add(message, T0)
    assert table.frame(type="load")["net_rx_rate"].tolist() == [2**40]


def test_14_17_weights_beyond_datastream_49_count_and_missing_ones_are_unknown() -> None:
    weights = tuple((k, 0.5) for k in range(60) if k != 7)
    jobs = JobTable()
    jobs.add(
        Message(Header("n1", (), 0, "e_1"), m.Status(None, "Running", None, 60000.5, weights=weights), 1), T0
    )
    table = jobs.weights("e_1")
    assert table["datastream"].max() == 59
    assert 7 not in set(table["datastream"])
    assert jobs.frame(now=T0)["weight_min"].tolist() == [0.5]


@pytest.mark.parametrize("data", [b"", b"\0\0", b"e_1 Running", b"\xff\xfe\x80", b" \r\n"])
def test_14_18_what_is_no_xml_is_a_row_of_its_own(data: bytes) -> None:
    table = MessageTable()
    table.add(parse(data), T0)
    assert table.frame()["type"].tolist() == ["Unparsed"]
    assert table.frame(type="unparsed")["reason"][0] in ("empty", "not XML")


def test_14_19_rows_carry_the_time_of_their_arrival() -> None:
    table = MessageTable()
    table.add(read(status("Done")), T0 + 0.25)
    assert str(table.frame()["time"][0]) == "2024-01-01 12:00:00.250000"


def test_14_20_texts_may_be_longer_here_than_in_a_log() -> None:
    text = "x" * 5000
    message = read(alert(f"<alertMessage>{text}</alertMessage><severity>4</severity>"))
    assert isinstance(message.body, m.Alert)
    assert message.body.text == text
    assert parse_line(f"Sun Dec 29 07:30:21 2024   0 n1 INFO  {text}").text == text


# -- XML that means harm --------------------------------------------------------------------------------------

BILLION = "".join(f'<!ENTITY a{i + 1} "&a{i};&a{i};&a{i};&a{i};&a{i};&a{i};&a{i};&a{i};">' for i in range(12))


@pytest.mark.parametrize(
    "data",
    [
        f'<!DOCTYPE d [<!ENTITY a0 "x">{BILLION}]><difxMessage>&a12;</difxMessage>'.encode(),
        b'<!DOCTYPE d SYSTEM "http://example.invalid/d.dtd"><difxMessage/>',
        b'<!DOCTYPE d [<!ENTITY e SYSTEM "file:///etc/passwd">]><difxMessage>&e;</difxMessage>',
        b'<?xml version="1.0" encoding="UTF-16"?><difxMessage/>',
        b'<?xml version="1.0" encoding="no-such"?><difxMessage/>',
        b"<a>" * 200_000,
        b"<difxMessage>" + b"<a>" * 100_000 + b"</a>" * 100_000 + b"</difxMessage>",
        b"<difxMessage>" * 3000,
        b"<difxMessage " + b"a" * 500_000,
        b"<difxMessage><header>" + b"<to>x</to>" * 90_000 + b"</header></difxMessage>",
        b"<difxMessage>" + b"&" * 500_000,
        b"<difxMessage>" + b"<" * 500_000,
        b"<difxMessage>" + b"&#0;" * 100_000 + b"</difxMessage>",
        b"\x00" * 1000 + b"<difxMessage/>",
        b"<difxMessage>\x1b[2J\x07</difxMessage>",
        b"<difxMessage><![CDATA[" + b"]]" * 1000,
        b"<difxMessage><!--" + b"--" * 1000,
        b"<?php system('id'); ?>",
        "<difxMessage>\ud800\udfff\ufffe</difxMessage>".encode("utf-8", "surrogatepass"),
        b"<" + b"x" * (2**20 + 5),
    ],
    ids=range(20),
)
def test_harmful_xml_is_kept_as_text_or_read_and_never_raises(data: bytes) -> None:
    result = parse(data)
    assert isinstance(result, Message | Unparsed)
    if isinstance(result, Unparsed):
        assert len(result.text) <= 2**16
    table, jobs, traffic = MessageTable(), JobTable(), Traffic()
    traffic.add(result, T0)
    table.add(result, T0)
    jobs.add(result, T0)
    assert len(table.frame(envelope=True)) == 1
    assert "passwd" not in str(result) or "ENTITY" in str(result)


KINDS = [
    "DifxStatusMessage",
    "DifxAlertMessage",
    "DifxLoadMessage",
    "Mark6StatusMessage",
    "DifxStart",
    "DifxSmartMessage",
]
PAYLOADS = ["difxStatus", "difxAlert", "difxLoad", "mark6Status", "difxStart", "difxSmart"]
WRONG = st.sampled_from(
    ["", " ", "x", "1e999", "-1", "99999999999999999999", "true", "0x", "\ufffd", "none", "1_000"]
)
NAMES = st.sampled_from(
    [
        "state",
        "severity",
        "visibilityMJD",
        "cpuLoad",
        "totalMemory",
        "slot1Disks",
        "port",
        "slot",
        "alertMessage",
        "weight",
    ]
)


@settings(max_examples=60)
@given(
    st.integers(0, 5),
    st.lists(st.tuples(NAMES, WRONG), max_size=8),
    st.sampled_from(["", "5", "x", "-1", "9" * 30]),
)
def test_wrong_types_in_any_field_never_raise(kind: int, fields: list[tuple[str, str]], number: str) -> None:
    inner = "".join(f"<{name} ant='{value}' wt='{value}'>{value}</{name}>" for name, value in fields)
    data = document(KINDS[kind], f"<{PAYLOADS[kind]}>{inner}</{PAYLOADS[kind]}>").replace(
        b"<seqNumber>7", b"<seqNumber>?"
    )
    result = parse(data.replace(b"?", number.encode()))
    table, jobs, traffic = MessageTable(), JobTable(), Traffic()
    for k in range(2):
        traffic.add(result, T0 + k)
        table.add(result, T0 + k)
        jobs.add(result, T0 + k)
    assert (
        len(table.frame(type=["status", "alert", "load", "mark6status", "start", "smart", "unparsed"])) == 2
    )
    assert len(jobs.frame(now=T0)) <= 1


@settings(max_examples=60)
@given(st.binary(max_size=120), st.integers(0, 600))
def test_documents_with_a_hole_in_them_never_raise(noise: bytes, place: int) -> None:
    data = status("Running")
    place %= len(data)
    result = parse(data[:place] + noise + data[place + len(noise) :])
    assert isinstance(result, Message | Unparsed)
    jobs = JobTable()
    jobs.add(result, T0)
    assert jobs.frame(now=T0)["attempt"].sum() <= 1
