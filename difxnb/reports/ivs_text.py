# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a correlator report: sections, each headed by a plus and its name, without a plus in front elsewhere."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Iterable, Mapping

import pandas as pd

from difxnb.markup import printable
from difxnb.reports.ivs_sections import Section

_WIDTH = 88
_MISSING = "-"


def report_text(sections: Mapping[str, Section]) -> str:
    """The whole report."""
    parts = ["\n".join(_lines(section)) for section in sections.values()]
    return "\n\n".join(parts) + "\n\n+END\n"


def _lines(section: Section) -> Iterable[str]:
    yield f"+{section.name}"
    yield ""
    if section.why:
        yield from _wrapped(f"not available: {section.why}")
        return
    for name, value in section.values.items():
        yield f"{name:<10}{printable(value) if value else 'not available'}"
    if section.table is not None:
        yield from _TABLES.get(section.name, _plain)(section.table)
    for line in section.lines:
        yield from _wrapped(line)
    if section.legend:
        yield ""
        for line in section.legend:
            yield f" {printable(line)}".rstrip()


def _wrapped(line: str) -> list[str]:
    """A sentence on lines that begin with a blank, so that none looks like a heading."""
    text = " ".join(printable(line).split())
    return textwrap.wrap(
        text, _WIDTH, initial_indent=" ", subsequent_indent="   ", break_on_hyphens=False
    ) or [""]


def _aligned(rows: list[list[str]], left: frozenset[int] = frozenset({0})) -> list[str]:
    """Rows of equal length as columns: numbers to the right."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if place in left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _number(value: float, form: str, factor: float = 1.0) -> str:
    if not math.isfinite(value):
        return _MISSING
    text = f"{value * factor:{form}}"
    return text[1:] if text.startswith("-") and float(text) == 0 else text


def _plain(table: pd.DataFrame) -> list[str]:
    rows = [[printable(str(value)) for value in row] for row in table.itertuples(index=False)]
    return _aligned([list(map(str, table.columns)), *rows], frozenset(range(table.shape[1])))


def _summary(table: pd.DataFrame) -> list[str]:
    rows = [["Qcode", "% of Total", "% of Correlated"], ["", "scans", "scans"]]
    for row in table.to_dict("records"):
        shares = [_number(float(row[name]), ".1f", 100.0) for name in ("of_total", "of_correlated")]
        rows.append([str(row["codes"]), *(one if one == _MISSING else f"{one}%" for one in shares)])
    return _aligned(rows)


def _channels(table: pd.DataFrame) -> list[str]:
    return _aligned(
        [
            [
                printable(str(row["channel"])),
                printable(str(row["bbc"])) or _MISSING,
                _number(float(row["frequency"]), ".2f", 1e-6),
                _number(float(row["bandwidth"]), ".2f", 1e-6),
            ]
            for row in table.to_dict("records")
        ],
        frozenset({0, 1}),
    )


def _clocks(table: pd.DataFrame) -> list[str]:
    rows = [
        ["Station", "fmout-gps", "used", "rate", "epoch", "comment"],
        ["", "[usec]", "[usec]", "[sec/sec]", "[UTC]", ""],
    ]
    for row in table.to_dict("records"):
        rows.append(
            [
                printable(str(row["station"])),
                _number(float(row["fmout_gps"]), ".4f", 1e6),
                _number(float(row["used"]), ".4f", 1e6),
                _number(float(row["rate"]), ".3e"),
                f"{row['epoch']:%Y-%j-%H%M%S}",
                printable(str(row["comment"])),
            ]
        )
    return _aligned(rows, frozenset({0, 5}))


def _qcodes(table: pd.DataFrame) -> list[str]:
    counts = table.drop(columns=["baseline", "letter"])
    rows = [["Qcod", *map(str, counts.columns)]]
    for label, values in zip(
        table["baseline"] + ":" + table["letter"], counts.itertuples(index=False), strict=True
    ):
        rows.append([printable(str(label)), *(str(value) for value in values)])
    rows.append(["Tot", *(str(value) for value in counts.sum())])
    lines = _aligned(rows)
    rule = "-" * max(map(len, lines))
    return [lines[0], rule, *lines[1:-1], rule, lines[-1]]


def _ratios(table: pd.DataFrame) -> list[str]:
    rows = [["bl", "band", "ratio", "n"]]
    for row in table.to_dict("records"):
        rows.append(
            [
                printable(str(row["baseline"])),
                str(row["letter"]),
                _number(float(row["ratio"]), ".3f"),
                str(row["n"]),
            ]
        )
    return _aligned(rows, frozenset({0, 1}))


_TABLES: dict[str, Callable[[pd.DataFrame], list[str]]] = {
    "SUMMARY": _summary,
    "CHANNELS": _channels,
    "CLOCKS": _clocks,
    "QCODES": _qcodes,
    "SNR_RATIOS": _ratios,
}
