# SPDX-License-Identifier: GPL-3.0-or-later
"""Station clocks from fringes: solutions, closures, and corrected files.

In go tables of fringes as :func:`difxnb.visibility.fringe_fit` gives them, out come delays and rates of stations, and
edits of ``.input``, ``.v2d`` and ``.vex``. A clock is late where it is positive, as in the ``.input``
(``difx-files.md`` 16.6): a station whose fringes show it late by x gets the clock c - x.
"""

from difxnb.clock.closure import closure_delays as closure_delays
from difxnb.clock.closure import closure_phases as closure_phases
