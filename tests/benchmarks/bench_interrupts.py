# SPDX-License-Identifier: GPL-3.0-or-later
"""How soon a cell that waits can be interrupted: ``python tests/benchmarks/bench_interrupts.py``.

For each version of ipykernel in ``.tools/kernels`` (``./run test`` puts them there): seconds from the interrupt to the
exception in the cell, for each blocking call; the server behind half of them has fallen silent.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from difxnb.client.blocking import LoopThread
from tests.jobs_to_run import put, write_jobs
from tests.kernels.blocking_calls import interrupt_all
from tests.kernels.front_end import KERNELS, kernel
from tests.notebook.far_end import FarEnd

GOAL_S = 0.5


def measure(version: str, folder: Path) -> dict[str, tuple[str, float]]:
    """Interrupt everything on one kernel."""
    root = folder / version
    root.mkdir()
    with LoopThread("far end") as loop:
        far = FarEnd(loop)
        try:
            with kernel(version, folder / f"{version}-tmp") as page:
                return interrupt_all(far, page, put(folder, "short", root))
        finally:
            loop.call(asyncio.wait_for(far.stack.aclose(), 30))


def main() -> int:
    """Print a line for each call; 1 where one took longer than the goal."""
    slow = False
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        write_jobs(folder)
        for version in sorted(path.name for path in KERNELS.iterdir()):
            for call, (error, seconds) in measure(version, folder).items():
                print(f"ipykernel {version}  {call:24} {error:18} {seconds:6.3f} s", flush=True)
                slow |= seconds > GOAL_S
    return int(slow)


if __name__ == "__main__":
    sys.exit(main())
