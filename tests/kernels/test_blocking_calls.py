# SPDX-License-Identifier: GPL-3.0-or-later
"""The interrupt button ends every call that waits; how soon is measured by tests/benchmarks/bench_interrupts.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.jobs_to_run import put
from tests.kernels.blocking_calls import interrupt_all
from tests.kernels.front_end import FrontEnd
from tests.notebook.far_end import FarEnd


@pytest.mark.slow
def test_every_blocking_call_can_be_interrupted(
    far: FarEnd, page: FrontEnd, tmp_path: Path, made: Path
) -> None:
    found = interrupt_all(far, page, put(made, "short", tmp_path.resolve()))
    ended = {name: error for name, (error, _) in found.items()}
    assert ended.pop("await run") in ("KeyboardInterrupt", "CancelledError")
    assert ended == dict.fromkeys(ended, "KeyboardInterrupt")
    left = page.run("print([thread.name for thread in threading.enumerate() if 'difxnb' in thread.name])")
    assert left.strip() == "[]"
