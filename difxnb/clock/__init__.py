# SPDX-License-Identifier: GPL-3.0-or-later
"""Station clocks from fringes: solutions, closures, and corrected files.

In go tables of fringes as :func:`difxnb.visibility.fringe_fit` gives them, out come delays and rates of stations, and
edits of ``.input``, ``.v2d`` and ``.vex``. A clock is late where it is positive, as in the ``.input``
(``difx-files.md`` 16.6): a station whose fringes show it late by x gets the clock c - x.

A change that is known from elsewhere goes into files by hand, as
``edits_of([ClockChange("AA", 1e-7, 0.0, "2024-01-01T12:00")], input="job_1.input")`` for 0.1 µs late.
"""

from difxnb.clock.closure import closure_delays as closure_delays
from difxnb.clock.closure import closure_phases as closure_phases
from difxnb.clock.comparison import compare_clocks as compare_clocks
from difxnb.clock.edits import ClockEdits as ClockEdits
from difxnb.clock.edits import edits_of as edits_of
from difxnb.clock.search import clock_search as clock_search
from difxnb.clock.search import station_solutions as station_solutions
from difxnb.clock.solution import ClockSolution as ClockSolution
from difxnb.formats.clock_change import ClockChange as ClockChange
