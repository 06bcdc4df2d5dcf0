"""Prints a Starlark file of about as many lines as the argument says, the kind that packages are made of: functions with
defaults and docstrings, dict and list literals, calls with keywords, comprehensions, formatted strings. It is a valid
Python file too, and main() runs all of it, so that a parser cannot pass by skipping something."""

import sys

HEAD = '''"""Generated: %d blocks."""
LIMITS = {"low": 10, "high": 1000, "ratio": 0.25}
KINDS = ["worker", "leader", "observer"]
'''

BLOCK = '''
PORT_%(n)d = {"number": %(port)d, "protocol": "TCP", "url": "http://host-%(n)d.example:%(port)d/"}

def service_%(n)d(name, replicas = %(replicas)d, labels = {}, *extra, **options):
    """Describes service %(n)d.

    Args:
      name: what it is called
    """
    total = 0
    env = {
        "NAME": name,
        "PORT": str(PORT_%(n)d["number"]),
        "MODE": "fast" if replicas > %(half)d else "safe",
        'ESCAPED': 'tab\\tquote\\'newline\\n',
    }
    for i in range(replicas):
        if i %% 3 == 0 and not (i == 6 or i > LIMITS["high"]):
            total += i * %(factor)d - (i << 1)
        elif i in [1, 4, 7]:
            total -= len(env) // 2
        else:
            continue  # nothing to count
    ports = [p + i for i, p in enumerate([%(port)d, 0x%(port)x, %(port)d + 1]) if p != LIMITS["low"]]
    command = ["run", "--name=" + name, "--replicas", "%%d" %% replicas, "--labels={}".format(len(labels))]
    merge = lambda a, b = 1: (a[0] + b, -a[1] & 0xff) if b else a
    pair = merge((total, ports[0]), b = len(command))
    return struct(
        env = env,
        total = total + sum_of(ports) + pair[0] + pair[1] + len(KINDS[%(n)d %% 3]),
        command = command,
        rest = [x for x in extra] + [options[key] for key in options],
    )
'''

TAIL = '''
def sum_of(numbers):
    total = 0
    for number in numbers:
        total += number
    return total

def main():
    total = 0
    for service in SERVICES:
        value = service("name", 9, {"a": 1}, 5, color = "red")
        total += value.total + len(value.command) + len(value.rest) + len(value.env["ESCAPED"])
    return total

'''


def main(lines):
    count = max(1, (lines - 25) // (BLOCK.count("\n") + 1))
    out = [HEAD % count]
    for n in range(count):
        port = 1024 + n % 60000
        out.append(BLOCK % {"n": n, "port": port, "replicas": n % 17, "half": n % 11, "factor": n % 97})
    out.append(TAIL)
    out.append("SERVICES = [\n" + "".join("    service_%d,\n" % n for n in range(count)) + "]\n")
    out.append("print(main())\n")
    sys.stdout.write("".join(out))


main(int(sys.argv[1]))
