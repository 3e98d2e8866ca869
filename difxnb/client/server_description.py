# SPDX-License-Identifier: GPL-3.0-or-later
"""What a guiServer says of itself in answer to a version request (guiserver.md 3.3)."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from difxnb.wire.control import (
    AvailableVersion,
    DifxBase,
    EnvironmentVariable,
    ServerEvent,
    ServerUser,
    ServerVersion,
)

# The server of this package shows this variable; it repairs what clients have to work around elsewhere.
OWN_SERVER = "DIFXNB_SERVER"
_ACCESS, _READ_ONLY = "DIFXNB_ACCESS", "read-only"


@dataclass(frozen=True, slots=True)
class ServerDescription:
    """A server, as it describes itself.

    Attributes
    ----------
    version : str
        Version text of guiServer; maintained by hand, no test for features.
    user : str
        Login name it runs under; empty where the server has no terminal.
    difx_base : str
        Base directory of the DiFX installations; may be empty.
    difx_versions : tuple of str
        Labels of the installed versions.
    environment : mapping of str to str
    knows_channels : bool
        False for servers before April 2014.
    """

    version: str = ""
    user: str = ""
    difx_base: str = ""
    difx_versions: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    knows_channels: bool = True

    @property
    def is_own(self) -> bool:
        """Whether it is the server of this package, without the hazards of the real one."""
        return OWN_SERVER in self.environment

    @property
    def shows_everything(self) -> bool:
        """Whether it shows its whole environment, as real servers do (H30), and not a choice of it."""
        return "PATH" in self.environment and not self.is_own

    @property
    def knows_its_user(self) -> bool:
        """Whether a real server has a name for its own user; without one it dies of transfers and stops (H23)."""
        return bool(self.user or self.environment.get("DIFX_USER_ID")) or not self.shows_everything

    def setup_prefix(self, label: str) -> str:
        """What the programs of an installed version are run with."""
        # Without a base the server finds the wrapper by its own PATH.
        return f"{self.difx_base}/bin/rungeneric.{label}" if self.difx_base else f"rungeneric.{label}"

    def version_in_use(self, setup_path: str = "") -> str:
        """The version whose programs are run: the one with that prefix, or the one that the server was started with.

        Empty where it does not tell which that is.
        """
        for label in self.difx_versions:
            if setup_path and self.setup_prefix(label) == setup_path:
                return label
        variables = self.environment
        return "" if setup_path else variables.get("DIFX_VERSION") or variables.get("DIFX_LABEL") or ""

    def known_version(self, name: str) -> str:
        """Return the name of an installed version; ValueError, with the one that may have been meant, otherwise."""
        if name in self.difx_versions:
            return name
        upper = [label.upper() for label in self.difx_versions]
        alike = difflib.get_close_matches(str(name).upper(), upper, n=1)
        meant = next((f"; did you mean {one!r}?" for one in self.difx_versions if one.upper() in alike), "")
        installed = ", ".join(self.difx_versions) or "none that it knows of"
        raise ValueError(f"no DiFX version {name!r} on the server; installed: {installed}{meant}")

    @property
    def is_read_only(self) -> bool:
        """Whether it refuses everything that changes anything; real servers never do."""
        return self.is_own and self.environment.get(_ACCESS) == _READ_ONLY


class Draft:
    """A description that is still arriving."""

    def __init__(self) -> None:
        self.version: str | None = None
        self._user = self._difx_base = ""
        self._difx_versions: list[str] = []
        self._environment: dict[str, str] = {}

    def add(self, event: ServerEvent) -> None:
        """Take in one packet of the answer; other events are passed over."""
        match event:
            case ServerVersion(text):
                self.version = text
            case ServerUser(text):
                self._user = text
            case DifxBase(text):
                self._difx_base = text
            case AvailableVersion(text):
                self._difx_versions.append(text)
            case EnvironmentVariable(name, value):
                self._environment[name] = value

    def finish(self, *, knows_channels: bool) -> ServerDescription:
        """Give what has arrived."""
        environment = MappingProxyType(dict(self._environment))
        versions = tuple(self._difx_versions)
        return ServerDescription(
            self.version or "", self._user, self._difx_base, versions, environment, knows_channels
        )
