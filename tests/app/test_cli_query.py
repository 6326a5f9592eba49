"""`rootward query`: words in any order, replies shown, failures told by the exit code."""

import json
import select
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import dnslib
import pytest

from resolver.app import exchange
from resolver.app.cli import main
from resolver.app.exits import BAD_CONFIGURATION, FAILED, NO_REPLY, OK, USAGE

pytestmark = pytest.mark.loopback

Reply = Callable[[dnslib.DNSRecord], bytes | list[bytes]]


class Fake:
    """A name server on loopback whose replies are packed by dnslib, UDP and TCP on one port."""

    def __init__(self) -> None:
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.port = self.tcp.getsockname()[1]
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        self.over_udp: Reply = lambda query: []
        self.over_tcp: Reply = lambda query: []
        self.asked: list[dnslib.DNSRecord] = []
        self._stopped = False
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while not self._stopped:
            ready, _, _ = select.select([self.udp, self.tcp], [], [], 0.02)
            if self.udp in ready:
                data, peer = self.udp.recvfrom(4096)
                for packet in self._replies(data, self.over_udp):
                    self.udp.sendto(packet, peer)
            if self.tcp in ready:
                connection, _ = self.tcp.accept()
                with connection:
                    data = connection.recv(4096)
                    for packet in self._replies(data[2:], self.over_tcp):
                        connection.sendall(len(packet).to_bytes(2, "big") + packet)

    def _replies(self, data: bytes, reply: Reply) -> list[bytes]:
        query = dnslib.DNSRecord.parse(data)
        self.asked.append(query)
        packets = reply(query)
        return [packets] if isinstance(packets, bytes) else packets

    def close(self) -> None:
        self._stopped = True
        self._thread.join()
        self.udp.close()
        self.tcp.close()


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[Fake]:
    monkeypatch.setattr(exchange, "TRY_S", 0.2)
    monkeypatch.setattr(exchange, "STREAM_S", 0.5)
    server = Fake()
    yield server
    server.close()


def answer(query: dnslib.DNSRecord, *records: str) -> bytes:
    reply = query.reply()
    reply.add_answer(*dnslib.RR.fromZone("\n".join(records)))
    return bytes(reply.pack())


def addresses(query: dnslib.DNSRecord) -> bytes:
    return answer(query, f"{query.q.qname} 300 A 192.0.2.80")


def truncated(query: dnslib.DNSRecord) -> bytes:
    reply = query.reply()
    reply.header.tc = 1
    return bytes(reply.pack())


def usage_error(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["query", *arguments])
    return int(caught.value.code or 0)


