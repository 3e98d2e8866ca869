# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of lines as small PNG files, quickly.

A picture of lines has few colours: those of the lines, each blended with the background at its edges. With a palette of
these it is written in a third of the time, and has a third of the bytes, that full colours take. Only pixels that
differ from a background, which stays for many pictures, are looked up.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable

import numpy as np
from matplotlib.colors import to_rgb
from numpy.typing import NDArray
from PIL import Image

_MOST = 256
_RUNS, _STRINGS = zlib.Z_RLE, zlib.Z_DEFAULT_STRATEGY  # lines on a ground are runs, waterfalls are not
_CLOSE = 9 / 255  # colours are looked up in steps of 8 of 255


class Palette:
    """Colours on a background, with the shades that smooth edges have.

    Parameters
    ----------
    background : str
    colours : iterable of str
        Of everything that is drawn smoothly.
    others : ndarray (colour, RGB), optional
        0…255, of what is drawn without shades.
    """

    def __init__(
        self, background: str, colours: Iterable[str], others: NDArray[np.uint8] | None = None
    ) -> None:
        ground = np.array(to_rgb(background))
        names = list(dict.fromkeys(colours))
        rest = np.zeros((0, 3)) if others is None else others / 255
        shades = int(np.clip((_MOST - 1 - len(rest)) // max(len(names), 1), 1, 24))
        share = np.arange(shades, 0, -1)[:, None] / shades
        blends = [ground + share * (np.array(to_rgb(name)) - ground) for name in names]
        table = _apart(np.concatenate([ground[None], *blends, rest])[:_MOST])
        self._colours = np.rint(table * 255).astype(np.uint8)
        self._nearest = _nearest(self._colours)

        self._strategy = _RUNS if others is None else _STRINGS
        self._before: tuple[NDArray[np.uint32], NDArray[np.uint8]] | None = None

    def keep(self, pixels: NDArray[np.uint8]) -> None:
        """Take pixels (row, column, RGBA) for those that most pictures to come are alike to."""
        packed = pixels.view("<u4")[..., 0].copy()
        self._before = packed, self._places(packed)

    def png(self, pixels: NDArray[np.uint8]) -> bytes:
        """PNG of a picture (row, column, RGBA)."""
        packed = pixels.view("<u4")[..., 0]
        if self._before is None or self._before[0].shape != packed.shape:
            self.keep(pixels)
        assert self._before is not None
        before, places = self._before[0], self._before[1].copy()
        other = np.flatnonzero(packed != before)
        places.ravel()[other] = self._places(packed.ravel()[other])
        image = Image.fromarray(places)
        image.putpalette(self._colours.tobytes())
        return _written(image, self._strategy)

    def _places(self, packed: NDArray[np.uint32]) -> NDArray[np.uint8]:
        """Places of the nearest colours of pixels."""
        cells = (packed >> 3) & 0x1F
        cells |= (packed >> 6) & 0x3E0
        cells |= (packed >> 9) & 0x7C00
        return np.asarray(self._nearest.take(cells))


def _nearest(colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Place of the colour that is nearest to each, which is given by five bits of blue, green and red."""
    steps = np.arange(32) * 255 / 31  # the darkest and the brightest are exact
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    every = np.stack([red, green, blue], axis=-1).reshape(-1, 3).astype(np.float32)
    table = colours.astype(np.float32)
    # Squares of distances, but for those of `every`, which are the same for all of the table.
    return np.asarray(((table**2).sum(axis=1) - 2 * every @ table.T).argmin(axis=1), dtype=np.uint8)


def _apart(colours: NDArray[np.float64]) -> NDArray[np.float64]:
    """Colours without those that an earlier one comes close to, lest that be taken for it."""
    kept: list[NDArray[np.float64]] = []
    for colour in colours:
        if not kept or np.abs(np.array(kept) - colour).max(axis=1).min() > _CLOSE:
            kept.append(colour)
    return np.array(kept)


def _written(image: Image.Image, strategy: int) -> bytes:
    written = io.BytesIO()
    image.save(written, "png", compress_level=1, compress_type=strategy)
    return written.getvalue()
