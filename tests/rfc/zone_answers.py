"""Zones of RFC texts, and what they answer, in the words of those texts."""

from dataclasses import dataclass

from resolver import codes, names
from resolver.codes import show_rcode, show_type
from resolver.model import Question, RRset
from resolver.serve.authority import answer
from resolver.wire.text import show_rdata
from resolver.zone.file import read_zone_text
from resolver.zone.store import ZoneStore


@dataclass(frozen=True)
class Response:
    """A response; sections are sets of `owner type data`."""

    rcode: str
    aa: bool
    answer: set[str]
    authority: set[str]
    additional: set[str]


def serve(**zones: str) -> ZoneStore:
    """A store of zones given as origin (underscores for dots; `root`) and text."""
    store = ZoneStore()
    for origin, text in zones.items():
        wire = names.ROOT if origin == "root" else names.read(origin.replace("_", "."))
        report = read_zone_text(text, wire)
        assert report.zone is not None, report.errors
        store.swap(report.zone)
    return store


def ask(store: ZoneStore, qname: str, qtype: str) -> Response:
    number = codes.read_type(qtype)
    assert number is not None
    found = answer(store, Question(names.read(qname), number), minimal=True, whole_any=True)
    assert found is not None
    return Response(
        show_rcode(found.rcode),
        found.authoritative,
        _lines(list(found.answer)),
        _lines(list(found.authority)),
        _lines(list(found.additional)),
    )


def _lines(rrsets: list[RRset]) -> set[str]:
    return {
        f"{names.show(r.owner)} {show_type(r.rrtype)} {show_rdata(r.rrtype, rdata)}"
        for r in rrsets
        for rdata in r.rdatas
    }
