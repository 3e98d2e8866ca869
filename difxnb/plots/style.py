# SPDX-License-Identifier: GPL-3.0-or-later
"""Colours that every kind of sight tells apart, on light paper and on dark screens.

In go names of polarizations and numbers of curves, out come colours; nothing here touches matplotlib's settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

ThemeName = Literal["light", "dark"]
"""Of the two backgrounds."""


@dataclass(frozen=True)
class Theme:
    """The colours of one background.

    Attributes
    ----------
    name : str
        ``"light"`` or ``"dark"``.
    background, text, grid, faint : str
        Of the paper, of words and frames, of grid lines, and of what shall step back (gaps, borders of scans).
    cycle : tuple of str
        Of curves, in the order to be taken; after Okabe and Ito.
    polarizations : mapping of str to str
        Of polarization products; parallel hands take the two that differ most.
    other : str
        Of products without a colour of their own.
    colormap, phase_colormap : str
        Names of matplotlib's maps for amounts, and for angles, which close on themselves.
    """

    name: ThemeName
    background: str
    text: str
    grid: str
    faint: str
    cycle: tuple[str, ...]
    polarizations: Mapping[str, str]
    other: str
    colormap: str = "viridis"
    phase_colormap: str = "twilight"

    def polarization(self, name: str) -> str:
        """Colour of a polarization product, such as ``"RR"``."""
        return self.polarizations.get(name, self.other)

    def curve(self, index: int) -> str:
        """Colour of the curve of this number; they come round again after the last."""
        return self.cycle[index % len(self.cycle)]


MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")
"""Marks of curves in their order, so that colour is never alone."""

LINE_STYLES: tuple[str, ...] = ("-", "--", "-.", ":")
"""Of curves, one after another each time the colours come round."""


def _products(first: str, second: str, third: str, fourth: str) -> Mapping[str, str]:
    """Colours of the products of circular and of linear hands: two parallel, two crossed."""
    names = (("RR", "XX"), ("LL", "YY"), ("RL", "XY"), ("LR", "YX"))
    colours = (first, second, third, fourth)
    return MappingProxyType(
        {name: colour for pair, colour in zip(names, colours, strict=True) for name in pair}
    )


LIGHT = Theme(
    name="light",
    background="#ffffff",
    text="#222222",
    grid="#e5e5e5",
    faint="#c8c8c8",
    cycle=("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"),
    polarizations=_products("#0072b2", "#d55e00", "#009e73", "#cc79a7"),
    other="#555555",
)
"""For paper and light screens."""

DARK = Theme(
    name="dark",
    background="#16181c",
    text="#e4e4e4",
    grid="#34383e",
    faint="#5a5f66",
    cycle=("#56b4e9", "#e69f00", "#2fc79b", "#e59cc4", "#f0e442", "#f08a4b", "#ffffff"),
    polarizations=_products("#56b4e9", "#e69f00", "#2fc79b", "#e59cc4"),
    other="#aaaaaa",
)
"""For dark screens: the same hues, lighter."""

THEMES: Mapping[ThemeName, Theme] = MappingProxyType({"light": LIGHT, "dark": DARK})
"""Both, by name."""
