"""Reloads while queries come, half of them with something broken: no reply is lost, each is of a
version that was in a file, and every fault is told with its line (O03)."""

import itertools
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import dns.message
import pytest

pytestmark = pytest.mark.loopback

ROOT = Path(__file__).parents[2]
RELOADS = 20
TIMEOUT_S = 60.0


def text(serial: int, *, broken: bool) -> str:
    head = (
        f"$TTL 300\n@ SOA ns.else.where. host {serial} 3600 900 1209600 300\n@ NS ns.else.where.\n"
    )
    hosts = "".join(f"h{number} A 192.0.2.{number % 250}\n" for number in range(5000))
    return f'{head}{hosts}version TXT "{serial}"\n' + ("oops A 192.0.2.999\n" if broken else "")


class Client(threading.Thread):
    """Asks all the time, a few queries in flight, until told to stop."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.port = port
        self.stopped = threading.Event()
        self.replies: list[str] = []
        self.lost = 0

    def run(self) -> None:
        query = dns.message.make_query("version.example.test", "TXT").to_wire()[2:]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(("127.0.0.1", self.port))
            sock.settimeout(5)
            for number in itertools.cycle(range(0, 65536, 8)):
                if self.stopped.is_set():
                    return
                waiting = {n.to_bytes(2, "big") for n in range(number, number + 8)}
                for identity in waiting:
                    sock.send(identity + query)
                while waiting:
                    try:
                        packet = sock.recv(4096)
                    except TimeoutError:
                        self.lost += len(waiting)
                        break
                    waiting.discard(packet[:2])
                    self.replies.append(dns.message.from_wire(packet).answer[0][0].to_text())


def test_no_reply_is_lost(tmp_path: Path) -> None:
    file, log = tmp_path / "example.test.zone", tmp_path / "log"
    file.write_text(text(1, broken=False))
    (tmp_path / "config.toml").write_text(
        '[server]\nlisten = ["127.0.0.1:0"]\n[recursion]\nenabled = false\n'
        '[[zone]]\nname = "example.test"\nfile = "example.test.zone"\n'
    )
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "resolver", "run", "--config", str(tmp_path / "config.toml")],
            cwd=ROOT,
            stderr=output,
        )
    try:
        wait_for(log, "ready: ", 1)
        client = Client(int(log.read_text().rpartition("#")[2]))
        client.start()
        broken = 0
        for number in range(RELOADS):
            bad = number % 2 == 0
            broken += bad
            file.write_text(text(number + 2, broken=bad))
            process.send_signal(signal.SIGHUP)
            if bad:
                wait_for(log, f"{file}:5005: ", broken)
            else:
                wait_for(log, f"serial {number + 2} from {file}", 1)
        client.stopped.set()
        client.join()
    finally:
        process.kill()
        process.wait()
    assert client.lost == 0
    assert log.read_text().count(f"{file}:5005: ") == broken
    good = ['"1"', *(f'"{number + 2}"' for number in range(1, RELOADS, 2))]
    seen = [version for version, _ in itertools.groupby(client.replies)]
    assert seen == good[: len(seen)]
    assert len(seen) > RELOADS // 4
    assert "Traceback" not in log.read_text()


GOOD = (
    '[access]\nquery = ["localhost"]\n',
    '[cache]\nsize = "16MiB"\n',
    '[[zone]]\nname = "other.test"\nfile = "other.test.zone"\n',
    "[rate_limit]\nresponses_per_second = 0\n",
    "",
)
BAD = (
    ("[access]\nquerry = []\n", "config.toml:9: access.querry: "),
    ('[[zone]]\nname = "bad.test"\nfile = "bad.test.zone"\n', "bad.test.zone:5005: "),
    ('[[key]]\nname = "k"\nsecret_file = "none"\n', "none: "),
    ('[[forward]\nname = "x"\n', "config.toml:8: not TOML"),
    ('[[zone]]\nname = "bad.test"\nfile = "nowhere.zone"\n', "nowhere.zone: "),
)


@pytest.mark.peer
@pytest.mark.skipif(shutil.which("dnsperf") is None, reason="dnsperf is not installed")
def test_ten_thousand_queries_a_second_lose_nothing(tmp_path: Path) -> None:
    """dnsperf holds the rate where the machine does; whatever it sends is answered."""
    config = tmp_path / "config.toml"
    base = (
        '[server]\nlisten = ["127.0.0.1:0"]\n[recursion]\nenabled = false\n'
        '[[zone]]\nname = "example.test"\nfile = "example.test.zone"\n'
    )
    config.write_text(base)
    for name, broken in (("example.test", False), ("other.test", False), ("bad.test", True)):
        (tmp_path / f"{name}.zone").write_text(text(1, broken=broken))
    names = tmp_path / "names"
    names.write_text("".join(f"h{number}.example.test A\n" for number in range(5000)))
    log = tmp_path / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "resolver", "run", "--config", str(config)],
            cwd=ROOT,
            stderr=output,
        )
    load = None
    try:
        wait_for(log, "ready: ", 1)
        port = re.findall(r"ready: 127.0.0.1#(\d+)", log.read_text())[0]
        rate = ["-Q", "10000", "-q", "100", "-c", "4", "-l", "600"]
        load = subprocess.Popen(
            ["dnsperf", "-s", "127.0.0.1", "-p", port, "-d", str(names), *rate],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for number in range(RELOADS // 2):
            good, (bad, fault) = GOOD[number % len(GOOD)], BAD[number % len(BAD)]
            (tmp_path / "example.test.zone").write_text(text(number + 2, broken=False))
            config.write_text(base + good)
            process.send_signal(signal.SIGHUP)
            wait_for(log, "reload: reloaded, ", number + 1)
            config.write_text(base + bad)
            process.send_signal(signal.SIGHUP)
            wait_for(log, "not reloaded, ", number + 1)
            assert log.read_text().count(fault) == number // len(BAD) + 1
        load.send_signal(signal.SIGINT)
        told, _ = load.communicate(timeout=TIMEOUT_S)
    finally:
        process.kill()
        process.wait()
        if load is not None:
            load.kill()
            load.wait()
    sent, answered = (
        int(re.findall(rf"Queries {w}: +(\d+)", told)[0]) for w in ("sent", "completed")
    )
    assert sent > 1000
    # What was on its way when dnsperf was told to end is no loss.
    assert sent - answered <= 100, told
    assert set(re.findall(r"([A-Z]+) \d+ \(", told)) == {"NOERROR"}, told
    assert "Traceback" not in log.read_text()


def wait_for(log: Path, words: str, times: int) -> None:
    until = time.monotonic() + TIMEOUT_S
    while log.read_text().count(words) < times:
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.01)
