# SPDX-License-Identifier: GPL-3.0-or-later
"""The embedded correlator against mpifxcorr 2.9, record for record, on the raw jobs.

``python -m pytest -k agreement -s`` prints the table.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from difxnb.formats.input import read_input
from difxnb.formats.swin import SwinRecord, list_files, read_records
from difxnb.server.engine.embedded import correlate

pytestmark = pytest.mark.agreement

JOBS = Path(__file__).parents[1] / "reference" / "raw-jobs"


def records_of(folder: Path, input_file: Path) -> list[SwinRecord]:
    (only,) = list_files(folder)
    return list(read_records(only.path, read_input(input_file).channels))


def identity(record: SwinRecord) -> tuple:
    return (
        record.baseline, record.mjd, round(record.seconds, 9), record.config, record.source, record.freq,
        record.polarization, record.pulsar_bin,
    )  # fmt: skip


def kind(record: SwinRecord) -> str:
    if record.antenna1 != record.antenna2:
        return "cross"
    return "auto" if record.polarization[0] == record.polarization[1] else "cross-hand auto"


def rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.abs(values.astype(complex)) ** 2)))


@pytest.mark.parametrize(("name", "expected"), [("usb2bit", 240), ("lsb1bit", 72)])
def test_agreement_with_mpifxcorr(name: str, expected: int, tmp_path: Path) -> None:
    job = tmp_path / name
    shutil.copytree(JOBS / name, job, ignore=shutil.ignore_patterns("*.difx"))
    input_file = job / f"{name}.input"
    summary = correlate(input_file)
    own = records_of(summary.output.parent, input_file)
    theirs = records_of(JOBS / name / f"{name}.difx", input_file)

    assert len(theirs) == expected
    assert [identity(record) for record in own] == [identity(record) for record in theirs]
    pairs = list(zip(own, theirs, strict=True))
    weights = max(abs(a.weight - b.weight) for a, b in pairs)
    uvw = max(float(np.abs(np.subtract(a.uvw, b.uvw)).max()) for a, b in pairs)
    print(f"\n{name}: {len(own)} records, weights within {weights:.1e}, uvw within {uvw:.1e} m")
    for sort in dict.fromkeys(map(kind, theirs)):
        ratios = [rms(a.spectrum - b.spectrum) / rms(b.spectrum) for a, b in pairs if kind(b) == sort]
        print(f"  {sort:16} {len(ratios):4}  rms ratio max {max(ratios):.1e} median {np.median(ratios):.1e}")
        assert max(ratios) < 2e-6
    assert weights < 1e-6
    assert uvw < 1e-6


def test_agreement_does_not_depend_on_the_number_of_cores(tmp_path: Path) -> None:
    written = []
    for cores in (1, 2):
        job = tmp_path / str(cores)
        shutil.copytree(JOBS / "usb2bit", job, ignore=shutil.ignore_patterns("*.difx"))
        written.append(correlate(job / "usb2bit.input", cores=cores).output.read_bytes())
    assert written[0] == written[1]
