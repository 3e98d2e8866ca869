# SPDX-License-Identifier: GPL-3.0-or-later
"""The public names, which notebooks and checks depend on, and what importing them costs."""

import inspect
import subprocess
import sys

import pytest

import difxnb
from difxnb import aio, notebook
from difxnb.intensives import run as intensive_run
from difxnb.notebook import intensive_run as blocking_run

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


@pytest.mark.parametrize("named", ["plots.schedule_timeline", "intensives.Recipe", "geometry.leap_seconds"])
def test_packages_are_there_after_one_import(named: str) -> None:
    program = f"import difxnb; print(difxnb.{named}.__name__, {named.partition('.')[0]!r} in dir(difxnb))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [named.rpartition(".")[2], "True"]


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        difxnb.no_such_name  # noqa: B018


# What the awaitable objects use among themselves, and what only blocking calls need.
PLUMBING = {
    "Correlator": {"listen"},
    "Job": {
        "keep_calc",
        "outputs",
        "placement",
        "placement_or_none",
        "stop_run",
        "version_note",
        "warn_of_versions",
    },
    "Messages": {"add", "hide_others", "reaches"},
    "IntensiveRun": set(),
    "ServerInfo": set(),
    "JobQueue": {"dropped", "end", "start_no_more", "version"},
    "JobRun": {"told", "add_event", "abandon", "cut_off", "ended", "follow", "let_go", "look_for_outcome"},
    "Monitor": {"begin", "best_snr", "catch_up", "pause_of_select"},
    "Recorder": set(),
    "RemoteText": set(),
    "SessionRecorder": set(),
}
ONLY_BLOCKING = {
    "IntensiveRun": {"close", "panel", "recipe", "record", "session"},
    "Correlator": {"messages", "jobs", "nodes", "recorders", "alerts", "queue", "panel", "intensive"},
    "Job": {"name", "input_file", "panel"},
    "Messages": {"callback_errors", "failed_callbacks", "hidden", "panel"},
    "ServerInfo": {"version", "user", "difx_base", "setup_path"},
    "JobQueue": {"panel"},
    "JobRun": {"monitor", "panel"},
    "Monitor": {"panel"},
    "Recorder": {"name"},
    "RemoteText": {"path", "text", "original"},
    "SessionRecorder": {"path"},
}


def _public(cls: type) -> dict[str, object]:
    own = [vars(part) for part in reversed(cls.__mro__) if part.__module__.startswith("difxnb.")]
    everything = {name: value for names in own for name, value in names.items()}
    return {name: value for name, value in everything.items() if not name.startswith("_")}


@pytest.mark.parametrize(
    "name",
    [
        "Correlator",
        "IntensiveRun",
        "Job",
        "JobQueue",
        "JobRun",
        "Messages",
        "Monitor",
        "Recorder",
        "RemoteText",
        "ServerInfo",
        "SessionRecorder",
    ],
)
def test_the_two_faces_have_the_same_verbs(name: str) -> None:
    """Same names, same parameters; what waits for the server is awaitable on one face and blocks on the other."""
    homes = (intensive_run, blocking_run) if name == "IntensiveRun" else (aio, notebook)
    awaitable, blocking = (_public(getattr(home, name)) for home in homes)
    assert set(awaitable) - PLUMBING[name] == set(blocking) - ONLY_BLOCKING[name]
    for verb in set(awaitable) - PLUMBING[name]:
        theirs, ours = awaitable[verb], blocking[verb]
        if inspect.isfunction(theirs) and inspect.isfunction(ours):
            looks = {"progress", "while_waiting"} if (name, verb) == ("JobRun", "wait") else set()
            assert set(inspect.signature(ours).parameters) - looks == set(
                inspect.signature(theirs).parameters
            ), verb
