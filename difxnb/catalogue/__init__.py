# SPDX-License-Identifier: GPL-3.0-or-later
"""Many jobs on disk as one table, and functions applied to all of them.

In go patterns of names, out come a DataFrame made from the small files of the jobs, and results of functions per job.
Visibilities are read only by functions that ask for them.
"""

from difxnb.catalogue.catalogue import Catalogue, open_jobs
from difxnb.catalogue.stored_job import StoredJob

__all__ = ["Catalogue", "StoredJob", "open_jobs"]
