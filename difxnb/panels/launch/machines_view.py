# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes with their loads and threads, and who reads which data, as rows of widgets."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import ipywidgets as widgets

from difxnb.markup import printable
from difxnb.panels import shown
from difxnb.panels.bound import Bound, write
from difxnb.panels.launch.keyed_rows import KeyedRows
from difxnb.panels.launch.nodes import NodeRow
from difxnb.panels.launch.sources import Found, Source

MOST_NODES = 60
"""Rows of nodes that are shown: those of the plan first, then those that are recommended."""

_MOST_THREADS = 9999
_TONES = {"idle": "good", "busy": "warn", "silent": "bad", "recorder": "", "unknown": "", "not heard of": ""}
_LABEL = {"description_width": "9em"}


def _row(first: widgets.Widget, second: widgets.Widget) -> widgets.HBox:
    return widgets.HBox([first, second], layout=widgets.Layout(flex_flow="row wrap", align_items="center"))


def _words() -> widgets.HTML:
    return widgets.HTML(layout=widgets.Layout(flex="1 1 18em", min_width="12em"))


class NodeView:
    """One node: its threads, and how busy it is."""

    def __init__(self, name: str, set_threads: Callable[[str, int], None]) -> None:
        plain = printable(name)
        self.threads = widgets.BoundedIntText(
            value=0,
            min=0,
            max=_MOST_THREADS,
            description=plain,
            tooltip=f"Threads that compute on {plain}; 0 for none",
            style=_LABEL,
            layout=widgets.Layout(width="16em"),
        )
        self._threads = Bound(self.threads, lambda number: set_threads(name, number))
        self.words = _words()
        self.box = _row(self.threads, self.words)

    def paint(self, node: NodeRow) -> None:
        """Write what has changed."""
        self._threads.write(node.threads)
        write(self.words, value=shown.page(shown.line(node_words(node), _TONES.get(node.word, ""))))


def node_words(node: NodeRow) -> str:
    """What is known of a node, and why it is recommended or not."""
    said = f"{node.word}: {node.reason}"
    if node.recommended:
        said += f"; recommended with {node.recommended} threads"
    if node.is_head:
        said += "; head node"
    if node.answered is not None:
        said += "; answered through MPI" if node.answered else "; DID NOT ANSWER through MPI"
    return said


class NodesView:
    """All nodes that are shown.

    Parameters
    ----------
    set_threads : callable
        Gets a node and its threads when somebody changes them.
    """

    def __init__(self, set_threads: Callable[[str, int], None]) -> None:
        self.rows = KeyedRows(lambda name: NodeView(name, set_threads))
        self.more = widgets.HTML()
        self.box = widgets.VBox([self.rows.box, self.more])

    def paint(self, nodes: Sequence[NodeRow]) -> None:
        """Write what has changed."""
        first = shown_nodes(nodes)
        self.rows.keep([node.name for node in first])
        for node in first:
            self.rows[node.name].paint(node)
        left = len(nodes) - len(first)
        write(self.more, value=shown.page(shown.quiet(f"{left} more nodes are not shown" if left else "")))


def shown_nodes(nodes: Sequence[NodeRow]) -> list[NodeRow]:
    """Nodes there is room for, in their order."""
    if len(nodes) <= MOST_NODES:
        return list(nodes)
    weight = {node.name: (not node.threads, not node.is_head, -node.recommended) for node in nodes}
    kept = set(sorted(weight, key=weight.__getitem__)[:MOST_NODES])
    return [node for node in nodes if node.name in kept]


class SourceView:
    """One datastream: who reads it, and whether its data were seen."""

    def __init__(self, index: int, set_datastream: Callable[[int, str], None]) -> None:
        self.node = widgets.Combobox(
            continuous_update=False,
            ensure_option=False,
            placeholder="node",
            style=_LABEL,
            layout=widgets.Layout(width="20em", max_width="100%"),
        )
        self._node = Bound(self.node, lambda name: set_datastream(index, name))
        self.words = _words()
        self.box = _row(self.node, self.words)

    def paint(self, source: Source, found: Found, node: str, names: tuple[str, ...]) -> None:
        """Write what has changed."""
        antenna = printable(source.antenna)
        write(self.node, description=antenna, tooltip=f"Node that reads the data of {antenna}")
        self._node.write(node, options=names)
        text = source_words(source, found, node)
        misplaced = bool(found.node) and found.node != node
        write(self.words, value=shown.page(shown.line(text, "warn" if misplaced else found.tone)))


def source_words(source: Source, found: Found, node: str) -> str:
    """What is known of the data of a datastream."""
    said = f"{source.kind}: {found.text}"
    if found.node and found.node != node:
        said += f"; it can only be read on {found.node}"
    return said


class SourcesView:
    """All datastreams of the job.

    Parameters
    ----------
    set_datastream : callable
        Gets the place of a datastream and its node when somebody changes it.
    """

    def __init__(self, set_datastream: Callable[[int, str], None]) -> None:
        self.rows = KeyedRows(lambda key: SourceView(int(key), set_datastream))
        self.box = self.rows.box

    def paint(
        self, sources: Sequence[tuple[Source, Found]], nodes: Sequence[str], names: tuple[str, ...]
    ) -> None:
        """Write what has changed; `nodes` are those of the plan, `names` those to choose from."""
        self.rows.keep([str(source.index) for source, _ in sources])
        for (source, found), node in zip(sources, nodes, strict=False):
            self.rows[str(source.index)].paint(source, found, node, names)
