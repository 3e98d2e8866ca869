# SPDX-License-Identifier: GPL-3.0-or-later
"""The public names, which notebooks and checks depend on, and what importing them costs."""

import inspect
import subprocess
import sys

import pytest

import difxnb
from difxnb import aio, notebook

HEAVY = ("numpy", "pandas", "xarray", "matplotlib", "ipywidgets", "scipy", "baseband", "asyncio")
TABLES = ("pandas", "xarray", "matplotlib", "ipywidgets")


def test_importing_difxnb_loads_nothing_heavy() -> None:
    program = f"import sys, difxnb; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_client_core_loads_no_arrays_or_tables() -> None:
    program = f"import sys, difxnb.client.head_node; print([m for m in {TABLES!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", difxnb.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(difxnb, name) is not None
    assert name in dir(difxnb)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        difxnb.no_such_name  # noqa: B018


def _public(cls: type) -> dict[str, object]:
    return {name: value for name, value in vars(cls).items() if not name.startswith("_")}


@pytest.mark.parametrize("name", ["Correlator", "Job", "JobRun", "Monitor"])
def test_the_two_faces_have_the_same_verbs(name: str) -> None:
    """Same names and same parameters; the blocking face may add what only blocking needs."""
    awaitable, blocking = _public(getattr(aio, name)), _public(getattr(notebook, name))
    only_blocking = {"while_waiting", "progress"} if name == "JobRun" else set()
    instance_attributes = {"messages", "jobs", "name", "input_file", "job", "monitor", "server"}
    assert set(awaitable) - instance_attributes <= set(blocking) | instance_attributes
    for verb, member in awaitable.items():
        if inspect.iscoroutinefunction(member) and not isinstance(blocking[verb], property):
            theirs = set(inspect.signature(member).parameters)
            ours = set(inspect.signature(blocking[verb]).parameters) - only_blocking
            assert ours == theirs, verb
