# SPDX-License-Identifier: GPL-3.0-or-later
"""Which recorders a server simulates, and what is on the modules in them.

All of it is frozen: what recorders do to their modules happens to copies in :mod:`difxnb.server.recorder_unit`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from difxnb.formats.module_directory import ModuleScan, directory_of

_VSN = re.compile(r"[A-Z]{1,6}[+-]\d+", re.ASCII)
BANKS = ("A", "B")
DISKS = 8
"""Disks in a module."""


@dataclass(frozen=True, slots=True)
class ModuleSetup:
    """A Mark5 module.

    Attributes
    ----------
    vsn : str
        Eight characters: letters, ``+`` or ``-``, digits.
    scans : tuple of ModuleScan
        What was recorded, in order; where each lies on the module is worked out here.
    recordings : mapping of str to str
        By scan name, the file with its data, inside the server's root. A scan without one is copied as fill pattern.
    has_directory_file : bool
        Whether somebody has had the directory made before.
    smart : mapping of int to int
        Health of every disk, attribute to value.

    Raises
    ------
    ValueError
        The VSN is none.
    """

    vsn: str
    scans: tuple[ModuleScan, ...] = ()
    recordings: Mapping[str, str] = field(default_factory=dict)
    has_directory_file: bool = True
    smart: Mapping[int, int] = field(default_factory=lambda: {5: 0, 9: 21043, 194: 38, 197: 0})

    def __post_init__(self) -> None:
        if len(self.vsn) != 8 or not _VSN.fullmatch(self.vsn):
            raise ValueError(f"a VSN has eight characters, such as NRAO+321; got {self.vsn!r}")
        placed = directory_of(self.vsn, "A", self.scans).scans
        object.__setattr__(self, "scans", placed)


@dataclass(frozen=True, slots=True)
class RecorderSetup:
    """A Mark5 unit with two banks.

    Attributes
    ----------
    name : str
        Host name, as clients call it.
    bank_a, bank_b : ModuleSetup or None
        The modules in it.
    is_faulty : bool
        Whether its card cannot be opened.
    """

    name: str
    bank_a: ModuleSetup | None = None
    bank_b: ModuleSetup | None = None
    is_faulty: bool = False
