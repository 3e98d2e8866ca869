# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs made of a schedule: ``.vex`` and ``.v2d`` in, files of jobs out, by the rules of vex2difx 3.1.

For the common case: one setup and one mode in a job; data in files, file lists, Mark5 modules that the ``.v2d`` or
``$TAPELOG_OBS`` names, or made up; VDIF, INTERLACEDVDIF, Mark5B, MKIV and VLBA as the schedule or the ``.v2d`` says;
bands as they were recorded, upper and lower sidebands, each with a clock and an oscillator of its own. Everything else
is refused by name, all reasons at once (:class:`~difxnb.errors.CannotMakeJob`): zoom bands and stitched bands, several
phase centres, pulsars, spacecraft, several datastreams of a station, data from the network and of Mark6, a choice of
baselines.

Two things are written otherwise than vex2difx does, as the correlator would find no scans for its rules: a RULE of a
source that a SOURCE block renames keeps the name that the ``.calc`` has, and a ``calCode`` does not go into rules.
`V2d.problems` warns of both, and of what vex2difx stops at although jobs are made of it here.

>>> from difxnb.making import make_job_files, planned_frame, planned_jobs
"""

from difxnb.making.job_files import MadeJobs, make_job_files
from difxnb.making.plan import PlannedJob, planned_frame, planned_jobs

__all__ = ["MadeJobs", "PlannedJob", "make_job_files", "planned_frame", "planned_jobs"]
