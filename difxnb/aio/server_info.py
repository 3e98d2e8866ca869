# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server says of itself, as pandas shows it."""

from __future__ import annotations

import pandas as pd

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
    """

    def __init__(self, description: ServerDescription) -> None:
        self.version, self.user = description.version, description.user
        self.difx_base = description.difx_base
        self._description = description

    @property
    def difx_versions(self) -> pd.DataFrame:
        """Installed DiFX versions, one row each: ``version``, and ``setup``, the prefix of its programs."""
        labels = list(self._description.difx_versions)
        setups = [f"{self.difx_base}/bin/rungeneric.{label}" for label in labels]
        return pd.DataFrame({"version": labels, "setup": setups}, dtype=object)

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
        """Whether it refuses everything that changes anything."""
        return self._description.is_read_only

    def __repr__(self) -> str:
        user = f", user {self.user}" if self.user else ""
        return f"<guiServer {self.version or '?'}{user}, base {self.difx_base or '?'}>"
