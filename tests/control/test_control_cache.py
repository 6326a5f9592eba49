"""Flushing, looking into and carrying away the cache by command (C04, C05, C06)."""

import json
from pathlib import Path

import pytest
from controlled import EXAMPLE, Controlled

from resolver.app.exits import FAILED, OK, USAGE
from resolver.codes import Rcode, RRType
from resolver.testing import Loopback

pytestmark = pytest.mark.loopback


def entries(control: Controlled, name: str) -> set[tuple[str, str | None]]:
    """Kind and type of what is known of the very name."""
    found = control.ctl("cache", "show", name, "--json").json["entries"]
    return {(e["kind"], e.get("type")) for e in found if e["name"] == f"{name}."}


def test_flush_makes_exactly_that_name_a_miss(control: Controlled) -> None:
    for name in ("www.example.com", "mail.example.com"):
        assert control.addresses(name)
    done = control.ctl("flush", "www.example.com")
    assert (done.code, done.err) == (OK, "")
    assert done.out.startswith("1 entries flushed: 1 rrsets")
    assert entries(control, "www.example.com") == set()
    assert entries(control, "mail.example.com") == {("answer", "A")}
    assert control.addresses("www.example.com") == [bytes((192, 0, 2, 7))]


def test_flush_of_one_type_leaves_the_others(control: Controlled) -> None:
    control.ask("www.example.com", RRType.A)
    control.ask("www.example.com", RRType.TXT)
    assert control.ctl("flush", "www.example.com", "--type", "TXT", "--json").json["flushed"] == 1
    assert entries(control, "www.example.com") == {("answer", "A")}


def test_flush_of_a_tree_takes_all_below(control: Controlled) -> None:
    for name in ("a.deep.example.com", "b.deep.example.com", "mail.example.com"):
        control.ask(name)
    done = control.ctl("flush", "deep.example.com", "--tree", "--json")
    assert done.json["rrsets"] == 2
    assert entries(control, "a.deep.example.com") == set()
    assert entries(control, "mail.example.com") == {("answer", "A")}


def test_show_tells_rank_time_and_data(control: Controlled, loopback: Loopback) -> None:
    control.ask("shop.example.com")
    found = control.ctl("cache", "show", "shop.example.com", "--json").json["entries"]
    answer = next(entry for entry in found if entry["kind"] == "answer")
    assert answer["records"] == ["ads.example.com."]
    assert answer["rank"] == "authoritative answer"
    assert answer["dnssec"] == "unsigned"
    server = loopback.address(EXAMPLE)
    assert answer["from"] == f"{server}#{loopback.port} over UDP"
    assert 0 < answer["ttl_left"] <= answer["ttl"] == 600
    (delegation,) = (entry for entry in found if entry["kind"] == "delegation")
    assert delegation["name"] == "example.com."
    text = control.ctl("cache", "show", "shop.example.com").out
    assert f"; shop.example.com. CNAME: authoritative answer, unsigned, from {server}#" in text
    assert " IN CNAME ads.example.com.\n" in text
    assert "; example.com. is delegated, " in text


def test_show_tells_what_does_not_exist(control: Controlled) -> None:
    assert control.ask("no.example.com").rcode == Rcode.NXDOMAIN
    control.ask("mail.example.com", RRType.TXT)
    denied = control.ctl("cache", "show", "below.no.example.com").out
    assert "; no.example.com. does not exist, nor does any name below, says example.com." in denied
    assert (
        "; mail.example.com. has no TXT, " in control.ctl("cache", "show", "mail.example.com").out
    )


def test_show_of_an_unknown_name_is_no_failure(control: Controlled) -> None:
    done = control.ctl("cache", "show", "nothing.test")
    assert done.code == OK
    assert done.out.startswith("; nothing is known of nothing.test.\n")


def test_dump_comes_back_with_its_time_taken_off(control: Controlled, tmp_path: Path) -> None:
    control.ask("www.example.com")
    control.ask("no.example.com")
    file = tmp_path / "dump"
    done = control.ctl("cache", "dump", file)
    assert (done.code, done.err) == (OK, "")
    lines = file.read_text().splitlines()
    kinds = {json.loads(line)["kind"] for line in lines}
    assert done.out == f"{len(lines)} items written\n"
    assert kinds == {"answer", "denial", "delegation"}
    before = entries(control, "www.example.com")
    assert control.ctl("flush-all").code == OK
    assert entries(control, "www.example.com") == set()
    loaded = control.ctl("cache", "load", file, "--json").json
    assert loaded == {"loaded": len(lines), "expired": 0}
    assert entries(control, "www.example.com") == before
    assert entries(control, "no.example.com") == {("denial", None)}
    assert 590 <= control.ask("www.example.com").answer[0].ttl <= 600


def test_dump_leaves_out_what_has_expired(control: Controlled, tmp_path: Path) -> None:
    control.ask("www.example.com")
    out = control.ctl("cache", "dump", "-").out
    old = [{**json.loads(line), "expires_at": 1_000_000} for line in out.splitlines()]
    assert old
    file = tmp_path / "old"
    file.write_text("\n".join(map(json.dumps, old)))
    loaded = control.ctl("cache", "load", file, "--json").json
    assert loaded == {"loaded": 0, "expired": len(old)}


@pytest.mark.parametrize("line", ["{", "[]", "{}", '{"kind": "answer"}', "null", '"\\ud800"'])
def test_what_is_no_dump_is_refused(control: Controlled, tmp_path: Path, line: str) -> None:
    file = tmp_path / "bad"
    file.write_text(line + "\n")
    done = control.ctl("cache", "load", file)
    assert done.code == FAILED
    assert done.err.startswith("entry 1: ")


def test_file_that_cannot_be_had_is_told(control: Controlled, tmp_path: Path) -> None:
    for verb in ("dump", "load"):
        done = control.ctl("cache", verb, tmp_path / "missing" / "file")
        assert done.code == FAILED
        assert "No such file or directory" in done.err


def test_stats_count_what_is_there(control: Controlled) -> None:
    control.ask("www.example.com")
    facts = control.ctl("cache", "stats", "--json").json
    assert facts["caches"]["rrsets"]["entries"] >= 1
    assert 0 < facts["octets"] < facts["size_octets"]
    assert "rrsets" in control.ctl("cache", "stats").out


def test_snapshot_is_written_now(control: Controlled) -> None:
    snapshot = control.folder / "var" / "cache.snapshot"
    snapshot.unlink(missing_ok=True)
    assert control.ctl("cache", "save").code == OK
    assert snapshot.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("flush",),
        ("flush", "a..b"),
        ("flush", "a", "--type", "NOTYPE"),
        ("cache", "show"),
        ("fly",),
    ],
)
def test_command_line_without_sense_is_a_usage_error(
    control: Controlled, arguments: tuple[str, ...]
) -> None:
    assert control.ctl(*arguments).code == USAGE
