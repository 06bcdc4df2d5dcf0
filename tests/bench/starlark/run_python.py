"""Stands for CPython in the benchmark: runs one of the programs, or with --check compiles it only.

The programs are written in what Starlark and Python have in common. What Starlark predeclares is made here from what
Python has: struct is a SimpleNamespace, json is Python's own module (its C accelerator included)."""

import json as python_json
import sys
from types import SimpleNamespace


def encode(value):
    return python_json.dumps(value, separators=(",", ":"), sort_keys=True, default=vars, ensure_ascii=False)


def main(arguments):
    check = arguments[0] == "--check"
    name = arguments[-1]
    with open(name, encoding="utf-8") as file:
        source = file.read()
    code = compile(source, name, "exec")
    if not check:
        json = SimpleNamespace(encode=encode, decode=python_json.loads)
        exec(code, {"struct": SimpleNamespace, "json": json})


main(sys.argv[1:])
