# SPDX-License-Identifier: GPL-3.0-or-later
"""Correlator reports: what they tell is what there is, and what is not there says why."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import difxnb
from difxnb.errors import OutputExists
from difxnb.formats.clock_change import Clock
from difxnb.formats.input import read_input
from difxnb.formats.vex_clocks import clock_in_force, station_clocks
from difxnb.formats.vex_text import parse_vex_text
from difxnb.reports.ivs_clocks import clock_rows
from difxnb.reports.ivs_material import Counts, IvsMaterial, material_of
from difxnb.reports.ivs_report import IvsReport, ivs_report
from difxnb.reports.ivs_sections import sections_of
from difxnb.reports.ivs_text import report_text
from difxnb.server.engine.embedded import correlate
from difxnb.sessions.record import SessionRecord
from difxnb.synthetic import DemoFiles, Scan, make_experiment, small_experiment
from tests.stored_jobs import ALPHA, REFERENCE, SWIN_JOBS

NAMES = [
    *("HEADER", "SUMMARY", "CORRELATOR_NOTES", "STATION_NOTES", "DROP_CHANNELS", "MANUAL_PCAL", "CHANNELS"),
    *("CLOCKS", "QCODES", "SNR_RATIOS", "FOURFIT_CONTROL_FILE"),
]
GOLDEN = REFERENCE / "reports"


@pytest.fixture(scope="module")
def alpha() -> IvsReport:
    return ivs_report(ALPHA, comments="A job of noise.\n+HEADER is no heading here")


@pytest.fixture(scope="module")
def gathered() -> IvsMaterial:
    return material_of(
        ALPHA, jobs=None, clocks=None, comments="", parameters=None, counts=None, predicted=None, vex=None
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoFiles:
    """Two scans of three stations, correlated here."""
    files = make_experiment(tmp_path_factory.mktemp("ivs") / "demo", experiment=small_experiment())
    correlate(files.input_file)
    return files


def held_against(text: str, name: str) -> None:
    """Compare with the text that is kept; where the version stands, any will do."""
    kept = (GOLDEN / name).read_text(encoding="utf-8")
    assert text.replace(difxnb.__version__, "VERSION") == kept


def section(text: str, name: str) -> str:
    """What stands below a heading."""
    return text.partition(f"+{name}\n")[2].partition("\n+")[0]


def test_the_text_of_a_real_job_stays_as_it_is(alpha: IvsReport) -> None:
    held_against(alpha.text(), "alpha_1.txt")


def test_the_text_of_a_demo_stays_as_it_is(demo: DemoFiles) -> None:
    held_against(ivs_report(demo.input_file, vex=demo.directory / "demo.vex").text(), "demo.txt")


def test_sections_come_in_the_order_of_published_reports(alpha: IvsReport) -> None:
    headings = re.findall(r"^\+(\w+)$", alpha.text(), re.MULTILINE)
    assert headings == [*NAMES, "END"]
    assert list(alpha.sections) == NAMES


def test_a_comment_is_no_heading(alpha: IvsReport) -> None:
    assert " +HEADER is no heading here" in section(alpha.text(), "CORRELATOR_NOTES")


def test_what_nobody_told_is_not_made_up(alpha: IvsReport) -> None:
    assert alpha.missing == (
        *("HEADER CORREL", "HEADER DATABASE", "HEADER CORRPASS", "HEADER EXPORT"),
        *("SNR_RATIOS", "FOURFIT_CONTROL_FILE"),
    )
    assert "DATABASE  not available" in alpha.text()
    told = ivs_report({}, parameters={"database": "24JAN01XX", "CORREL": "here"})
    assert "DATABASE  24JAN01XX" in told.text()
    assert "HEADER DATABASE" not in told.missing
    with pytest.raises(ValueError, match="no ANALYST; it has CORREL"):
        ivs_report({"analyst": "somebody"})


def test_codes_are_said_to_be_ours(alpha: IvsReport) -> None:
    assert "not of fourfit" in section(alpha.text(), "QCODES")
    assert "not by fourfit" in section(alpha.text(), "CORRELATOR_NOTES")


def test_counts_of_codes_are_those_of_the_codes(alpha: IvsReport) -> None:
    table = alpha.sections["QCODES"].table
    assert table is not None
    assert table["9"].sum() == table["Tot"].sum() == len(alpha.codes) == 3
    summary = alpha.sections["SUMMARY"].table
    assert summary is not None
    assert summary["of_total"].sum() == 1.0


def test_a_scan_without_data_has_the_code_n() -> None:
    """mpifxcorr gave up before the second scan of this job."""
    report = ivs_report(SWIN_JOBS / "eta_1" / "eta_1.input")
    codes = report.codes.set_index(["scan", "baseline"])["code"]
    assert list(codes["No0001"]) == ["9"] * 3
    assert list(codes["No0002"]) == ["N"] * 3
    assert " 50.0%" in section(report.text(), "SUMMARY")


def test_the_clock_of_a_report_is_the_clock_early_of_the_vex(tmp_path: Path, gathered: IvsMaterial) -> None:
    """One clock search, written into the .input and into the .vex: the report of the new job and the vex agree.

    That a clock so changed takes the fringe to zero is shown in tests/clock/test_recorrelated.py.
    """
    folder = tmp_path / "alpha_1"
    shutil.copytree(ALPHA.parent, folder)
    job = read_input(ALPHA)
    vex = tmp_path / "alpha.vex"
    definitions = "".join(
        f"def {one.name};\n  clock_early = 2024y001d : {-one.clock_coeffs[0]!r} usec : 2024y001d12h00m00s : 0;\n"
        "enddef;\n"
        for one in job.telescopes
    )
    stations = "".join(f"def {one.name}; ref $CLOCK = {one.name}; enddef;\n" for one in job.telescopes)
    vex.write_text(f"VEX_rev = 1.5;\n$STATION;\n{stations}$CLOCK;\n{definitions}")

    before = clock_rows(gathered).set_index("station")
    with difxnb.open_visibilities(ALPHA) as visibilities:
        solution = difxnb.clock_search(
            difxnb.fringe_fit(visibilities.sel(band=[0], polarization=["RR"])), reference="AA"
        )
    late = solution.frame().set_index("antenna")["delay"]
    assert late["BB"] == pytest.approx(125e-9, abs=1e-9)
    edits = solution.edits(input=folder / "alpha_1.input", vex=vex)
    for edit in edits:
        edit.write(overwrite=True)
    table = ivs_report({}, jobs=difxnb.open_jobs(folder)).sections["CLOCKS"].table
    assert table is not None
    after = table.set_index("station")

    parsed = parse_vex_text(vex.read_text())
    for name in ("AA", "BB", "CC"):
        early = clock_in_force(station_clocks(parsed, name), 60310.5)
        assert early is not None
        assert after.loc[name, "used"] == pytest.approx(-early.clock.at(60310.5), abs=1e-13)
        written = early.offset.value + early.rate.value * (60310.5 - early.clock.epoch_mjd) * 86400
        assert after.loc[name, "used"] == pytest.approx(written, abs=1e-13)
        # A signal that comes late is that of a clock that is early by more than was thought.
        moved = after.loc[name, "used"] - before.loc[name, "used"]
        rate_moved = after.loc[name, "rate"] - before.loc[name, "rate"]
        later = (solution.epoch - after.loc[name, "epoch"]).total_seconds()
        assert moved + rate_moved * later == pytest.approx(late[name], abs=2e-9)


def test_comments_tell_by_how_much_a_clock_search_moves_clocks(gathered: IvsMaterial) -> None:
    with difxnb.open_visibilities(ALPHA) as visibilities:
        solution = difxnb.clock_search(
            difxnb.fringe_fit(visibilities.sel(band=[0], polarization=["RR"])), reference="AA"
        )
    counts = pd.DataFrame(
        {
            "station": ["BB", "BB", "CC"],
            "time": ["2024-01-01T06:00", "2024-01-01T18:00", "2024-01-01T12:00"],
            "offset": [-1.0, -2.0, 0.75],
        }
    )
    gathered = replace(gathered, clocks=solution, counts=Counts(counts, "early"))
    table = clock_rows(gathered)
    rows = table.set_index("station")
    assert rows.loc["AA", "comment"] == "reference of the clock search"
    assert rows.loc["BB", "comment"].startswith("the clock search asks for +0.12")
    assert rows.loc["BB", "fmout_gps"] == pytest.approx(-1.5e-6, abs=1e-9)
    assert rows.loc["CC", "fmout_gps"] == pytest.approx(0.75e-6, abs=1e-9)
    assert np.isnan(rows.loc["AA", "fmout_gps"])
    turned = clock_rows(replace(gathered, counts=Counts(counts.assign(offset=-counts["offset"]), "late")))
    pd.testing.assert_series_equal(turned["fmout_gps"], table["fmout_gps"])
    assert "a line through readings" in section(report_text(sections_of(gathered)), "CLOCKS")


def test_a_clock_that_changes_from_job_to_job_has_a_row_for_each(tmp_path: Path) -> None:
    from difxnb.formats.input import write_input
    from difxnb.reports.ivs_clocks import _used

    job = read_input(ALPHA)
    telescopes = [
        replace(one, clock_coeffs=[7.0, 0.0]) if one.name == "BB" else one for one in job.telescopes
    ]
    later = replace(job, start_seconds=job.start_seconds + 600, telescopes=telescopes)
    write_input(later, tmp_path / "later.input")
    rows = list(_used((job, read_input(tmp_path / "later.input"))))
    assert [row[0] for row in rows] == ["AA", "BB", "BB", "CC"]
    assert [round(row[2] * 1e6, 9) for row in rows] == [0.0, -1.25, -7.0, 0.5]
    clock = Clock(
        job.telescopes[1].clock_ref_mjd, tuple(value * 1e-6 for value in job.telescopes[1].clock_coeffs)
    )
    assert rows[1][2] == pytest.approx(-clock.at(job.start_mjd + job.start_seconds / 86400), abs=1e-15)


def test_scans_of_the_schedule_that_no_job_has_are_minus(demo: DemoFiles, tmp_path: Path) -> None:
    plan = small_experiment()
    more = replace(plan, scans=(*plan.scans, Scan("No0003", 8, 2, 0)))
    from difxnb.synthetic.observing_files import write_observing_files

    write_observing_files(more, tmp_path)
    report = ivs_report(demo.input_file, vex=tmp_path / "demo.vex")
    assert list(report.codes["code"].value_counts().sort_index().items()) == [("-", 3), ("9", 6)]
    assert " 33.3%" in section(report.text(), "SUMMARY")
    assert "ALDMOOR (AL): mean weight" in report.text()


def test_the_ratio_of_snrs_is_that_to_the_predicted_ones(alpha: IvsReport, gathered: IvsMaterial) -> None:
    predicted = alpha.codes[["baseline", "letter", "snr"]].assign(snr=alpha.codes["snr"] * 2)
    table = sections_of(replace(gathered, predicted=predicted))["SNR_RATIOS"].table
    assert table is not None
    assert list(table["ratio"]) == [0.5, 0.5, 0.5]
    assert list(table["n"]) == [1, 1, 1]


def test_the_record_of_a_session_names_what_was_missing_and_moved(demo: DemoFiles, tmp_path: Path) -> None:
    record = SessionRecord.open(tmp_path, "i26327")
    for step, outputs in {
        "schedule": {
            "vex": str(demo.directory / "demo.vex"),
            "start": "2025-03-12T06:00:00Z",
            "stop": "2025-03-12T07:00:00Z",
            "stations": ["Al", "Bo", "Ce", "Ny"],
        },
        "data": {"arrived": ["Al"], "missing": [{"station": "Ny", "why": "not arrived since 04:00"}]},
        "clocks": {
            "reference": "Al",
            "stations": [
                {"antenna": "AL", "delay": 0.0, "delay_error": 0.0},
                {"antenna": "CE", "delay": 3.0e-6, "delay_error": 1e-9},
            ],
        },
        "correct": {"v2d": "i26327-2.v2d"},
        "correlate": {"jobs": [{"input": str(demo.input_file), "state": "done", "why": "tried again"}]},
    }.items():
        record.begin(step, {})
        record.end(step, outputs)
    record.skip("hooks", "there are none")
    text = ivs_report(tmp_path).text()
    assert "SESSNAME  i26327" in text
    assert "DURATION  1" in text
    assert "Ny: no data: not arrived since 04:00." in section(text, "STATION_NOTES")
    assert "moved it by +3.0000 +- 0.0010 usec" in section(text, "CLOCKS")
    assert "demo_1.input: tried again" in section(text, "CORRELATOR_NOTES")
    assert "Step hooks was skipped: there are none" in text


def test_a_record_without_its_jobs_says_why_sections_are_missing(tmp_path: Path) -> None:
    record = SessionRecord.open(tmp_path, "i26328")
    record.begin("jobs", {})
    record.end("jobs", {"jobs": ["/correlator/i26328/i26328_1.input"]})
    record.begin("quality", {})
    record.end(
        "quality",
        {
            "verdict": "look",
            "checks": [{"check": "weights", "verdict": "look", "text": "low"}],
            "weights": [{"antenna": "Kk", "mean": 0.75}, {"antenna": "Wz", "mean": None}],
        },
    )
    report = ivs_report(SimpleNamespace(directory=tmp_path))
    assert report.text() == ivs_report(tmp_path / "record.jsonl").text() == ivs_report(tmp_path).text()
    assert report.missing[-7:] == (
        *(
            "DROP_CHANNELS",
            "MANUAL_PCAL",
            "CHANNELS",
            "CLOCKS",
            "QCODES",
            "SNR_RATIOS",
            "FOURFIT_CONTROL_FILE",
        ),
    )
    assert "not available: the files of i26328_1 are not on this machine" in report.text()
    assert "weights look: low" in report.text()
    assert "KK: mean weight 0.750." in report.text()


def test_a_header_alone_is_a_report_that_says_what_is_missing() -> None:
    report = ivs_report({"session": "i26329", "correl": "here"})
    assert "SESSNAME  i26329" in report.text()
    assert "no job is known of" in report.text()


def test_a_report_is_written_whole_and_not_over_another(alpha: IvsReport, tmp_path: Path) -> None:
    path = alpha.write(tmp_path / "report.txt")
    assert path.read_text() == alpha.text()
    path.write_text("mine")
    with pytest.raises(OutputExists, match="overwrite=True"):
        alpha.write(path)
    assert path.read_text() == "mine"
    assert alpha.write(path, overwrite=True).read_text() == alpha.text()
    assert [one.name for one in tmp_path.iterdir()] == ["report.txt"]
    assert alpha._repr_html_().startswith("<pre>")


def test_a_job_without_output_has_the_code_n_everywhere(tmp_path: Path) -> None:
    for ending in (".input", ".calc"):
        shutil.copy(ALPHA.with_suffix(ending), tmp_path)
    report = ivs_report(tmp_path / "alpha_1.input")
    assert list(report.codes["code"]) == ["N"] * 3
    assert set(report.codes["letter"]) == {"X"}
    assert report.sections["CLOCKS"].table is not None
    assert "AA: in the jobs, and no visibilities of it." in report.text()
    assert {"DROP_CHANNELS", "MANUAL_PCAL"} <= set(report.missing)


def test_clocks_of_a_job_of_the_real_vex2difx_are_those_of_its_vex(shared: Path) -> None:
    """Ten stations whose clock_early and .input were both written by others."""
    samples = shared / "data" / "difx-samples"
    job = read_input(next(samples.rglob("dq601_01.input")))
    text = next(samples.rglob("dq601.vex.obs")).read_text(encoding="latin-1")
    table = ivs_report(job.path).sections["CLOCKS"].table if job.path else None
    assert table is not None
    assert len(table) == 10
    parsed = parse_vex_text(text)
    mjd = job.start_mjd + job.start_seconds / 86400
    for row in table.to_dict("records"):
        early = clock_in_force(station_clocks(parsed, str(row["station"])), mjd)
        assert early is not None
        later = (mjd - early.clock.epoch_mjd) * 86400
        assert row["used"] == pytest.approx(early.offset.value + early.rate.value * later, abs=1e-12)
        assert row["rate"] == pytest.approx(early.rate.value, rel=1e-6)


def test_what_is_no_session_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="lacks letter"):
        ivs_report({}, predicted=pd.DataFrame({"baseline": [], "snr": []}))
    with pytest.raises(FileNotFoundError):
        ivs_report(tmp_path / "absent")
    with pytest.raises(TypeError, match="not a int"):
        ivs_report(ALPHA, jobs=[3])  # type: ignore[list-item]
