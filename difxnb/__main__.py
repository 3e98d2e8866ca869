# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m difxnb`` is the program ``difxnb``."""

from difxnb.cli import app

if __name__ == "__main__":
    app(prog_name="difxnb")
