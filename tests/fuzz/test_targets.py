# SPDX-License-Identifier: GPL-3.0-or-later
"""Decoders take what they were fed in real life, and what little damage makes of it; campaign.py does more."""

from __future__ import annotations

import random

import pytest

from tests.fuzz.mutations import mutated
from tests.fuzz.targets import TARGETS

MUTATIONS = 60


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_input_gives_a_value_or_a_documented_error(name: str) -> None:
    target, rng = TARGETS[name], random.Random(name)
    seeds = target.seeds()
    assert seeds
    for _ in range(MUTATIONS):
        target.run(mutated(rng.choice(seeds)[:4000], seeds, rng))


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_at_all(name: str) -> None:
    TARGETS[name].run(b"")
