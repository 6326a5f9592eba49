"""Asks resolvers the same questions, all of them of the same fake Internet. Runs in a namespace.

    python side_by_side.py zones FOLDER COUNT [SEED]
    python side_by_side.py special FOLDER

Writes FOLDER/answers.json: for each list of questions its title, and for each question what each
resolver said: rcode, answer section without TTLs, seconds. The first question of a list is asked
alone, so that all of them learn of a zone in the same way; the others at the same time. What is not
answered in time is asked once more when everything else is over: only what is silent then, is.
Each list has a network of its own for its questions, so that nobody seems to be a crowd.
"""

import asyncio
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any, TypeAlias

import dns.asyncquery
import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype
import generated_tree
from namespace import make_addresses_local
from recursive_peers import HOST, running
from special_questions import QUESTIONS, tree

from resolver.testing import Internet, Loopback

AT_ONCE = 24  # lists of questions for each resolver
WAIT_S = 12.0
SILENCE = "SILENCE"
UNREADABLE = "UNREADABLE"

Said: TypeAlias = "tuple[str, list[str], float]"


async def ask(port: int, question: str, source: str) -> Said:
    """Rcode, answer section and seconds. After a time-out: SILENCE."""
    began = time.monotonic()
    name, rrtype = question.split()
    query = dns.message.make_query(name, rrtype, use_edns=0, payload=1232)
    try:
        reply, _ = await dns.asyncquery.udp_with_fallback(
            query, HOST, port=port, timeout=WAIT_S, source=source
        )
    except dns.exception.Timeout:
        return SILENCE, [], WAIT_S
    except dns.exception.DNSException as error:
        return UNREADABLE, [str(error)], round(time.monotonic() - began, 2)
    records = sorted(
        f"{rrset.name.to_text()} {dns.rdatatype.to_text(rrset.rdtype)} {rdata.to_text()}".lower()
        for rrset in reply.answer
        for rdata in rrset
    )
    return dns.rcode.to_text(reply.rcode()), records, round(time.monotonic() - began, 2)


async def ask_lists(lists: dict[str, list[str]], port: int) -> dict[str, list[Said]]:
    """What one resolver said, by title."""
    places = asyncio.Semaphore(AT_ONCE)
    said: dict[str, list[Said]] = {}

    async def ask_list(number: int, title: str, questions: list[str]) -> None:
        source = f"127.{1 + number // 250}.{number % 250}.1"
        async with places:
            first = await ask(port, questions[0], source)
            others = (ask(port, question, source) for question in questions[1:])
            said[title] = [first, *await asyncio.gather(*others)]

    await asyncio.gather(*(ask_list(i, *entry) for i, entry in enumerate(lists.items())))
    silent = [(t, i) for t in lists for i, each in enumerate(said[t]) if each[0] == SILENCE]
    again = (ask(port, lists[title][i], HOST) for title, i in silent)
    for (title, i), answer in zip(silent, await asyncio.gather(*again), strict=True):
        said[title][i] = answer
    return said


async def ask_all(lists: dict[str, list[str]], ports: dict[str, int]) -> dict[str, Any]:
    """What all of them said, by resolver and title."""
    found = await asyncio.gather(*(ask_lists(lists, port) for port in ports.values()))
    return dict(zip(ports, found, strict=True))


def compare(folder: Path, net: Internet, lists: dict[str, list[str]]) -> None:
    """Serve the tree, start the resolvers, ask, write down."""
    make_addresses_local()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with Loopback(net, port=53, moved=False) as up:
        hints = up.write_hints(folder / "root.hints")
        with running(folder, hints) as ports:
            began = time.monotonic()
            said = asyncio.run(ask_all(lists, ports))
            took_s = time.monotonic() - began
    answers = {
        title: [
            {"question": question, **{name: said[name][title][i] for name in ports}}
            for i, question in enumerate(questions)
        ]
        for title, questions in lists.items()
    }
    (folder / "answers.json").write_text(json.dumps({"seconds": took_s, "answers": answers}))


def main() -> None:
    what, folder, *rest = sys.argv[1:]
    if what == "special":
        compare(Path(folder), tree(), {title: list(asked) for title, asked in QUESTIONS.items()})
        return
    net, planned = generated_tree.build(*map(int, rest[:1]), seed=int(rest[1]) if rest[1:] else 1)
    lists = {f"{zone.origin} {' '.join(zone.mistakes)}": list(zone.questions) for zone in planned}
    compare(Path(folder), net, lists)


if __name__ == "__main__":
    main()
