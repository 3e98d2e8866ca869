# SPDX-License-Identifier: GPL-3.0-or-later
"""What guiServer says, as bytes and as values: no socket, loop, thread or clock in here."""