def test_reply_is_shown_the_way_dig_shows_it(
    fake: Fake, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.over_udp = addresses
    assert main(["query", "www.example.test", f"@127.0.0.1:{fake.port}"]) == OK
    out = capsys.readouterr().out
    assert "status: NOERROR" in out
    assert ";; flags: qr aa rd" in out
    assert "www.example.test.\t" in out.split("ANSWER SECTION:")[1]
    assert "192.0.2.80" in out
    assert f";; SERVER: 127.0.0.1#{fake.port} (UDP)" in out
    (asked,) = fake.asked
    assert asked.q.qtype == dnslib.QTYPE.A
    assert asked.header.rd == 1
    assert asked.ar[0].rtype == dnslib.QTYPE.OPT


@pytest.mark.parametrize(
    ("words", "name", "qtype"),
    [
        (["example.test", "MX"], "example.test.", 15),
        (["MX", "example.test"], "example.test.", 15),
        (["example.test", "in", "type65"], "example.test.", 65),
        (["mx", "mx"], "mx.", 15),
        (["-x", "192.0.2.5"], "5.2.0.192.in-addr.arpa.", 12),
        (["-x", "2001:db8::5"], "5" + ".0" * 23 + ".8.b.d.0.1.0.0.2.ip6.arpa.", 12),
        (["-x", "192.0.2.5", "ANY"], "5.2.0.192.in-addr.arpa.", 255),
    ],
)
def test_words_may_stand_in_any_order(fake: Fake, words: list[str], name: str, qtype: int) -> None:
    fake.over_udp = lambda query: bytes(query.reply().pack())
    assert main(["query", "--port", str(fake.port), *words, "@127.0.0.1"]) == OK
    assert main(["query", "@127.0.0.1", "--port", str(fake.port), *words]) == OK
    for asked in fake.asked:
        assert (str(asked.q.qname), asked.q.qtype) == (name, qtype)


def test_truncated_reply_is_asked_for_again_over_tcp(
    fake: Fake, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.over_udp, fake.over_tcp = truncated, addresses
    assert main(["query", "www.example.test", "A", f"@127.0.0.1:{fake.port}"]) == OK
    out = capsys.readouterr().out
    assert "192.0.2.80" in out
    assert ";; Truncated over UDP, asked again over TCP" in out
    assert f";; SERVER: 127.0.0.1#{fake.port} (TCP)" in out


def test_tcp_is_used_at_once_when_told(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    fake.over_tcp = addresses
    assert main(["query", "--tcp", "www.example.test", f"@127.0.0.1:{fake.port}"]) == OK
    assert len(fake.asked) == 1
    assert "(TCP)" in capsys.readouterr().out


def test_lost_datagram_is_sent_again(fake: Fake) -> None:
    fake.over_udp = lambda query: [] if len(fake.asked) < 3 else addresses(query)
    assert main(["query", "www.example.test", f"@127.0.0.1:{fake.port}"]) == OK
    assert len({asked.header.id for asked in fake.asked}) == 1


def test_datagram_that_is_no_reply_is_passed_over(
    fake: Fake, capsys: pytest.CaptureFixture[str]
) -> None:
    def reply(query: dnslib.DNSRecord) -> list[bytes]:
        forged = answer(query, f"{query.q.qname} 300 A 192.0.2.66")
        wrong_id = bytes([forged[0] ^ 1]) + forged[1:]
        return [b"", wrong_id, bytes(query.pack()), addresses(query)]

    fake.over_udp = reply
    assert main(["query", "www.example.test", f"@127.0.0.1:{fake.port}"]) == OK
    out = capsys.readouterr().out
    assert "192.0.2.80" in out
    assert "192.0.2.66" not in out


def test_nobody_answering_is_an_exit_code(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    where = f"@127.0.0.1:{fake.port}"
    assert main(["query", "a.test", where]) == NO_REPLY
    assert len(fake.asked) == exchange.TRIES
    assert capsys.readouterr().err == f";; no reply from 127.0.0.1#{fake.port}\n"
    assert main(["query", "a.test", where, "--tcp"]) == NO_REPLY
    assert "closed the connection" in capsys.readouterr().err
    fake.close()
    assert main(["query", "a.test", where, "--tcp"]) == NO_REPLY
    assert "Connection refused" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (lambda query: bytes(query.reply().pack())[:-4], "is malformed: octet "),
        (
            lambda query: bytes(dnslib.DNSRecord.question("b.test").reply().pack()),
            "about another question: b.test. A",
        ),
    ],
    ids=["malformed", "another question"],
)
def test_reply_that_makes_no_sense_is_a_failure(
    fake: Fake, capsys: pytest.CaptureFixture[str], reply: Reply, reason: str
) -> None:
    def with_our_id(query: dnslib.DNSRecord) -> bytes:
        packet = reply(query)
        assert isinstance(packet, bytes)
        return query.header.id.to_bytes(2, "big") + packet[2:]

    fake.over_udp = with_our_id
    assert main(["query", "a.test", f"@127.0.0.1:{fake.port}"]) == FAILED
    assert reason in capsys.readouterr().err


def test_json_is_one_object(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    fake.over_udp = lambda query: answer(
        query, "a.test 300 CNAME b.test", 'b.test 60 TXT "x y" z', "b.test 60 TXT w"
    )
    assert main(["query", "a.test", "TXT", f"@127.0.0.1:{fake.port}", "--json"]) == OK
    shown = json.loads(capsys.readouterr().out)
    assert shown["Status"] == 0
    assert shown["Question"] == [{"name": "a.test.", "type": 16}]
    assert shown["Answer"] == [
        {"name": "a.test.", "type": 5, "TTL": 300, "data": "b.test."},
        {"name": "b.test.", "type": 16, "TTL": 60, "data": '"x y" "z"'},
        {"name": "b.test.", "type": 16, "TTL": 60, "data": '"w"'},
    ]
    assert shown["RD"] is True
    assert shown["extended_errors"] == []


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["@127.0.0.1"],
        ["a.test", "b.test"],
        ["a..test"],
        ["-x", "www.example.test"],
        ["a.test", "@127.0.0.1", "@127.0.0.2"],
        ["a.test", "@127.0.0.1:0"],
        ["a.test", "@127.0.0.1:x"],
        ["a.test", "@127.0.0.1", "--port", "65536"],
        ["a.test", "--tcp"],
        ["a.test", "--port", "53"],
        ["a.test", "@127.0.0.1", "--trace"],
        ["a.test", "--tpc"],
    ],
)
def test_words_that_make_no_sense_are_a_usage_error(words: list[str]) -> None:
    assert usage_error(*words) == USAGE


def test_engine_needs_a_good_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["query", "a.test", "--config", str(tmp_path / "absent")]) == BAD_CONFIGURATION
    assert "cannot be read" in capsys.readouterr().err


ROOT_HINTS = ". 60 NS a.root.test.\na.root.test. 60 A 127.0.0.1\n"


@pytest.fixture
def engine(fake: Fake, tmp_path: Path) -> list[str]:
    """Arguments that make the fake server the root of the engine's world."""
    (tmp_path / "root.hints").write_text(ROOT_HINTS)
    (tmp_path / "config.toml").write_text(
        '[recursion]\nroot_hints = "root.hints"\nmax_time = "1s"\npriming = false\n'
        'special_names = ["test"]\n'
        f"[outgoing]\nport = {fake.port}\nipv6 = false\n"
    )
    return ["--config", str(tmp_path / "config.toml")]


def test_engine_resolves_from_the_hints(
    fake: Fake, engine: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    fake.over_udp = addresses
    assert main(["query", "www.example.test", *engine]) == OK
    out = capsys.readouterr().out
    assert "192.0.2.80" in out
    assert ";; flags: qr rd ra" in out
    assert "by the built-in engine" in out
    assert "127.0.0.1" not in out


def test_trace_shows_whom_the_engine_asked(
    fake: Fake, engine: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    fake.over_udp = addresses
    assert main(["query", "www.example.test", "--trace", *engine]) == OK
    out = capsys.readouterr().out
    assert f"127.0.0.1#{fake.port}" in out.split("->>HEADER<<-")[0]
    assert main(["query", "www.example.test", "--trace", "--json", *engine]) == OK
    assert "127.0.0.1" in "".join(json.loads(capsys.readouterr().out)["trace"])


def test_engine_that_reaches_nobody_says_why(
    fake: Fake, engine: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    fake.over_udp = lambda query: []
    assert main(["query", "www.example.test", "--json", *engine]) == NO_REPLY
    shown = json.loads(capsys.readouterr().out)
    assert shown["Status"] == 2
    assert shown["extended_errors"][0]["code"] in (22, 23)
