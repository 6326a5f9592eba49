"""Ask 127.0.0.1 a name all the time, before, while and after a command runs; tell how it went as
JSON: {"sent": …, "answered": …, "refused": …, "longest_ms": …, "code": …}.

python asking_while.py NAME COMMAND...
"""

import json
import socket
import struct
import subprocess
import sys
import time

EVERY_S = 0.001
BEFORE = AFTER = 200
MAX_SENT = 60_000  # of the identifiers that there are
PATIENCE_S = 30.0
HEADER = struct.Struct(">HHHHHH")
RECURSION_DESIRED = 0x0100


class Client:
    def __init__(self, name: str) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._socket.connect(("127.0.0.1", 53))
        self._socket.setblocking(False)
        labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
        self._question = labels + b"\0" + struct.pack(">HH", 1, 1)
        self.sent: list[float] = []
        self.taken: dict[int, float] = {}
        self.refused = 0

    def ask(self) -> None:
        header = HEADER.pack(len(self.sent), RECURSION_DESIRED, 1, 0, 0, 0)
        self.sent.append(time.monotonic())
        try:
            self._socket.send(header + self._question)
        except ConnectionRefusedError:  # what became of one before
            self.refused += 1

    def listen(self) -> None:
        while True:
            try:
                number, _, _, answers, _, _ = HEADER.unpack(self._socket.recv(4096)[:12])
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                self.refused += 1
            else:
                assert answers == 1
                self.taken[number] = time.monotonic() - self.sent[number]

    def go_on(self, count: int) -> None:
        for _ in range(count):
            self.ask()
            time.sleep(EVERY_S)
            self.listen()


def main(name: str, *command: str) -> None:
    client = Client(name)
    client.go_on(BEFORE)
    with subprocess.Popen(command) as process:
        while process.poll() is None and len(client.sent) < MAX_SENT:
            client.go_on(1)
    client.go_on(AFTER)
    until = time.monotonic() + PATIENCE_S
    while len(client.taken) + client.refused < len(client.sent) and time.monotonic() < until:
        time.sleep(0.01)
        client.listen()
    facts = {
        "sent": len(client.sent),
        "answered": len(client.taken),
        "refused": client.refused,
        "longest_ms": round(1000 * max(client.taken.values())),
        "code": process.returncode,
    }
    print(json.dumps(facts))


if __name__ == "__main__":
    main(*sys.argv[1:])
