"""Form: clang-format, clang-tidy, shellcheck, Python that compiles, JSON and YAML that parse."""
import ast
import json
import subprocess

import pytest
import yaml
from tree import REPOSITORY, code, files, sources

DEV = REPOSITORY / "build/dev"


def run(*command):
    done = subprocess.run([str(word) for word in command], cwd=REPOSITORY, capture_output=True, text=True)
    return done.returncode, (done.stdout + done.stderr)[-4000:]


@pytest.mark.parametrize("path", sources(".c", ".h"), ids=str)
def test_clang_format(path):
    status, words = run("clang-format", "--dry-run", "-Werror", path)
    assert status == 0, words


@pytest.mark.parametrize("path", [path for path in code() if path.suffix == ".c"], ids=str)
def test_clang_tidy(path):
    status, words = run("clang-tidy", "--quiet", "-p", DEV, path)
    assert status == 0, words


SCRIPTS = [path for path in files() if (REPOSITORY / path).read_bytes()[:2] == b"#!"
           and b"sh" in (REPOSITORY / path).read_bytes().split(b"\n")[0]]


@pytest.mark.parametrize("path", SCRIPTS, ids=str)
def test_shellcheck(path):
    status, words = run("shellcheck", path)
    assert status == 0, words


def test_scripts_can_be_run():
    assert not [str(path) for path in SCRIPTS if not (REPOSITORY / path).stat().st_mode & 0o111]


@pytest.mark.parametrize("path", sources(".py"), ids=str)
def test_python(path):
    ast.parse((REPOSITORY / path).read_text(), str(path))


@pytest.mark.parametrize("path", [path for path in sources(".json") if path.name != "input.json"], ids=str)
def test_json(path):
    json.loads((REPOSITORY / path).read_text())


@pytest.mark.parametrize("path", sources(".yml", ".yaml"), ids=str)
def test_yaml(path):
    yaml.safe_load((REPOSITORY / path).read_text())


def test_text_files_are_clean():
    """UTF-8, line feeds, one at the end; no tabs in C."""
    wrong = []
    for path in sources(".c", ".h", ".py", ".sh", ".md", ".json", ".yml", ".cmake", ".sql"):
        data = (REPOSITORY / path).read_bytes()
        data.decode("utf-8")
        if b"\r" in data or not data.endswith(b"\n"):
            wrong.append(f"{path}: line ends")
        if path.suffix in (".c", ".h") and b"\t" in data:
            wrong.append(f"{path}: tab")
    assert not wrong, "\n".join(wrong)
