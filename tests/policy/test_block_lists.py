"""Block lists in the forms that are published, and what their names are answered with (R24)."""

import pytest

from resolver import names
from resolver.codes import Ede, Rcode, RRType
from resolver.model import Answer, Question
from resolver.policy.blocklist import BlockList, read_block_list
from resolver.policy.lines import MAX_FINDINGS, MAX_LINE_OCTETS, Complaints
from resolver.policy.local import Blocking, Overlay
from resolver.slices import finish


def read(text: str | bytes, *, chunk: int = 1000) -> tuple[BlockList, Complaints]:
    data = text.encode() if isinstance(text, str) else text
    chunks = [data[i : i + chunk] for i in range(0, len(data), chunk)]
    complaints = Complaints("list.txt")
    return finish(read_block_list(chunks, "list.txt", complaints)), complaints


def covers(blocks: BlockList, name: str) -> str | None:
    found = blocks.covering(names.read(name).lower())
    return None if found is None else names.show(found)


@pytest.mark.parametrize(
    "line",
    [
        "ads.example",
        "ads.example.",
        "ADS.Example",
        "*.ads.example",
        ".ads.example",
        "ads.example # why",
        "  ads.example\t",
        "ads.example\r",
        "0.0.0.0 ads.example",
        "127.0.0.1\tads.example other.example",
        ":: ads.example",
        "0.0.0.0 www.localhost ads.example # why",
        "||ads.example^",
        "\ufeffads.example",
    ],
)
def test_a_line_in_any_form_blocks_the_name_and_everything_below(line: str):
    blocks, complaints = read(f"{line}\nlast.example")
    assert complaints.count == 0
    assert covers(blocks, "ads.example.") == "ads.example."
    assert covers(blocks, "x.y.ADS.example.") == "ads.example."
    assert covers(blocks, "example.") is None
    assert covers(blocks, "badads.example.") is None
    assert covers(blocks, "last.example.") == "last.example.", "no final newline"


@pytest.mark.parametrize("line", ["", "   ", "# ads.example", "! ads.example", "[Adblock Plus]"])
def test_comments_block_nothing(line: str):
    blocks, complaints = read(line + "\n")
    assert (blocks.blocked.count, complaints.count) == (0, 0)


def test_hosts_lines_leave_names_of_one_label_alone():
    blocks, _ = read("127.0.0.1 localhost\n0.0.0.0 com\n0.0.0.0 0.0.0.0.example\n")
    assert covers(blocks, "localhost.") is None
    assert covers(blocks, "www.com.") is None


def test_a_plain_name_of_one_label_blocks_a_top_level_domain():
    assert covers(read("zip\n")[0], "www.zip.") == "zip."


def test_exceptions_are_nearer_than_what_they_except_from():
    blocks, _ = read("||ads.example^\n@@||good.ads.example^\n||bad.good.ads.example^\n")
    assert covers(blocks, "ads.example.") == "ads.example."
    assert covers(blocks, "x.good.ads.example.") is None
    assert covers(blocks, "bad.good.ads.example.") == "bad.good.ads.example."


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("a..b", "empty label"),
        ("x" * 64 + ".example", "63 octets"),
        (".".join(["abcdefgh"] * 32), "longer than a name"),
        ("bücher.example", "xn--"),
        ("ads.example something", "neither"),
        ("||ads.example^$third-party", "browsers"),
        ("||ads.example/banner", "browsers"),
        ("|http://ads.example", "browsers"),
        ("http://ads.example/", "no name"),
        ("a" * (MAX_LINE_OCTETS + 1), "line of more"),
    ],
)
@pytest.mark.parametrize("chunk", [7, 100_000])
def test_a_line_that_cannot_be_used_is_told_and_left_out(line: str, reason: str, chunk: int):
    blocks, complaints = read(f"first.example\n{line}\nlast.example\n", chunk=chunk)
    (finding,) = complaints.told()
    assert (finding.file, finding.line) == ("list.txt", 2)
    assert reason in finding.reason
    assert covers(blocks, "first.example.")
    assert covers(blocks, "last.example.")
    assert blocks.blocked.count == 2


FORMS = ["host.example", "0.0.0.0 host.example", "127.0.0.1\thost.example", "||host.example^"]


@pytest.mark.parametrize("odd", [*FORMS, "@@||host.example^", "! why", "", ":: one", "a..b"])
@pytest.mark.parametrize("form", FORMS)
def test_a_line_that_is_different_changes_nothing_for_the_others(odd: str, form: str):
    lines = [form.replace("host", f"host{i}") for i in range(120)]
    lines[60:60] = [odd]
    blocks, complaints = read("\n".join(lines) + "\r\n", chunk=100_000)
    assert [finding.line for finding in complaints.told()] == [61] * (odd == "a..b")
    assert all(covers(blocks, f"host{i}.example.") for i in range(120))
    assert (covers(blocks, "host.example.") is not None) == (odd in FORMS)
    assert covers(blocks, "one.") is None


def test_a_file_of_anything_at_all_is_told_of_in_a_few_lines():
    _, complaints = read(bytes(range(256)) * 400)
    assert len(complaints.told()) <= MAX_FINDINGS + 1
    _, complaints = read("a..b\n" * 1000)
    assert complaints.told()[-1].reason == f"… and {1000 - MAX_FINDINGS} more lines left out"


def test_a_name_listed_twice_counts_once():
    assert read("a.example\n" * 5)[0].blocked.count == 1


def test_many_names_take_few_octets_each():
    blocks, _ = read("".join(f"host{i}.example\n" for i in range(50_000)), chunk=65_536)
    assert blocks.blocked.count == 50_000
    assert blocks.octets <= 50_000 * 8
    assert all(covers(blocks, f"host{i}.example.") for i in range(0, 50_000, 500))
    assert not any(covers(blocks, f"guest{i}.example.") for i in range(5_000))


def ask(question: str, **settings: object) -> Answer | None:
    blocks, _ = read("ads.example\n")
    overlay = Overlay(blocks=[Blocking(blocks, **settings)])  # type: ignore[arg-type]
    name, _, rrtype = question.partition(" ")
    return overlay.blocked(Question(names.read(name), RRType[rrtype or "A"]))


def test_a_blocked_name_does_not_exist_and_the_client_is_told_why():
    answer = ask("x.ads.example.")
    assert answer is not None
    assert (answer.rcode, list(answer.answer)) == (Rcode.NXDOMAIN, [])
    (error,) = answer.extended_errors
    assert error.code == Ede.BLOCKED
    assert error.text == "ads.example. is on the block list list.txt"
    assert [r.rrtype for r in answer.authority] == [RRType.SOA]


def test_a_blocked_name_may_have_the_address_that_leads_nowhere():
    for question, rdata in (("ads.example. A", bytes(4)), ("ads.example. AAAA", bytes(16))):
        answer = ask(question, answer="zero")
        assert answer is not None
        assert [r.rdatas for r in answer.answer] == [(rdata,)]
        assert answer.extended_errors[0].code == Ede.BLOCKED
    answer = ask("ads.example. MX", answer="zero")
    assert answer is not None
    assert (answer.rcode, list(answer.answer)) == (Rcode.NOERROR, [])


def test_allowed_names_are_not_blocked():
    allow = (names.read("good.ads.example."),)
    assert ask("x.good.ads.example.", allow=allow) is None
    assert ask("x.ads.example.", allow=allow) is not None
