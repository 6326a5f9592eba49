"""RFC 6672 section 2.2, table 1: what the substitution makes of a name."""

import pytest
from zone_answers import ask, serve

APEX = "$TTL 60\n@ SOA ns.invalid. hostmaster.invalid. 1 2 3 4 5\n@ NS ns.invalid.\n"


@pytest.mark.parametrize(
    ("qname", "owner", "target", "result"),
    [
        ("com.", "example.com.", "example.net.", None),
        ("example.com.", "example.com.", "example.net.", None),
        ("a.example.com.", "example.com.", "example.net.", "a.example.net."),
        ("a.b.example.com.", "example.com.", "example.net.", "a.b.example.net."),
        ("ab.example.com.", "b.example.com.", "example.net.", None),
        ("foo.example.com.", "example.com.", "example.net.", "foo.example.net."),
        ("a.x.example.com.", "x.example.com.", "example.net.", "a.example.net."),
        ("a.example.com.", "example.com.", "y.example.net.", "a.y.example.net."),
        ("cyc.example.com.", "example.com.", "example.com.", "cyc.example.com."),
        ("cyc.example.com.", "example.com.", "c.example.com.", "cyc.c.example.com."),
        ("shortloop.x.x.", "x.", ".", "shortloop.x."),
        ("shortloop.x.", "x.", ".", "shortloop."),
    ],
)
def test_substitution(qname: str, owner: str, target: str, result: str | None) -> None:
    origin = "com_" if owner.endswith("com.") else "x_"
    server = serve(**{origin: f"{APEX}{owner} DNAME {target}\n"})
    response = ask(server, qname, "CNAME")
    made = {line for line in response.answer if " CNAME " in line}
    assert made == ({f"{qname} CNAME {result}"} if result else set())
