# SPDX-License-Identifier: GPL-3.0-or-later
"""One lock around every drawing of ours.

matplotlib's fonts, and its parser of formulae above all, are shared by all figures of a process and not made for two
threads. Live pictures are drawn in the painter's thread while the user draws in a cell; what is ours draws one at a
time and leaves formulae alone, so that the user's own figures never meet us in there.
"""

from __future__ import annotations

import threading

RENDER_LOCK = threading.RLock()
"""Held during every draw of a figure of ours, live and static; a thread may take it again."""
