# SPDX-License-Identifier: GPL-3.0-or-later
"""Parameters that a running mpifxcorr understands: their values as text, and whom they are for.

In: a name and a value as a user has it. Out: the text of the message. Mirrors difxmessage.md 6.10 and 7.9, and
discrepancy 9 of its section 13: -2 means the cores, -3 the datastreams.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from difxnb.wire.message_commands import Parameter

TARGETS = {"all": -1, "cores": -2, "datastreams": -3}
"""Names of ranks that are none."""

MOST_COEFFICIENTS = 10
"""A clock update of more is ignored."""


def _switch(value: Any) -> str:
    if value in (True, "true", "True"):
        return "true"
    if value in (False, "false", "False"):
        return "false"
    raise ValueError(f"it is switched by True or False; got {value!r}")


def _count(value: Any) -> str:
    number = int(value)
    if isinstance(value, bool) or number != float(value) or number < 1:
        raise ValueError(f"it is a whole number of at least 1; got {value!r}")
    return str(number)


def _clock(value: Any) -> str:
    """``antenna:c0:c1...``, from such a text or from the numbers."""
    parts = value.split(":") if isinstance(value, str) else list(value)
    if len(parts) < 2 or len(parts) > MOST_COEFFICIENTS + 1:
        raise ValueError(
            f"it is the index of an antenna and 1 to {MOST_COEFFICIENTS} coefficients in us, us/s, us/s^2...; "
            f"got {value!r}"
        )
    antenna, coefficients = int(parts[0]), [float(part) for part in parts[1:]]
    if antenna < 0 or antenna != float(parts[0]) or not all(map(math.isfinite, coefficients)):
        raise ValueError(
            f"the index of an antenna counts from 0, and coefficients are numbers; got {value!r}"
        )
    return ":".join([str(antenna), *(repr(coefficient) for coefficient in coefficients)])


def unix_seconds(value: Any) -> float:
    """Unix seconds of a moment of the observation; a datetime without zone is UTC.

    Raises
    ------
    ValueError, TypeError
        It is no time.
    """
    if isinstance(value, datetime):
        moment = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        return moment.timestamp()
    seconds = float(value)
    if not math.isfinite(seconds) or seconds <= 0 or isinstance(value, bool):
        raise ValueError(f"it is unix seconds, or a datetime in UTC; got {value!r}")
    return seconds


def _moment(value: Any) -> str:
    seconds = unix_seconds(value)
    return str(int(seconds)) if seconds == int(seconds) else f"{seconds:.6f}"


def _deaf(value: Any) -> str:
    if _switch(value) != "false":
        raise ValueError("a job listens until it is told not to: the only value is False")
    return "false"


_Write = Callable[[Any], str]

PARAMETERS: dict[str, tuple[_Write, int]] = {
    "dumpsta": (_switch, TARGETS["cores"]),
    "dumplta": (_switch, TARGETS["cores"]),
    "dumpkurtosis": (_switch, TARGETS["cores"]),
    "stachannels": (_count, TARGETS["cores"]),
    "ltachannels": (_count, TARGETS["cores"]),
    "clockupdate": (_clock, TARGETS["all"]),
    "stopat": (_moment, TARGETS["all"]),
    "keepacting": (_deaf, TARGETS["all"]),
}
"""Each with how its value is written, and with whom it is for where nobody else is named."""


def make_parameter(
    name: str, value: Any, *, target: str | int | None = None, indices: Sequence[int] = ()
) -> Parameter:
    """Make the message that sets a parameter.

    Parameters
    ----------
    name : str
        One of `PARAMETERS`.
    value : object
        True or False for ``dumpsta``, ``dumplta``, ``dumpkurtosis`` and ``keepacting``; a number for ``stachannels``
        and ``ltachannels``; ``"3:0.012:1.5e-7"`` or the numbers for ``clockupdate``; unix seconds or a datetime (UTC)
        of the observation for ``stopat``.
    target : str or int, optional
        ``"all"``, ``"cores"``, ``"datastreams"``, or a rank. By default those that the parameter is for.
    indices : sequence of int
        At most seven; no parameter of mpifxcorr 2.9 takes any.

    Raises
    ------
    ValueError, TypeError
        There is no such parameter or target, or the value is none for it.
    """
    if name not in PARAMETERS:
        raise ValueError(f"mpifxcorr knows no parameter {name!r}; it knows {', '.join(PARAMETERS)}")
    write, usual = PARAMETERS[name]
    try:
        text = write(value)
    except TypeError as error:
        raise TypeError(f"{name}: {error}") from error
    except (ValueError, OverflowError) as error:  # the second for an infinite number
        raise ValueError(f"{name}: {error}") from error
    return Parameter(usual if target is None else _rank(target), name, tuple(indices), text)


def _rank(target: str | int) -> int:
    if isinstance(target, str) and target in TARGETS:
        return TARGETS[target]
    if isinstance(target, int) and not isinstance(target, bool) and 0 <= target < 2**31:
        return target
    raise ValueError(f"a target is {', '.join(map(repr, TARGETS))} or a rank from 0; got {target!r}")
