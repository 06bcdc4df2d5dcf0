"""Drives the enclave through files, from inside of it."""
import pathlib
import time
import urllib.request

enclave = pathlib.Path("/enclave")
log = open("/test-volume/log", "w")

assert urllib.request.urlopen("http://web/").read() == b"hello\n"

# Another service, by a script that is written to plan/.
(enclave / "plan" / "more.star").write_text(
    """
def run(plan):
    plan.add_service("more", ServiceConfig(image = "busybox:latest", cmd = ["sh", "-c", "echo I am more; sleep 1000"]))
"""
)
assert (enclave / "wait").read_text() == "RUNNING\n"
services = sorted(path.name for path in (enclave / "services").iterdir())
print("services:", *services, file=log)
assert services == ["more", "test-controller", "web"]
while (enclave / "services" / "more" / "logs").read_text() != "I am more\n":
    time.sleep(0.05)
