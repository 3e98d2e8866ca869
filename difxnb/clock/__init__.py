# SPDX-License-Identifier: GPL-3.0-or-later
"""Station clocks from fringes: solutions, closures, and corrected files.

In go tables of fringes as :func:`difxnb.visibility.fringe_fit` gives them, out come delays and rates of stations, and
edits of ``.input``, ``.v2d`` and ``.vex``. A clock is late where it is positive, as in the ``.input``
(``difx-files.md`` 16.6): a station whose fringes show it late by x gets the clock c - x.
"""

from difxnb.clock.closure import closure_delays as closure_delays
from difxnb.clock.closure import closure_phases as closure_phases
from difxnb.clock.comparison import compare_clocks as compare_clocks
from difxnb.clock.search import clock_search as clock_search
from difxnb.clock.search import station_solutions as station_solutions
from difxnb.clock.solution import ClockSolution as ClockSolution
