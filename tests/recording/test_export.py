# SPDX-License-Identifier: GPL-3.0-or-later
"""Exports: whole, readable without this package, and on request without names of people, hosts and directories."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.errors import OutputExists
from difxnb.formats.journal import Kind, encode_header, encode_record, read_journal
from difxnb.formats.journal_content import File, encode_facts, encode_file, encode_notice
from difxnb.recording import Recording, open_recording
from difxnb.recording.pseudonyms import Pseudonyms
from difxnb.wire.control import Notice, NoticeSeverity
from difxnb.wire.message import Alert, Header, Message, Processor, Start, Status, Vex2DifxRun, parse, to_xml
from tests.recording.conftest import Live
from tests.recording.test_captures import CAPTURES, name_of


@pytest.mark.usefixtures("zarr_awake")
@pytest.mark.parametrize("format", ["parquet", "zarr", "netcdf"])
def test_what_is_in_it_is_exported(recording: Recording, live: Live, tmp_path: Path, format: str) -> None:
    folder = recording.export(tmp_path / "out", format)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["complete"]
    assert not manifest["anonymous"]
    assert manifest["missing"] == {}
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert {"messages.parquet", "jobs.parquet", "alerts.parquet", "nodes.parquet"} <= files
    assert set(manifest["files"]) <= {
        name.partition(".zarr/")[0] + ".zarr" * (".zarr/" in name) for name in files
    }
    messages = pd.read_parquet(folder / "messages.parquet")
    assert messages["text"].fillna("").tolist() == live.messages["text"].fillna("").tolist()
    assert pd.read_parquet(folder / "jobs.parquet")["state"].tolist() == ["Done"]
    assert pd.read_parquet(folder / "runs.parquet")["outcome"].tolist() == ["done"]
    assert len(pd.read_parquet(folder / "weights.parquet")) == live.weights.size
    require_visibilities(folder, format, live.dataset)


def require_visibilities(folder: Path, format: str, expected: xr.Dataset) -> None:
    if format == "parquet":
        rows = pd.read_parquet(folder / "monitors" / "demo_1.parquet")
        assert len(rows) == 96
        row = rows.iloc[17]
        place = {name: row[name] for name in ("time", "baseline", "band", "polarization")}
        spectrum = expected["VISIBILITY"].sel(place).values
        np.testing.assert_array_equal(row["real"] + 1j * row["imag"], spectrum)
        return
    if format == "zarr":
        found = xr.open_zarr(folder / "monitors" / "demo_1.zarr", consolidated=True)
    else:
        found = xr.open_dataset(folder / "monitors" / "demo_1.nc", engine="netcdf4", auto_complex=True)
    with found:
        for name in ("VISIBILITY", "UVW", "time", "frequency", "scan_name", "baseline"):
            np.testing.assert_array_equal(found[name].values, expected[name].values, err_msg=name)


def test_nothing_is_overwritten(recording: Recording, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(OutputExists):
        recording.export(tmp_path / "there")
    with pytest.raises(ValueError, match="format is one of"):
        recording.export(tmp_path / "new", "hdf4")
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_an_export_that_fails_leaves_nothing(
    recording: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(ModuleNotFoundError, match="difxnb\\[zarr\\]"):
        recording.export(tmp_path / "out", "zarr")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_exported_is_told(tmp_path: Path) -> None:
    whole_job = next(path for path in CAPTURES if name_of(path).startswith("25_"))
    folder = open_recording(whole_job).export(tmp_path / "out", "netcdf")
    manifest = json.loads((folder / "manifest.json").read_text())
    assert "use_input" in manifest["missing"]["monitors/demo1.nc"]
    assert manifest["files"]["monitors/demo1.products.parquet"] == "3 rows"


def test_a_job_cannot_name_a_file_elsewhere(tmp_path: Path) -> None:
    facts = encode_facts(monitor=1, event="begin", job="../../up", input_file="/x", limit_bytes=1)
    (tmp_path / "r").write_bytes(encode_header(1) + encode_record(Kind.MONITOR, 1.0, facts, 1))
    folder = open_recording(tmp_path / "r").export(tmp_path / "out")
    assert {path.parent for path in folder.rglob("*up*")} == {folder / "monitors"}


# --- without names ---------------------------------------------------------------------------------------

PATH = re.compile(r"(?<![\w.<:])/(?:[\w.+-]+/)+[\w.+-]*")
ADDRESS = re.compile(r"(?<![\w.])\d+\.\d+\.\d+\.\d+(?![\w.])")


def names_in(recording: Recording) -> tuple[set[str], set[str], set[str]]:
    """Hosts and users, addresses, and directories that occur in a recording, found without the package's own rules."""
    words: set[str] = set()
    addresses: set[str] = set()
    folders: set[str] = set()
    environment = recording.server.environment
    words |= {environment.get(name, "") for name in ("USER", "LOGNAME", "HOSTNAME")} | {recording.server.user}
    texts = [recording._session.address, recording.server.difx_base + "/", recording.server.setup_path]
    for record in recording._records.records({Kind.DATAGRAM, Kind.NOTICE, Kind.FILE, Kind.RUN, Kind.MONITOR}):
        texts.append(record.payload.decode("utf-8", "replace").replace("\\n", "\n"))
        item = parse(record.payload) if record.kind == Kind.DATAGRAM else None
        if item is not None and item.header is not None:
            words |= {item.header.source, *item.header.to}
    for text in texts:
        addresses |= set(ADDRESS.findall(text))
        folders |= {found.rpartition("/")[0] for found in PATH.findall(text)}
        words |= set(re.findall(r"/home/([\w-]+)", text))
    words = {word for word in words if word and not ADDRESS.fullmatch(word)}
    return words, addresses, {folder for folder in folders if folder.count("/") > 1}


