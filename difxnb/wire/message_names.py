# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that difxMessage fields choose from: severities, states, types and functions.

The order is that of the enumerations of ``difxmessage.h`` (2.9), because some senders write the index.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Severity(IntEnum):
    """Severity of an alert; 7 (do not send) is never on the wire."""

    FATAL = 0
    SEVERE = 1
    ERROR = 2
    WARNING = 3
    INFO = 4
    VERBOSE = 5
    DEBUG = 6


class JobState(StrEnum):
    """States of a job; the last two are texts that ``startdifx`` alone writes."""

    SPAWNING = "Spawning"
    STARTING = "Starting"
    RUNNING = "Running"
    ENDING = "Ending"
    DONE = "Done"
    ABORTING = "Aborting"
    TERMINATING = "Terminating"
    TERMINATED = "Terminated"
    MPI_DONE = "MpiDone"
    CRASHED = "Crashed"
    NOTE = "Info"
    REFUSED = "ABORTED"

    @property
    def is_terminal(self) -> bool:
        """Whether no further state of the same run can follow, but for ``MpiDone``."""
        return self in _TERMINAL


_TERMINAL = frozenset({"Done", "Aborting", "Terminated", "MpiDone", "Crashed", "ABORTED"})

MARK6_STATES = (
    "Opening",
    "Open",
    "Close",
    "GetDirectory",
    "GotDirectory",
    "Play",
    "Idle",
    "Error",
    "Busy",
    "Initializing",
    "Resetting",
    "Rebooting",
    "PowerOff",
    "NoData",
    "NoMoreData",
    "PlayInvalid",
    "PlayStart",
    "Copy",
    "Condition",
    "CondError",
    "Test",
    "TestWrite",
    "TestRead",
    "Booting",
    "Recording",
    "CopyTo",
)
MARK5_STATES = (*MARK6_STATES, "FuseMk5")
DIAGNOSTIC_TYPES = (
    "MemoryUsage",
    "BufferStatus",
    "ProcessingTime",
    "DataConsumed",
    "InputDatarate",
    "NumSubintsLost",
)
START_FUNCTIONS = (
    "unknown",
    "default",
    "NRAO",
    "USNO",
    "RUN_MONITOR",
    "CONFIG_ONLY",
    "BAIL_ON_CONFIG_FAIL",
)
DRIVE_STATS_TYPES = ("condition", "condition_read", "condition_write", "read", "write", "unknown", "test")
