# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies of the difxMessage documents that hosts, jobs and recorders report with.

One frozen dataclass per type and one declaration per field, in the order of the wire. A field that was
missing, empty or unreadable is ``None`` (tuples: empty); nothing is filled in that the sender did not say.
Units are those of the wire: kiB, bytes/s, Mbit/s, UTC modified Julian dates. Names of elements and their
limits are those of ``difxmessage.h`` and ``difxsend.c`` (2.9).
"""

# ruff: noqa: RUF009 - the calls make dataclass fields, which is what belongs there

from __future__ import annotations

from dataclasses import dataclass

from difxnb.wire import message_collections as many
from difxnb.wire import message_fields as wire
from difxnb.wire.message_layout import nested
from difxnb.wire.message_names import DIAGNOSTIC_TYPES, DRIVE_STATS_TYPES, MARK5_STATES, MARK6_STATES

_WORD = 31
_ALERT = 7600  # what fits into a datagram of the library beside the envelope
_MOST_WEIGHTS = 4096
_MOST_SMART = 256


@dataclass(frozen=True, slots=True)
class Load:
    """Load of a host: memory in kiB, network in bytes/s."""

    cpu_load: float | None = wire.number("cpuLoad", "%4.2f")
    total_memory: int | None = wire.integer("totalMemory")
    used_memory: int | None = wire.integer("usedMemory")
    net_rx_rate: int | None = wire.integer("netRXRate")
    net_tx_rate: int | None = wire.integer("netTXRate")
    n_core: int | None = wire.integer("nCore")


@dataclass(frozen=True, slots=True)
class Alert:
    """A text with a severity."""

    input: str | None = wire.text("input")
    text: str | None = wire.coded_text("alertMessage", limit=_ALERT, absent="")
    severity: int | None = wire.integer("severity", 0, 7)


@dataclass(frozen=True, slots=True)
class Status:
    """State of a job; while it runs also its progress and the weight of each datastream.

    `state` is kept as it was sent. `visibility_mjd` is the centre of the integration just written.
    """

    input: str | None = wire.text("input")
    state: str | None = wire.name("state", limit=_WORD)
    message: str | None = wire.coded_text("message", limit=_ALERT, absent="")
    visibility_mjd: float | None = wire.mjd("visibilityMJD", absent="0.0000000")
    job_start_mjd: float | None = wire.mjd("jobstartMJD")
    job_stop_mjd: float | None = wire.mjd("jobstopMJD")
    weights: tuple[tuple[int, float], ...] = wire.repeated(
        "weight", many.read_weight, many.show_weight, _MOST_WEIGHTS
    )


@dataclass(frozen=True, slots=True)
class Info:
    """A text."""

    message: str | None = wire.coded_text("message", limit=_ALERT, absent="")


@dataclass(frozen=True, slots=True)
class Datastream:
    """Reserved by the library and never defined: an empty body."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A measurement from inside mpifxcorr; which fields are there depends on `diagnostic_type`."""

    diagnostic_type: str | None = wire.choice("diagnosticType", DIAGNOSTIC_TYPES)
    thread_id: int | None = wire.integer("threadId")
    num_buf_elements: int | None = wire.integer("numBufElements")
    start_buf_element: int | None = wire.integer("startBufElement")
    active_buf_elements: int | None = wire.integer("activeBufElements")
    microsec: float | None = wire.number("microsec", "%f")
    bytes: int | None = wire.integer("bytes")
    bytes_per_sec: float | None = wire.number("bytespersec", "%.3f")
    num_subints_lost: int | None = wire.integer("numSubintsLost")


@dataclass(frozen=True, slots=True)
class Transient:
    """A transient event, for which raw data should be kept."""

    job_id: str | None = wire.name("jobId", limit=_WORD)
    start_mjd: float | None = wire.mjd("startMJD", "%10.8f")
    stop_mjd: float | None = wire.mjd("stopMJD", "%10.8f")
    priority: float | None = wire.number("priority", "%f")
    dest_dir: str | None = wire.text("destDir")
    comment: str | None = wire.text("comment", limit=511)
    dm: float | None = wire.number("dm", "%8.6f")


# -- recorders --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mark5Status:
    """State of a Mark5 unit; several senders use the last five columns for something else."""

    input: str | None = wire.text("input")
    bank_a_vsn: str | None = wire.serial("bankAVSN")
    bank_b_vsn: str | None = wire.serial("bankBVSN")
    status_word: int | None = wire.status_word("statusWord")
    active_bank: str | None = wire.name("activeBank", limit=1, absent=" ")
    state: str | None = wire.choice("state", MARK5_STATES)
    scan_number: int | None = wire.integer("scanNumber")
    scan_name: str | None = wire.text("scanName", limit=63, absent="")
    position: int | None = wire.integer("position")
    play_rate: float | None = wire.number("playRate", "%5.3f")
    data_mjd: float | None = wire.data_mjd("dataMJD")


