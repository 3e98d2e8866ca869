# SPDX-License-Identifier: GPL-3.0-or-later
"""Visibilities of files: opened lazily, read when they are used.

`opening` (and `backend` for xarray) calls `finding` (which jobs and files are meant) and `building`, which puts
together `opened_job` (``.input``, ``.calc`` and, by `file_tables`, where records lie), `joining` (antennas and
bands of several jobs), `plan` and `scan_names`; `provenance` tells and warns. What is built reads later: `lazy`
asks `filling`, which takes from the files what an `assembly` of the plan says; in other processes the assembly is
made of the plan anew. `chunks` puts that on dask.
"""
