"""dig asks for the names of addresses: reverse zones of both families, and a classless one."""

import shutil
from pathlib import Path

import pytest
from transfer_peers import dig, rootward

pytestmark = [
    pytest.mark.peer,
    pytest.mark.loopback,
    pytest.mark.skipif(shutil.which("dig") is None, reason="dig is not installed"),
]

HEAD = "$TTL 300\n@ SOA ns.example.test. host.example.test. 1 7200 900 1209600 60\n"
NS = "@ NS ns.example.test.\n"
ZONES = {
    "2.0.192.in-addr.arpa": "5 PTR www.example.test.\n"
    # RFC 2317 section 4: half of the network is somebody else's, here ours as well.
    "128/25 NS ns.example.test.\n$GENERATE 129-254 $ CNAME $.128/25\n",
    "128/25.2.0.192.in-addr.arpa": "$GENERATE 129-254 $ PTR host-$.example.test.\n",
    "8.b.d.0.1.0.0.2.ip6.arpa": f"5.{'0.' * 22}0 PTR six.example.test.\n",
}


def test_names_of_addresses(tmp_path: Path) -> None:
    config = "[recursion]\nenabled = false\n"
    for number, (origin, body) in enumerate(ZONES.items()):
        (tmp_path / f"{number}.zone").write_text(HEAD + NS + body)
        config += f'[[zone]]\nname = "{origin}"\nfile = "{number}.zone"\n'
    with rootward(tmp_path, config) as port:

        def asked(address: str) -> list[str]:
            return dig(port, "+short", "-x", address).split()

        assert asked("192.0.2.5") == ["www.example.test."]
        assert asked("2001:db8::5") == ["six.example.test."]
        classless = "200.128/25.2.0.192.in-addr.arpa."
        assert asked("192.0.2.200") == [classless, "host-200.example.test."]
        assert asked("192.0.2.6") == []
        assert "status: NXDOMAIN" in dig(port, "-x", "192.0.2.6")
