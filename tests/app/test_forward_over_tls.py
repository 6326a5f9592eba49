"""Forwarders that are asked over TLS: only when they prove who they are, and never otherwise
(T15, R29; RFC 7858, RFC 8310 section 5)."""

import asyncio
import contextlib
import gc
import weakref
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from dot_server import Certificates, DotServer, dot_server
from test_local_policy import COM, EXAMPLE, FORWARDER, ROOT, ask, configured, tree

from resolver import Server, names
from resolver.app.cli import main
from resolver.app.forwarders import forwarders
from resolver.config.entries import ForwarderSettings
from resolver.model import Address
from resolver.net.circles import with_socket
from resolver.net.upstream import Upstream
from resolver.testing import Internet, Loopback
from resolver.tls import Proof, TlsAddress

pytestmark = pytest.mark.loopback

NAME = "dns.corp.example"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"), NAME)


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Of an authority that has nothing to do with it."""
    return Certificates(tmp_path_factory.mktemp("others"), NAME)


class Site:
    """A server that forwards to a resolver behind TLS."""

    def __init__(self, server: Server, dot: DotServer, net: Internet) -> None:
        self.server, self.dot, self.net = server, dot, net


@contextlib.asynccontextmanager
async def site(
    folder: Path,
    shown: Certificates | None,
    ca: Path,
    *,
    mode: str = "only",
    name: str = NAME,
    max_time: str = "8s",
) -> AsyncIterator[Site]:
    net = tree()
    context = None if shown is None else shown.context()
    with Loopback(net) as up:
        async with dot_server(context, (up.address(FORWARDER), up.port)) as dot:
            to = {"address": f"127.0.0.1:{dot.port}", "tls_name": name, "ca": str(ca)}
            forward: list[Any] = [{"name": ".", "to": [to], "mode": mode}]
            recursion = {"max_time": max_time}
            config = configured(up, folder, forward=forward, recursion=recursion)
            async with Server(config) as server:
                yield Site(server, dot, net)


async def test_questions_share_one_connection(tmp_path: Path, certificates: Certificates) -> None:
    async with site(tmp_path, certificates, certificates.ca) as at:
        for name, ip in (("www", "192.0.2.7"), ("mail", "192.0.2.8"), ("ads", "192.0.2.66")):
            reply = await ask(at.server, f"{name}.example.com")
            assert reply.records == [f"{name}.example.com. 600 IN A {ip}"]
        assert len(at.dot.queries) == 3
        assert at.dot.connections == 1
        assert at.server.metrics.upstream_queries_total == 3


async def test_answers_continue_by_tls_when_port_53_is_blocked(
    tmp_path: Path, certificates: Certificates
) -> None:
    async with site(tmp_path, certificates, certificates.ca, mode="fallback") as at:
        assert (await ask(at.server, "www.example.com")).status == "NOERROR"
        assert at.dot.queries == []
        assert at.server.metrics.fallback_used_total == 0
        for blocked in (ROOT, COM, EXAMPLE):
            at.net.dead(blocked)
        reply = await ask(at.server, "mail.example.com")
        assert reply.records == ["mail.example.com. 600 IN A 192.0.2.8"]
        assert at.server.metrics.fallback_used_total >= 1
        assert len(at.dot.queries) == 1


async def _refused(at: Site) -> str:
    """The reason with which a question fails; nothing of it has been told to anybody."""
    reply = await ask(at.server, "www.example.com")
    assert reply.status == "SERVFAIL"
    assert reply.errors[0].code == 22
    assert at.dot.queries == []
    assert at.net.count() == 0
    assert f"127.0.0.1#{at.dot.port}" in reply.errors[0].text
    return reply.errors[0].text


async def test_certificate_of_an_untrusted_authority_is_refused(
    tmp_path: Path, certificates: Certificates, others: Certificates
) -> None:
    async with site(tmp_path, certificates, others.ca) as at:
        assert "certificate refused: " in await _refused(at)


async def test_certificate_for_another_name_is_refused(
    tmp_path: Path, certificates: Certificates
) -> None:
    async with site(tmp_path, certificates, certificates.ca, name="dns.other.example") as at:
        reason = await _refused(at)
        assert "certificate refused: Hostname mismatch" in reason
        assert "dns.other.example" in reason


async def test_server_without_tls_learns_no_question(
    tmp_path: Path, certificates: Certificates
) -> None:
    async with site(tmp_path, None, certificates.ca, max_time="1s") as at:
        dot, net = at.dot, at.net
        reply = await ask(at.server, "www.example.com")
        assert reply.status == "SERVFAIL"
        assert net.count() == 0
        assert not any(b"example" in query for query in dot.queries)


async def test_certificate_of_the_server_itself_may_be_pinned(
    tmp_path: Path, certificates: Certificates
) -> None:
    async with site(tmp_path, certificates, certificates.chain, name="127.0.0.1") as at:
        assert (await ask(at.server, "www.example.com")).status == "NOERROR"


async def test_a_connection_that_ends_in_the_handshake_is_a_failure(
    tmp_path: Path, certificates: Certificates
) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.close()

    listener = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    to = {"address": f"127.0.0.1:{port}", "tls_name": NAME, "ca": str(certificates.ca)}
    with Loopback(tree()) as up:
        config = configured(up, tmp_path, forward=[{"name": ".", "to": [to]}])
        async with listener, Server(config) as server:
            reply = await ask(server, "www.example.com")
    assert reply.status == "SERVFAIL"
    assert f"127.0.0.1#{port} unreachable (" in reply.errors[0].text


async def test_a_connection_that_is_over_leaves_nothing_for_a_search_for_garbage(
    tmp_path: Path, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[weakref.ref[asyncio.BaseTransport]] = []
    connected = Upstream.connection_made

    def note(self: Upstream, transport: asyncio.BaseTransport) -> None:
        made.append(weakref.ref(with_socket(transport)))
        connected(self, transport)

    monkeypatch.setattr(Upstream, "connection_made", note)
    gc.disable()
    try:
        async with site(tmp_path, certificates, certificates.ca) as at:
            assert (await ask(at.server, "www.example.com")).status == "NOERROR"
        assert len(made) == 1
        async with asyncio.timeout(60):
            while made[0]() is not None:  # noqa: ASYNC110 - nobody tells us
                await asyncio.sleep(0.005)
    finally:
        gc.enable()


def test_port_53_is_not_for_tls() -> None:
    """RFC 7858 section 3.1: the usual port is 853, and 53 must not be used."""
    to = [
        ForwarderSettings(address=Address("192.0.2.1")),
        ForwarderSettings(address=Address("192.0.2.1"), tls_name=names.read(NAME)),
        ForwarderSettings(address=Address("192.0.2.1", 8853), tls_name=names.read(NAME)),
    ]
    plain, usual, given = forwarders(to, {})
    assert plain == Address("192.0.2.1", 53)
    assert usual == TlsAddress("192.0.2.1", 853, Proof(NAME))
    assert given == TlsAddress("192.0.2.1", 8853, Proof(NAME))


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "ca.pem: cannot be read: No such file or directory"),
        ("no certificate\n", "ca.pem:1: no certificate (PEM) in it"),
        (
            "about\n-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n",
            "ca.pem:2: not a certificate",
        ),
        ("\n\n-----BEGIN CERTIFICATE-----\nQUJD\n", "ca.pem:3: a certificate that does not end"),
    ],
)
def test_check_tells_what_is_wrong_with_a_file_of_certificates(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, fault: str
) -> None:
    if content is not None:
        (tmp_path / "ca.pem").write_text(content)
    to = f'{{ address = "192.0.2.1", tls_name = "{NAME}", ca = "ca.pem" }}'
    file = tmp_path / "config.toml"
    file.write_text(f'[[forward]]\nname = "."\nto = [{to}]\n')
    assert main(["check", "--config", str(file)]) == 1
    told = capsys.readouterr()
    assert fault in told.out + told.err
