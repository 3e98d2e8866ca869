# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server says of itself, as pandas shows it, and which of its DiFX versions is used."""

from __future__ import annotations

import pandas as pd

from difxnb.client.message_requests import MessageRequests
from difxnb.client.server_description import ServerDescription


class ServerInfo:
    """What the server says of itself; plain values, usable from any thread.

    Attributes
    ----------
    version : str
        Version text of guiServer; it has been the same since 2016, and tells little.
    user : str
        Login name it runs under; empty where the server has no terminal.
    difx_base : str
        Base directory of the DiFX installations; may be empty.
    setup_path : str
        Prefix that every DiFX program is run with; empty for those that the server finds by itself.
    """

    def __init__(
        self, description: ServerDescription, setup_path: str = "", head_node: MessageRequests | None = None
    ) -> None:
        self.version, self.user = description.version, description.user
        self.difx_base, self.setup_path = description.difx_base, setup_path
        self._description, self._head_node = description, head_node

    @property
    def difx_versions(self) -> pd.DataFrame:
        """Installed DiFX versions: ``version``, ``setup`` (prefix of its programs), ``in_use``."""
        labels = list(self._description.difx_versions)
        setups = [self._description.setup_prefix(label) for label in labels]
        frame = pd.DataFrame({"version": labels, "setup": setups}, dtype=object)
        frame["in_use"] = pd.Series([setup == self.setup_path for setup in setups], dtype=bool)
        return frame

    @property
    def version_in_use(self) -> str:
        """The DiFX version whose programs the server runs: one that was chosen, or the one it was started with.

        Empty where it does not tell which that is.
        """
        return self._description.version_in_use(self.setup_path)

    @property
    def environment(self) -> pd.Series[str]:
        """Environment variables of the server, by name."""
        variables = dict(self._description.environment)
        return pd.Series(variables, dtype=object, name="value").rename_axis("name").sort_index()

    @property
    def is_embedded(self) -> bool:
        """Whether it is the server of this package, with the embedded correlator behind it."""
        return self._description.is_own

    @property
    def is_read_only(self) -> bool:
        """Whether it refuses everything that changes anything, as a server of this package may."""
        return self._description.is_read_only

    async def use_version(self, name: str | None) -> None:
        """Have the programs of one of the installed DiFX versions run from now on, also after a reconnection.

        Parameters
        ----------
        name : str or None
            One of `difx_versions`; None for the programs that the server finds by itself.

        Raises
        ------
        ValueError
            It is not installed there.
        UnsafeValue
            Its name is nothing that the server's shell may see.
        NoReply, ConnectionLost
            The server did not confirm it. It is told again when the connection is made anew.
        """
        known = self._description
        prefix = "" if name is None else known.setup_prefix(known.known_version(name))
        if self._head_node is not None:
            await self._head_node.use_setup_path(prefix)
        self.setup_path = prefix

    def __repr__(self) -> str:
        user = f", user {self.user}" if self.user else ""
        used = f", DiFX {self.version_in_use}" if self.version_in_use else ""
        access = ", open for reading only" if self.is_read_only else ""
        return f"<guiServer {self.version or '?'}{user}, base {self.difx_base or '?'}{used}{access}>"
