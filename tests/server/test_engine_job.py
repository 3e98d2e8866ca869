# SPDX-License-Identifier: GPL-3.0-or-later
"""What surrounds the arithmetic: refusals, missing files, output that is there already, stopping, results."""

from __future__ import annotations

import os
import resource
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from difxnb.errors import FileFormatError, MissingData, OutputExists, UnsupportedJob
from difxnb.formats.calc import read_calc, write_calc
from difxnb.formats.im import read_im, write_im
from difxnb.formats.input import write_input
from difxnb.formats.input_model import Band, Input, Rule, ZoomFreq
from difxnb.formats.result_layout import result_layout
from difxnb.formats.swin import read_records
from difxnb.server.engine.embedded import Integration, correlate, open_job
from difxnb.server.engine.output import AppendingWriter
from tests.server.made_jobs import MadeJob

JOB = MadeJob(bandwidth=0.128, frame_samples=640)
CODES = JOB.codes()


@pytest.fixture
def job_file(tmp_path: Path) -> Path:
    return JOB.write(tmp_path, CODES)


def with_zoom(inp: Input) -> None:
    inp.datastreams[1].zoom_freqs = [ZoomFreq(0, 1)]
    inp.datastreams[1].zoom_bands = [Band("R", 0)]


def stitched(inp: Input) -> None:
    inp.freqs.append(MadeJob(bands=((8500.0, "U"),), bandwidth=0.128).input().freqs[0])
    inp.baselines[0].freqs[0].target_freq = 1


