# SPDX-License-Identifier: GPL-3.0-or-later
"""One live monitor's conversation: requests come in, product lists and data go out (guiserver.md 7.13).

Sans-IO, and the clock is a parameter. In: bytes of the side connection and results of integrations. Out:
lists of elementary writes. Right by default: true lengths, offsets and delays, one running mean per product.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from difxnb.errors import ProtocolError
from difxnb.server.confinement import Confinement
from difxnb.server.files import error_text
from difxnb.server.monitor_products import MonitoredJob, read_monitored_job
from difxnb.server.quirks import Quirks
from difxnb.wire.monitor import (
    CloseConnection,
    EndProductRequests,
    FftSize,
    InputFilePath,
    Lags,
    MonitorId,
    MonitorRequest,
    MonitorText,
    ProductRequest,
    StartProductRequests,
    check_fft_size,
    decode_request,
    encode_block,
    encode_scan,
    encode_text_packet,
    measure_lags,
    zero_lags,
)
from difxnb.wire.packet import PacketReader, UnknownPacket

MAX_REQUESTS = 100_000
"""Products that one client may ask for."""

_MAX_PAYLOAD = 2**16
_MAX_FFT_SIZE = 2**20

Pieces = list[bytes]


class _Mean:
    """Running mean of one product's visibilities since its scan began."""

    def __init__(self) -> None:
        self._scan: int | None = None
        self._sum: NDArray[np.complex128] = np.zeros(0, complex)
        self._count = 0

    def add(self, scan: int | None, visibility: NDArray[np.complex64]) -> NDArray[np.complex128]:
        """Take a spectrum in and give the mean with it."""
        # With one accumulator for all products (quirk), a spectrum of another length begins anew as well.
        if scan != self._scan or len(visibility) != len(self._sum):
            self._scan, self._sum, self._count = scan, np.zeros(len(visibility), complex), 0
        self._sum = self._sum + visibility
        self._count += 1
        return self._sum / self._count