@dataclass(frozen=True, slots=True)
class DaughterBoard:
    """Second board of some Mark5 units."""

    pcb_version: str | None = wire.name("PCBVer", limit=7)
    pcb_type: str | None = wire.name("PCBType", limit=11)
    pcb_subtype: str | None = wire.name("PCBSubType", limit=11)
    fpga_config: str | None = wire.name("FPGAConfig", limit=11)
    fpga_config_version: str | None = wire.name("FPGAConfigVer", limit=7)
    serial_number: int | None = wire.integer("SerialNum")
    num_channels: int | None = wire.integer("NumChannels")


@dataclass(frozen=True, slots=True)
class Mark5Version:
    """Versions of the parts of a Mark5 unit; the library sends it under the type of a Mark5 status."""

    api_version: str | None = wire.name("ApiVer", limit=7)
    api_date: str | None = wire.name("ApiDate", limit=11)
    firmware_version: str | None = wire.name("FirmVer", limit=7)
    firmware_date: str | None = wire.name("FirmDate", limit=11)
    monitor_version: str | None = wire.name("MonVer", limit=7)
    xbar_version: str | None = wire.name("XbarVer", limit=7)
    ata_version: str | None = wire.name("AtaVer", limit=7)
    uata_version: str | None = wire.name("UAtaVer", limit=7)
    driver_version: str | None = wire.name("DriverVer", limit=7)
    board_type: str | None = wire.name("BoardType", limit=11)
    serial_number: int | None = wire.integer("SerialNum")
    daughter_board: DaughterBoard | None = nested("DaughterBoard", DaughterBoard)


@dataclass(frozen=True, slots=True)
class Mark6Status:
    """State of a Mark6 unit with four slots; one entry per slot in the first four fields."""

    input: str | None = wire.text("input")
    msn: tuple[str | None, ...] = many.slots("slot{}MSN", wire.read_serial, "none")
    group: tuple[str | None, ...] = many.slots("slot{}Group", many.read_group, "")
    disks: tuple[int | None, ...] = many.slots("slot{}Disks", wire.read_integer, "")
    missing_disks: tuple[int | None, ...] = many.slots("slot{}MissingDisks", wire.read_integer, "")
    state: str | None = wire.choice("state", MARK6_STATES)
    scan_number: int | None = wire.integer("scanNumber")
    scan_name: str | None = wire.text("scanName", limit=63, absent="")
    position: int | None = wire.integer("position")
    play_rate: float | None = wire.number("playRate", "%5.3f")
    data_mjd: float | None = wire.data_mjd("dataMJD")


@dataclass(frozen=True, slots=True)
class Mark6SlotStatus:
    """State of one slot of a Mark6 unit; the library sends the state as a number."""

    input: str | None = wire.text("input")
    slot: int | None = wire.integer("slot")
    msn: str | None = wire.serial("msn", absent="    none")
    group: str | None = wire.name("group", limit=35, absent="")
    num_disks: int | None = wire.integer("numDisks")
    num_missing_disks: int | None = wire.integer("numMissingDisks")
    state: str | None = wire.choice("state", MARK6_STATES, as_number=True)
    message: str | None = wire.name("message", absent=" ")


@dataclass(frozen=True, slots=True)
class Mark6Activity:
    """What a Mark6 unit or a program reading its modules does; the status word has no meaning."""

    input: str | None = wire.text("input")
    active_vsn: str | None = wire.serial("activeVSN", absent="    none")
    status_word: int | None = wire.status_word("statusWord")
    state: str | None = wire.choice("state", MARK6_STATES)
    scan_number: int | None = wire.integer("scanNumber")
    scan_name: str | None = wire.text("scanName", limit=63, absent="")
    position: int | None = wire.integer("position")
    play_rate: float | None = wire.number("playRate", "%5.3f")
    data_mjd: float | None = wire.data_mjd("dataMJD")


@dataclass(frozen=True, slots=True)
class Smart:
    """S.M.A.R.T. values (id, value) of one disk of a module."""

    mjd: float | None = wire.mjd("mjd")
    vsn: str | None = wire.serial("vsn")
    slot: int | None = wire.integer("slot")
    values: tuple[tuple[int, int], ...] = wire.repeated(
        "smart", many.read_smart, many.show_smart, _MOST_SMART
    )


@dataclass(frozen=True, slots=True)
class DriveStats:
    """Histogram of response times of one disk: eight bins, with upper edges 1.125 ms, 2.25 ms, ..., none."""

    serial_number: str | None = wire.name("serialNumber", limit=_WORD, absent="")
    model_number: str | None = wire.name("modelNumber", limit=_WORD, absent="")
    size: int | None = wire.integer("size")
    module_vsn: str | None = wire.serial("moduleVSN")
    module_slot: int | None = wire.integer("moduleSlot")
    start_mjd: float | None = wire.mjd("startMJD", "%7.5f", absent="0.00000")
    stop_mjd: float | None = wire.mjd("stopMJD", "%7.5f", absent="0.00000")
    type: str | None = wire.choice("type", DRIVE_STATS_TYPES)
    start_byte: int | None = wire.integer("startByte")
    bins: tuple[int | None, ...] = many.bins()
