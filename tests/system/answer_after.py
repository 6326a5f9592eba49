"""A server for A records on 127.0.0.1:5300 that runs a command when it is asked, and answers
soon after a file is gone.

python answer_after.py FILE COMMAND...
"""

import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

ADDRESS = bytes((192, 0, 2, 7))
SOON_S = 0.1
RESPONSE, AUTHORITATIVE = 0x8000, 0x0400


def main(file: str, *command: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 5300))
        print("serving", flush=True)
        query, client = sock.recvfrom(4096)
        subprocess.run(command, check=True)
        while Path(file).exists():
            time.sleep(0.005)
        time.sleep(SOON_S)
        question = query[12 : query.index(b"\0", 12) + 5]
        header = query[:2] + struct.pack(">HHHHH", RESPONSE | AUTHORITATIVE, 1, 1, 0, 0)
        record = struct.pack(">HHHIH", 0xC00C, 1, 1, 60, len(ADDRESS)) + ADDRESS
        sock.sendto(header + question + record, client)


if __name__ == "__main__":
    main(*sys.argv[1:])