def texts_of(folder: Path) -> Iterator[str]:
    """Every name and every text of what was exported."""
    for path in folder.rglob("*"):
        yield str(path.relative_to(folder))
        if path.suffix == ".parquet" and path.is_file():
            table = pq.read_table(path)
            yield str(table.schema.metadata)
            for column in table.columns:
                if str(column.type) in ("string", "large_string") or "dictionary" in str(column.type):
                    yield from {str(value) for value in column.to_pylist() if value}
        elif path.suffix == ".nc":
            with xr.open_dataset(path, engine="netcdf4", auto_complex=True) as dataset:
                yield str(dataset.attrs)
                yield str(
                    {
                        name: values.values.tolist()
                        for name, values in dataset.variables.items()
                        if values.dtype.kind in "UO"
                    }
                )
        elif path.is_file():
            yield path.read_bytes().decode("utf-8", "replace")


def require_nameless(text: str, names: tuple[set[str], set[str], set[str]]) -> None:
    words, addresses, folders = names
    for word in words:
        assert not re.search(rf"(?<![A-Za-z0-9_]){re.escape(word)}(?![A-Za-z0-9_])", text, re.IGNORECASE), (
            word,
            text[:300],
        )
    for name in (*addresses, *folders):
        assert name not in text, (name, text[:300])


def require_anonymous(recording: Recording, folder: Path) -> None:
    names = names_in(recording)
    if recording.runs or recording.monitors:  # of others there is nothing but what the records say
        recording.export(folder / "out", "netcdf", anonymize=True)
        for text in texts_of(folder / "out"):
            require_nameless(text, names)
    saved = recording.save_journal(folder / "anonymous.dxr", anonymize=True)
    for record in read_journal(saved).records(set(Kind) - {Kind.BLOCK}):
        require_nameless(record.payload.decode("utf-8", "replace"), names)


def test_no_name_leaves_a_session(recording: Recording, live: Live, tmp_path: Path) -> None:
    words, addresses, folders = names_in(recording)
    assert words
    assert "127.0.0.1" in addresses
    assert str(live.root) in folders
    require_anonymous(recording, tmp_path)


@pytest.mark.parametrize("path", CAPTURES, ids=name_of)
def test_no_name_leaves_a_capture(path: Path, tmp_path: Path) -> None:
    require_anonymous(open_recording(path), tmp_path)


def test_the_science_stays(recording: Recording, live: Live) -> None:
    anonymous = recording.anonymized()
    monitor = anonymous.monitors["demo_1"]
    xr.testing.assert_equal(monitor.dataset, live.dataset)
    assert monitor.input_file == "/path-1/demo_1.input"
    frame = anonymous.messages.frame()
    for name in ("time", "type", "job", "mpi_id", "severity", "state"):
        assert frame[name].equals(live.messages[name]), name
    assert anonymous.runs["demo_1"].outcome is recording.runs["demo_1"].outcome
    assert len(anonymous.server.environment) == 0
    xr.testing.assert_identical(anonymous.jobs.weights("demo_1"), live.weights)


