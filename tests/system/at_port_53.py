"""In a network of its own: start a server by the command given, and tell about it as JSON.

unshare --net python at_port_53.py COMMAND...
"""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import dns.message
import dns.query

TIMEOUT_S = 30.0


def wait_for_end_of_start(process: "subprocess.Popen[str]") -> str:
    """What it says until it is ready, or ends."""
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if line.startswith("ready: "):
            break
    return said


def status_of(process: "subprocess.Popen[str]") -> dict[str, str]:
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def main(command: list[str]) -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    query = dns.message.make_query("www.example.test", "A")
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            facts: dict[str, object] = {"said": wait_for_end_of_start(process)}
            if "ready: " in str(facts["said"]):
                status = status_of(process)
                facts["uids"] = status["Uid"].split()
                facts["capabilities"] = int(status["CapEff"], 16)
                for ask in (dns.query.udp, dns.query.tcp):
                    reply = ask(query, "127.0.0.1", TIMEOUT_S, port=53)
                    facts[ask.__name__] = reply.answer[0][0].to_text()
                process.send_signal(signal.SIGTERM)
            until = time.monotonic() + TIMEOUT_S
            while process.poll() is None and time.monotonic() < until:
                time.sleep(0.02)
            facts["code"] = process.poll()
        finally:
            process.kill()
    print(json.dumps(facts))


if __name__ == "__main__":
    main(sys.argv[1:])
