# SPDX-License-Identifier: GPL-3.0-or-later
"""Run, watch and check the DiFX VLBI correlator from Jupyter."""

__version__ = "0.1.0"
