# SPDX-License-Identifier: GPL-3.0-or-later
"""Which host and port win: argument, environment, configuration file, default."""

from __future__ import annotations

from pathlib import Path

import pytest

from difxnb.client.address import find_address

NONE = Path("/nonexistent/config.toml")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text('host = "from-file"\nport = 50203\n')
    return path


def test_defaults() -> None:
    found = find_address(environment={}, config_file=NONE)
    assert (found.host, found.port) == ("localhost", 50200)
    assert (found.host_source, found.port_source) == ("default", "default")


def test_the_file_wins_over_the_defaults(config: Path) -> None:
    found = find_address(environment={}, config_file=config)
    assert (found.host, found.port, found.host_source) == ("from-file", 50203, "config.toml")


def test_the_environment_wins_over_the_file(config: Path) -> None:
    variables = {"DIFX_CONTROL_HOST": "from-env", "DIFX_MESSAGE_PORT": "50204"}
    found = find_address(environment=variables, config_file=config)
    assert (found.host, found.port, found.port_source) == ("from-env", 50204, "DIFX_MESSAGE_PORT")
    found = find_address(environment={**variables, "DIFX_CONTROL_PORT": "50205"}, config_file=config)
    assert (found.port, found.port_source) == (50205, "DIFX_CONTROL_PORT")


def test_arguments_win_over_everything(config: Path) -> None:
    variables = {"DIFX_CONTROL_HOST": "from-env", "DIFX_CONTROL_PORT": "50205"}
    found = find_address("given", 1234, environment=variables, config_file=config)
    assert str(found) == "given:1234 (host: argument, port: argument)"


@pytest.mark.parametrize(
    "text", ["port = 0", 'port = "many"', "port = 70000", "port = true", "host = ", "\udcff"]
)
def test_a_file_that_makes_no_sense_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ValueError, match=r"config\.toml"):
        find_address(environment={}, config_file=path)


@pytest.mark.parametrize("wrong", ["x", "0", "70000", "-1", "５"])
def test_a_port_that_is_none_is_refused_with_its_source(wrong: str) -> None:
    with pytest.raises(ValueError, match="DIFX_CONTROL_PORT says"):
        find_address(environment={"DIFX_CONTROL_PORT": wrong}, config_file=NONE)


def test_an_empty_variable_counts_for_nothing() -> None:
    assert find_address(environment={"DIFX_CONTROL_PORT": ""}, config_file=NONE).port_source == "default"


def test_an_argument_that_is_no_port_is_refused() -> None:
    with pytest.raises(ValueError, match="argument says"):
        find_address("h", 0, environment={}, config_file=NONE)


def test_a_gateway_beside_the_host_it_belongs_to(tmp_path: Path) -> None:
    """A gateway of the configuration file must not be used for another host, such as 127.0.0.1."""
    path = tmp_path / "config.toml"
    path.write_text('host = "from-file"\nssh = "oper@gateway"\n')
    found = find_address(environment={}, config_file=path)
    assert (found.ssh, found.ssh_source) == ("oper@gateway", "config.toml")
    assert str(found) == (
        "from-file:50200 behind oper@gateway (host: config.toml, port: default, ssh: config.toml)"
    )
    assert find_address("127.0.0.1", environment={}, config_file=path).ssh is None
    assert find_address(environment={"DIFX_CONTROL_HOST": "from-env"}, config_file=path).ssh is None
    assert find_address(environment={}, config_file=path, ssh="").ssh is None
    given = find_address("given", environment={}, config_file=path, ssh="other")
    assert (given.ssh, given.ssh_source) == ("other", "argument")
    path.write_text('ssh = "oper@gateway"\n')
    assert find_address(environment={}, config_file=path).ssh == "oper@gateway"
    assert find_address(environment={}, config_file=NONE).ssh is None
