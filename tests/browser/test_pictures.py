# SPDX-License-Identifier: GPL-3.0-or-later
"""What pictures are judged by: axes without a curve are blank."""

from __future__ import annotations

import io

from matplotlib.figure import Figure

from tests.browser.pictures import is_blank


def png_of(figure: Figure) -> bytes:
    kept = io.BytesIO()
    figure.savefig(kept, format="png")
    return kept.getvalue()


def test_axes_alone_are_blank_and_a_curve_is_not() -> None:
    figure = Figure(figsize=(8, 6))
    for axes in figure.subplots(3, 3).flat:
        axes.set_title("amplitude")
        axes.grid(visible=True)
    figure.text(0.9, 0.97, "● RR", color="#0072b2")
    figure.text(0.95, 0.97, "■ LL", color="#d55e00")
    assert is_blank(png_of(figure))
    for axes in figure.axes:
        axes.plot([0, 1, 2, 3], [0, 2, 1, 3], color="#0072b2")
    assert not is_blank(png_of(figure))
