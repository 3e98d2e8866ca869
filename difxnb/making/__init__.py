# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs made of a schedule: ``.vex`` and ``.v2d`` in, files of jobs out."""
