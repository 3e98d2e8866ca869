# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies of the difxMessage documents that ask for something.

As in :mod:`difxnb.wire.message_reports`: one frozen dataclass per type, one declaration per field, missing
is ``None``. Most texts of these commands reach a shell on the server, so whoever fills them in has to quote
or refuse; that is done in :mod:`difxnb.wire.files`, not here.
"""

from __future__ import annotations

from dataclasses import dataclass

from difxnb.wire import message_collections as many
from difxnb.wire import message_fields as wire
from difxnb.wire.message_collections import Processor
from difxnb.wire.message_names import START_FUNCTIONS

_HOST = 255
_WORD = 31


@dataclass(frozen=True, slots=True)
class Command:
    """A command for the ``mk5daemon`` of the hosts in the header's `to`."""

    command: str | None = wire.coded_text("command", limit=wire.TEXT_LIMIT, absent="")


@dataclass(frozen=True, slots=True)
class Parameter:
    """Set a parameter of running mpifxcorr processes; -1, -2, -3 are all, all cores, all datastreams."""

    target_mpi_id: int | None = wire.integer("targetMpiId", also="targetMipId")  # as the user guide spells it
    name: str | None = wire.name("name", limit=_WORD)
    indices: tuple[int | None, ...] = many.indices()
    value: str | None = wire.text("value", absent="")


@dataclass(frozen=True, slots=True)
class Start:
    """Start a job. `address` and `port` say where to report; in channel mode `port` is the channel."""

    input: str | None = wire.text("input")
    head_node: str | None = many.head_node()
    datastreams: tuple[str, ...] = many.datastreams()
    processors: tuple[Processor, ...] = many.processors()
    environment: tuple[str, ...] = wire.repeated("env", many.read_environment, many.show_environment, 8)
    mpi_wrapper: str | None = wire.text("mpiWrapper")
    mpi_options: str | None = wire.text("mpiOptions")
    difx_program: str | None = wire.text("difxProgram")
    difx_version: str | None = wire.name("difxVersion", limit=_WORD)
    force: bool | None = wire.force("force")
    restart_seconds: float | None = wire.seconds("restartSeconds")
    function: str | None = wire.choice("function", START_FUNCTIONS)
    address: str | None = wire.name("address", limit=_WORD)
    port: int | None = wire.integer("port", *wire.INT32)


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop a job."""

    input: str | None = wire.text("input")
    mpi_wrapper: str | None = wire.text("mpiWrapper")
    difx_version: str | None = wire.name("difxVersion", limit=_WORD)
    difx_program: str | None = wire.text("difxProgram")


@dataclass(frozen=True, slots=True)
class MachinesDefinition:
    """Write the ``.machines`` and ``.threads`` files of a job."""

    input: str | None = wire.text("input")
    head_node: str | None = many.head_node()
    datastreams: tuple[str, ...] = many.datastreams()
    processors: tuple[Processor, ...] = many.processors()
    mpi_wrapper: str | None = wire.text("mpiWrapper")
    mpi_options: str | None = wire.text("mpiOptions")
    difx_version: str | None = wire.name("difxVersion", limit=_WORD)
    test_processors: bool | None = wire.exactly_true("testProcessors")
    machines_file: str | None = wire.text("machinesFile")
    threads_file: str | None = wire.text("threadsFile")
    address: str | None = wire.name("address", limit=_WORD)
    port: int | None = wire.integer("port", *wire.INT32)


@dataclass(frozen=True, slots=True)
class FileTransfer:
    """Move a file; `direction` is ``to DiFX`` or ``from DiFX``."""

    origin: str | None = wire.text("origin", absent="")
    destination: str | None = wire.text("destination", absent="")
    direction: str | None = wire.text("direction", limit=_WORD)
    data_node: str | None = wire.name("dataNode", limit=_HOST)
    address: str | None = wire.name("address", limit=_WORD)
    port: int | None = wire.integer("port", *wire.INT32)


@dataclass(frozen=True, slots=True)
class FileOperation:
    """``mkdir``, ``rmdir``, ``touch``, ``rm``, ``mv``, ``cp`` or ``ls``; `path` and `arg` reach a shell."""

    path: str | None = wire.text("path", absent="")
    operation: str | None = wire.text("operation", limit=_WORD)
    data_node: str | None = wire.name("dataNode", limit=_HOST)
    arg: str | None = wire.text("arg")
    address: str | None = wire.name("address", limit=_WORD)
    port: int | None = wire.integer("port", *wire.INT32)


@dataclass(frozen=True, slots=True)
class Vex2DifxRun:
    """Run vex2difx and the delay model program."""

    user: str | None = wire.name("user", limit=_WORD)
    node: str | None = wire.name("node", limit=_HOST)
    difx_version: str | None = wire.name("difxVersion", limit=_WORD)
    pass_path: str | None = wire.text("passPath")
    file: str | None = wire.text("file")
    address: str | None = wire.name("address", limit=_WORD)
    port: int | None = wire.integer("port", *wire.INT32)
    calc_command: str | None = wire.text("calcCommand")
    calc_only: bool | None = wire.nonzero("calcOnly")


@dataclass(frozen=True, slots=True)
class GetDirectory:
    """Read the directory of a Mark5 module."""

    mpi_wrapper: str | None = wire.text("mpiWrapper")
    difx_version: str | None = wire.name("difxVersion", limit=_WORD)
    mark5: str | None = wire.name("mark5", limit=_WORD)
    vsn: str | None = wire.name("vsn", limit=_WORD)
    address: str | None = wire.name("address", limit=_WORD)
    port: int | None = wire.integer("port", *wire.INT32)
    generate_new: bool | None = wire.nonzero("generateNew")


@dataclass(frozen=True, slots=True)
class Mk5Control:
    """Run the ``mk5control`` script."""

    command: str | None = wire.text("command", limit=_WORD)
    target_node: str | None = wire.name("targetNode", limit=_HOST)
    address: str | None = wire.name("address", limit=_WORD)
    port: int | None = wire.integer("port", *wire.INT32)


@dataclass(frozen=True, slots=True)
class Mark5Copy:
    """Copy scans from a Mark5 module."""

    mpi_wrapper: str | None = wire.text("mpiWrapper")
    difx_version: str | None = wire.name("difxVersion", limit=_WORD)
    mark5: str | None = wire.name("mark5", limit=_WORD)
    vsn: str | None = wire.name("vsn", limit=_WORD)
    scans: str | None = wire.text("scans", limit=_WORD)
    destination: str | None = wire.text("destination")
    address: str | None = wire.name("address", limit=_WORD)
    port: int | None = wire.integer("port", *wire.INT32)


@dataclass(frozen=True, slots=True)
class Vsis:
    """``start`` or ``stop`` of the VSI-S service; the payload element itself holds the text."""

    text: str | None = wire.name("vsis", limit=_WORD)
