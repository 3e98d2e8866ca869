# SPDX-License-Identifier: GPL-3.0-or-later
"""Live visibilities of a running job, as guiServer's real-time monitor sends them.

Goes out: the path of a job, then a selection of products, once. Comes in: the list of products, then blocks
of visibilities, handed to one receiver as they arrive. The order of the requests is that of guiserver.md
7.13; a real server breaks when it is changed. Towards real servers the monitor always runs in a channel,
because one that is dialled back takes them down, and one at a time. To change a selection: close, wait until the
server is free, open another; :mod:`difxnb.client.monitor_watch` does that.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable
from weakref import WeakKeyDictionary

from difxnb.client.conversation import batches_of
from difxnb.client.exchange import ByteStream
from difxnb.client.patience import within
from difxnb.client.placement import base_name
from difxnb.client.remote_files import look
from difxnb.client.session import Session
from difxnb.errors import ConnectionFailed, ConnectionLost, DifxError, NoReply, RemoteFileNotFound
from difxnb.wire.control import StartMonitor, encode
from difxnb.wire.monitor import (
    MonitorId,
    MonitorReader,
    MonitorText,
    Product,
    ProductListReader,
    Scan,
    VisibilityBlock,
    body_length,
    corrected_offsets,
    encode_close,
    encode_input_path,
    encode_request,
)
from difxnb.wire.packet import Packet, encode_int, packet_chunks

OnBlock = Callable[[VisibilityBlock], None]
OnGap = Callable[[str], None]
OnText = Callable[[MonitorText], None]

_SMALLEST_FFT = 32
_KEPT_TEXTS = 1000
# Before asking a server again that "timed out", by how often it did so without any data in between.
RESTART_PAUSES = (0.0, 0.0, 0.0, 1.0, 2.0, 5.0, 10.0, 30.0)


class MonitorFeed:
    """One monitor exchange; make it with `open_monitor`.

    Attributes
    ----------
    input_file : str
    scans : tuple of Scan
    products : tuple of Product
        Of all scans, with the offsets repaired that guiServer 2.9 repeats.
    texts : deque of MonitorText
        What the server said, the last thousand; `dropped_texts` counts those before.
    blocks : int
        Blocks handed on so far.
    failure : DifxError or None
        Why no more data will come; None also after `close`.
    on_text : callable
        Called with every text from now on; must not raise.
    """

    def __init__(self, session: Session, stream: ByteStream, input_file: str) -> None:
        self.input_file = input_file
        self.scans: tuple[Scan, ...] = ()
        self.products: tuple[Product, ...] = ()
        self.texts: deque[MonitorText] = deque(maxlen=_KEPT_TEXTS)
        self.blocks = self.dropped_texts = 0
        self.failure: DifxError | None = None
        self._session, self._stream = session, stream
        self._what = f"monitor of {input_file}"
        self._batches: AsyncGenerator[list[Packet], None] = batches_of(
            stream, self._what, body_length=body_length
        )
        self._request: list[bytes] = []
        self._ended = asyncio.Event()
        self._closing = False
        self._vain = 0
        self._on_gap: OnGap = lambda text: None
        self.on_text: OnText = lambda text: None

    @property
    def ended(self) -> bool:
        """Whether no more data will come."""
        return self._ended.is_set() or self._closing

    @property
    def pause_after_close(self) -> float:
        """Seconds that the server must be left alone after `close`; 0 for the server of this package."""
        session = self._session
        return 0.0 if session.description.is_own else session.patience.monitor_close

    async def wait_ended(self) -> None:
        """Wait until no more data will come; `failure` says why."""
        await self._ended.wait()

    async def fetch_products(self) -> None:
        """Ask which products the job has; once, before `request`."""
        await self._stream.write(encode_input_path(self.input_file))
        reader = ProductListReader()
        doubting = asyncio.create_task(self._doubt(), name=f"difxnb doubt {self._what}")
        try:
            await self._read_list(reader)
        except ConnectionLost as error:
            if self._session.description.is_own:
                raise
            raise ConnectionLost(
                f"{error}. A guiServer 2.9 as it was released dies when it is asked for a monitor, and the programs "
                "that it has started keep its port; only a corrected one can be watched live"
            ) from error
        finally:
            doubting.cancel()

    async def _doubt(self) -> None:
        """Find out whether a silent server has died; its end does not show by itself (9.4)."""
        patience = self._session.patience
        await asyncio.sleep(patience.first_sign / 3)
        self._session.doubt(patience.first_sign / 3)

    async def _read_list(self, reader: ProductListReader) -> None:
        while not reader.complete:
            silence = f"{self._what}: {self._session.peer} listed no products"
            async with within(self._session.patience.listing, silence):
                batch = await anext(self._batches)
            for packet in batch:
                if (text := _text_of(packet)) is None:
                    reader.add(packet)
                else:
                    self._note(text)
        self.scans = tuple(reader.scans)
        self.products = tuple(corrected_offsets(reader.products))

    async def request(
        self, products: Iterable[Product], on_block: OnBlock, *, on_gap: OnGap = lambda text: None
    ) -> None:
        """Ask for data of `products`; once, because a real server breaks when a selection changes (H11).

        `on_block` is called on the loop's thread with every block, `on_gap` with the server's text when it gave up
        waiting for data and was asked to go on: what came meanwhile is missing. Neither must raise.

        Raises
        ------
        ValueError
            No product, or a second request.
        ConnectionLost
        """
        if self._request:
            raise ValueError("a monitor takes one selection; close it and open another")
        wanted = [(product.number, product.offset, product.channels) for product in products]
        if not wanted:
            raise ValueError(f"{self._what}: the selection is empty")
        size = _fft_size(max(channels for _, _, channels in wanted))
        self._request = encode_request(wanted, size)
        await self._stream.write(self._request)
        self._on_gap = on_gap
        self._session.spawn(self._follow(on_block), f"difxnb {self._what}")

    async def close(self) -> None:
        """End the exchange. A second call does nothing.

        A server that dialled back is listened to until it closes; a channel has no close, and what still
        comes for it is dropped.
        """
        if self._closing:
            return
        self._closing = True
        try:
            if self._session.lost is None:
                await self._say_goodbye()
        finally:
            await self._stream.close()
            if not self._request:
                await self._batches.aclose()

    async def _say_goodbye(self) -> None:
        session, patience = self._session, self._session.patience
        if not self._request:
            # A real server needs to have heard a size before it can take its leave (H10).
            await self._stream.write(_size_packet(_SMALLEST_FFT))
        await self._stream.write(encode_close())
        if self.pause_after_close:
            session.leave_not_before = asyncio.get_running_loop().time() + self.pause_after_close
        if session.dial_back and self._request:
            try:
                async with within(patience.monitor_close, f"{self._what}: not closed"):
                    await self._ended.wait()
            except NoReply:
                return  # a child of the server may hold the connection open for hours (9.4)

    async def _follow(self, on_block: OnBlock) -> None:
        reader = MonitorReader()
        try:
            while True:
                for item in reader.add_all(await anext(self._batches)):
                    if isinstance(item, MonitorText):
                        self._hear(item)
                    else:
                        self._vain = 0
                        self.blocks += 1
                        on_block(item)
        except DifxError as error:
            if not self._closing:
                self.failure = error
        finally:
            if self.failure is None and not self._closing and self._session.lost is not None:
                self.failure = self._session.loss()
            self._ended.set()
            await self._batches.aclose()

    def _note(self, text: MonitorText) -> None:
        self.dropped_texts += len(self.texts) == self.texts.maxlen
        self.texts.append(text)
        self.on_text(text)
        if text.id == MonitorId.ERROR:
            raise ConnectionFailed(f"{self._what}: {self._session.peer} says: {text.text.strip()}")

    def _hear(self, text: MonitorText) -> None:
        self._note(text)
        # A real server gives up when one integration is late; asked again, it goes on (guiserver.md 7.13).
        if text.id == MonitorId.WARNING and "timed out" in text.text and not self._closing:
            self._on_gap(text.text.strip())
            pause = RESTART_PAUSES[min(self._vain, len(RESTART_PAUSES) - 1)]
            self._vain += 1
            self._session.spawn(self._restart(pause), f"difxnb restart of {self._what}")

    async def _restart(self, pause: float) -> None:
        await asyncio.sleep(pause)
        if self.ended:
            return
        try:
            await self._stream.write(self._request[len(_size_packet(_SMALLEST_FFT)) :])
        except ConnectionLost:
            return  # whoever follows the stream learns of it there


async def open_monitor(session: Session, input_file: str) -> MonitorFeed:
    """Open the real-time monitor and fetch the list of products.

    Raises
    ------
    RemoteFileNotFound
        The job does not exist.
    ConnectionFailed
        The server says that it cannot; its text is quoted.
    NoReply, ConnectionLost
    """
    base_name(input_file)
    what = f"monitor of {input_file}"
    is_own = session.description.is_own
    if not is_own:
        _require_one_in_a_channel(session, what)
    if await look(session, input_file) is None:
        raise RemoteFileNotFound(f"monitor: there is no {input_file} on {session.peer}")
    # A real server is still busy with the last one.
    await asyncio.sleep(seconds_until_free(session))
    stream = await session.open_exchange(lambda _, port: encode(StartMonitor(port)), what, channel=not is_own)
    feed = _open_feeds[session] = MonitorFeed(session, stream, input_file)
    try:
        await feed.fetch_products()
    except BaseException:
        await feed.close()
        raise
    return feed


_open_feeds: WeakKeyDictionary[Session, MonitorFeed] = WeakKeyDictionary()


def seconds_until_free(session: Session) -> float:
    """How long a real server must be left alone after the last monitor; 0 for the server of this package."""
    return max(0.0, session.leave_not_before - asyncio.get_running_loop().time())


def _require_one_in_a_channel(session: Session, what: str) -> None:
    """Refuse what a real server would not survive (guiserver.md 9.7 and 15; H3, H4, H13)."""
    if not session.description.knows_channels:
        raise ConnectionFailed(
            f"{what}: guiServer at {session.peer} knows no channels, and a monitor that it has to dial back aborts it; "
            "nothing was sent"
        )
    other = _open_feeds.get(session)
    if other is not None and not other.ended:
        raise ConnectionFailed(
            f"{what}: guiServer at {session.peer} serves one monitor per connection, and that of {other.input_file} is "
            "open; close it, change what it shows with its select(), or watch over another connection"
        )


def _text_of(packet: Packet) -> MonitorText | None:
    if packet.id not in (MonitorId.MESSAGE, MonitorId.WARNING, MonitorId.ERROR):
        return None
    return MonitorText(packet.id, packet.payload.decode("utf-8", "replace"))


def _fft_size(channels: int) -> int:
    """Smallest size that a real server computes right lags with: a power of two, twice the channels."""
    return max(_SMALLEST_FFT, 1 << (2 * channels - 1).bit_length())


def _size_packet(size: int) -> list[bytes]:
    return packet_chunks(MonitorId.FFT_SIZE, encode_int(size))
