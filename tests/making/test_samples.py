# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs made here against those that the real vex2difx made of the same files, line by line."""

from __future__ import annotations

import difflib
import itertools
import re
from dataclasses import replace
from pathlib import Path

import pytest

from difxnb.errors import CannotMakeJob
from difxnb.formats.flag import parse_flag, read_flag
from difxnb.formats.input import format_input, parse_input, read_input
from difxnb.formats.joblist import parse_joblist
from difxnb.formats.v2d import read_v2d
from difxnb.formats.vex import read_vex
from difxnb.making import planned_frame, planned_jobs
from difxnb.making.drafting import drawn_up
from difxnb.making.job_files import job_texts
from difxnb.making.job_input import job_input
from difxnb.making.plan import reader

PAIRS = {
    "tiny": ("vex2difx-output/tiny/tiny.vex", "vex2difx-output/tiny/tiny.v2d"),
    "corr1": ("public/vex2difx-samples/corr1.skd", "public/vex2difx-samples/corr1.v2d"),
    "test-usb": ("public/synthetic-tests/test-usb.vex", "public/synthetic-tests/test-usb.v2d"),
    "test-usb-dsb": ("public/synthetic-tests/test-usb-dsb.vex", "public/synthetic-tests/test-usb-dsb.v2d"),
    "test-lsb-complex": (
        "public/synthetic-tests/test-lsb-complex.vex",
        "public/synthetic-tests/test-lsb-complex.v2d",
    ),
}
ODD = Path(__file__).parents[1] / "reference" / "vex2difx-output"
_NUMBER = re.compile(r"-?\d+\.\d+(?:e[+-]\d+)?")


def texts(samples: Path, name: str) -> dict[str, str]:
    vex, v2d = (samples / part for part in PAIRS[name])
    plan = drawn_up(read_vex(vex), v2d.read_text(), name, reader(v2d.parent))
    place = Path("/srv/difx") / name
    return job_texts(plan, place, f"{name}.v2d", vex_file=place / vex.name)


def differing(real: str, ours: str) -> list[tuple[str, str]]:
    """Lines that are not the same, numbers to 15 digits."""
    a, b = (
        [_NUMBER.sub(lambda m: f"{float(m[0]):.14g}", line) for line in one.splitlines()]
        for one in (real, ours)
    )
    lines = [line for line in difflib.ndiff(a, b) if line[0] in "+-"]
    return [(line[0], line[2:]) for line in lines]


@pytest.mark.parametrize("name", PAIRS)
def test_files_are_those_of_the_real_vex2difx(shared: Path, name: str) -> None:
    """`.input`, `.calc`, `.flag`, `.threads` and `.machines` are the same, but for digits beyond the 14th."""
    samples = shared / "data" / "difx-samples"
    made = texts(samples, name)
    compared = 0
    for file, text in made.items():
        sample = samples / "vex2difx-output" / name / file
        if sample.exists() and sample.suffix != ".joblist":
            assert differing(sample.read_text(), text) == [], file
            compared += 1
    assert compared >= 3


def test_what_is_not_as_usual_is_that_of_the_real_vex2difx() -> None:
    """Scans and sources in rules, another name, a left hand recorded first, tones of the schedule, no clock at all,
    and doAuto, which vex2difx reads and does not look at."""
    plan = drawn_up(read_vex(ODD / "odd.vex"), (ODD / "odd.v2d").read_text(), "odd", reader(ODD))
    made = job_texts(plan, Path("/data/odd"), "odd.v2d", vex_file=Path("/data/odd/odd.vex"))
    assert any("doAuto" in note for note in plan.notes)
    for number, kind in itertools.product((1, 2), ("input", "calc", "flag")):
        file = f"odd_{number}.{kind}"
        assert differing((ODD / file).read_text(), made[file]) == [], file


@pytest.mark.parametrize("name", PAIRS)
def test_the_joblist_differs_in_when_it_was_made_and_in_the_size(shared: Path, name: str) -> None:
    """vex2difx 3.1 writes a size of 0 in every list, as it adds up sizes before it knows the channels."""
    samples = shared / "data" / "difx-samples"
    real = parse_joblist((samples / "vex2difx-output" / name / f"{name}.joblist").read_text())
    ours = parse_joblist(texts(samples, name)[f"{name}.joblist"])
    for joblist in (real, ours):
        del joblist.header["mjd"]
        for job in joblist.jobs:
            job.out_size_mb = 0
    assert ours == real


