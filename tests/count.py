"""Prints "PASSED FAILED" for a JUnit report, as ctest and pytest write it. Skipped tests are neither."""
import sys
import xml.etree.ElementTree

passed = failed = 0
for suite in xml.etree.ElementTree.parse(sys.argv[1]).iter("testsuite"):
    number = {key: int(suite.get(key) or 0) for key in ("tests", "failures", "errors", "skipped", "disabled")}
    bad = number["failures"] + number["errors"]
    failed += bad
    passed += number["tests"] - bad - number["skipped"] - number["disabled"]
print(passed, failed)
