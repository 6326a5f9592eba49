"""EDNS options that we know: extended errors, cookies, NSID, padding, keepalive."""

import dns.edns
import pytest

from resolver.codes import Ede
from resolver.errors import WireError
from resolver.model import Edns, EdnsOptionValue, ExtendedError
from resolver.wire import edns as wire_edns
from resolver.wire.edns import Cookie


def with_options(*options: EdnsOptionValue) -> Edns:
    return Edns(options=options)


def test_extended_errors_both_ways() -> None:
    # RFC 8914 section 2
    edns = with_options(
        wire_edns.extended_error_option(Ede.STALE_ANSWER),
        wire_edns.nsid_option(b"ns1"),
        wire_edns.extended_error_option(Ede.NO_REACHABLE_AUTHORITY, "at example. à bientôt"),
    )
    assert wire_edns.extended_errors(edns) == [
        ExtendedError(3, ""),
        ExtendedError(22, "at example. à bientôt"),
    ]
    assert wire_edns.extended_errors(None) == []


def test_extended_errors_that_are_damaged() -> None:
    edns = with_options(
        EdnsOptionValue(15, b""), EdnsOptionValue(15, b"\0"), EdnsOptionValue(15, b"\0\6\xff")
    )
    assert wire_edns.extended_errors(edns) == [ExtendedError(6, "\ufffd")]


def test_dnspython_calls_extended_errors_as_we_do() -> None:
    theirs = {int(code): code.name for code in dns.edns.EDECode}
    differing = [code for code in Ede if not theirs[code].startswith(code.name)]
    assert differing == []


def test_cookies_both_ways() -> None:
    # RFC 7873 section 4
    client, server = b"clientcc", b"s" * 16
    edns = with_options(wire_edns.cookie_option(client, server))
    assert wire_edns.cookie(edns) == Cookie(client, server)
    assert wire_edns.cookie(with_options(wire_edns.cookie_option(client))) == Cookie(client, b"")
    assert wire_edns.cookie(Edns()) is None
    assert wire_edns.cookie(None) is None


@pytest.mark.parametrize("octets", [0, 7, 9, 15, 41])
def test_cookies_of_a_length_that_none_has(octets: int) -> None:
    with pytest.raises(WireError, match=f"cookie of {octets} octets"):
        wire_edns.cookie(with_options(EdnsOptionValue(10, bytes(octets))))


@pytest.mark.parametrize("octets", [8, 16, 40])
def test_cookies_of_a_length_that_some_have(octets: int) -> None:
    found = wire_edns.cookie(with_options(EdnsOptionValue(10, bytes(octets))))
    assert found == Cookie(bytes(8), bytes(octets - 8))


@pytest.mark.parametrize(("client", "server"), [(7, 0), (9, 0), (8, 7), (8, 33), (16, 0)])
def test_cookies_that_we_would_not_send(client: int, server: int) -> None:
    with pytest.raises(ValueError, match="octets"):
        wire_edns.cookie_option(bytes(client), bytes(server))


def test_the_first_of_repeated_options_counts() -> None:
    edns = with_options(wire_edns.nsid_option(b"one"), wire_edns.nsid_option(b"two"))
    assert wire_edns.nsid(edns) == b"one"


def test_nsid_asked_for_and_given() -> None:
    # RFC 5001 section 2
    assert wire_edns.nsid(with_options(wire_edns.nsid_option())) == b""
    assert wire_edns.nsid(with_options(wire_edns.nsid_option(b"ns1"))) == b"ns1"
    assert wire_edns.nsid(Edns()) is None


@pytest.mark.parametrize("octets", [0, 1, 123, 124, 125, 400, 464, 468])
@pytest.mark.parametrize("block", [128, 468])
def test_padding_fills_the_block(octets: int, block: int) -> None:
    # RFC 8467 section 4.1; the option itself has four octets before its data.
    padding = wire_edns.padding_octets(octets, block)
    assert 0 <= padding < block
    assert (octets + 4 + padding) % block == 0
    assert wire_edns.padding_option(padding) == EdnsOptionValue(12, bytes(padding))


def test_keepalive_is_in_tenths_of_a_second() -> None:
    # RFC 7828 section 3.1
    option = wire_edns.keepalive_option(12.34)
    assert option == EdnsOptionValue(11, b"\0\x7b")
    assert wire_edns.keepalive_s(with_options(option)) == pytest.approx(12.3)
    assert wire_edns.keepalive_option(1e9).data == b"\xff\xff"
    assert wire_edns.keepalive_option() == EdnsOptionValue(11, b"")


def test_keepalive_without_a_time() -> None:
    assert wire_edns.keepalive_s(with_options(wire_edns.keepalive_option())) is None
    assert wire_edns.keepalive_s(None) is None
    with pytest.raises(WireError, match="3 octets"):
        wire_edns.keepalive_s(with_options(EdnsOptionValue(11, b"abc")))
