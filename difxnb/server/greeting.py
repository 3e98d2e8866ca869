# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server says of itself, and in what form it speaks to humans: version conversation and notices.

In: facts and texts. Out: whole packets for the main connection (guiserver.md 3.3 and 4.4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from difxnb.wire import control

_MAX_NOTICE = 10239


@dataclass(frozen=True)
class Greeting:
    """Answer to the version request.

    Attributes
    ----------
    version, base, user : str
        Version text of the server, base directory, login name (empty: not sent).
    labels : tuple of str
        DiFX versions to choose from; without one, a warning is sent instead.
    environment : mapping
        Variables that clients may see; an allow-list, not the process's environment.
    """

    version: str
    base: str = ""
    user: str = ""
    labels: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def encode(self) -> bytes:
        """Write the packets in the order of guiserver.md 3.3."""
        events: list[control.ServerEvent] = [control.ServerVersion(self.version), control.DifxBase(self.base)]
        if self.user:
            events.append(control.ServerUser(self.user))
        events += [control.AvailableVersion(label) for label in sorted(self.labels)]
        if not self.labels:
            events.append(
                _notice(control.NoticeSeverity.WARNING, f"no DiFX version was found below {self.base!r}")
            )
        events += [control.EnvironmentVariable(name, value) for name, value in self.environment.items()]
        return b"".join(map(control.encode, [*events, control.VersionsComplete()]))


def notice(severity: control.NoticeSeverity, text: str) -> bytes:
    """Write an INFORMATION, WARNING or ERROR packet, cut as the real server cuts it."""
    return control.encode(_notice(severity, text))


def error_notice(text: str) -> bytes:
    """Write an ERROR packet."""
    return notice(control.NoticeSeverity.ERROR, text)


def warning_notice(text: str) -> bytes:
    """Write a WARNING packet."""
    return notice(control.NoticeSeverity.WARNING, text)


def _notice(severity: control.NoticeSeverity, text: str) -> control.Notice:
    cut = text.encode("utf-8", "surrogateescape")[:_MAX_NOTICE].decode("utf-8", "ignore")
    return control.Notice(severity, cut)
