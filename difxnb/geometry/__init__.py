# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the Earth stands and how long waves take: orientation, leap seconds, geometric delays."""
