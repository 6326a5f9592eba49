"""Questions about names that are not for the root, by the RFC that says so; and a root that denies
all of them, as the real one would."""

from resolver.testing import Internet, zone

QUESTIONS: dict[str, tuple[str, ...]] = {
    "RFC 6761 section 6.3: localhost": (
        "localhost. A",
        "localhost. AAAA",
        "localhost. MX",
        "www.localhost. A",
        "www.localhost. AAAA",
    ),
    "RFC 6761 section 6.4: invalid": ("invalid. A", "www.invalid. A", "www.invalid. MX"),
    "RFC 6761 section 6.2: test": ("test. A", "www.test. A"),
    "RFC 6761 section 6.5: example": ("www.example. A",),
    "RFC 6761 section 6.1, RFC 6303: private reverse zones": (
        "1.0.0.10.in-addr.arpa. PTR",
        "1.1.16.172.in-addr.arpa. PTR",
        "1.1.31.172.in-addr.arpa. PTR",
        "1.1.168.192.in-addr.arpa. PTR",
        "168.192.in-addr.arpa. SOA",
        "10.in-addr.arpa. NS",
    ),
    "RFC 6303 section 4.2: special IPv4": (
        "1.0.0.127.in-addr.arpa. PTR",
        "1.1.1.127.in-addr.arpa. PTR",
        "1.0.0.0.in-addr.arpa. PTR",
        "1.1.254.169.in-addr.arpa. PTR",
        "1.2.0.192.in-addr.arpa. PTR",
        "1.100.51.198.in-addr.arpa. PTR",
        "1.113.0.203.in-addr.arpa. PTR",
        "255.255.255.255.in-addr.arpa. PTR",
    ),
    "RFC 7793: shared addresses": (
        "1.1.64.100.in-addr.arpa. PTR",
        "1.1.127.100.in-addr.arpa. PTR",
        "1.1.128.100.in-addr.arpa. PTR",
    ),
    "RFC 6303 sections 4.3 to 4.6: special IPv6": (
        "0." * 32 + "ip6.arpa. PTR",
        "1." + "0." * 31 + "ip6.arpa. PTR",
        "1." + "0." * 29 + "d.f.ip6.arpa. PTR",
        "1." + "0." * 28 + "8.e.f.ip6.arpa. PTR",
        "1." + "0." * 23 + "8.b.d.0.1.0.0.2.ip6.arpa. PTR",
    ),
    "RFC 6762 section 22: local": ("local. SOA", "printer.local. A"),
    "RFC 7686: onion": ("onion. A", "abcdefghijklmnop.onion. A"),
    "RFC 8375: home.arpa": ("home.arpa. SOA", "nas.home.arpa. A"),
    "RFC 9476: alt": ("alt. A", "name.alt. A"),
    "RFC 8880: ipv4only.arpa": (
        "ipv4only.arpa. A",
        "ipv4only.arpa. AAAA",
        "170.0.0.192.in-addr.arpa. PTR",
    ),
    "RFC 9462: resolver.arpa": ("_dns.resolver.arpa. TYPE64", "resolver.arpa. A"),
}
SERVER = "198.18.0.1"


def tree() -> Internet:
    """A root that delegates arpa and, as the real tree does, lets 10.in-addr.arpa and its like end
    nowhere. home.arpa is delegated (RFC 8375 section 5), and so is ipv4only.arpa."""
    net = Internet()
    net.root(".", SERVER)
    net.host("arpa.", "198.18.0.2")
    net.host(
        "ipv4only.arpa.", "198.18.0.3", zone("ipv4only.arpa.", "@ A 192.0.0.170\n@ A 192.0.0.171")
    )
    net.host("home.arpa.", "198.18.0.4")
    return net
