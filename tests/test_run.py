# SPDX-License-Identifier: GPL-3.0-or-later
"""The script that sets the project up: what it says when it is used wrongly, and what it needs."""

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_without_a_command_it_prints_its_usage_and_fails() -> None:
    done = subprocess.run([sys.executable, ROOT / "run"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "./run COMMAND" in done.stderr


def test_help_is_no_failure() -> None:
    done = subprocess.run([sys.executable, ROOT / "run", "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "demo" in done.stdout


def test_it_imports_the_standard_library_alone() -> None:
    imported = {
        (node.module or "").split(".")[0] if isinstance(node, ast.ImportFrom) else alias.name.split(".")[0]
        for node in ast.walk(ast.parse((ROOT / "run").read_text()))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    assert imported <= sys.stdlib_module_names


def test_the_readme_names_the_two_commands_and_they_exist() -> None:
    readme = (ROOT / "README.md").read_text()
    assert "./run demo" in readme
    assert "./run test" in readme
    assert (ROOT / "run").stat().st_mode & 0o111


def test_the_lock_file_has_a_hash_for_every_pin_and_no_address() -> None:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pins = [number for number, line in enumerate(lines) if line and line[0].isalnum()]
    assert pins
    assert all("--hash=sha256:" in lines[number + 1] for number in pins)
    assert not any("://" in line for line in lines)
