"""What is written down twice says the same."""
import re
import subprocess

from tree import REPOSITORY


def rules_in_program():
    """{role: set of rules} of src/approval/acl.c."""
    text = (REPOSITORY / "src/approval/acl.c").read_text()
    text = re.sub(r"\\\n", "", text)
    macros = {name: "".join(re.findall(r'"([^"]*)"', body)) for name, body in re.findall(r"#define (\w+) +(.*)", text)}
    table = text[text.index("roles[] = {"):text.index("};")]
    found = {}
    for role, body in re.findall(r'\{"(\w+)",\s*((?:"[^"]*"|\w+|\s)+)\}', table):
        words = "".join(part[1:-1] if part.startswith('"') else macros[part] for part in re.findall(r'"[^"]*"|\w+', body))
        found[role] = set(words.split())
    return found


def test_redis_users_are_the_programs():
    done = subprocess.run([REPOSITORY / "docker/redis-users.sh", "x", "x", "x"], capture_output=True, text=True, check=True)
    printed = {}
    for line in done.stdout.splitlines():
        words = line.split()
        if words[1].startswith("sp_"):
            printed[words[1][3:]] = set(words[2:]) - {">x"}
    assert printed == rules_in_program()


def test_the_policy_schema_knows_the_default_policy():
    import json

    import jsonschema
    schema = json.loads((REPOSITORY / "rules/schema.json").read_text())
    jsonschema.validate(json.loads((REPOSITORY / "rules/default.json").read_text()), schema)


def test_packages_are_listed_once():
    """Each package that the Dockerfile's runtime needs is the library of a -dev package that install.sh lists."""
    listed = (REPOSITORY / "docker/install.sh").read_text()
    for library in ("libuv1", "libssl", "libjansson", "libpq", "libhiredis"):
        assert f"{library}-dev" in listed or f"{library}1-dev" in listed


def test_every_event_of_the_record_is_in_its_table():
    """src/audit/README.md names each event and the file that writes it."""
    table = (REPOSITORY / "src/audit/README.md").read_text()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines() if line.startswith("| `")]
    named = set()
    for events, _, place in rows:
        assert (REPOSITORY / "src/audit" / place.split("`")[1]).exists() or (REPOSITORY / place.split("`")[1]).exists()
        named |= set(re.findall(r"`([\w-]+)`", events))
    code = "".join(path.read_text() for path in sorted((REPOSITORY / "src").rglob("*.c")))
    written = set()
    for call in re.findall(r'\\"event\\":\\"[\w-]+|(?:record_statement|begin)\(session, "[\w-]+"|record_start\(&body, [^;]+;', code):
        written |= set(re.findall(r'"([\w-]+)', call)) - {"event"}
    assert written == named
