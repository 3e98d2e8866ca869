# SPDX-License-Identifier: GPL-3.0-or-later
"""Decoders of schedules, of what is asked for with them, and of what sessions leave behind."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np

from difxnb.errors import CannotMakeJob, FileFormatError
from difxnb.formats.calc import parse_calc
from difxnb.formats.input import format_input, parse_input
from difxnb.formats.v2d import V2d, parse_v2d
from difxnb.formats.v2d_templates import V2dTemplate, facts_of
from difxnb.formats.vex import Vex, parse_vex
from difxnb.geometry.eop import EopTable
from difxnb.geometry.eop_text import format_own, parse_eop
from difxnb.geometry.leap_seconds import parse_leap_seconds
from difxnb.intensives.recipe_text import parse_recipe
from difxnb.making.drafting import drawn_up
from difxnb.making.job_files import job_texts
from difxnb.queue import QueueStore
from difxnb.reports.ivs_report import ivs_report
from difxnb.reports.notebook_report import OWN, parameters_of
from difxnb.sessions.calendar import session_calendar
from difxnb.sessions.master import parse_master
from difxnb.sessions.record import SessionRecord, read_record
from difxnb.sessions.trends import session_trends
from difxnb.synthetic import small_experiment
from difxnb.synthetic.observing_files import v2d_text, vex_text
from tests.fuzz.decoding import Target, of_text
from tests.geometry import eop_texts
from tests.geometry.test_leap_seconds import DAT, LIST
from tests.intensives.test_recipe import TEXT as RECIPE
from tests.sessions import made_records
from tests.sessions.test_master import FIRST, SECOND

_DATA = Path("/data")
_TABLES = ("scans", "scan_stations", "stations", "sources", "modes", "bands", "clocks", "eop")
_DAY = 57754  # of the tables of Earth orientation
_CLOCKS = """$CLOCK;
def AL;
clock_early = 2025y071d00h00m00s : 1.5 usec : 2025y071d00h00m00s : 1e-12 ;
enddef;
"""
_TEMPLATE = (
    b"vex = ${VEX:e.vex}\nantennas = ${STATIONS}\nmjdStart = ${START} # $$\n"
    b"SETUP s { tInt = ${tInt:1.0} nChan = 8 }\n"
)


# --- seeds --------------------------------------------------------------------------------------------


@cache
def _vex_text() -> str:
    """The schedule of a demo, without what is indented or said besides: tests take 4000 bytes of a seed."""
    lines = vex_text(small_experiment()).splitlines(keepends=True)
    return "".join(line.lstrip() for line in lines if not line.lstrip().startswith("*"))


@cache
def _v2d_text() -> str:
    return v2d_text(small_experiment(), _DATA)


@cache
def _vex() -> Vex:
    return parse_vex(_vex_text())


def _vex_seeds() -> list[bytes]:
    second = _vex_text().replace("VEX_rev = 1.5", "VEX_rev = 2.0")
    return [one.encode() for one in (_vex_text(), second, "VEX_rev = 1.5;\n" + _CLOCKS)]


def _v2d_seeds() -> list[bytes]:
    return [one.encode() for one in (_v2d_text(), eop_texts.v2d(57754, 57758))]


def _eop_seeds() -> list[bytes]:
    first, last = _DAY - 3, _DAY + 3
    texts = (
        eop_texts.finals(first, last, final_to=_DAY - 1, rapid_to=_DAY + 1),
        eop_texts.c04(first, last, hours=True),
        eop_texts.c04(first, last, hours=False),
        eop_texts.semicolons(first, last, final_to=_DAY),
        eop_texts.erp(first, last, last_real=_DAY),
        eop_texts.v2d(first, last),
    )
    own = format_own(parse_eop(texts[0]), "a table", "2026-11-23")
    return [one.encode() for one in (*texts, own)]


def _record_seeds() -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        records = [made_records.put(Path(folder), 0), made_records.put(Path(folder), 1, fails="clocks")]
        return [record.path.read_bytes() for record in records]


def _queue_seeds() -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "queue.sqlite"
        store = QueueStore(path)
        store.close()
        return [path.read_bytes()]


# --- decoders -----------------------------------------------------------------------------------------


def _schedule(text: str) -> object:
    """What can be read has all its tables, and edits change what they name alone."""
    vex = parse_vex(text)
    assert vex.text == text
    assert repr(vex)
    with suppress(FileFormatError):
        assert [len(vex.frame(name)) for name in _TABLES]
    problems = vex.problems()
    _edit(vex)
    return vex.version, len(problems)


def _edit(vex: Vex) -> None:
    for station in vex.stations()["station"][:1]:
        with suppress(ValueError, FileFormatError):
            new = vex.with_clock(station, offset=1e-6, epoch="2025-03-12")
            assert 1e-6 in new.clocks()["offset"].round(12).tolist()
            assert parse_vex(vex.edit(new).after).text == new.text
        with suppress(ValueError, FileFormatError):
            less = vex.without_station(station)
            assert station not in less.scan_stations()["station"].tolist()


def _orders(text: str) -> object:
    """What can be read is told, checked with and without its schedule, and changed in one place."""
    v2d = parse_v2d(text)
    assert v2d.text == text
    assert repr(v2d)
    tables = [len(v2d.frame(name)) for name in ("parameters", "antennas", "setups", "rules", "eops")]
    problems = [len(v2d.problems(vex)) for vex in (None, _vex())]
    with suppress(ValueError):
        v2d["nCore"] = 3
        assert parse_v2d(v2d.text)["nCore"] == 3
    return tables, problems


def _jobs(text: str) -> object:
    """A damaged schedule with orders that are well, or the other way round: jobs that can be read, or reasons."""
    if text.startswith("VEX"):
        vex, orders = parse_vex(text), _v2d_text()
    else:
        vex, orders = _vex(), text
    plan = drawn_up(vex, orders, "e", lambda name: "")
    made = job_texts(plan, _DATA, "e.v2d", vex_file=_DATA / "demo.vex")
    for name, content in made.items():
        if name.endswith(".input"):
            assert format_input(parse_input(content)) == content
        if name.endswith(".calc"):
            parse_calc(content)
    return sorted(made)


def _template(text: str) -> object:
    template = V2dTemplate(text)
    return V2d.__len__(parse_v2d(template.render(**facts_of(_vex()), tInt=2.0)))


def _orientation(text: str) -> object:
    """Whatever can be read is written in the own form, and is the same again to the digits of that."""
    days = parse_eop(text)
    again = parse_eop(format_own(days, "a table", "2026-11-23"))
    assert [(day.mjd, day.tai_utc_s, day.quality) for day in again] == [
        (day.mjd, day.tai_utc_s, day.quality) for day in days
    ]
    assert np.allclose([day.ut1_utc_s for day in again], [day.ut1_utc_s for day in days], rtol=0, atol=1e-9)
    table = EopTable("a table", np.datetime64("2026-11-23"), days)
    assert repr(table)
    return table.at(table.first).to_dict()


def _record(pieces: list[bytes]) -> object:
    """A record tells what can be read in it: to whoever goes on, and in rows, trends and a report."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "record.jsonl"
        path.write_bytes(b"".join(pieces))
        frame = read_record(folder)
        with suppress(ValueError):
            record = SessionRecord.open(folder, made_records.code(0))
            record.begin("jobs", {})
            assert len(read_record(folder)) == len(frame) + 1
        return len(session_calendar([folder])), len(session_trends([folder]).frame()), _report(folder)


