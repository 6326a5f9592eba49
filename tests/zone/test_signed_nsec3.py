"""Which NSEC3 records prove what (RFC 5155 section 7.2).

`=name` is the record that matches a name, `-name` the one whose gap it lies in; hashes are those of
dnspython.
"""

import pytest
import signed_examples as signed
from signed_examples import asked, owners

from resolver import names
from resolver.model import Question
from resolver.zone.lookup import Found, NoData, NoName, Referral, lookup
from resolver.zone.nsec3 import HashCollisionError
from resolver.zone.proofs import proof

CASES = {
    "data needs no proof": ("www A", Found, ""),
    "no data (7.2.3)": ("www MX", NoData, "=www"),
    "no data at the apex": ("@ MX", NoData, "=@"),
    "no data at an empty non-terminal": ("ent A", NoData, "=ent"),
    "no name (7.2.2)": ("nothing A", NoName, "=@ -nothing -*"),
    "no name far below": ("x.y.nothing A", NoName, "=@ -nothing -*"),
    "no name below data": ("x.www A", NoName, "=www -x.www -*.www"),
    "no name below an empty non-terminal": ("x.y.ent A", NoName, "=ent -y.ent -*.ent"),
    "wildcard without data (7.2.5)": ("x.wild MX", NoData, "=wild -x.wild =*.wild"),
    "wildcard that is an empty non-terminal": ("x.went A", NoData, "=went -x.went =*.went"),
    "wildcard (7.2.6)": ("x.wild A", Found, "-x.wild"),
    "wildcard from far": ("a.b.wild A", Found, "-b.wild"),
    "the wildcard by its own name": ("*.wild MX", NoData, "=*.wild"),
    "a name that blocks the wildcard": ("there.wild A", NoData, "=there.wild"),
    "secure delegation": ("x.safe A", Referral, "DS"),
    "insecure delegation (7.2.7)": ("x.sub A", Referral, "=sub"),
    "DS of an insecure delegation (7.2.4)": ("sub DS", NoData, "=sub"),
    "empty non-terminal above one": ("cut A", NoData, "=cut"),
    "no name below that": ("x.cut A", NoName, "=cut -x.cut -*.cut"),
}
OPT_OUT = CASES | {
    "insecure delegation (7.2.7)": ("x.sub A", Referral, "=@ -sub"),
    "DS of an insecure delegation (7.2.4)": ("sub DS", NoData, "=@ -sub"),
    "far insecure delegation": ("far.cut DS", NoData, "=@ -cut"),
    "empty non-terminal above one": ("cut A", NoData, "=@ -cut"),
    "no name below that": ("x.cut A", NoName, "=@ -cut -*"),
}


def check(way: str, question: str, kind: type, expected: str) -> None:
    result, found = asked(signed.zone(way), *question.split())
    assert isinstance(result, kind)
    if expected == "DS":
        assert owners(found) == ["safe DS"]
        return
    where = {"=": signed.matching, "-": signed.covering}
    wanted = {where[word[0]](word[1:], way) for word in expected.split()}
    assert set(owners(found)) == wanted
    assert len(found) == 2 * len(wanted), "each once, with its signature"


@pytest.mark.parametrize(("question", "kind", "expected"), CASES.values(), ids=CASES)
def test_proof(question: str, kind: type, expected: str) -> None:
    check("nsec3", question, kind, expected)


@pytest.mark.parametrize(("question", "kind", "expected"), OPT_OUT.values(), ids=OPT_OUT)
def test_proof_with_opt_out(question: str, kind: type, expected: str) -> None:
    check("opt-out", question, kind, expected)


@pytest.mark.parametrize("rrtype", ["A", "NSEC3", "RRSIG", "ANY"])
def test_owner_of_nsec3_is_no_name(rrtype: str) -> None:
    """RFC 5155 section 7.2.8: as if it did not exist."""
    label = signed.hashed("www", "nsec3")
    result, found = asked(signed.zone("nsec3"), label, rrtype)
    assert isinstance(result, NoName)
    wanted = [signed.matching("@", "nsec3"), *(signed.covering(n, "nsec3") for n in (label, "*"))]
    assert set(owners(found)) == set(wanted)


def test_nothing_is_below_the_owner_of_nsec3() -> None:
    label = signed.hashed("www", "nsec3")
    result, _ = asked(signed.zone("nsec3"), f"x.{label}", "A")
    assert result == NoName(names.read(signed.ORIGIN))


def test_nsec3_for_a_name_that_is_not_there() -> None:
    """RFC 5155 section 7.2.9: nothing can be proven, and the caller is told."""
    label = signed.hashed("nothing", "nsec3")
    lines = signed.text("nsec3").splitlines()
    copy = next(line for line in lines if line.split()[3] == "NSEC3")
    made = signed.report(
        "\n".join([*lines, " ".join([f"{label}.{signed.ORIGIN}", *copy.split()[1:]])])
    )
    assert made.zone is not None
    question = Question(names.read(signed.full("nothing")), 1)
    with pytest.raises(HashCollisionError, match="nothing"):
        proof(made.zone, question, lookup(made.zone, question))


def test_work_for_one_answer_is_bounded_by_names_of_the_zone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from resolver.zone import nsec3

    hashes = []
    real = nsec3.Parameters.hash
    monkeypatch.setattr(nsec3.Parameters, "hash", lambda s, n: hashes.append(n) or real(s, n))
    zone = signed.zone("opt-out")
    for name in ("nothing", "x." * 100 + "nothing", "x." * 100 + "cut"):
        hashes.clear()
        asked(zone, name, "A")
        assert len(hashes) <= 4
