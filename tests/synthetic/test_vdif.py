# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames: read by baseband, an independent VDIF reader, and taken apart by hand."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from astropy import units
from astropy.time import Time
from baseband import vdif

from difxnb.synthetic import Gap, default_experiment, small_experiment
from difxnb.synthetic.vdif import FrameWriter, pack_times, reference_epoch, word_type

LEVELS = np.array([-3.316505, -1.0, 1.0, 3.316505])  # as baseband decodes two bits


def recording(experiment, frames, *, station=0, scan=0, seed=3, pieces=7):
    """Random codes, shape (time, channel), and the bytes of frames that hold them, written in uneven pieces."""
    stream = io.BytesIO()
    writer = FrameWriter(stream, experiment, station, scan, frames)
    codes = np.random.default_rng(seed).integers(
        0, 4, (len(frames) * experiment.samples_per_frame, experiment.recorded_channels)
    )
    words = (codes << (2 * np.arange(experiment.recorded_channels))).sum(axis=1)
    for piece in np.array_split(words.astype(word_type(experiment.bits_per_time)), pieces):
        writer.write(piece)
    return codes, stream.getvalue()


@pytest.mark.parametrize(
    ("n_bands", "polarizations"), [(1, "R"), (1, "RL"), (2, "L"), (2, "RL"), (4, "R"), (4, "RL")]
)
def test_baseband_reads_what_was_written(n_bands, polarizations):
    experiment = default_experiment(n_bands=n_bands, polarizations=polarizations, n_stations=2)
    experiment = replace(experiment, stations=tuple(replace(s, invalid=()) for s in experiment.stations))
    frames = range(-3, 5)
    codes, data = recording(experiment, frames)
    rate = experiment.sample_rate_hz * units.Hz
    with vdif.open(io.BytesIO(data), "rs", sample_rate=rate, squeeze=False) as reader:
        samples = reader.read()
        start, header = reader.start_time, reader.header0
    begin = Time(experiment.start_mjd, experiment.start_seconds / 86_400, format="mjd")
    assert abs((start - begin).to_value(units.s) + 3 / experiment.frames_per_second) < 1e-9
    assert samples.shape == (len(codes), 1, experiment.recorded_channels)
    assert samples[:, 0] == pytest.approx(LEVELS[codes], rel=1e-4)
    assert (header.station, header["thread_id"], header.bps, header.complex_data) == ("AL", 0, 2, False)
    assert header.frame_nbytes == experiment.frame_bytes == len(data) // len(frames)
    header.verify()


def test_missing_frames_are_left_out_and_invalid_ones_marked():
    experiment = default_experiment()
    rate = experiment.frames_per_second
    station = replace(
        experiment.stations[0],
        missing=(Gap(0, 2 / rate, 5 / rate), Gap(1, 0.0, 1.0)),
        invalid=(Gap(0, -1 / rate, 1 / rate), Gap(0, 6.5 / rate, 7.5 / rate)),
    )
    experiment = replace(experiment, stations=(station, *experiment.stations[1:]))
    _, data = recording(experiment, range(-2, 8))
    words = np.frombuffer(data, "<u4").reshape(-1, experiment.frame_bytes // 4)
    seconds = (words[:, 0] & 0x3FFFFFFF) - 70 * 86_400 - experiment.start_seconds
    number = seconds.astype(np.int32) * rate + (words[:, 1] & 0xFFFFFF)
    assert list(number) == [-2, -1, 0, 1, 5, 6, 7]
    assert list(words[:, 0] >> 31) == [0, 1, 1, 0, 0, 0, 1]
    assert not words[words[:, 0] >> 31 == 1, 8:].any()


def test_samples_after_the_last_frame_are_dropped():
    experiment = small_experiment()
    stream = io.BytesIO()
    writer = FrameWriter(stream, experiment, 0, 0, range(2))
    for _ in range(4):
        writer.write(np.zeros(experiment.samples_per_frame, np.uint8))
    assert len(stream.getvalue()) == 2 * experiment.frame_bytes


def test_the_next_sample_counts_those_that_wait_for_a_frame():
    experiment = small_experiment()
    writer = FrameWriter(io.BytesIO(), experiment, 0, 0, range(-1, 9))
    assert writer.next_sample == -experiment.samples_per_frame
    writer.write(np.zeros(experiment.samples_per_frame + 10, np.uint8))
    assert writer.next_sample == 10


@pytest.mark.parametrize(
    ("mjd", "epoch", "days"),
    [(51544, 0, 0), (60310, 48, 0), (60746, 50, 70), (60857, 51, 0), (60856, 50, 180)],
)
def test_reference_epochs(mjd, epoch, days):
    assert reference_epoch(mjd) == (epoch, days * 86_400)


def test_times_share_bytes_where_they_are_short():
    assert list(pack_times(np.array([3, 0, 1, 2, 1, 1, 1, 1], np.uint8), 2)) == [0b10010011, 0b01010101]
    assert list(pack_times(np.array([0xA, 0x5], np.uint8), 4)) == [0x5A]
    assert list(pack_times(np.array([0x0201], "<u2"), 16)) == [1, 2]


def test_recordings_of_an_experiment_cover_the_scan(small_demo):
    # What the correlator wants lies up to 21 ms earlier than the scan in recorded time; some frames are to spare.
    experiment = small_demo.experiment
    for scan, about in enumerate(experiment.scans):
        start = Time(experiment.start_mjd, (experiment.start_seconds + about.start_s) / 86_400, format="mjd")
        for station in range(3):
            path = small_demo.directory / experiment.recording_name(station, scan)
            with vdif.open(str(path), "rb") as reader:
                header = reader.read_header()
                reader.seek(-experiment.frame_bytes, 2)
                last = reader.read_header()
            rate = experiment.sample_rate_hz * units.Hz
            first_s, last_s = ((h.get_time(frame_rate=rate / experiment.samples_per_frame) - start).to_value(units.s)
                               for h in (header, last))  # fmt: skip
            assert -0.06 < first_s < -0.025
            assert about.duration_s < last_s < about.duration_s + 0.12
            assert path.stat().st_size % experiment.frame_bytes == 0


def test_codes_are_distributed_as_those_of_a_well_set_sampler(small_demo):
    path = small_demo.directory / small_demo.experiment.recording_name(2, 0)
    payload = np.fromfile(path, np.uint8).reshape(-1, small_demo.experiment.frame_bytes)[:, 32:]
    for shift in (0, 2, 4, 6):
        share = np.bincount(((payload >> shift) & 3).ravel(), minlength=4) / payload.size
        assert share == pytest.approx([0.1635, 0.3365, 0.3365, 0.1635], abs=0.003)
