# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines definition: the exchange and the two files."""

import dataclasses

import pytest

from difxnb.formats.machines import read_machines, read_threads
from difxnb.server.confinement import Confinement
from difxnb.server.machines import define_machines, is_local
from difxnb.wire.message import MachinesDefinition, Processor

REQUEST = MachinesDefinition(
    head_node="head", datastreams=("n1", "n2"), processors=(Processor(("n3", "n4"), 7),)
)


@pytest.fixture
def root(tmp_path):
    return Confinement(tmp_path)


def define(root, **changes):
    base = {
        "input": f"{root.root}/e_1.input",
        "machines_file": f"{root.root}/e_1.machines",
        "threads_file": f"{root.root}/e_1.threads",
    }
    request = dataclasses.replace(REQUEST, **{**base, **changes})
    events = list(define_machines(root, request, local_names=frozenset({"here"})))
    return [(int(e.id), e.text) for e in events]


def ids(events):
    return [packet for packet, _ in events]


def test_the_sequence_and_the_files(root):
    events = define(root)
    assert ids(events) == [102, 103, 111, 110, 104, 115, 116, 101]
    assert events[2][1] == f"{root.root}/e_1.machines"
    assert (root.root / "e_1.machines").read_bytes() == b"head\nn1\nn2\nn3\nn4\n"
    assert (root.root / "e_1.threads").read_bytes() == b"NUMBER OF CORES:    2\n7\n7\n"
    assert read_machines(root.root / "e_1.machines") == ["head", "n1", "n2", "n3", "n4"]
    assert read_threads(root.root / "e_1.threads") == [7, 7]


def test_a_head_node_that_computes_gives_one_thread_to_the_manager(root):
    # As captured from the real server: two processors of two threads on the head node itself.
    define(
        root,
        head_node="vm",
        datastreams=("vm", "vm", "vm"),
        processors=(Processor(("vm",), 2), Processor(("vm",), 2)),
    )
    assert (root.root / "e_1.machines").read_bytes() == b"vm\n" * 6
    assert (root.root / "e_1.threads").read_bytes() == b"NUMBER OF CORES:    2\n1\n1\n"


def test_hosts_without_threads_are_left_out_and_not_counted(root):
    events = define(root, processors=(Processor(("n3",), 0), Processor(("head",), 1), Processor(("n4",), 2)))
    assert ids(events)[-1] == 101
    assert read_machines(root.root / "e_1.machines")[3:] == ["n4"]
    assert (root.root / "e_1.threads").read_bytes() == b"NUMBER OF CORES:    1\n2\n"


def test_no_threads_at_all_is_reported(root):
    assert ids(define(root, processors=(Processor(("n3",), 0),))) == [
        102,
        103,
        111,
        110,
        104,
        115,
        121,
        116,
        101,
    ]


def test_files_that_are_not_named_lie_beside_the_input(root):
    events = define(root, machines_file=None, threads_file=None)
    assert ids(events) == [102, 103, 108, 111, 109, 110, 104, 115, 116, 101]
    assert events[3][1] == f"{root.root}/e_1.machines"


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [({"head_node": None}, [105]), ({"datastreams": ()}, [106]), ({"processors": ()}, [107]),
     ({"input": None, "machines_file": None, "threads_file": None}, [108, 112])],
)  # fmt: skip
def test_what_is_missing_is_named(root, changes, reasons):
    assert ids(define(root, **changes)) == [102, 103, *reasons, 100]
    assert not list(root.root.iterdir())


@pytest.mark.parametrize("path", ["/etc/none/e.machines", "{r}/none/e.machines", "relative"])
def test_a_machines_file_that_cannot_be_written_ends_it_without_harm(root, path):
    events = define(root, machines_file=path.format(r=root.root))
    assert ids(events)[-2:] == [113, 100]
    assert "No such file" in events[-2][1]


def test_a_threads_file_that_cannot_be_written_ends_it_without_harm(root):
    (root.root / "dir").mkdir()
    events = define(root, threads_file=f"{root.root}/dir")
    assert ids(events)[-3:] == [115, 114, 100]


def test_hosts_are_tested_where_they_can_be_reached(root):
    events = define(root, processors=(Processor(("here", "far", "localhost"), 2),), test_processors=True)
    assert ids(events) == [102, 103, 111, 110, 104, 122, 120, 119, 120, 115, 116, 101]
    assert [text for packet, text in events if packet in (119, 120)] == ["here", "far", "localhost"]
    assert read_machines(root.root / "e_1.machines")[3:] == ["here", "localhost"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("localhost", True),
        ("localhost.localdomain", True),
        ("127.0.0.3", True),
        ("::1", True),
        ("here", True),
        ("here2", False),
        ("far", False),
    ],
)
def test_names_of_this_machine(name, expected):
    assert is_local(name, frozenset({"here"})) is expected
