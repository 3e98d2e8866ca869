# SPDX-License-Identifier: GPL-3.0-or-later
"""What the experiment was observed and is correlated with: ``.vex`` (VEX 1.5) and ``.v2d``.

Texts that vex2difx accepts and would make the files of :mod:`.job_files` of, except for the delay model, which the
demonstration computes itself (``difx-files.md`` 12).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path

from difxnb.formats.mjd import MJD_ZERO
from difxnb.synthetic.experiment_model import Experiment, Scan
from difxnb.synthetic.job_files import (
    DATA_BUFFER_FACTOR,
    MODE,
    NUM_DATA_SEGMENTS,
    SETUP,
    machines,
    recordings,
    tone_interval_mhz,
)
from difxnb.synthetic.sky import earth_orientation

_A1_TAI_S = 0.03439
_IF_OFFSET_MHZ = 800.0
_MAX_GAP_S = 180


def write_observing_files(experiment: Experiment, directory: Path) -> list[Path]:
    """Write the ``.vex`` and the ``.v2d``; give their paths."""
    texts = {"vex": vex_text(experiment), "v2d": v2d_text(experiment, directory)}
    paths = [directory / f"{experiment.name}.{extension}" for extension in texts]
    for path, text in zip(paths, texts.values(), strict=True):
        path.write_text(text, encoding="ascii")
    return paths


def v2d_text(experiment: Experiment, directory: Path) -> str:
    """Text of the ``.v2d``; file names are absolute, and so must hold no blank for vex2difx to read them."""
    codes = [station.code for station in experiment.stations]
    lines = [
        "# Made-up experiment: no station, source or recording in it is real.",
        f"vex = {experiment.name}.vex",
        f"antennas = {', '.join(codes)}",
        "startSeries = 1",
        "singleScan = False",
        f"maxGap = {max(_MAX_GAP_S, experiment.duration_s)}",
        "minLength = 1",
        f"dataBufferFactor = {DATA_BUFFER_FACTOR}",
        f"nDataSegments = {NUM_DATA_SEGMENTS}",
        f"nCore = {len(experiment.cores)}",
        f"nThread = {experiment.cores[0]}",
        f"machines = {', '.join(machines(experiment))}",
        *_block("SETUP", SETUP, _setup(experiment)),
    ]
    for row, code in enumerate(codes):
        lines += _block("ANTENNA", code, _antenna(experiment, row, directory))
    return "\n".join(lines) + "\n"


def _block(kind: str, name: str, parameters: dict[str, object]) -> list[str]:
    return [f"{kind} {name}", "{", *(f"  {key} = {value}" for key, value in parameters.items()), "}"]


def _setup(experiment: Experiment) -> dict[str, object]:
    return {
        "tInt": f"{experiment.integration_s:.1f}",
        "nChan": experiment.n_channels,
        "nFFTChan": experiment.n_channels,
        "doPolar": len(experiment.polarizations) == 2,
        "subintNS": experiment.subint_ns,
    }


def _antenna(experiment: Experiment, row: int, directory: Path) -> dict[str, object]:
    station = experiment.stations[row]
    return {
        "format": f"{station.data_format}/{experiment.frame_bytes}/2",
        "clockOffset": f"{station.clock_us!r}  # us, late is positive",
        "clockRate": f"{station.clock_rate_us_s!r}  # us/s",
        "clockEpoch": f"{experiment.start_mjd}.0",
        "phaseCalInt": f"{tone_interval_mhz(station):g}",
        "file": ", ".join(recordings(experiment, row, directory)),
    }


def vex_text(experiment: Experiment) -> str:
    """Text of the ``.vex``."""
    sections = {
        "EXPER": _exper(experiment),
        "MODE": _mode(experiment),
        "STATION": _stations(experiment),
        "SITE": _sites(experiment),
        "ANTENNA": _definition("AZEL", ["axis_type = az : el", "axis_offset = 0.0 m"]),
        "DAS": _definition("VDIF", ["record_transport_type = VDIF", "electronics_rack_type = VDIF"]),
        "SOURCE": _sources(experiment),
        "FREQ": _freq(experiment),
        "IF": _definition("i1", _ifs(experiment)),
        "BBC": _definition("b1", _bbcs(experiment)),
        "PHASE_CAL_DETECT": _definition("p1", ["phase_cal_detect = &NoCal"]),
        "TRACKS": _tracks(experiment),
        "SCHED": [line for scan in experiment.scans for line in _scan(experiment, scan)],
        "EOP": _eops(experiment),
    }
    lines = [
        "VEX_rev = 1.5;",
        "* Made-up experiment: no station, source or recording in it is real.",
        "$GLOBAL;",
    ]
    lines.append(f"     ref $EXPER = {experiment.name.upper()};")
    for name, body in sections.items():
        lines += [f"${name};", *body]
    return "\n".join(lines) + "\n"


def _definition(name: str, statements: Iterable[str]) -> list[str]:
    return [f"def {name};", *(f"     {statement};" for statement in statements), "enddef;"]


def _vex_time(experiment: Experiment, seconds: int) -> str:
    """Time so many seconds after the start of the job."""
    start = MJD_ZERO + dt.timedelta(experiment.start_mjd, experiment.start_seconds)
    return f"{start + dt.timedelta(seconds=seconds):%Yy%jd%Hh%Mm%Ss}"


def _exper(experiment: Experiment) -> list[str]:
    name = experiment.name.upper()
    start, stop = _vex_time(experiment, 0), _vex_time(experiment, experiment.duration_s)
    return _definition(
        name, [f"exper_name = {name}", f"exper_nominal_start = {start}", f"exper_nominal_stop = {stop}"]
    )


def _mode(experiment: Experiment) -> list[str]:
    everywhere = " : ".join(station.code for station in experiment.stations)
    blocks = {"FREQ": "f1", "IF": "i1", "BBC": "b1", "TRACKS": "t1", "PHASE_CAL_DETECT": "p1"}
    return _definition(MODE, [f"ref ${block} = {name} : {everywhere}" for block, name in blocks.items()])


def _stations(experiment: Experiment) -> list[str]:
    return [
        line
        for station in experiment.stations
        for line in _definition(
            station.code, [f"ref $SITE = {station.name}", "ref $ANTENNA = AZEL", "ref $DAS = VDIF"]
        )
    ]


def _sites(experiment: Experiment) -> list[str]:
    lines = []
    for station in experiment.stations:
        position = " : ".join(f"{coordinate:.3f} m" for coordinate in station.position_m)
        statements = [
            "site_type = fixed",
            f"site_name = {station.name}",
            f"site_ID = {station.code}",
            f"site_position = {position}",
        ]
        lines += _definition(station.name, statements)
    return lines


def _sources(experiment: Experiment) -> list[str]:
    lines = []
    for source in experiment.sources:
        place = f"ra = {source.ra}; dec = {source.dec}; ref_coord_frame = J2000"
        lines += _definition(source.name, [f"source_name = {source.name}", place])
    return lines


def _freq(experiment: Experiment) -> list[str]:
    statements = [f"sample_rate = {experiment.sample_rate_hz / 1e6:.3f} Ms/sec"]
    for number, (row, _) in enumerate(experiment.channels, start=1):
        band = experiment.bands[row]
        sky = f"{band.edge_hz / 1e6:.6f} MHz : {band.sideband} : {band.bandwidth_hz / 1e6:.6f} MHz"
        statements.append(f"chan_def = : {sky} : &CH{number:02d} : &BBC{number:02d} : &NoCal")
    return _definition("f1", statements)


def _ifs(experiment: Experiment) -> list[str]:
    oscillator = experiment.bands[0].edge_hz / 1e6 - _IF_OFFSET_MHZ
    return [
        f"if_def = &IF_{pol} : {pol} : {pol} : {oscillator:.2f} MHz : U" for pol in experiment.polarizations
    ]


def _bbcs(experiment: Experiment) -> list[str]:
    return [
        f"BBC_assign = &BBC{number:02d} : {number} : &IF_{polarization}"
        for number, (_, polarization) in enumerate(experiment.channels, start=1)
    ]


def _tracks(experiment: Experiment) -> list[str]:
    statements = [f"track_frame_format = VDIF/{experiment.frame_bytes}/2"]
    for number in range(experiment.recorded_channels):
        for bit, part in enumerate(("sign", "mag")):
            statements.append(f"fanout_def = A : &CH{number + 1:02d} : {part} : 1 : {2 * number + bit:02d}")
    return _definition("t1", statements)


def _scan(experiment: Experiment, scan: Scan) -> list[str]:
    source = experiment.sources[scan.source].name
    stations = [
        f"     station = {station.code} : 0 sec : {scan.duration_s} sec : 0 GB : : : 1;"
        for station in experiment.stations
    ]
    start = f"     start = {_vex_time(experiment, scan.start_s)}; mode = {MODE}; source = {source};"
    return [f"scan {scan.identifier};", start, *stations, "endscan;"]


def _eops(experiment: Experiment) -> list[str]:
    lines = []
    for number, eop in enumerate(earth_orientation(experiment)):
        day = f"{MJD_ZERO + dt.timedelta(eop.mjd):%Yy%jd}"
        statements = [
            f"TAI-UTC = {eop.tai_utc_s:g} sec",
            f"A1-TAI = {_A1_TAI_S} sec",
            f"eop_ref_epoch = {day}",
            "num_eop_points = 1",
            "eop_interval = 24 hr",
            f"ut1-utc = {eop.ut1_utc_s:.7f} sec",
            f"x_wobble = {eop.x_pole_arcsec:.6f} asec",
            f"y_wobble = {eop.y_pole_arcsec:.6f} asec",
        ]
        lines += _definition(f"E{number}", statements)
    return lines
