# SPDX-License-Identifier: GPL-3.0-or-later
"""Several jobs in one directory, for queues."""

from __future__ import annotations

import os
from pathlib import Path

MACHINES = {"head_node": "localhost", "datastreams": ["localhost"] * 2, "processors": {"localhost": 2}}


def put_named(made: Path, kind: str, root: Path, *names: str) -> list[str]:
    """Give a test copies of a job under other names; recordings are shared."""
    for file in (made / kind).iterdir():
        if file.suffix == ".vdif":
            os.link(file, root / file.name)
            continue
        for name in names:
            text = file.read_text().replace("job.", f"{name}.")
            (root / f"{name}{file.suffix}").write_text(text)
    return [str(root / f"{name}.input") for name in names]
