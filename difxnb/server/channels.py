# SPDX-License-Identifier: GPL-3.0-or-later
"""Data that a client sends on channels: kept for operations that read it, bounded, dropped at their end.

In: CHANNEL_DATA of one main connection, possibly before the operation it is for exists. Out: bytes per
channel. Nothing here waits; the shell decides when to stop reading from a client.
"""

from __future__ import annotations

from collections import OrderedDict

EARLY_LIMIT = 2**20
"""Bytes kept in all for channels that are not open yet."""

_REMEMBERED = 1024


class ChannelInput:
    """What came in on the channels of one main connection.

    Attributes
    ----------
    dropped : int
        Bytes thrown away because too much arrived for channels that nobody had opened.
    """

    def __init__(self, *, early_limit: int = EARLY_LIMIT) -> None:
        self._limit = early_limit
        self._early: OrderedDict[int, bytearray] = OrderedDict()
        self._open: dict[int, bytearray] = {}
        self._ended: OrderedDict[int, None] = OrderedDict()
        self.dropped = 0

    def receive(self, channel: int, data: bytes) -> bool:
        """Keep data of a channel; False when it had to be dropped for want of room."""
        if channel in self._open:
            self._open[channel] += data
        elif channel in self._ended or not data:
            return True  # left over from an operation that is over, or an empty chunk
        elif self._early_bytes() + len(data) > self._limit or len(self._early) >= _REMEMBERED:
            self.dropped += len(data)
            return False
        else:
            self._early.setdefault(channel, bytearray()).extend(data)
        return True

    def open(self, channel: int) -> None:
        """Begin an operation on a channel; what came early is its first data.

        Raises
        ------
        ValueError
            An operation is already using this channel.
        """
        if channel in self._open:
            raise ValueError(f"channel {channel} is in use already")
        self._ended.pop(channel, None)
        self._open[channel] = self._early.pop(channel, bytearray())

    def take(self, channel: int) -> bytes:
        """All data of an open channel that has not been taken yet."""
        waiting = self._open[channel]
        data = bytes(waiting)
        waiting.clear()
        return data

    def waiting(self, channel: int) -> int:
        """Bytes of a channel that nobody has taken."""
        return len(self._open.get(channel, b""))

    def end(self, channel: int) -> None:
        """End the operation; what it did not read is dropped."""
        self._open.pop(channel, None)
        self._ended[channel] = None
        if len(self._ended) > _REMEMBERED:
            self._ended.popitem(last=False)

    def _early_bytes(self) -> int:
        return sum(map(len, self._early.values()))
