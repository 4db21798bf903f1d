"""The floor plan holds: no two files use each other in a circle, and libraries stay in their rooms."""
import json
import re
import subprocess
from pathlib import Path

import pytest
from circles import circles
from tree import REPOSITORY, ROOMS, code, files, includes, room_of, sources

BUILD = REPOSITORY / "build/release"

# Which rooms may include a library's headers.
LIBRARIES = {
    r"openssl/": {"base", "net", "proxy"},
    r"uv\.h$": {"net", "approval", "program"},
    r"jansson\.h$": {"rules", "audit", "approval", "console", "program"},
    r"libpq(-fe|/)|pg_config": {"approval", "proxy", "program"},
    r"hiredis/": {"approval"},
    r"(pg_query|postgres|nodes/|parser/(?!parser\.h)|catalog/|utils/|mb/|common/|lib/)": {"parser"},
    r"microhttpd\.h$": {"console"},
    r"zstd\.h$": {"audit"},
}


def test_circles_are_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]
    assert circles({"a": {"b"}, "b": {"c"}, "c": set()}) == []


def objects():
    """{source file: object file} of the product, as the release build made them."""
    path = BUILD / "compile_commands.json"
    if not path.exists():
        pytest.fail(f"{path} is not there: the release build comes first")
    found = {}
    for entry in json.loads(path.read_text()):
        source = Path(entry["file"]).resolve()
        if source.is_relative_to(REPOSITORY) and room_of(source.relative_to(REPOSITORY)):
            found[source.relative_to(REPOSITORY)] = Path(entry["directory"]) / re.search(r" -o (\S+)", entry["command"])[1]
    return found


def names(path, option):
    done = subprocess.run(["nm", "-P", option, path], capture_output=True, text=True, check=True)
    return {line.split()[0] for line in done.stdout.splitlines()}


def test_no_two_files_use_each_other_in_a_circle():
    made = objects()
    assert made
    home = {name: source for source, path in made.items() for name in names(path, "--defined-only")}
    graph = {source: {home[name] for name in names(path, "--undefined-only") if name in home and home[name] != source}
             for source, path in made.items()}
    assert not circles(graph), "files that call each other in a circle"


def test_no_headers_include_each_other_in_a_circle():
    graph = {}
    for path in code():
        doors = {Path(ROOMS[name.split("/")[0]]) / name.split("/", 1)[1] for _, _, name in includes(path)
                 if name.split("/")[0] in ROOMS and "/" in name}
        own = {path.parent / name for _, _, name in includes(path) if (REPOSITORY / path.parent / name).exists()}
        graph[path] = doors | own
    assert not circles(graph)


@pytest.mark.parametrize("path", code(), ids=str)
def test_libraries_stay_in_their_rooms(path):
    wrong = []
    for number, kind, name in includes(path):
        for library, rooms in LIBRARIES.items():
            if not re.match(library, name) or (kind == '"' and name.split("/")[0] in ROOMS):
                continue
            if room_of(path) not in rooms:
                wrong.append(f"{path}:{number}: {name} belongs to {', '.join(sorted(rooms))}")
            elif path.suffix == ".h" and room_of(path) != "parser":
                wrong.append(f"{path}:{number}: a header of ours includes a library's ({name})")
    assert not wrong, "\n".join(wrong)


def test_no_include_climbs_out_of_its_folder():
    assert not [f"{path}:{number}" for path in sources(".c", ".h") for number, _, name in includes(path) if ".." in name]


def test_every_room_is_on_the_plan():
    plan = "\n".join((REPOSITORY / path).read_text() for path in files() if path.name == "CMakeLists.txt" or path.suffix == ".cmake")
    drawn = set(re.findall(r"^room\((\w+)", plan, re.M)) | {"program"}
    homeless = {str(path.parent) for path in code() if room_of(path) not in drawn}
    assert not homeless