def test_the_same_name_has_the_same_pseudonym_everywhere(tmp_path: Path) -> None:
    start = Start(
        input="/home/jdoe/my exp/e_1.input",
        head_node="Node07.corr.example",
        datastreams=("mk5-3",),
        processors=(Processor(("node08",), 4),),
        address="192.0.2.17",
        port=5000,
    )
    rows = [
        to_xml(
            Message(
                Header("node07", ("mk5-3",), 0, "e_1", ""),
                Alert(severity=2, text="node08: jdoe@node07 is out"),
                1,
            )
        ),
        to_xml(
            Message(
                Header("node08", (), 1, "e_1", ""),
                Status(state="Running", message="on NODE07.corr.example"),
                1,
            )
        ),
        to_xml(Message(Header("node08", (), 1, "e_1", ""), start, 2)),
        b"<difxMessage><header><from>n&#111;de07</from></header><body>&#47;home&#47;jdoe&#47;x</body>",
        b"plain /home/jdoe/my exp/e_1.input from 192.0.2.17 and 2001:db8::17 at 12:34:56",
    ]
    records = [encode_record(Kind.DATAGRAM, 1.0 + k, row, 1) for k, row in enumerate(rows)]
    text = File(
        "input",
        "/home/jdoe/my exp/e_1.input",
        "CALC FILENAME:      /home/jdoe/my exp/e_1.calc\nFILE 0/0:  x\n",
    )
    records.append(encode_record(Kind.FILE, 9.0, encode_file(text), 1))
    notice = Notice(
        NoticeSeverity.INFORMATION, "rsync jdoe@mk5-3:/home/jdoe/data http://node08:80/a/b km/s 2.9.0"
    )
    records.append(encode_record(Kind.NOTICE, 10.0, encode_notice(notice), 1))
    (tmp_path / "r").write_bytes(encode_header(1) + b"".join(records))
    anonymous = open_recording(tmp_path / "r").anonymized()
    frame = anonymous.messages.frame()
    heads = frame["from"].tolist()
    assert heads[0] == heads[3] != heads[1] == heads[2]
    assert frame["text"][0] == f"{heads[1]}: user-1@{heads[0]} is out"
    assert frame["text"][1] == f"on {heads[0]}"
    assert frame["state"][1] == "Running"
    body = anonymous.messages._table._rows[2].item.body
    assert (body.head_node, body.processors[0].nodes) == (heads[0], (heads[1],))
    assert body.input == "/path-1/e_1.input"
    assert frame["text"][4] == f"plain /path-1/e_1.input from {body.address} and address-2 at 12:34:56"
    notice_text = frame["text"][5]
    assert notice_text.startswith(f"rsync user-1@{body.datastreams[0]}:/path-")
    assert notice_text.endswith("km/s 2.9.0")
    whole = "".join(r.payload.decode() for r in anonymous._records.records())
    for name in ("jdoe", "node07", "node08", "corr.example", "192.0.2", "2001:db8", "my exp", "&#"):
        assert name not in whole.lower(), name
    assert "FILE 0/0:  x" in whole


HOSTS = st.from_regex(r"\A[a-z][a-z0-9-]{1,8}[a-z0-9](\.[a-z]{2,8}){0,2}\Z")
USERS = st.from_regex(r"\A[a-z][a-z0-9]{1,8}\Z")
FOLDERS = st.lists(st.from_regex(r"\A[A-Za-z0-9_.+-]{1,8}\Z"), min_size=2, max_size=4).map(
    lambda parts: "/" + "/".join(parts)
)
AROUND = st.sampled_from(["", " ", ": ", "(", ")", ",", "'", '"', "=", ";", "\n", "[", "]", " - ", "|"])


