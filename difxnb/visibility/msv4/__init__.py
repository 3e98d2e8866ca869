# SPDX-License-Identifier: GPL-3.0-or-later
"""Visibilities as Measurement Sets of version 4: a rearrangement, and nothing else.

`tree` cuts a Dataset into `pieces` that are alike, names them (`labels`), and gives each its `arrays`, `tables` of
antennas and sources, and `tones`.
"""

from difxnb.visibility.msv4.tree import to_msv4

__all__ = ["to_msv4"]
