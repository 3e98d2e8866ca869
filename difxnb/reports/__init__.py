# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports on jobs: one file of HTML that says what was done, what was found, and with what.

`findings` gathers what there is to tell, `pictures` draws it, `provenance` says where it comes from, `page` writes it
down, `writing` puts it into a file. `notebook_report` has a notebook run instead, ``job_report.ipynb`` or another, in
`notebook_kernel`, a program of its own. The report of a correlator on a session is made by `ivs_report` of what
`ivs_material` gathers, section by section (`ivs_sections`, `ivs_notes`, `ivs_clocks`, `ivs_codes`).

Nothing here knows a connection: of a run, only what it holds is looked at.
"""

from __future__ import annotations

from difxnb.reports.ivs_report import ivs_report
from difxnb.reports.writing import report

__all__ = ["ivs_report", "report"]
