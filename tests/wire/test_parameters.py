# SPDX-License-Identifier: GPL-3.0-or-later
"""Parameters of a running job: names, values, targets; and what selections and versions are made of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from difxnb.server.relay import Selection
from difxnb.wire.message import Header, Message, Parameter, parse, to_xml
from difxnb.wire.message_types import CATALOGUE
from difxnb.wire.parameters import PARAMETERS, make_parameter
from difxnb.wire.selection import EVERYTHING, KEYWORDS, selection_lines, selects
from difxnb.wire.version_text import differ, version_number


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("dumpsta", True, Parameter(-2, "dumpsta", (), "true")),
        ("dumplta", False, Parameter(-2, "dumplta", (), "false")),
        ("dumpkurtosis", "true", Parameter(-2, "dumpkurtosis", (), "true")),
        ("stachannels", 64, Parameter(-2, "stachannels", (), "64")),
        ("ltachannels", "32", Parameter(-2, "ltachannels", (), "32")),
        ("clockupdate", (3, 0.012, 1.5e-7), Parameter(-1, "clockupdate", (), "3:0.012:1.5e-07")),
        ("clockupdate", "3:0.012:1.5e-7", Parameter(-1, "clockupdate", (), "3:0.012:1.5e-07")),
        ("clockupdate", [0, -1], Parameter(-1, "clockupdate", (), "0:-1.0")),
        ("stopat", 1_704_110_400, Parameter(-1, "stopat", (), "1704110400")),
        ("stopat", 1_704_110_400.25, Parameter(-1, "stopat", (), "1704110400.250000")),
        ("stopat", datetime(2024, 1, 1, 12), Parameter(-1, "stopat", (), "1704110400")),
        ("stopat", datetime(2024, 1, 1, 12, tzinfo=UTC), Parameter(-1, "stopat", (), "1704110400")),
        (
            "stopat",
            datetime(2024, 1, 1, 13, tzinfo=timezone(timedelta(hours=1))),
            Parameter(-1, "stopat", (), "1704110400"),
        ),
        ("keepacting", False, Parameter(-1, "keepacting", (), "false")),
    ],
)
def test_parameters_as_mpifxcorr_reads_them(name: str, value: Any, expected: Parameter) -> None:
    """difxmessage.md 6.10."""
    assert make_parameter(name, value) == expected
    xml = to_xml(Message(Header("n1", ("e_1",), -1, "e_1"), expected, 1))
    back = parse(xml)
    assert isinstance(back, Message)
    assert back.body == expected


@pytest.mark.parametrize(
    ("name", "value", "error", "says"),
    [
        ("dumpsta", "yes", ValueError, "dumpsta: it is switched by True or False"),
        ("stachannels", 0, ValueError, "whole number"),
        ("stachannels", 1.5, ValueError, "whole number"),
        ("stachannels", True, ValueError, "whole number"),
        ("stachannels", None, TypeError, "stachannels"),
        ("clockupdate", 3, TypeError, "clockupdate"),
        ("clockupdate", "3", ValueError, "1 to 10 coefficients"),
        ("clockupdate", [0, *[1.0] * 11], ValueError, "1 to 10 coefficients"),
        ("clockupdate", (-1, 0.5), ValueError, "counts from 0"),
        ("clockupdate", (0.5, 0.5), ValueError, "counts from 0"),
        ("clockupdate", (0, float("nan")), ValueError, "coefficients are numbers"),
        ("clockupdate", "3:0.1;reboot", ValueError, "clockupdate"),
        ("stopat", "noon", ValueError, "stopat"),
        ("stopat", float("inf"), ValueError, "unix seconds"),
        ("stopat", -5, ValueError, "unix seconds"),
        ("keepacting", True, ValueError, "the only value is False"),
        ("reboot", True, ValueError, "knows no parameter 'reboot'; it knows dumpsta"),
    ],
)
def test_wrong_values_say_what_is_right(name: str, value: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        make_parameter(name, value)


def test_targets_and_indices() -> None:
    assert make_parameter("dumpsta", True, target="all", indices=(1, 2)) == Parameter(
        -1, "dumpsta", (1, 2), "true"
    )
    assert make_parameter("dumpsta", True, target=5).target_mpi_id == 5
    for wrong in ("everyone", -2, True, 2**31):
        with pytest.raises(ValueError, match="a target is 'all', 'cores', 'datastreams' or a rank"):
            make_parameter("dumpsta", True, target=wrong)


@given(
    st.sampled_from(sorted(PARAMETERS)),
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
)
def test_any_value_is_written_or_refused(name: str, value: Any) -> None:
    try:
        parameter = make_parameter(name, value)
    except (ValueError, TypeError):
        return
    assert parameter.value is not None
    assert set(parameter.value) <= set("0123456789.:+-etrufals"), "nothing else reaches a job"


# -- selections -------------------------------------------------------------------------------------------------

TYPES = [entry.type for entry in CATALOGUE]


def test_selections_as_servers_read_them() -> None:
    """4.6: what the lines are read as by a server is what was asked for."""
    chosen = [kind for kinds in KEYWORDS.values() for kind in kinds]
    for kind in chosen:
        selection = Selection(relaying=True)
        selection.choose(selection_lines([kind]))
        assert selection.wants(kind)
        assert [other for other in chosen if selection.wants(other)] in (
            [kind],
            ["Mark5StatusMessage", "Mark5VersionMessage"],
        )
        assert selects(selection_lines([kind]), kind)


@pytest.mark.parametrize("kind", sorted(set(TYPES) - {kind for kinds in KEYWORDS.values() for kind in kinds}))
def test_types_without_a_keyword_need_everything(kind: str) -> None:
    assert selection_lines(["DifxAlertMessage", kind]) == EVERYTHING
    assert selects(EVERYTHING, kind)
    assert not selects(selection_lines(["DifxAlertMessage"]), kind)


def test_lines_of_a_selection() -> None:
    lines = selection_lines(["DifxStatusMessage", "DifxAlertMessage"])
    assert lines == ("SELECTED_MESSAGES", "ALERT_MESSAGES", "STATUS_MESSAGES", "")
    assert selection_lines([""]) == ("SELECTED_MESSAGES", "UNKNOWN_MESSAGES", "")


# -- versions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "result"),
    [
        ("DIFX-2.9", "DiFX-2.9.0", False),
        ("DiFX-2.9.0", "DiFX-2.9.1", True),
        ("Version 2.9", "DIFX-2.9", False),
        ("DIFX-2.8.1", "2.9", True),
        ("DIFX-DEVEL", "DiFX-2.9.0", True),
        ("DIFX-DEVEL", "difx-devel", False),
        ("DIFX-TRUNK", "DIFX-DEVEL", True),
        ("", "DIFX-2.9", False),
        ("DiFX-2.10", "DiFX-2.1", True),
        ("DIFX-2.9-patched", "DiFX-2.9.0", False),
        ("DiFX-2.9.0-a", "2.9.0", False),
    ],
)
def test_versions_differ_where_both_say_so(one: str, other: str, result: bool) -> None:
    assert differ(one, other) is result
    assert differ(other, one) is result


def test_numbers_of_versions() -> None:
    assert [version_number(text) for text in ("DiFX-2.9.0", "2.9", "DIFX-DEVEL", "")] == [
        (2, 9, 0),
        (2, 9),
        (),
        (),
    ]


@given(st.text(max_size=20), st.text(max_size=20))
def test_any_texts_can_be_compared(one: str, other: str) -> None:
    assert differ(one, other) == differ(other, one)
    assert not differ(one, one)