class MonitorSession:
    """What one monitor asked for, and what it gets.

    Attributes
    ----------
    input_file : Path or None
        Job whose results are wanted.
    closed : bool
        Whether the conversation is over.
    """

    def __init__(self, root: Confinement, quirks: Quirks) -> None:
        self._root, self._quirks = root, quirks
        self._reader = PacketReader(max_payload=_MAX_PAYLOAD)
        self._job: MonitoredJob | None = None
        self._fft_size: int | None = None
        self._asked: list[ProductRequest] = []
        self._wanted: list[ProductRequest] = []
        self._means: dict[int, _Mean] = {}
        self._arrivals: list[float] = []
        self.input_file: Path | None = None
        self.closed = False

    def receive_data(self, data: bytes) -> Iterator[Pieces]:
        """Take bytes of the client and answer them; nothing that a client sends makes this raise."""
        self._reader.receive_data(data)
        while not self.closed:
            try:
                packet = self._reader.next_packet()
                request = None if packet is None else decode_request(packet)
            except ProtocolError as error:
                self.closed = True
                yield _text(MonitorId.ERROR, f"this is not the monitor's protocol: {error}")
                return
            if request is None:
                return
            if not isinstance(request, UnknownPacket):
                yield from self._answer(request)

    def _answer(self, request: MonitorRequest) -> Iterator[Pieces]:
        match request:
            case InputFilePath(path):
                yield from self._name_job(path)
            case FftSize(size):
                yield from self._set_fft_size(size)
            case StartProductRequests():
                self._asked = []
            case ProductRequest() if len(self._asked) < MAX_REQUESTS:
                self._asked.append(request)
            case EndProductRequests():
                yield from self._select()
            case CloseConnection():
                self.closed = True

    def _name_job(self, path: str) -> Iterator[Pieces]:
        try:
            self._job = read_monitored_job(self._root, path, self._quirks)
        except (OSError, ValueError) as error:
            self.closed = True
            text = error_text(error) if isinstance(error, OSError) else str(error)
            yield _text(MonitorId.ERROR, f"no products for {path}: {text}")
            return
        self.input_file = self._root.real(path)
        self._wanted, self._means = [], {}
        yield _text(MonitorId.MESSAGE, f"monitor is ready for {self._job.input.job_name}")
        yield self._job.announced(self._quirks)

    def _set_fft_size(self, size: int | None) -> Iterator[Pieces]:
        if size is None:
            return  # ignored, as by the real server
        try:
            check_fft_size(min(size, _MAX_FFT_SIZE + 1), 1)
        except ValueError as error:
            yield _text(MonitorId.WARNING, str(error))
            return
        self._fft_size = size
        self._means = {}

    def _select(self) -> Iterator[Pieces]:
        asked, self._asked = self._asked, []
        if not asked:
            return  # ignored, as by the real server
        if self._job is None or self._fft_size is None:
            yield _text(
                MonitorId.WARNING, "name the input file (103) and the FFT size (139) before the products"
            )
            return
        self._wanted = [request for request in asked if self._fits(request, self._job, self._fft_size)]
        self._means, self._arrivals = {}, []
        yield _text(MonitorId.MESSAGE, f"{len(self._wanted)} products will be sent")
        if len(self._wanted) < len(asked):
            text = (
                f"{len(asked) - len(self._wanted)} products are not in the list or do not suit the FFT size"
            )
            yield _text(MonitorId.WARNING, text)

    def _fits(self, request: ProductRequest, job: MonitoredJob, fft_size: int) -> bool:
        return (
            request.number in job.bandwidths
            and request.offset >= 0
            and 0 < request.channels <= fft_size // 2
            and request.offset + request.channels <= job.result_length
        )

    # --- data ------------------------------------------------------------------------------------------

    def dump(self, time: int, result: NDArray[np.complex64], now: float = 0.0) -> Iterator[Pieces]:
        """Give what the client wants of one integration.

        Parameters
        ----------
        time : int
            Start of the integration, whole seconds since 0 h of the job's START MJD.
        result : ndarray of complex64
            The array of results.
        now : float
            Seconds on any clock.
        """
        job = self._job
        if job is None or not self._wanted:
            return
        self._arrivals = [*self._arrivals[:2], now][:2] + [now] if self._arrivals else [now]
        scan = job.scan_at(time)
        if scan is not None:
            yield encode_scan(job.scans[scan].identifier, job.scans[scan].source)
        integration = round(job.integrations[scan]) if scan is not None else 0
        for request in self._wanted:
            visibility = result[request.offset : request.offset + request.channels]
            if len(visibility) == request.channels:
                yield self._block(request, job, time, scan, integration, visibility)

    def _block(
        self,
        request: ProductRequest,
        job: MonitoredJob,
        time: int,
        scan: int | None,
        integration: int,
        visibility: NDArray[np.complex64],
    ) -> Pieces:
        key = -1 if self._quirks.mixed_means else request.number
        mean = self._means.setdefault(key, _Mean()).add(scan, visibility)
        bandwidth = job.bandwidths[request.number]
        return encode_block(
            request.number,
            time,
            integration,
            visibility,
            self._lags(visibility, bandwidth),
            mean=(mean, self._lags(mean, bandwidth)),
            declared="2.9" if self._quirks.wrong_lengths else "actual",
        )

    def _lags(self, visibility: NDArray[np.complexfloating], bandwidth_hz: float) -> Lags:
        assert self._fft_size is not None
        if self._quirks.zero_lags:
            return zero_lags(self._fft_size)
        return measure_lags(visibility, self._fft_size, bandwidth_hz, half_delay=self._quirks.half_delay)

    # --- the real server's impatience ------------------------------------------------------------------

    def patience(self, now: float) -> float | None:
        """Seconds until a faulty server would give up waiting for data; None: as long as it takes.

        Three times the spacing of the first two integrations, in whole seconds; where that is 0, one second.
        """
        if not self._quirks.data_timeout or len(self._arrivals) < 2:
            return None
        limit = max(1.0, 3.0 * self._spacing())
        return max(0.0, self._arrivals[-1] + limit - now)

    def give_up(self) -> Pieces:
        """Stop sending until products are asked for again."""
        spacing = self._spacing()
        self._wanted, self._arrivals = [], []
        return _text(MonitorId.WARNING, f"monitor data timed out after {3 * spacing} seconds")

    def _spacing(self) -> int:
        return int(self._arrivals[1]) - int(self._arrivals[0])


def _text(identity: MonitorId, text: str) -> Pieces:
    return encode_text_packet(MonitorText(identity, text[:2047]))
