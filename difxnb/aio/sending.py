# SPDX-License-Identifier: GPL-3.0-or-later
"""Send messages into the DiFX network through the server, and see whether they got there.

Mirrors guiserver.md 4.2: packet 2, which nobody answers.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from difxnb.client.head_node import AsyncHeadNode
from difxnb.client.outgoing import Outgoing, make_document
from difxnb.tables.message_rows import Item
from difxnb.wire.message import Body, Message, Unparsed, parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from difxnb.aio.correlator import Listener
    from difxnb.aio.messages import Messages

_log = logging.getLogger(__name__)


class SendVerbs:
    """The verb of a `Correlator` that sends messages."""

    head_node: AsyncHeadNode
    messages: Messages
    _sent: Counter[str]

    if TYPE_CHECKING:

        def listen(self, listener: Listener) -> Callable[[], None]:
            """Have `listener` called with everything heard."""

    async def send(
        self,
        message: Message | Body | str | bytes,
        *,
        to: str | Iterable[str] = (),
        confirm: bool = False,
        preview: bool = False,
    ) -> Outgoing:
        """Send a message to the hosts and jobs of the correlator.

        Parameters
        ----------
        message : Message, body, str or bytes
            The text of a command for ``mk5daemon`` (``"GetVSN"``); a body such as ``Parameter(-1, "dumpsta",
            value="true")`` of :mod:`difxnb.wire.message`, which gets an envelope; a whole `Message`; or XML, which
            goes out as it is.
        to : str or iterable of str
            Addressees of a command or body: hosts, ``"all"``, ``"mark5"``, ``"mark6"``, ``"swc"``, or the name of a
            job.
        confirm : bool
            Needed for commands that destroy something, or that are not known here.
        preview : bool
            Show what would be sent, and where; send nothing.

        Returns
        -------
        Outgoing
            The exact document and where it went. Nobody answers such messages; ``heard`` says whether it came back
            through the relay, which proves that the network has it.

        Raises
        ------
        NotConfirmed
            It destroys something, and `confirm` was not said.
        UnsafeValue, MessageError, ValueError, TypeError
            It cannot be written, is addressed to nobody, or would be handed to a shell.
        NoReply, ConnectionLost
        """
        document = make_document(message, to=to, sent=self._sent, confirm=confirm)
        outgoing = Outgoing(document, self._destination())
        if preview:
            return outgoing
        echo = _Echo(document)
        self._sent[echo.identifier] += 1
        end = self.listen(echo.hear)
        try:
            await self.head_node.send_document(document)
            return await self._confirmed(outgoing, echo)
        finally:
            end()

    async def _confirmed(self, outgoing: Outgoing, echo: _Echo) -> Outgoing:
        if not self.messages.reaches(echo.kind):
            note = "it cannot be told whether it arrived: the server relays only what messages.select() asked for"
            return replace(outgoing, sent=True, note=note)
        wait = self.head_node.patience.echo
        heard = await echo.within(wait)
        if heard:
            return replace(outgoing, sent=True, heard=True)
        note = f"it did not come back through the relay within {wait:g} s: perhaps nobody has heard it"
        _log.warning("%s: %s", outgoing.destination, note)
        return replace(outgoing, sent=True, heard=False, note=note)

    def _destination(self) -> str:
        node = self.head_node
        variables = node.description.environment
        group, port = node.settings.multicast or (
            variables.get("DIFX_MESSAGE_GROUP"),
            variables.get("DIFX_MESSAGE_PORT"),
        )
        where = f"multicast group {group}, port {port}" if group and port else "the server's multicast group"
        return f"{where}, by packet 2 to guiServer at {node.host}:{node.port}"


class _Echo:
    """Waits for one's own message."""

    def __init__(self, document: bytes) -> None:
        self._expected = parse(document)
        self._come = asyncio.Event()

    @property
    def kind(self) -> str:
        """Type of the message."""
        return "" if isinstance(self._expected, Unparsed) else self._expected.header.type

    @property
    def identifier(self) -> str:
        """Under whose name it counts."""
        return "" if isinstance(self._expected, Unparsed) else self._expected.header.identifier

    def hear(self, item: Item, time: float) -> None:
        """Take in what the relay brings."""
        if item == self._expected:
            self._come.set()

    async def within(self, seconds: float) -> bool:
        """Whether it comes in time."""
        try:
            async with asyncio.timeout(seconds):
                await self._come.wait()
        except TimeoutError:
            return False
        return True
