# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the correlator is: from arguments, the environment, the user's configuration file, or the usual place.

The file is ``config.toml`` in the user's configuration directory for ``difxnb`` (``~/.config/difxnb`` on Linux)::

    host = "head-node"
    port = 50201
    ssh = "oper@gateway"
    token_file = "~/.config/difxnb/token"
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_config_path

from difxnb.formats.token_file import read_token

DEFAULT_HOST = "localhost"
DEFAULT_PORT = 50200
CONFIG_FILE = "config.toml"
HOST_VARIABLES = ("DIFX_CONTROL_HOST",)
PORT_VARIABLES = ("DIFX_CONTROL_PORT", "DIFX_MESSAGE_PORT")
TOKEN_FILE_VARIABLES = ("DIFX_CONTROL_TOKEN_FILE",)


@dataclass(frozen=True, slots=True)
class Address:
    """A host and a port, perhaps behind an ssh gateway, and who said so.

    Attributes
    ----------
    host, port : str, int
        As the gateway sees them, where there is one.
    host_source, port_source, ssh_source : str
        ``"argument"``, the name of an environment variable, ``"config.toml"``, or ``"default"``.
    ssh : str or None
        The gateway.
    """

    host: str
    port: int
    host_source: str
    port_source: str
    ssh: str | None = None
    ssh_source: str = "default"

    def __str__(self) -> str:
        sources = f"host: {self.host_source}, port: {self.port_source}"
        if self.ssh is None:
            return f"{self.host}:{self.port} ({sources})"
        return f"{self.host}:{self.port} behind {self.ssh} ({sources}, ssh: {self.ssh_source})"


def find_address(
    host: str | None = None,
    port: int | None = None,
    environment: Mapping[str, str] | None = None,
    config_file: Path | None = None,
    *,
    ssh: str | None = None,
) -> Address:
    """Decide where to connect to: argument, then environment, then configuration file, then the defaults.

    A gateway in the configuration file belongs to the host there (or to the default one): it counts for no host that
    an argument or the environment names. An empty `ssh` means none.

    Raises
    ------
    ValueError
        The source that decides holds no port number, or the configuration file cannot be read as TOML.
    """
    variables = os.environ if environment is None else environment
    config = _read_config(config_file or user_config_path("difxnb") / CONFIG_FILE)
    host_source, host_text = _first(host, HOST_VARIABLES, variables, config.get("host"), DEFAULT_HOST)
    port_source, port_text = _first(port, PORT_VARIABLES, variables, config.get("port"), str(DEFAULT_PORT))
    if not (port_text.isascii() and port_text.isdigit() and 0 < int(port_text) < 65536):
        raise ValueError(f"a TCP port lies between 1 and 65535; {port_source} says {port_text!r}")
    if ssh is not None:
        return Address(host_text, int(port_text), host_source, port_source, ssh or None, "argument")
    gateway = config.get("ssh") if host_source in (CONFIG_FILE, "default") else None
    if not gateway:
        return Address(host_text, int(port_text), host_source, port_source)
    return Address(host_text, int(port_text), host_source, port_source, str(gateway), CONFIG_FILE)


def find_token(
    token_file: str | Path | None = None,
    environment: Mapping[str, str] | None = None,
    config_file: Path | None = None,
) -> str | None:
    """Read the access token for a server of this package: argument, environment, configuration file, or none.

    Raises
    ------
    TokenFileError
        A file was named and holds no token, or others may read it.
    ValueError
        The configuration file cannot be read as TOML.
    """
    variables = os.environ if environment is None else environment
    config = _read_config(config_file or user_config_path("difxnb") / CONFIG_FILE)
    _, named = _first(token_file, TOKEN_FILE_VARIABLES, variables, config.get("token_file"), "")
    return read_token(Path(named).expanduser()) if named else None


def _read_config(path: Path) -> Mapping[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:  # not TOML, or not text
        raise ValueError(f"{path} cannot be read: {error}") from error


def _first(
    argument: object,
    names: tuple[str, ...],
    variables: Mapping[str, str],
    configured: object,
    default: str,
) -> tuple[str, str]:
    if argument is not None:
        return "argument", str(argument)
    for name in names:
        if variables.get(name):
            return name, variables[name]
    if configured is not None:
        return CONFIG_FILE, str(configured)
    return "default", default
