"""A server for A records on 127.0.0.1:5300 that says `asked` and answers when a line is typed."""

import socket
import struct
import sys

ADDRESS = bytes((192, 0, 2, 7))
RESPONSE, AUTHORITATIVE = 0x8000, 0x0400


def main() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 5300))
        print("serving", flush=True)
        query, client = sock.recvfrom(4096)
        print("asked", flush=True)
        sys.stdin.readline()
        question = query[12 : query.index(b"\0", 12) + 5]
        header = query[:2] + struct.pack(">HHHHH", RESPONSE | AUTHORITATIVE, 1, 1, 0, 0)
        record = struct.pack(">HHHIH", 0xC00C, 1, 1, 60, len(ADDRESS)) + ADDRESS
        sock.sendto(header + question + record, client)


if __name__ == "__main__":
    main()
