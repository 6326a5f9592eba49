"""A zone as a master file in one fixed form, made to be compared and to be read back.

One record on a line, with all its fields and no relative names; the SOA first, then names in
canonical order, types by number, records by their canonical data. Two versions with the same
records give the same text, whatever files or transfers they came from; only the spelling of names
is kept.

Knows: RFC 1035 section 5.1, RFC 4034 sections 3.2, 5.3 and 6, RFC 5952 (text of addresses). Does
not know: files.
"""

from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from ipaddress import IPv6Address
from struct import Struct
from typing import Final

from resolver import names
from resolver.codes import RRType, show_type
from resolver.slices import Slices
from resolver.wire.text import show_rdata
from resolver.zone import content
from resolver.zone.content import Zone
from resolver.zone.groups import Group, in_order, unpack_groups
from resolver.zone.ring import sorted_chunks

# Names between two breaks: a millisecond or two of work.
_SLICE_NAMES: Final = 100
_SOA_NUMBERS: Final = Struct(">5I")
_SRV: Final = Struct(">3H")
_DS_HEAD_OCTETS: Final = 4
_RRSIG: Final = Struct(">HBBIIIH")

Shower = Callable[[bytes], str]


def dump(zone: Zone, write: Callable[[str], object]) -> Slices[None]:
    """Write the zone, some lines at a time."""
    chunks = yield from sorted_chunks(zone.nodes, names.canonical_key)
    chunks.reverse()
    while chunks:
        chunk = chunks.pop()
        for at in range(0, len(chunk), _SLICE_NAMES):
            part = chunk[at : at + _SLICE_NAMES]
            write("".join([line for name in part for line in _lines(zone, name)]))
            yield


def _lines(zone: Zone, name: bytes) -> Iterator[str]:
    """The records of a name, one on each line."""
    packed = zone.nodes.get(name) or content.PACKED_ENT
    owner = names.show(packed[2 : 2 + packed[1]] if packed[0] & content.CASED else name)
    for group in sorted(in_order(unpack_groups(packed).values()), key=_is_not_soa):
        head = f"{owner} {group.ttl} IN {show_type(group.rrtype)} "
        shower = _SHOWERS.get(group.rrtype)
        for _, rdata in sorted(group.rdatas.items()):
            data = shower(rdata) if shower else show_rdata(group.rrtype, rdata)
            yield f"{head}{data}\n"


def _is_not_soa(group: Group) -> bool:
    return group.rrtype != RRType.SOA


def _show_a(rdata: bytes) -> str:
    a, b, c, d = rdata
    return f"{a}.{b}.{c}.{d}"


def _show_aaaa(rdata: bytes) -> str:
    return str(IPv6Address(rdata))


def _show_soa(rdata: bytes) -> str:
    end = len(rdata) - _SOA_NUMBERS.size
    mname = rdata[: _name_end(rdata)]
    rname = rdata[len(mname) : end]
    numbers = " ".join(map(str, _SOA_NUMBERS.unpack_from(rdata, end)))
    return f"{names.show(mname)} {names.show(rname)} {numbers}"


def _show_mx(rdata: bytes) -> str:
    return f"{rdata[0] << 8 | rdata[1]} {names.show(rdata[2:])}"


def _show_srv(rdata: bytes) -> str:
    priority, weight, port = _SRV.unpack_from(rdata)
    return f"{priority} {weight} {port} {names.show(rdata[_SRV.size :])}"


def _show_txt(rdata: bytes) -> str:
    strings = []
    at = 0
    while at < len(rdata):
        start = at + 1
        at = start + rdata[at]
        strings.append(f'"{"".join([_QUOTED[octet] for octet in rdata[start:at]])}"')
    # A transfer may bring a TXT record that is no row of strings.
    return " ".join(strings) if at == len(rdata) > 0 else show_rdata(RRType.TXT, rdata)


def _show_ds(rdata: bytes) -> str:
    if len(rdata) == _DS_HEAD_OCTETS:
        return show_rdata(RRType.DS, rdata)
    return f"{rdata[0] << 8 | rdata[1]} {rdata[2]} {rdata[3]} {rdata[4:].hex().upper()}"


def _show_rrsig(rdata: bytes) -> str:
    covered, algorithm, labels, ttl, expires, begins, tag = _RRSIG.unpack_from(rdata)
    at = _RRSIG.size
    end = at + _name_end(rdata[at:])
    if end == len(rdata):
        return show_rdata(RRType.RRSIG, rdata)
    signature = b64encode(rdata[end:]).decode()
    return (
        f"{show_type(covered)} {algorithm} {labels} {ttl} {_show_time(expires)} "
        f"{_show_time(begins)} {tag} {names.show(rdata[at:end])} {signature}"
    )


def _show_time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%d%H%M%S")


def _name_end(data: bytes) -> int:
    at = 0
    while data[at]:
        at += data[at] + 1
    return at + 1


# Octets of a quoted string (RFC 1035 section 5.1).
_QUOTED: Final = [
    f"\\{chr(o)}" if o in b'"\\' else chr(o) if 32 <= o < 127 else f"\\{o:03d}" for o in range(256)
]
# The types that most zones are made of; all others are shown by wire/text.py, which is slow.
_SHOWERS: Final[dict[int, Shower]] = {
    RRType.A: _show_a,
    RRType.NS: names.show,
    RRType.CNAME: names.show,
    RRType.SOA: _show_soa,
    RRType.PTR: names.show,
    RRType.MX: _show_mx,
    RRType.TXT: _show_txt,
    RRType.AAAA: _show_aaaa,
    RRType.SRV: _show_srv,
    RRType.DNAME: names.show,
    RRType.DS: _show_ds,
    RRType.RRSIG: _show_rrsig,
}
