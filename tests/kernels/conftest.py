# SPDX-License-Identifier: GPL-3.0-or-later
"""A kernel of each version of ipykernel that is pinned beside this file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kernels.front_end import KERNELS, FrontEnd, kernel
from tests.notebook.conftest import far

__all__ = ["far"]

VERSIONS = [pins.stem.partition("-")[2] for pins in sorted(Path(__file__).parent.glob("ipykernel-*.txt"))]


@pytest.fixture(scope="module", params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    """A version of ipykernel; where versions should not matter, all but the newest take ``--every-kernel``."""
    in_turn = hasattr(request.module, "ON_EVERY_KERNEL") or request.config.getoption("--every-kernel")
    if request.param != VERSIONS[-1] and not in_turn:
        pytest.skip("versions of kernels do not differ in this; --every-kernel tries them all")
    if not (KERNELS / request.param / "made-from").is_file():
        pytest.skip(f"ipykernel {request.param} is not installed; `./run test` does that")
    return str(request.param)


@pytest.fixture(scope="module")
def page(version: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrontEnd]:
    """A kernel of that version for all tests of a file, and a page that shows its widgets."""
    with kernel(version, tmp_path_factory.mktemp("kernel") / "tmp") as page:
        yield page
