"""tests/config/CASE/: a configuration, input.json, and the whole of what a role says about it, error.

The case's name says who sees that it is wrong: "shape-…" the JSON Schema too, "meaning-…" only the loader;
"right-…" is right. So the schema that editors use and the loader are held against each other.
"""
import json
import os
import subprocess
from pathlib import Path

import jsonschema
import pytest
from house import PROGRAM, REPOSITORY

CASES = sorted(path.parent for path in (REPOSITORY / "tests/config").glob("*/input.json"))
SCHEMA = json.loads((REPOSITORY / "src/config.schema.json").read_text())
named = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def run(case, *arguments):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SALLYPORT_")}
    return subprocess.run([PROGRAM, *arguments], cwd=case, capture_output=True, text=True, timeout=20, env=environment)


def test_there_are_cases():
    assert len(CASES) > 40


@named
def test_the_loader(case):
    if case.name.startswith("right-"):
        done = run(case, "check", "--config", "input.json", "--agent", "bot", "SELECT 1")
        assert done.returncode == 0, done.stderr
        return
    error = (case / "error").read_text()
    role = error.split()[1].rstrip(":")
    done = run(case, role, "--config", "input.json")
    assert done.stderr == error
    assert done.returncode == 1


@named
def test_the_schema(case):
    try:
        configuration = json.loads((case / "input.json").read_text(), object_pairs_hook=once)
    except ValueError:
        assert case.name.startswith("shape-")
        return
    complaints = list(jsonschema.Draft7Validator(SCHEMA).iter_errors(configuration))
    assert bool(complaints) == case.name.startswith("shape-"), complaints


def once(pairs):
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key twice")
    return dict(pairs)


def test_the_schema_is_one():
    jsonschema.Draft7Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", [Path("src/sallyport.1")])
def test_every_command_has_a_section_in_the_manual(path):
    manual = (REPOSITORY / path).read_text()
    listed = subprocess.run([PROGRAM, "help"], capture_output=True, text=True, check=True).stdout
    commands = [line.split()[0] for line in listed.split("\n") if line.startswith("  ")]
    assert {"run", "proxy", "executor", "console", "queue", "check", "audit", "passwd"} <= set(commands)
    for command in commands:
        assert f"\n.Ss {command}" in manual, command
        explained = subprocess.run([PROGRAM, "help", command], capture_output=True, text=True, check=True).stdout
        assert explained.startswith("Usage: sallyport") or command == "help", explained
