# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports on jobs: one file of HTML that says what was done, what was found, and with what.

`findings` gathers what there is to tell, `pictures` draws it, `provenance` says where it comes from, `page` writes it
down, `writing` puts it into a file. Nothing here knows a connection: of a run, only what it holds is looked at.
"""

from __future__ import annotations

from difxnb.reports.writing import report

__all__ = ["report"]
