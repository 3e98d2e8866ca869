# SPDX-License-Identifier: GPL-3.0-or-later
"""What a launch panel says, as HTML: the job, its output, its run; and the whole for readers without a kernel."""

from __future__ import annotations

from difxnb.panels import shown
from difxnb.panels.launch.findings_view import finding_words, findings_html
from difxnb.panels.launch.look import LaunchSnapshot
from difxnb.panels.launch.machines_view import node_words, shown_nodes, source_words
from difxnb.panels.launch.run_look import RunLook
from difxnb.panels.twin import Twin


def job_html(look: LaunchSnapshot) -> str:
    """The job that was read, and whether it would overwrite something."""
    reading = look.reading
    if reading is None:
        return shown.page(shown.quiet("No job was read yet."))
    return shown.page(
        shown.line(*_output(look)),
        *(shown.line(note, "warn") for note in reading.notes),
        shown.facts(dict(reading.facts)),
    )


def _output(look: LaunchSnapshot) -> tuple[str, str]:
    reading = look.reading
    if reading is None or not reading.existing:
        return "There is no output yet.", "good"
    there = f"There is output already: {', '.join(reading.existing)}. "
    if look.options.overwrite:
        return f"{there}It will be moved aside, and kept.", "warn"
    return f"{there}The start is refused unless it may be moved aside.", "warn"


def ready_html(look: LaunchSnapshot) -> str:
    """Whether the job can be started now, and what a start does."""
    if look.is_starting or look.is_stopping:
        return ""
    run = look.run
    if (
        look.hindrance
        and run
        and look.reading
        and not run.is_over
        and run.input_file == look.reading.input_file
    ):
        return shown.page(shown.quiet(f"{look.hindrance}."))  # no trouble: that it runs is what was wanted
    if look.hindrance:
        return shown.page(shown.line(f"Cannot start now: {look.hindrance}.", "warn"))
    if look.reading and look.reading.existing and not look.options.overwrite:
        return shown.page(
            shown.line("A start would be refused: there is output. Tick “move output aside”.", "warn")
        )
    name = look.reading.name if look.reading else ""
    first = "" if look.is_written else "writes the machines as chosen below, "
    return shown.page(shown.line(f"Ready: a start {first}checks {name} and starts it.", "good"))


def run_html(run: RunLook | None) -> str:
    """How the run goes, or went."""
    if run is None:
        return ""
    troubles = [shown.line(trouble, "warn") for trouble in run.troubles]
    return shown.page(shown.line(run.words, run.tone, is_news=True), shown.quiet(run.weight_words), *troubles)


def machines_html(look: LaunchSnapshot) -> str:
    """Why nodes are chosen as they are, and whether that stands in the files."""
    if look.reading is None:
        return ""
    written = "The machines files hold what is chosen." if look.is_written else "Not written to the job yet."
    return shown.page(
        shown.quiet(f"Chosen: {look.advice}." if look.advice else ""),
        shown.line(written, "good" if look.is_written else ""),
    )


def twin_of(look: LaunchSnapshot) -> Twin:
    """All of it, for readers without a kernel."""
    run = look.run
    text = [f"launch of {look.reading.input_file if look.reading else 'no job yet'}"]
    text += [run.words] if run else []
    text += [look.message] if look.message else []
    plan = look.plan
    nodes = [
        (node.name, "head node" if node.is_head else "", str(node.threads or ""), node_words(node))
        for node in shown_nodes(look.nodes)
    ]
    sources = [
        (source.antenna, node, source_words(source, found, node))
        for (source, found), node in zip(look.sources, plan.datastreams, strict=False)
    ]
    html = [
        run_html(run),
        shown.page(shown.line(look.message, "bad" if look.is_problem else "good")),
        findings_html(look.findings, passed=look.passed),
        shown.page(*(shown.line(finding_words(finding)) for finding in look.findings or ())),
        shown.page(
            shown.table(("node", "role", "threads", "state"), shown.texts(nodes)),
            shown.table(("antenna", "read on", "data"), shown.texts(sources)),
        ),
        job_html(look),
    ]
    return Twin("\n".join(text), shown.STYLE + "".join(html))
