"""Trees that several tests walk."""

from resolver.testing import Internet, zone

ROOT, COM, NET, EXAMPLE, OTHER, SECOND = (f"198.51.100.{i}" for i in range(1, 7))

EXAMPLE_TEXT = """
    www    A      192.0.2.7
           AAAA   2001:db8::7
    mail   MX     10 www
    a.b.c  A      192.0.2.9
    to     CNAME  www
"""


def small_tree(text: str = EXAMPLE_TEXT, *servers: str) -> Internet:
    """The root, com. and example.com. with `text`, on EXAMPLE or the servers given."""
    net = Internet()
    net.root(".", ROOT)
    net.host("com.", COM)
    net.host("example.com.", *(servers or (EXAMPLE,)), zone("example.com.", text))
    return net


def two_zones(text: str, other_text: str) -> Internet:
    """small_tree, and other.net. with `other_text` on OTHER."""
    net = small_tree(text)
    net.host("net.", NET)
    net.host("other.net.", OTHER, zone("other.net.", other_text))
    return net