def test_the_plan_is_what_is_made(shared: Path) -> None:
    samples = shared / "data" / "difx-samples"
    vex, v2d = (samples / part for part in PAIRS["tiny"])
    jobs = planned_jobs(read_vex(vex), read_v2d(v2d))
    table = planned_frame(jobs)
    assert list(table["job"]) == ["tiny_1", "tiny_2"]
    assert list(table["antennas"]) == ["AA BB"] * 2
    assert list(table["scans"]) == ["No0001", "No0002"]
    assert list(table["duration"]) == [300.0, 120.0]
    assert [Path(path).name for path in jobs[0].files] == [
        f"tiny_1.{end}" for end in ("input", "calc", "flag", "threads", "machines", "im")
    ]
    assert table["exists"].all()  # the samples lie beside the schedule
    assert list(table.dtypes.astype(str)[["start", "n_antennas", "exists"]]) == [
        "datetime64[ns]",
        "int64",
        "bool",
    ]


def test_all_reasons_come_at_once(shared: Path) -> None:
    samples = shared / "data" / "difx-samples"
    vex = read_vex(samples / "public/vex2difx-samples/corr1.skd")
    with pytest.raises(CannotMakeJob) as caught:
        planned_jobs(vex, read_v2d(samples / "vex2difx-output/feat/feat.v2d"))
    assert [reason.split(": ")[:2] for reason in caught.value.reasons] == [
        ["SETUP psr", "binConfig"],
        ["SOURCE 3C345", "addPhaseCentre"],
    ]


def test_stitched_bands_and_several_datastreams_are_refused(shared: Path) -> None:
    samples = shared / "data" / "difx-samples" / "public" / "vex2difx-samples"
    with pytest.raises(CannotMakeJob) as caught:
        planned_jobs(read_vex(samples / "c212c.vex"), read_v2d(samples / "c212c-d280.v2d"))
    reasons = "\n".join(caught.value.reasons)
    for part in ("OUTPUTBAND", "DATASTREAM PVLCP", "exhaustiveAutocorrs", "ANTENNA PV: datastreams"):
        assert part in reasons


def test_jobs_of_modules_that_the_schedule_names_are_the_real_ones(shared: Path) -> None:
    """dq601 names data only in $TAPELOG_OBS; names of receivers are comments of the schedule, and nothing uses them."""
    samples = shared / "data" / "difx-samples"
    folder = samples / "public" / "vex2difx-samples"
    plan = drawn_up(
        read_vex(folder / "dq601.vex.obs"), (folder / "dq601.v2d").read_text(), "dq601", reader(folder)
    )
    place = Path("/srv/difx/dq601")
    made = job_texts(plan, place, "dq601.v2d", vex_file=place / "dq601.vex.obs")
    for number in ("01", "05", "12"):
        for end in ("input", "calc", "flag"):
            real = samples / "vex2difx-output" / "dq601" / f"dq601_{number}.{end}"
            found = differing(real.read_text(), made[real.name])
            assert {line.split()[:2] == ["RX", "NAME"] for _, line in found} <= {True}, found
    real_jobs = parse_joblist((samples / "vex2difx-output" / "dq601" / "dq601.joblist").read_text()).jobs
    ours = parse_joblist(made["dq601.joblist"]).jobs
    assert [(job.name, job.antennas) for job in ours] == [(job.name, job.antennas) for job in real_jobs]


def test_jobs_of_a_real_schedule_are_cut_as_by_vex2difx(shared: Path) -> None:
    """The jobs of dq601, whose data are named as files here; the last had two modules fewer than stations."""
    samples = shared / "data" / "difx-samples"
    folder = samples / "public" / "vex2difx-samples"
    text = (folder / "dq601.v2d").read_text()
    for code in ("BR", "FD", "HN", "KP", "LA", "MK", "NL", "OV", "PT", "SC"):
        text = text.replace(f"ANTENNA {code} {{", f"ANTENNA {code} {{ file = /data/{code}.vdif ")
    jobs = drawn_up(read_vex(folder / "dq601.vex.obs"), text, "dq601", reader(folder)).drafts
    real = parse_joblist((samples / "vex2difx-output" / "dq601" / "dq601.joblist").read_text()).jobs
    assert [job.name for job in jobs] == [job.name for job in real]
    for job, other in zip(jobs, real, strict=True):
        assert job.piece.span.start / 86400 + 40587 == pytest.approx(other.mjd_start, abs=1e-7)
        assert job.piece.span.stop / 86400 + 40587 == pytest.approx(other.mjd_stop, abs=1e-7)
    assert [list(job.stations) for job in jobs[:11]] == [job.antennas for job in real[:11]]


