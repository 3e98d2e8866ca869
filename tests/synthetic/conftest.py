# SPDX-License-Identifier: GPL-3.0-or-later
"""Experiments that several tests look at; made once."""

from __future__ import annotations

import pytest

from difxnb.synthetic import DemoFiles, make_experiment, small_experiment


@pytest.fixture(scope="session")
def small_demo(tmp_path_factory) -> DemoFiles:
    """A small experiment with all its files; not to be changed."""
    return make_experiment(tmp_path_factory.mktemp("experiment") / "small", experiment=small_experiment())
