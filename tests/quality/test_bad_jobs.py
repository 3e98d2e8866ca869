# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs made bad in one way each, correlated with the embedded engine: the right checks say so, and no others.

Every fault is station BO's. What a fault must be noticed by is listed with what may suffer with it, for data that are
wrong are wrong for several checks; all others must find nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import difxnb
from difxnb.quality.report import QualityReport, check_quality
from difxnb.quality.verdict import Verdict
from difxnb.server.engine.embedded import correlate
from difxnb.synthetic import (
    FAULTS,
    DemoFiles,
    bad_experiment,
    healthy_experiment,
    make_experiment,
    read_truth,
)
from difxnb.synthetic.tones import tone_frequencies
from difxnb.visibility.phase_cal import read_pcal

pytestmark = pytest.mark.slow

HEALTHY = "none"
FAULTY = "BO"


@dataclass(frozen=True)
class Noticed:
    """Checks that must say something of a fault, those that may, and whether the job as a whole is a no-go."""

    by: set[str]
    perhaps: frozenset[str] = frozenset()
    verdict: Verdict = Verdict.NO_GO


NOTICED = {
    "dead station": Noticed({"fringes"}),
    "clock off": Noticed({"fringes"}),
    "swapped polarizations": Noticed({"polarizations"}),
    "half the data missing": Noticed({"missing", "size"}),
    "half the frames lost": Noticed({"weights"}),
    # A constant voltage is a line at the band's edge, without fringes or tones, and no noise as others have it.
    "zeroed band": Noticed(
        {"bandpass"},
        frozenset({"fringes", "snr", "closure", "clipping", "interference", "amplitudes", "pcal"}),
    ),
    "overdriven sampler": Noticed({"clipping"}, verdict=Verdict.LOOK),
    "RFI line": Noticed({"interference"}, verdict=Verdict.LOOK),
    "tone missing": Noticed({"pcal"}, verdict=Verdict.LOOK),
    "phase jump": Noticed({"jumps"}),
}


@dataclass(frozen=True)
class BadJob:
    """A job that was made and correlated, and what is said of it."""

    files: DemoFiles
    report: QualityReport

    @property
    def said(self) -> dict[str, Verdict]:
        """Checks that say something against the job."""
        bad = (Verdict.LOOK, Verdict.NO_GO)
        return {check.name: check.verdict for check in self.report if check.verdict in bad}


@pytest.fixture(scope="module")
def job_with(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], BadJob]:
    """Make, correlate and judge the job with a fault, once; `HEALTHY` is the good one."""
    made: dict[str, BadJob] = {}

    def give(fault: str) -> BadJob:
        if fault not in made:
            shape = {
                "n_scans": 1,
                "n_bands": 2 if fault in (HEALTHY, "zeroed band") else 1,
                "scan_seconds": 4
                if fault in (HEALTHY, "phase jump")
                else 2,  # parts of a scan are integrations
            }
            plan = healthy_experiment(**shape) if fault == HEALTHY else bad_experiment(fault, **shape)
            folder: Path = tmp_path_factory.mktemp("bad") / "job"
            files = make_experiment(folder, experiment=plan)
            correlate(files.input_file, cores=1)
            made[fault] = BadJob(files, check_quality(files.input_file))
        return made[fault]

    return give


def test_every_fault_is_looked_for() -> None:
    assert set(NOTICED) == set(FAULTS)


def test_the_good_job_passes_every_check(job_with: Callable[[str], BadJob]) -> None:
    report = job_with(HEALTHY).report
    assert report.verdict == Verdict.GO, repr(report)
    # This job has no log, because no server ran it; everything else can be judged.
    silent = {check.name for check in report if check.verdict == Verdict.NOT_APPLICABLE}
    assert silent == {"log", "speed"}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_job_is_noticed_by_the_right_checks_alone(
    fault: str, job_with: Callable[[str], BadJob]
) -> None:
    job, noticed = job_with(fault), NOTICED[fault]
    said = set(job.said)
    assert noticed.by <= said, repr(job.report)
    assert said <= noticed.by | noticed.perhaps, repr(job.report)
    assert job.report.verdict == noticed.verdict, repr(job.report)


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "half the data missing"])
def test_the_station_is_named(fault: str, job_with: Callable[[str], BadJob]) -> None:
    report = job_with(fault).report
    for name in NOTICED[fault].by:
        assert FAULTY in report[name].text
        assert not {"AL", "CE"} & set(report[name].text.replace(",", " ").split())


def test_fringes_of_swapped_polarizations_are_where_the_truth_has_them(
    job_with: Callable[[str], BadJob],
) -> None:
    files = job_with("swapped polarizations").files
    fringes = difxnb.fringe_fit(difxnb.open_visibilities(files.input_file))
    fringes = fringes.set_index(["baseline", "polarization"])
    for truth in read_truth(files.directory).fringes:
        row = fringes.loc[(f"{truth.antenna1}-{truth.antenna2}", truth.polarization)]
        if truth.strong:
            assert abs(row["delay"] - truth.delay_s) < 5 * row["delay_error"]
            assert row["snr"] > 0.7 * truth.snr


def test_the_phase_jumps_by_what_was_put_in(job_with: Callable[[str], BadJob]) -> None:
    files = job_with("phase jump").files
    (jump,) = files.experiment.stations[1].phase_jumps
    visibilities = difxnb.open_visibilities(files.input_file)["VISIBILITY"]
    one = visibilities.sel(baseline="BO-CE", polarization="RR").squeeze()
    halves = one.sel(time=one["time"] < one["time"][0] + np.timedelta64(round(jump.start_s * 1e9), "ns"))
    after = one.isel(time=slice(halves.sizes["time"], None))
    turned = np.angle((after.mean("time") * halves.mean("time").conj()).sum())
    truth = next(
        f
        for f in read_truth(files.directory).fringes
        if (f.antenna1, f.antenna2, f.polarization) == ("BO", "CE", "RR")
    )
    by_rate = 2 * np.pi * truth.reference_frequency_hz * truth.delay_rate * jump.start_s
    assert np.angle(np.exp(1j * (turned - by_rate - jump.phase_rad))) == pytest.approx(
        0, abs=5 / truth.snr * 2
    )


def test_the_missing_tone_is_missing_and_no_other(job_with: Callable[[str], BadJob]) -> None:
    files = job_with("tone missing").files
    experiment = files.experiment
    comb, healthy = experiment.stations[1].pulse_cal, healthy_experiment().stations[1].pulse_cal
    tones = read_pcal(files.input_file)["PHASE_CAL"].sel(antenna=FAULTY, polarization="R").mean("time")
    expected = [tone for band in experiment.bands for tone in tone_frequencies(healthy, band)]
    assert tones["tone_frequency"].values.tolist() == expected
    there = np.abs(tones.values) > comb.amplitude / 2
    assert dict(zip(expected, there.tolist(), strict=True)) == {
        tone: tone not in comb.absent_hz for tone in expected
    }