def test_bands_of_dq601_are_those_of_the_real_job(shared: Path) -> None:
    """Dual polarization, threads that the schedule does not name, four products of each band."""
    samples = shared / "data" / "difx-samples"
    folder = samples / "public" / "vex2difx-samples"
    text = (folder / "dq601.v2d").read_text()
    for code in ("BR", "FD", "HN", "KP", "LA", "MK", "NL", "OV", "PT", "SC"):
        text = text.replace(f"ANTENNA {code} {{", f"ANTENNA {code} {{ module = {code}-01 ")
    plan = drawn_up(read_vex(folder / "dq601.vex.obs"), text, "dq601", reader(folder))
    for number in (0, 4):
        ours = parse_input(format_input(job_input(plan, plan.drafts[number], Path("/srv/difx/dq601"))))
        real = read_input(samples / "vex2difx-output" / "dq601" / f"{plan.drafts[number].name}.input")
        assert ours.freqs == [replace(freq, rx_name="") for freq in real.freqs]
        assert ours.baselines == real.baselines
        for one, other in zip(ours.telescopes, real.telescopes, strict=True):
            assert (one.name, one.clock_ref_mjd) == (other.name, pytest.approx(other.clock_ref_mjd, abs=1e-9))
            assert one.clock_coeffs == pytest.approx(other.clock_coeffs, rel=1e-14)
        assert ours.configurations == real.configurations
        assert [replace(one, files=[]) for one in ours.datastreams] == [
            replace(one, files=[], tcal_frequency=None) for one in real.datastreams
        ]


def test_both_versions_of_a_schedule_give_the_same_jobs(shared: Path) -> None:
    samples = shared / "data" / "difx-samples" / "public" / "vex2"
    seen = []
    for file in ("tr040g.vex", "tr040g.vex2"):
        vex = read_vex(samples / file)
        first = int(vex.start.astype("datetime64[D]").astype(int)) + 40585
        v2d = ["vex = x", "tweakIntTime = 1", "SETUP default { tInt = 1 nChan = 64 }"]
        v2d += [
            f"ANTENNA {code} {{ file = {code}.vdif format = VDIF/5032/2 }}" for code in ("Br", "Fd", "Kp")
        ]
        v2d += [f"EOP {day} {{ ut1_utc = 0.1 tai_utc = 37 }}" for day in range(first, first + 6)]
        plan = drawn_up(vex, "\n".join(v2d) + "\n", "tr", reader(samples))
        inputs = [job_input(plan, draft, samples) for draft in plan.drafts]
        seen.append(
            [
                (draft.name, draft.piece.span, draft.stations, one)
                for draft, one in zip(plan.drafts, inputs, strict=True)
            ]
        )
    assert seen[0]
    assert seen[0] == seen[1]


def test_without_what_is_refused_its_jobs_are_the_real_ones(shared: Path) -> None:
    """feat: two setups, nineteen scans in one job, file lists, clocks of second order and of bands, many flags."""
    samples = shared / "data" / "difx-samples"
    folder = samples / "vex2difx-output" / "feat"
    text = (folder / "feat.v2d").read_text()
    text = text.replace("binConfig = psr.binconfig", "")
    text = re.sub(r"addPhaseCentre = \S+", "", text)
    plan = drawn_up(read_vex(samples / PAIRS["corr1"][0]), text, "feat", reader(folder))
    place = Path("/srv/difx/feat")
    made = job_texts(plan, place, "feat.v2d", vex_file=place / "corr1.skd")
    assert read_flag(folder / "feat_7.flag") == parse_flag(made["feat_7.flag"])
    assert differing((folder / "feat_7.calc").read_text(), made["feat_7.calc"]) == []
    assert differing((folder / "feat_8.input").read_text(), made["feat_8.input"]) == []
    for end in ("machines", "threads"):
        assert (folder / f"feat_7.{end}").read_text() == made[f"feat_7.{end}"]
