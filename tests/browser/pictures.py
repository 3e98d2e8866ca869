# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of pages, judged by what they show."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

Rgb = tuple[int, int, int]
_GREY = 60


def pixels(png: bytes) -> np.ndarray:
    """The pixels of a PNG: row, column, and red, green and blue."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def share(png: bytes, colour: Rgb, tolerance: int = 12) -> float:
    """The share of pixels that have a colour, or nearly."""
    return float((np.abs(pixels(png) - np.array(colour)).max(axis=2) <= tolerance).mean())


def brightness(png: bytes) -> float:
    """The median brightness, 0 (black) to 1 (white): of the background, where little is drawn on it."""
    return float(np.median(pixels(png)) / 255)


def colourful(png: bytes) -> float:
    """The share of pixels that have a colour: curves and marks do; paper, frames, grids and words are grey."""
    return float((np.ptp(pixels(png), axis=2) > _GREY).mean())


def is_blank(png: bytes) -> bool:
    """Whether nothing is drawn on it: axes, and a legend of two words, do not count."""
    return colourful(png) < 2e-3
