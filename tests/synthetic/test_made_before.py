# SPDX-License-Identifier: GPL-3.0-or-later
"""Recordings that were made beforehand are taken, but only those of the very same experiment."""

from __future__ import annotations

from pathlib import Path

import pytest

from difxnb.synthetic import Experiment, make_experiment, small_experiment
from difxnb.synthetic.made_before import PLACE

SMALL = small_experiment(scan_seconds=1)


@pytest.fixture
def before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "before"
    make_experiment(folder, experiment=SMALL)
    for recording in folder.glob("*.vdif"):
        recording.write_bytes(b"marked")  # so that a copy is known from what was computed
    monkeypatch.setenv(PLACE, str(folder))
    return folder


def recordings(folder: Path, experiment: Experiment) -> set[bytes]:
    made = make_experiment(folder, experiment=experiment).directory
    return {file.read_bytes()[:6] for file in made.glob("*.vdif")}


def test_the_same_experiment_is_copied(before: Path, tmp_path: Path) -> None:
    assert recordings(tmp_path / "copy", SMALL) == {b"marked"}
    job = (tmp_path / "copy" / "demo_1.input").read_text()
    assert str(tmp_path / "copy") in job
    assert str(before) not in job


def test_another_one_is_computed(before: Path, tmp_path: Path) -> None:
    """Another seed gives other noise."""
    assert b"marked" not in recordings(tmp_path / "other", small_experiment(scan_seconds=1, seed=2))


def test_an_unfinished_one_is_not_taken(before: Path, tmp_path: Path) -> None:
    truth = before / "truth.json"
    truth.write_text(truth.read_text().replace('"complete": true', '"complete": false'))
    assert b"marked" not in recordings(tmp_path / "again", SMALL)


def test_a_place_with_nothing_in_it_is_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PLACE, str(tmp_path / "nowhere"))
    assert recordings(tmp_path / "made", SMALL)
