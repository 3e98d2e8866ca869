# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions over days: what was done, what is missing, and how clocks, SNR and weights move."""
