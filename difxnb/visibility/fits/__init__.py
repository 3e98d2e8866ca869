# SPDX-License-Identifier: GPL-3.0-or-later
"""Fringes of a Dataset as a table, and weights of a job as an array.

`fringe_table` is the question and its answer; `intervals` says which integrations are fitted together, `blocks` reads
as much as may be in memory, `columns` names what comes out, `coefficients` knows the autocorrelations. `weights`
makes arrays of the weights that a running job reports.
"""

from difxnb.visibility.fits.fringe_table import fringe_fit
from difxnb.visibility.fits.weights import antenna_name, known_weights, weights_array

__all__ = ["antenna_name", "fringe_fit", "known_weights", "weights_array"]
