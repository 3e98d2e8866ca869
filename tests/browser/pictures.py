# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of pages, judged by what they show."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

Rgb = tuple[int, int, int]


def pixels(png: bytes) -> np.ndarray:
    """The pixels of a PNG: row, column, and red, green and blue."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def share(png: bytes, colour: Rgb, tolerance: int = 12) -> float:
    """The share of pixels that have a colour, or nearly."""
    return float((np.abs(pixels(png) - np.array(colour)).max(axis=2) <= tolerance).mean())


def brightness(png: bytes) -> float:
    """The median brightness, 0 (black) to 1 (white): of the background, where little is drawn on it."""
    return float(np.median(pixels(png)) / 255)


def is_blank(png: bytes) -> bool:
    """Whether nothing is on it but its background."""
    seen = pixels(png)
    return bool((np.abs(seen - np.median(seen, axis=(0, 1))).max(axis=2) > 40).mean() < 1e-3)
