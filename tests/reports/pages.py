# SPDX-License-Identifier: GPL-3.0-or-later
"""A page of HTML taken apart, strictly."""

from __future__ import annotations

from base64 import b64decode
from html.parser import HTMLParser

_VOID = {"meta", "img"}


class Page(HTMLParser):
    """Elements, texts and pictures of a page; AssertionError where tags are not in order.

    Attributes
    ----------
    tags : list of str
    texts : list of str
    pictures : list of bytes
    attributes : set of str
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.pictures: list[bytes] = []
        self.attributes: set[str] = set()
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "img":
            given = dict(attrs)
            assert given["alt"]
            kind, _, data = str(given["src"]).partition("base64,")
            assert kind == "data:image/png;"
            self.pictures.append(b64decode(data, validate=True))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append(data.strip())
