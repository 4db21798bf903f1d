"""tests/corpus/statements.jsonl as something that can be run over the wire."""
import json
import re
import sys

from servers import REPOSITORY

CORPUS = REPOSITORY / "tests/corpus"
sys.path.insert(0, str(CORPUS))
import generators  # noqa: E402

CASES = [json.loads(line) for line in (CORPUS / "statements.jsonl").read_text().splitlines()]

STEP = re.compile(r"""
    (?P<sync>Sync|Flush)
  | Q[ ](?P<query>'.*'|\w+)
  | P[ ](?P<parse>'[^']*'|\S+)[ ]'(?P<text>.*)'(?:[ ]types=\[oid\((?P<type>\w+)\)\])?
  | B[ ](?P<portal>'[^']*'|\S+)[ ](?P<statement>'[^']*'|\S+)(?:[ ](?P<values>\[.*\]))?
  | E(?:[ ](?P<execute>'[^']*'|[A-Za-z]\S*))?(?:[ ](?P<limit>\d+))?
  | C[ ](?P<kind>[PS])[ ](?P<close>\S+)
""", re.X)


def bare(name):
    return (name or "").strip("'")


def read_steps(case):
    """The dialogue as parsed steps; None if a step is prose that only a person understands."""
    found = []
    for step in case.get("steps", []):
        match = STEP.fullmatch(step)
        if not match or "+'" in step:
            return None
        if match["values"]:
            try:
                json.loads(match["values"].replace("'", '"'))
            except json.JSONDecodeError:
                return None
        found.append(match)
    return found or None


def say(wire, step, oid_of):
    """The bytes of one step."""
    if step["sync"]:
        return wire.sync() if step["sync"] == "Sync" else wire.flush()
    if step["query"]:
        return wire.query(bare(step["query"]))
    if step["text"] is not None:
        return wire.parse(step["text"], bare(step["parse"]), [oid_of(step["type"])] if step["type"] else [])
    if step["statement"]:
        values = json.loads(step["values"].replace("'", '"')) if step["values"] else []
        return wire.bind([str(value) for value in values], bare(step["statement"]), bare(step["portal"]))
    if step["close"]:
        return wire.close(step["kind"], step["close"])
    return wire.execute(bare(step["execute"]), int(step["limit"] or 0))


def text_of(case):
    """The exact bytes of a case's statement; None for a dialogue."""
    if case.get("sql_hex"):
        return bytes.fromhex(case["sql_hex"])
    if case.get("gen"):
        return generators.gen(case["gen"]["kind"], case["gen"]["n"]).encode()
    return case["sql"].encode() if "sql" in case else None


def chosen(keep):
    return [case for case in CASES if keep(case) and (text_of(case) is not None or read_steps(case))]
