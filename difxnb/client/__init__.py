# SPDX-License-Identifier: GPL-3.0-or-later
"""The only sockets of the client side."""
