"""Our files, by kind. Only files that git knows or would take: nobody's build folder or left-overs."""
import functools
import re
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
ROOMS = {"parser": "parser", "rules": "rules", "base": "src/base", "net": "src/net", "wire": "src/wire", "audit": "src/audit",
         "approval": "src/approval", "proxy": "src/proxy", "console": "src/console", "program": "src"}


@functools.cache
def files():
    done = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=REPOSITORY,
                          capture_output=True)
    if done.returncode == 0:
        names = [Path(name) for name in done.stdout.decode().split("\0") if name]
    else:  # a tree without git: an unpacked archive
        names = [path.relative_to(REPOSITORY) for path in REPOSITORY.rglob("*")
                 if not {"build", "node_modules", ".git", "__pycache__"} & set(path.parts)]
    return sorted(path for path in names if (REPOSITORY / path).is_file())


def sources(*suffixes):
    return [path for path in files() if path.suffix in suffixes]


def code():
    """C of the product, without its tests."""
    return [path for path in sources(".c", ".h") if path.parts[0] in ("src", "parser", "rules")]


def room_of(path):
    return next((room for room, folder in ROOMS.items() if Path(folder) == path.parent), None)


def includes(path):
    """(number of the line, "<" or '"', name) of each #include."""
    text = (REPOSITORY / path).read_text()
    for number, line in enumerate(text.split("\n"), 1):
        found = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if found:
            yield number, found[1], found[2]
