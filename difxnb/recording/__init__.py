# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded sessions: opened without a server, played again, kept and shared.

>>> recording = difxnb.open_recording("night.dxr")  # doctest: +SKIP
>>> recording.messages.frame(severity="warning")  # doctest: +SKIP
>>> recording.monitors["demo_1"].dataset  # doctest: +SKIP
"""

from difxnb.recording.recording import Recording, open_recording
from difxnb.recording.replay import Replay

__all__ = ["Recording", "Replay", "open_recording"]
