# SPDX-License-Identifier: GPL-3.0-or-later
"""Live pictures of visibilities: frames that a thread draws quickly, and the figures that they freeze to."""

from difxnb.plots.live.look import Look, Theme

__all__ = ["Look", "Theme"]
