# SPDX-License-Identifier: GPL-3.0-or-later
"""Every row of guiserver.md 4, 7 and 10, with the tests that cover it.

The rows are in `tests.protocol`. Here is proved that none is missing, and that the tests exist. No row is without a
test; those that a client alone, or a server alone, can meet have tests of that end.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.protocol import Covered
from tests.protocol.hazards import HAZARDS
from tests.protocol.operations import OPERATIONS
from tests.protocol.packets import PACKETS

HERE = Path(__file__).parents[1]
ROWS: dict[str, Covered] = {**HAZARDS, **PACKETS, **OPERATIONS}

NUMBERED = {
    "H": range(1, 31),
    "4 packet ": range(1, 25),
    "7.4 packet ": range(100, 129),
    "7.6 packet ": range(100, 123),
    "7.8 packet ": range(301, 315),
    "7.9 packet ": (101, 102, 108, 110),
    "7.10 packet ": (301, 302, 304, 305, 312, 314),
    "7.11 packet ": range(100, 113),
    "7.12 packet ": (101, 102, *range(104, 112)),
    "7.13 packet ": range(100, 144),
}
"""Tables of the page whose rows have numbers."""

COUNTED = {
    "4.3 ": 4,  # situations
    "4.4 ": 13,  # patterns of texts
    "4.6 ": 19,  # keywords
    "7.1 ": 14,  # operations
    "7.2 ": 8,  # file operations
    "7.3 upload ": 6 + 5,  # results, steps
    "7.3 download ": 6 + 4,
    "7.4 function ": 4,
    "7.4 sequence ": 9,
    "7.7 ": 2,
    "7.13 step ": 9,
    "7.13 data ": 6 + 6,  # bodies, quantities
}
"""Tables of the page whose rows have none, and how many they have."""


@pytest.mark.parametrize(("prefix", "numbers"), NUMBERED.items())
def test_no_numbered_row_is_missing(prefix: str, numbers: range | tuple[int, ...]) -> None:
    named = [key for key in ROWS if key.startswith(prefix) and key[len(prefix) :].isdigit()]
    assert sorted(int(key[len(prefix) :]) for key in named) == sorted(numbers)


@pytest.mark.parametrize(("prefix", "count"), COUNTED.items())
def test_no_other_row_is_missing(prefix: str, count: int) -> None:
    assert len([key for key in ROWS if key.startswith(prefix) and " packet " not in key]) == count


def test_every_row_has_a_test() -> None:
    assert [key for key, row in ROWS.items() if not row.tests] == []


def test_the_tests_exist(request: pytest.FixtureRequest) -> None:
    """As pytest itself names them: here, where their files are among those that it collected, or in a process."""
    named = sorted({test for row in ROWS.values() for test in row.tests})
    files = {test.partition("::")[0] for test in named}
    assert [file for file in sorted(files) if not (HERE / file).is_file()] == []
    here = {item.nodeid.partition("[")[0] for item in request.session.items}
    rest = sorted({test.partition("::")[0] for test in named if test not in here})
    collected = here.union(_collected(rest) if rest else ())
    assert [test for test in named if test not in collected] == []


def _collected(files: list[str]) -> Iterator[str]:
    """Node ids in some files, without parameters."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *files]
    result = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
    for line in result.stdout.splitlines():
        if "::" in line:
            yield line.partition("[")[0]


def test_a_wrong_name_would_be_noticed(request: pytest.FixtureRequest) -> None:
    here = {item.nodeid.partition("[")[0] for item in request.session.items}
    for collected in (here, set(_collected(["tests/test_hazards.py"]))):
        assert "tests/test_hazards.py::test_a_wrong_name_would_be_noticed" in collected
        assert "tests/test_hazards.py::test_of_nothing" not in collected
