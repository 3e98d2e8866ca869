# SPDX-License-Identifier: GPL-3.0-or-later
"""A made-up but complete DiFX job with VDIF data."""
