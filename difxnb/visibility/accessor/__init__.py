# SPDX-License-Identifier: GPL-3.0-or-later
"""``ds.difx``: questions to visibilities, wherever they came from.

`registered` hands them to `selecting` and `turning` (what is wanted), `correlation` (coefficients), `lag`, `means`,
`summary` with `presence`, and `job_tones`. `grouping` and `mean_coords` know scans and what becomes of coordinates.
"""
