# SPDX-License-Identifier: GPL-3.0-or-later
"""DiFX files as values and back: no sockets in here."""
