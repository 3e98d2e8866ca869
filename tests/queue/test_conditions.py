# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps a queue from starting anything, and for how long."""

from __future__ import annotations

import pytest

from difxnb.queue import DiskLow, NodeSeen, NodeSilent, Seen, SuspendCondition, WeightsLow
from difxnb.queue.conditions import condition_json, condition_of


def test_a_silent_host_is_named() -> None:
    condition = NodeSilent(("one", "two"), 60.0)
    seen = Seen(nodes={"one": NodeSeen(silence=10.0), "two": NodeSeen(silence=61.0)})
    assert "two has said nothing for 61 s" in (condition.holds(seen, 0.0) or "")
    assert condition.holds(Seen(nodes={"one": NodeSeen(silence=60.0)}), 0.0) is None
    assert condition.holds(Seen(), 0.0) is None


def test_a_full_disk_is_waited_for_where_it_can_be_seen() -> None:
    condition = DiskLow(0.1, "/data")
    assert "9.9% of the disk of /data" in (condition.holds(Seen(free=lambda _: 0.099), 0.0) or "")
    assert condition.holds(Seen(free=lambda _: 0.1), 0.0) is None
    assert condition.holds(Seen(), 0.0) is None


def test_weights_count_when_they_have_been_low_for_long_enough() -> None:
    condition = WeightsLow("BB", 0.2, 30.0)
    samples = [(0.0, 0.0), (10.0, 0.9), (20.0, 0.1), (40.0, 0.0), (50.0, 0.1)]
    assert condition.holds(Seen(weights={"BB": samples}), 49.0) is None
    assert "below 0.2 for 31 s" in (condition.holds(Seen(weights={"BB": samples}), 51.0) or "")
    assert condition.holds(Seen(weights={"BB": [*samples, (60.0, 0.5)]}), 90.0) is None
    assert condition.holds(Seen(weights={"AA": samples}), 90.0) is None


class _Mine:
    id = "mine"

    def holds(self, seen: Seen, now: float) -> str | None:
        return "always"


@pytest.mark.parametrize("condition", [NodeSilent(("one",), 5.0), DiskLow(0.5, "/"), WeightsLow("BB")])
def test_conditions_survive_being_written_down(condition: SuspendCondition) -> None:
    plain = condition_json(condition)
    assert plain is not None
    assert condition_of(plain) == condition
    assert isinstance(condition, SuspendCondition)


def test_one_of_anothers_making_is_a_condition_and_cannot_be_kept() -> None:
    assert isinstance(_Mine(), SuspendCondition)
    assert condition_json(_Mine()) is None


def test_wrong_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        DiskLow(1.5)
    with pytest.raises(ValueError, match="at least one"):
        NodeSilent(())
    with pytest.raises(TypeError, match="list of words"):
        NodeSilent("one")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no such condition"):
        condition_of({"kind": "rain"})
