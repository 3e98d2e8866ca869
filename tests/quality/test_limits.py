# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits: one documented place, overridable; and verdicts between two limits."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import pandas as pd
import pytest

from difxnb.errors import FileFormatError
from difxnb.quality.checks import CHECKS
from difxnb.quality.checks.weights import check_weights
from difxnb.quality.limits import default_limits, limits_with
from difxnb.quality.report import check_quality
from difxnb.quality.verdict import Verdict, graded, worst, worst_first
from tests.quality.made_material import of_job
from tests.stored_jobs import ALPHA


def test_every_check_has_a_section_and_every_section_a_use():
    assert set(default_limits()) == {*CHECKS, "trend"}


def test_every_limit_says_what_it_is():
    lines = files("difxnb.quality").joinpath("limits.toml").read_text(encoding="utf-8").splitlines()
    limits = [line for line in lines if "=" in line.partition("#")[0]]
    assert len(limits) == sum(map(len, default_limits().values()))
    assert [line for line in limits if len(line.partition("#")[2].split()) < 4] == []


def test_a_file_changes_what_it_names_and_leaves_the_rest(tmp_path):
    mine = tmp_path / "mine.toml"
    mine.write_text("[weights]\nlook = 0.99\n")
    changed = limits_with(mine)
    assert changed["weights"] == {**default_limits()["weights"], "look": 0.99}
    assert {name: changed[name] for name in changed if name != "weights"} == {
        name: section for name, section in default_limits().items() if name != "weights"
    }
    assert default_limits()["weights"]["look"] != 0.99


def test_limits_decide():
    material = of_job(ALPHA)
    assert check_weights(material, default_limits()["weights"]).verdict is Verdict.GO
    assert check_weights(material, limits_with({"weights": {"look": 1}})["weights"]).verdict is Verdict.LOOK
    strict = check_quality(ALPHA, limits={"weights": {"look": 1.0, "no_go": 0.95}})
    assert strict["weights"].verdict is strict.verdict is Verdict.NO_GO
    assert "0.95" in strict["weights"].limit


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"colour": {}}, "there is no check 'colour'"),
        ({"weights": {"blue": 1}}, "no limit 'blue'; it has look, no_go"),
        ({"weights": {"look": "high"}}, "look is a float, not 'high'"),
        ({"weights": {"look": True}}, "look is a float, not True"),
        ({"weights": 3}, "must be a table"),
    ],
)
def test_what_is_no_limit_is_refused(changes, text):
    with pytest.raises(ValueError, match=text):
        limits_with(changes)


def test_a_file_that_is_no_toml_is_refused(tmp_path):
    broken = tmp_path / "broken.toml"
    broken.write_bytes(b"[weights\nlook = \xff")
    with pytest.raises(FileFormatError, match="no TOML"):
        limits_with(broken)
    with pytest.raises(FileNotFoundError):
        limits_with(tmp_path / "absent.toml")


@pytest.mark.parametrize(
    ("value", "look", "no_go", "verdict"),
    [
        (0.95, 0.9, 0.5, Verdict.GO),
        (0.9, 0.9, 0.5, Verdict.GO),
        (0.7, 0.9, 0.5, Verdict.LOOK),
        (0.4, 0.9, 0.5, Verdict.NO_GO),
        (0.0, 0.01, 0.2, Verdict.GO),
        (0.1, 0.01, 0.2, Verdict.LOOK),
        (np.inf, 0.01, 0.2, Verdict.NO_GO),
        (np.nan, 0.01, 0.2, Verdict.NOT_APPLICABLE),
        (3.0, 2.0, 2.0, Verdict.NO_GO),
    ],
)
def test_verdicts_between_two_limits(value, look, no_go, verdict):
    assert graded(value, look, no_go) is verdict


def test_the_worst_verdict_counts():
    assert worst([Verdict.GO, Verdict.NO_GO, Verdict.NOT_APPLICABLE]) is Verdict.NO_GO
    assert worst([Verdict.GO, Verdict.NOT_APPLICABLE]) is Verdict.GO
    assert worst([]) is Verdict.NOT_APPLICABLE
    rows = pd.DataFrame({"x": [1, 2, 3, 4], "verdict": ["go", "no-go", "look", "no-go"]})
    assert worst_first(rows, "x", ascending=False)["x"].tolist() == [4, 2, 3, 1]