def _report(folder: str) -> int:
    try:
        return len(ivs_report(Path(folder)).text())
    except (ValueError, FileFormatError):
        return 0


def _recipe(text: str) -> object:
    recipe = parse_recipe(text)
    assert parse_recipe(recipe.to_toml()) == recipe
    return len(recipe.problems())


def _notebook(pieces: list[bytes]) -> object:
    """Parameters of a notebook that somebody brings for a report."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "own.ipynb"
        path.write_bytes(b"".join(pieces))
        return parameters_of(path)


def _queue(pieces: list[bytes]) -> object:
    """A file that is no queue is said to be none, and stays as it is."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "queue.sqlite"
        path.write_bytes(content := b"".join(pieces))
        try:
            store = QueueStore(path)
        except FileFormatError:
            assert path.read_bytes() == content
            raise
        try:
            return len(store.entries()), len(store.history())
        finally:
            store.close()


_REFUSED = (FileFormatError,)
TARGETS: dict[str, Target] = {
    ".vex": Target(of_text(_schedule), _vex_seeds, _REFUSED),
    ".v2d": Target(of_text(_orders), _v2d_seeds, _REFUSED),
    "template of a .v2d": Target(of_text(_template), lambda: [_TEMPLATE], (ValueError,)),
    "jobs of a schedule": Target(
        of_text(_jobs), lambda: [*_vex_seeds(), *_v2d_seeds()], (FileFormatError, CannotMakeJob)
    ),
    "Earth orientation": Target(of_text(_orientation), _eop_seeds, _REFUSED),
    "leap seconds": Target(
        of_text(lambda text: repr(parse_leap_seconds(text))),
        lambda: [LIST.encode(), DAT.encode()],
        _REFUSED,
    ),
    "record of a session": Target(_record, _record_seeds, _REFUSED),
    "master schedule": Target(
        of_text(lambda text: parse_master(text).to_dict()),
        lambda: [FIRST.encode(), SECOND.encode()],
        _REFUSED,
    ),
    "recipe": Target(of_text(_recipe), lambda: [RECIPE.encode()], _REFUSED),
    "notebook of a report": Target(_notebook, lambda: [OWN.read_bytes()], _REFUSED),
    "kept queue": Target(_queue, _queue_seeds, (FileFormatError, OSError)),
}
"""Decoders of schedules and sessions, by what they read."""