REFUSED: dict[str, Callable[[Input], None]] = {
    "zoom bands": with_zoom,
    "pulsar binning": lambda inp: setattr(inp.configurations[0], "pulsar_binning", True),
    "DATA SAMPLING COMPLEX": lambda inp: setattr(inp.datastreams[0], "data_sampling", "COMPLEX"),
    "DATA FORMAT MARK5B": lambda inp: setattr(inp.datastreams[0], "data_format", "MARK5B"),
    "DATA SOURCE NETWORK": lambda inp: setattr(inp.datastreams[0], "data_source", "NETWORK"),
    "DATA SOURCE MODULE": lambda inp: setattr(inp.datastreams[0], "data_source", "MODULE"),
    "TSYS 30": lambda inp: setattr(inp.datastreams[0], "tsys", 30.0),
    "8 bits": lambda inp: setattr(inp.datastreams[0], "quantisation_bits", 8),
    "stitching": stitched,
    "no whole number of transforms": lambda inp: setattr(inp.configurations[0], "subint_ns", 40_001_000),
    "no recordings are named": lambda inp: setattr(inp.datastreams[1], "files", []),
    "OUTPUT FORMAT ASCII": lambda inp: setattr(inp, "output_format", "ASCII"),
    "clock of order 6": lambda inp: setattr(inp.telescopes[0], "clock_coeffs", [0.0] * 7),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_refused_by_name_before_anything_is_written(reason: str, job_file: Path) -> None:
    inp = JOB.input()
    REFUSED[reason](inp)
    if inp.configurations[0].pulsar_binning:
        inp.configurations[0].pulsar_config_file = "some.binconfig"
    write_input(inp, job_file, overwrite=True)
    with pytest.raises(UnsupportedJob, match=reason):
        correlate(job_file)
    assert not (job_file.parent / "job.difx").exists()


def test_phased_array_is_refused(job_file: Path) -> None:
    asked = "PHASED ARRAY:       TRUE\nPHASED ARRAY CONFIG FILE:none"
    job_file.write_text(job_file.read_text().replace("PHASED ARRAY:       FALSE", asked))
    with pytest.raises(UnsupportedJob, match="phased array"):
        open_job(job_file)


def test_every_reason_is_named_at_once(job_file: Path) -> None:
    inp = JOB.input()
    with_zoom(inp)
    inp.datastreams[0].tsys = 1.0
    inp.output_format = "ASCII"
    write_input(inp, job_file, overwrite=True)
    with pytest.raises(UnsupportedJob) as caught:
        open_job(job_file)
    assert len(caught.value.reasons) == 3


def test_several_phase_centres_are_refused(job_file: Path) -> None:
    calc = read_calc(job_file.with_suffix(".calc"))
    calc.scans[0].phase_centers = [0, 0]
    write_calc(calc, job_file.with_suffix(".calc"), overwrite=True)
    with pytest.raises(UnsupportedJob, match="2 phase centres"):
        open_job(job_file)


def test_delays_that_do_not_reach_are_named(job_file: Path) -> None:
    im = read_im(job_file.with_suffix(".im"))
    im.scans[0].polynomials[0].sec += 1
    write_im(im, job_file.with_suffix(".im"), overwrite=True)
    with pytest.raises(FileFormatError, match=r"job\.im"):
        open_job(job_file)


def test_missing_recording_is_named(job_file: Path) -> None:
    (job_file.parent / "BB.vdif").unlink()
    with pytest.raises(MissingData) as caught:
        correlate(job_file)
    assert caught.value.files == (str(job_file.parent / "BB.vdif"),)
    assert not (job_file.parent / "job.difx").exists()


def test_tones_at_fractions_of_a_hz_are_left_out_with_a_note(job_file: Path) -> None:
    inp = JOB.input()
    inp.datastreams[1].phase_cal_int_mhz = 1
    inp.datastreams[1].phase_cal_divisor = 7
    write_input(inp, job_file, overwrite=True)
    summary = correlate(job_file)
    (note,) = summary.notes
    assert "phase calibration" in note
    assert "datastream 1" in note
    assert "DIVISOR 7" in note
    assert not list(summary.output.parent.glob("PCAL_*"))


def test_existing_output_is_moved_aside_and_never_deleted(job_file: Path) -> None:
    first = correlate(job_file)
    content = first.output.read_bytes()
    assert first.moved_aside is None
    with pytest.raises(OutputExists, match="overwrite=True"):
        correlate(job_file)
    again = [correlate(job_file, overwrite=True) for _ in range(2)]
    assert [s.moved_aside for s in again] == [job_file.parent / f"job.difx.{n}" for n in (1, 2)]
    for folder in ("job.difx", "job.difx.1", "job.difx.2"):
        assert (job_file.parent / folder / first.output.name).read_bytes() == content


def test_stop_ends_after_a_whole_integration(job_file: Path) -> None:
    stop = threading.Event()
    seen: list[Integration] = []

    def stop_at_second(integration: Integration) -> None:
        seen.append(integration)
        if len(seen) == 2:
            stop.set()

    summary = correlate(job_file, stop=stop, on_integration=stop_at_second)
    assert summary.stopped
    assert summary.integrations == 2
    assert summary.output.read_bytes() == seen[0].records + seen[1].records


def test_stop_before_start_writes_nothing(job_file: Path) -> None:
    stop = threading.Event()
    stop.set()
    summary = correlate(job_file, stop=stop)
    assert summary.stopped
    assert summary.output.read_bytes() == b""


def test_whole_job_is_not_called_stopped(job_file: Path) -> None:
    stop = threading.Event()
    summary = correlate(
        job_file, stop=stop, on_integration=lambda own: stop.set() if own.seconds > 43200.8 else None
    )
    assert not summary.stopped
    assert (summary.integrations, summary.records) == (5, 15)
    assert summary.observed_seconds == pytest.approx(1.0)


def test_error_of_a_listener_reaches_the_caller(job_file: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        correlate(job_file, on_integration=lambda own: 1 / 0)
    (swin,) = (job_file.parent / "job.difx").iterdir()
    assert len(list(read_records(swin, JOB.input().channels))) == 3


def test_failed_write_leaves_no_part_of_a_record(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with AppendingWriter(tmp_path / "swin") as writer:
        writer.append(b"whole")
        resource.setrlimit(resource.RLIMIT_FSIZE, (8, hard))
        try:
            with pytest.raises(OSError, match="too large"):
                writer.append(b" part of this fits")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert (tmp_path / "swin").read_bytes() == b"whole"
        writer.append(b" and more")
    assert (tmp_path / "swin").read_bytes() == b"whole and more"


def children() -> set[str]:
    """Processes that this one has started and not yet seen the end of."""
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


def test_abandoned_iteration_ends_its_threads_and_processes(job_file: Path) -> None:
    before, threads = children(), set(threading.enumerate())
    integrations = open_job(job_file).integrations(cores=2)
    next(integrations)
    assert len(children() - before) == 1
    assert set(threading.enumerate()) - threads
    integrations.close()
    assert not {thread for thread in set(threading.enumerate()) - threads if thread.is_alive()}
    assert children() == before


def test_a_process_that_dies_costs_nothing_but_time(job_file: Path) -> None:
    job = open_job(job_file)
    undisturbed = [own.records for own in job.integrations(cores=1)]
    assert not any("process" in note for note in job.notes())
    before = children()
    integrations = job.integrations(cores=2)
    found = [next(integrations).records]
    for process in children() - before:
        os.kill(int(process), signal.SIGKILL)
    found += [own.records for own in integrations]
    assert found == undisturbed
    assert [note for note in job.notes() if "process ended early" in note]


def test_job_can_be_computed_again(job_file: Path) -> None:
    job = open_job(job_file)
    assert job.n_integrations == 5
    first, second = ([own.records for own in job.integrations()] for _ in range(2))
    assert first == second


def test_results_are_the_records_in_their_layout(job_file: Path) -> None:
    summary = correlate(job_file, on_integration=(seen := []).append)
    records = list(read_records(summary.output, JOB.input().channels))
    layout = {(p.antenna1, p.antenna2): p for p in result_layout(JOB.input())}
    for integration, first in zip(seen, range(0, 15, 3), strict=True):
        for record in records[first : first + 3]:
            product = layout[record.antenna1, record.antenna2]
            part = integration.result[product.offset : product.offset + product.channels]
            assert np.array_equal(part, record.spectrum)
            assert (record.mjd, record.seconds) == (integration.mjd, integration.seconds)
    assert [own.start_seconds for own in seen] == pytest.approx([43200, 43200.2, 43200.4, 43200.6, 43200.8])


def test_rules_choose_scans_and_skip_them(tmp_path: Path) -> None:
    job = MadeJob(bandwidth=0.128, frame_samples=640, seconds=3, scans=((0, 1), (1, 1), (2, 1)))
    inp = job.input()
    inp.rules[0].sources = ["SRC0", "SRC2"]
    inp.rules.insert(0, Rule(config_name="SKIP", scan_ids=["No0000"]))
    summary = correlate(job.write(tmp_path, job.codes(), inp))
    records = list(read_records(summary.output, inp.channels))
    assert {(record.source, int(record.seconds)) for record in records} == {(2, 43202)}


def test_execute_time_ends_a_scan_early(tmp_path: Path) -> None:
    inp = JOB.input()
    inp.execute_time = 0.5  # 12.5 sub-integrations: exactly half of the last does not count
    seen: list[Integration] = []
    correlate(JOB.write(tmp_path, CODES, inp), on_integration=seen.append)
    assert [own.weights[0] for own in seen] == pytest.approx([1, 1, 0.4])


def test_integration_over_midnight_keeps_the_day_of_its_start(tmp_path: Path) -> None:
    job = MadeJob(bandwidth=0.128, frame_samples=640, int_time=0.28)
    seen: list[Integration] = []
    input_file = job.write(tmp_path, job.codes())
    inp = job.input()
    inp.start_seconds = 86399.0
    calc = read_calc(tmp_path / "job.calc")
    calc.start_time = (2024, 1, 1, 23, 59, 59)
    im = read_im(tmp_path / "job.im")
    im.scans[0].polynomials[0].sec = 86390
    write_input(inp, input_file, overwrite=True)
    write_calc(calc, tmp_path / "job.calc", overwrite=True)
    write_im(im, tmp_path / "job.im", overwrite=True)
    summary = correlate(input_file, on_integration=seen.append)
    assert summary.records == 0  # the recordings are of another time
    assert [(own.mjd, round(own.seconds, 6)) for own in seen][-1] == (60310, 86399.98)
    assert [own.start_mjd for own in seen] == [60310] * 4


def test_two_configurations_each_with_its_scan(tmp_path: Path) -> None:
    job = MadeJob(bandwidth=0.128, frame_samples=640, seconds=2, scans=((0, 1), (1, 1)))
    inp = job.input()
    inp.configurations.append(
        replace(inp.configurations[0], name="other", int_time=0.4, write_autocorrs=False)
    )
    inp.rules = [Rule(config_name="only", sources=["SRC0"]), Rule(config_name="other", sources=["SRC1"])]
    seen: list[Integration] = []
    summary = correlate(job.write(tmp_path, job.codes(), inp), on_integration=seen.append)
    records = list(read_records(summary.output, inp.channels))
    assert [own.config for own in seen] == [0] * 5 + [1] * 3
    assert [own.n_records for own in seen] == [3] * 5 + [1] * 3
    assert {(record.config, record.source) for record in records} == {(0, 0), (1, 1)}
    assert [own.weights for own in seen[-3:]] == [[1.0, 1.0], [1.0, 1.0], [0.5, 0.5]]


def test_two_datastreams_of_one_antenna(tmp_path: Path) -> None:
    delays = ((10.0, 0.1), (-20.0, 0.2), (-20.0, 0.2))
    job = MadeJob(antennas=3, bandwidth=0.128, frame_samples=640, delays=delays)
    codes = job.codes()
    apart, joined = job.input(), job.input()
    joined.datastreams[2].telescope_index = 1
    for inp in (apart, joined):
        inp.configurations[0].baseline_indices = [0, 1]
        inp.active_baselines = 2
    outputs = [
        list(read_records(correlate(job.write(tmp_path / name, codes, inp)).output, inp.channels))
        for name, inp in (("apart", apart), ("joined", joined))
    ]
    assert [record.baseline for record in outputs[0][:5]] == [258, 259, 257, 514, 771]
    assert [record.baseline for record in outputs[1][:5]] == [258, 258, 257, 514, 514]
    assert all(np.array_equal(a.spectrum, b.spectrum) for a, b in zip(*outputs, strict=True))


def test_last_integration_may_reach_beyond_the_delays(tmp_path: Path) -> None:
    """Its nominal centre is then behind the end of the last polynomial, which is used all the same."""
    job = MadeJob(bandwidth=0.128, frame_samples=640, int_time=0.32)
    input_file = job.write(tmp_path, job.codes())
    im = read_im(tmp_path / "job.im")
    im.scans[0].polynomials[0].sec -= im.interval_s - 1
    write_im(im, tmp_path / "job.im", overwrite=True)
    records = list(read_records(correlate(input_file).output, job.input().channels))
    assert records[-3].seconds == pytest.approx(43201.12)
    assert records[-3].weight == pytest.approx(0.125)
    assert records[-3].uvw == (-1.0, -2.0, -3.0)
