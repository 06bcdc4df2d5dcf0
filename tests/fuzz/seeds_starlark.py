"""seeds_starlark.py DIRECTORY - writes a starting corpus for the Starlark fuzz targets: DIRECTORY/parse and /run get every
chunk of the conformance suites behind a byte that allows all dialects, DIRECTORY/json some documents."""

import glob
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
DOCUMENTS = ['{"a": [1, -2.5e3, true, false, null], "b": {"c": "x\\u00e9\\ud83d\\ude00\\n"}}', "[[[[]]]]", "1e308", '"\\ud800"',
             "123456789012345678901234567890", '{"a":1,"a":2}', " [ 1 , 2 ] ", "5.", "-0", '"é😀"']


def write(directory, name, data):
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, name), "wb") as file:
        file.write(data)


def main(target):
    for path in sorted(glob.glob(os.path.join(HERE, "..", "starlark", "*.star"))):
        with open(path, "rb") as file:
            chunks = file.read().split(b"\n---\n")
        for number, chunk in enumerate(chunks):
            lines = [line.split(b"  #")[0] for line in chunk.split(b"\n")]
            name = "%s-%d" % (os.path.basename(path)[:-5], number)
            for corpus in ("parse", "run"):
                write(os.path.join(target, corpus), name, b"\x3f" + b"\n".join(lines))
    for number, text in enumerate(DOCUMENTS):
        write(os.path.join(target, "json"), str(number), text.encode())


main(sys.argv[1])
