# SPDX-License-Identifier: GPL-3.0-or-later
"""Is this job fine? One row per check, with the number, the limit, the verdict and the evidence.

In goes a job, its visibilities, or a catalogue; out comes a report. Limits stand in ``limits.toml`` and nowhere else.
"""
