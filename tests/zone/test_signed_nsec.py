"""Which NSEC records prove what (RFC 4035 section 3.1.3)."""

import pytest
import signed_examples as signed
from signed_examples import asked, owners

from resolver.zone.lookup import Alias, Found, NoData, NoName, Redirection, Referral

CASES = {
    "data needs no proof": ("www A", Found, []),
    "nor does an alias": ("alias A", Alias, []),
    "nor a redirection": ("x.red A", Redirection, []),
    "no data (3.1.3.1)": ("www MX", NoData, ["www"]),
    "no data at the apex": ("@ MX", NoData, ["@"]),
    "no data at an empty non-terminal": ("ent A", NoData, ["far.cut"]),
    "no data at the owner of a DNAME": ("red A", NoData, ["red"]),
    "no name, and no wildcard (3.1.3.2)": ("nothing A", NoName, ["leaf.ent", "@"]),
    "one gap for both": ("a A", NoName, ["@"]),
    "no name far below": ("x.y.nothing A", NoName, ["leaf.ent", "@"]),
    "no name behind the last": ("zzz A", NoName, ["www", "@"]),
    "no name below data": ("x.www A", NoName, ["www"]),
    "no name below an empty non-terminal": ("x.ent A", NoName, ["leaf.ent", "far.cut"]),
    "wildcard (3.1.3.3)": ("x.wild A", Found, ["there.wild"]),
    "wildcard from far": ("a.b.wild A", Found, ["*.wild"]),
    "the wildcard by its own name": ("*.wild A", Found, []),
    "wildcard without data (3.1.3.4)": ("x.wild MX", NoData, ["there.wild", "*.wild"]),
    "wildcard that is an empty non-terminal": ("x.went A", NoData, ["leaf.*.went", "sub"]),
    "a name that blocks the wildcard": ("there.wild A", NoData, ["there.wild"]),
    "a name below it": ("x.there.wild A", NoName, ["there.wild"]),
    "secure delegation (3.1.4)": ("x.safe A", Referral, ["safe DS"]),
    "insecure delegation": ("x.sub A", Referral, ["sub"]),
    "insecure delegation itself": ("sub A", Referral, ["sub"]),
    "DS of an insecure delegation": ("sub DS", NoData, ["sub"]),
    "DS of a secure delegation": ("safe DS", Found, []),
    "DS where nothing is delegated": ("www DS", NoData, ["www"]),
    "DS below a delegation": ("x.sub DS", Referral, ["sub"]),
}


@pytest.mark.parametrize(("question", "kind", "expected"), CASES.values(), ids=CASES)
def test_proof(question: str, kind: type, expected: list[str]) -> None:
    result, proof = asked(signed.zone("nsec"), *question.split())
    assert isinstance(result, kind)
    assert sorted(owners(proof)) == sorted(expected)


def test_letters_of_a_question_do_not_matter() -> None:
    _, proof = asked(signed.zone("nsec"), "NoThInG", "A")
    assert owners(proof) == ["leaf.ent", "@"]


def test_nsec_is_data_when_it_is_asked_for() -> None:
    result, proof = asked(signed.zone("nsec"), "www", "NSEC")
    assert isinstance(result, Found)
    assert proof == []
