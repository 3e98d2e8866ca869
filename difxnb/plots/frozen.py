# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures to zoom in: a figure in, ipympl's canvas of it out, behind the back of pyplot."""

from __future__ import annotations

import itertools
import sys
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

from matplotlib.figure import Figure

_BACKEND = "ipympl.backend_nbagg"
_numbers = itertools.count(1)


def interactive(figure: Figure) -> Any:
    """A figure that can be zoomed with the mouse, where ipympl is installed; else the figure itself.

    Neither the backend nor the figures of pyplot change. The canvas answers while no cell runs.

    Parameters
    ----------
    figure : Figure
        Of any plot of this package: ``plots.amplitude(ds).figure``.

    Returns
    -------
    Canvas or Figure
        To be shown as the last line of a cell, or put in a box of widgets.

    Examples
    --------
    >>> plots.interactive(plots.phase(ds).figure)
    """
    backend = _canvas_module()
    if backend is None:
        return figure
    canvas = backend.Canvas(figure)
    backend.FigureManager(canvas, next(_numbers))
    return canvas


def _canvas_module() -> ModuleType | None:
    """The module with the canvas; None where it is not installed.

    Importing the package itself makes it the backend of pyplot, which is the user's business. So its module is
    imported without, and the package is left to be imported by whoever wants that.
    """
    loaded = sys.modules.get(_BACKEND)
    if loaded is not None or "ipympl" in sys.modules:
        return loaded or import_module(_BACKEND)
    found = find_spec("ipympl")
    if found is None:
        return None
    sys.modules["ipympl"] = module_from_spec(found)
    try:
        return import_module(_BACKEND)
    finally:
        del sys.modules["ipympl"]
