"""Where BIND and Unbound answer otherwise than we do for special names, and why.

The rcode is what is compared. SOA and NS records of such zones differ in names and times that RFC
6303 section 3 leaves open. Names are without their final dot.
"""

_APEX = "RFC 6303 section 3: the zone is here with its SOA, so its apex exists; there it does not"
_LOCALHOST = "RFC 6761 section 6.3: loopback addresses; BIND has no such zone built in"
_LOOPBACK = "RFC 6303 section 3 and Unbound: 127.0.0.1 is localhost; BIND leaves the zone empty"
_DNS64 = "RFC 8880 section 7.1: the name of the two addresses is known wherever they are"

# (name, type, peer, its rcode): reason
RCODES: dict[tuple[str, str, str, str], str] = {
    ("localhost", "A", "named", "NXDOMAIN"): _LOCALHOST,
    ("localhost", "AAAA", "named", "NXDOMAIN"): _LOCALHOST,
    ("localhost", "MX", "named", "NXDOMAIN"): _LOCALHOST,
    ("www.localhost", "A", "named", "NXDOMAIN"): _LOCALHOST,
    ("www.localhost", "AAAA", "named", "NXDOMAIN"): _LOCALHOST,
    ("invalid", "A", "named", "NXDOMAIN"): _APEX,
    ("test", "A", "named", "NXDOMAIN"): _APEX,
    ("onion", "A", "named", "NXDOMAIN"): _APEX,
    ("local", "SOA", "named", "NXDOMAIN"): _APEX,
    ("local", "SOA", "unbound", "NXDOMAIN"): _APEX,
    ("alt", "A", "named", "NXDOMAIN"): _APEX,
    ("alt", "A", "unbound", "NXDOMAIN"): _APEX,
    ("resolver.arpa", "A", "unbound", "NXDOMAIN"): _APEX,
    ("1.0.0.127.in-addr.arpa", "PTR", "named", "NXDOMAIN"): _LOOPBACK,
    ("170.0.0.192.in-addr.arpa", "PTR", "named", "NXDOMAIN"): _DNS64,
    ("170.0.0.192.in-addr.arpa", "PTR", "unbound", "NXDOMAIN"): _DNS64,
}