@settings(max_examples=40)
@given(
    host=HOSTS, user=USERS, folder=FOLDERS, around=st.lists(AROUND, min_size=8, max_size=8), data=st.data()
)
def test_known_names_vanish_from_any_text(
    host: str, user: str, folder: str, around: list[str], data: st.DataObject
) -> None:
    names = Pseudonyms()
    names.add_host(host)
    names.add_user(user)
    pieces = data.draw(
        st.permutations([host, user, folder + "/x.vdif", f"{user}@{host}", host.upper(), folder])
    )
    text = "".join(a + " " + piece for a, piece in zip(around, pieces, strict=False))
    made = names.replace(text)
    for name in (host, user):
        assert (
            not re.search(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", made)
            or name in "host user path vdif"
        )
    assert folder not in made or folder.startswith("/path-")
    assert names.replace(text) == made


SPOKEN = (
    r"C:\Users\smithy\data\e_1.input and C:\Users\SMITHY",
    r"\\fileserver\share\proj\x.dat",
    "bob/correlation/e_1.calc ./carol/e_1.im",
    "USER=smithy uid=1000(smithy) HOME=/home/dorothy ~evelyn/x ~evelyn",
    "Dorothy wrote to Frank.Gardner@Corr.Example.DE",
    "ssh: connect to host swc99 port 22: No route to host",
    "process rank 3 with PID 77 on node Quux exited on signal 9 (Killed).",
    "node11 and NODE12 are gone; SWC99 too; quux is back",
    "correl9.jive.nl:50200 frontend.atnf.csiro.au:22",
    "::ffff:10.20.30.40 [2001:db8::17]:22 fe80::1%eth7 00:1A:2b:3c:4d:5e 00-1A-2B-3C-4D-5E 001a.2b3c.4d5e",
    "http://henry:secret@web.example.org/x?y=z rsync://ivanhoe/x scp node07:/x/y /data/my disk/e_2.vdif",
)
NEVER = (
    "smithy|fileserver|share|proj|bob|carol|dorothy|evelyn|frank|gardner|corr\\.example|swc99|quux|node11|node12|node07|"
    "jive|csiro|ffff|10\\.20|30\\.40|db8|fe80|eth7|3c:4d|3c-4d|2b3c|henry|secret|web\\.example|ivanhoe|disk|jdoe"
)
KEPT = (
    *("e_1.input", "e_1.calc", "e_1.im", "port 22: No route to host", "exited on signal 9", "12:34:56"),
    *("km/s", "2.9.0", "1/2", "e_1.vex.obs", "DiFX"),
)


def test_names_in_unusual_places(tmp_path: Path) -> None:
    """Nothing that is said of somebody or something who never speaks is let out either."""
    spoken = (*SPOKEN, "12:34:56 5 km/s of DiFX 2.9.0, 1/2 of e_1.vex.obs")
    rows = [
        to_xml(Message(Header("node07", (), 0, "e_1", ""), Alert(severity=2, text=text), number))
        for number, text in enumerate(spoken, 1)
    ]
    records = [encode_record(Kind.DATAGRAM, 1.0 + k, row, 1) for k, row in enumerate(rows)]
    texts = [encode_notice(Notice(NoticeSeverity.WARNING, text)) for text in spoken]
    records += [encode_record(Kind.NOTICE, 50.0 + k, text, 1) for k, text in enumerate(texts)]
    file = File("input", "/data/my disk/e_1.input", "CALC FILENAME:      /data/my disk/jdoe/e_1.calc\n")
    records.append(encode_record(Kind.FILE, 90.0, encode_file(file), 1))
    (tmp_path / "r").write_bytes(encode_header(1) + b"".join(records))
    recording = open_recording(tmp_path / "r")
    saved = recording.save_journal(tmp_path / "anonymous", anonymize=True)
    whole = "\n".join(r.payload.decode("utf-8", "replace") for r in read_journal(saved).records())
    assert re.findall(rf".*(?:{NEVER}).*", whole, re.IGNORECASE) == []
    for name in KEPT:
        assert name in whole, name


@pytest.mark.parametrize(
    "hide",
    [
        lambda text: text.replace("1.0", "1.0' encoding='UTF-16").encode("utf-16"),
        lambda text: text.replace("node07 is", "no<!-- x -->de07 is").encode(),
        lambda text: text.replace("node07 is", "no<![CDATA[de07]]> is").encode(),
        lambda text: text.replace("node07 is", "no<?x y?>de07 is").encode(),
    ],
)
def test_names_that_are_hidden(tmp_path: Path, hide: Callable[[str], bytes]) -> None:
    told = Message(Header("node07", (), 0, "e_1", ""), Alert(severity=2, text="node07 is out"), 1)
    plain = to_xml(told)
    rows = [plain, hide("<?xml version='1.0'?>" + plain.decode().rpartition("?>")[2])]
    records = [encode_record(Kind.DATAGRAM, 1.0 + k, row, 1) for k, row in enumerate(rows)]
    (tmp_path / "r").write_bytes(encode_header(1) + b"".join(records))
    payloads = [record.payload for record in open_recording(tmp_path / "r").anonymized()._records.records()]
    assert b"host-1 is out" in payloads[0]
    assert payloads[1] == b""
    assert open_recording(tmp_path / "r").anonymized().messages.frame()["type"].tolist()[1] == "Unparsed"


def test_numbers_of_users(tmp_path: Path) -> None:
    """A user may be a number, which stays where it is no user."""
    told = Message(Header("node07", (), 0, "e_1", ""), Vex2DifxRun(user="1001"), 1001)
    (tmp_path / "r").write_bytes(encode_header(1) + encode_record(Kind.DATAGRAM, 1.0, to_xml(told), 1))
    (record,) = open_recording(tmp_path / "r").anonymized()._records.records()
    found = parse(record.payload)
    assert isinstance(found, Message)
    assert (found.body.user, found.sequence) == ("user-1", 1001)


def test_pseudonyms_for_many_names_take_no_longer_each() -> None:
    names = Pseudonyms()
    for number in range(20_000):
        names.add_host(f"h{number}x")
    assert names.host("h19999x") == "host-20000"
