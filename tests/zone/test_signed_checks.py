"""What is said about a signed zone when it is read."""

import calendar

import pytest
import signed_examples as signed
from signed_examples import SIGNED_AT_S, report, text

from resolver.zone.nsec import NsecDenial
from resolver.zone.nsec3 import Nsec3Denial


def told(content: str, now: float = SIGNED_AT_S) -> list[str]:
    """Warnings as `line: reason`."""
    found = report(content, now)
    assert not found.errors
    return [f"{f.line}: {f.reason}" for f in found.warnings]


def without(way: str, *words: str) -> str:
    """The zone without the lines that hold all the words."""
    lines = text(way).splitlines()
    return "\n".join(line for line in lines if not all(word in line for word in words))


def without_owner(way: str, owner: str) -> str:
    """The zone without a name."""
    lines = text(way).splitlines()
    return "\n".join(line for line in lines if line.lower().split()[0] != owner)


@pytest.mark.parametrize("way", ["nsec", "opt-out"])
def test_a_zone_as_it_should_be(way: str) -> None:
    assert told(text(way)) == []


def line_of(content: str, *words: str) -> int:
    lines = content.splitlines()
    return next(i for i, line in enumerate(lines, 1) if all(word in line for word in words))


def test_expired_signatures_are_told_once() -> None:
    line = line_of(text("nsec"), "RRSIG SOA")
    (warning,) = told(text("nsec"), calendar.timegm((2040, 1, 1, 0, 0, 1)))
    expected = (
        f"{line}: the signature of example.test. SOA expired on 2040-01-01 00:00:00 UTC, and "
    )
    assert warning.startswith(expected)
    assert told(text("nsec"), calendar.timegm((2040, 1, 1, 0, 0, 0))) == [], "valid to the second"


def test_signatures_of_the_future() -> None:
    (warning,) = told(text("nsec"), calendar.timegm((2019, 12, 31, 23, 59, 59)))
    assert "example.test. SOA is not valid before 2020-01-01 00:00:00 UTC, and " in warning


def test_one_valid_signature_is_enough() -> None:
    lines = text("nsec").splitlines()
    old = next(line for line in lines if "RRSIG SOA" in line).replace("20400101", "20210101")
    assert told("\n".join([*lines, old])) == []
    only_old = without("nsec", "RRSIG SOA") + "\n" + old
    (warning,) = told(only_old)
    assert "example.test. SOA expired on 2021-01-01" in warning
    assert ", and" not in warning


def test_time_of_signatures_goes_round() -> None:
    """RFC 4034 section 3.1.5: serial arithmetic. In 2100 a signature until 2120 is valid."""
    stamps = {"20400101000000": "20836224", "20200101000000": "4102444800"}
    content = text("nsec")
    for old, new in stamps.items():
        content = content.replace(old, new)
    assert told(content, calendar.timegm((2106, 1, 1, 0, 0, 0))) == []


def test_nobody_looks_at_times_without_a_clock() -> None:
    from resolver import names
    from resolver.zone.file import read_zone_text

    old = text("nsec").replace("20400101", "20210101")
    assert read_zone_text(old, names.read(signed.ORIGIN)).warnings == []


def test_missing_signature() -> None:
    content = without("nsec", "Www", "RRSIG TXT")
    line = line_of(content, "Www", "IN TXT")
    assert told(content) == [f"{line}: www.example.test. TXT has no signature"]


def test_unsigned_name() -> None:
    content = text("nsec") + "\nnew.example.test. 300 IN A 192.0.2.1"
    line = len(content.splitlines())
    assert told(content) == [
        f"{line}: new.example.test. A has no signature",
        f"{line}: no NSEC at new.example.test.",
    ]


def test_delegations_and_glue_need_no_signature() -> None:
    assert "NS has no signature" not in str(told(without("nsec", "RRSIG DS")))
    (warning,) = told(without("nsec", "RRSIG DS"))
    assert warning.endswith("safe.example.test. DS has no signature")


def test_gap_in_the_chain() -> None:
    (warning,) = told(without_owner("nsec", "red.example.test."))
    assert "NSEC of ns1.example.test. leads to red.example.test., but safe.example.test." in warning


def test_gap_in_the_hashed_chain() -> None:
    owner = f"{signed.matching('www', 'opt-out')}.example.test."
    (warning,) = told(without_owner("opt-out", owner))
    assert warning.startswith("0: NSEC3 of ")
    assert f"leads to {owner}, but " in warning


def test_many_gaps_are_not_all_told() -> None:
    lines = text("nsec").splitlines()
    names = [f"n{i:02}.example.test. 60 IN NSEC n{i:02}x.example.test. A RRSIG" for i in range(30)]
    gaps = [w for w in told("\n".join([*lines, *names])) if "leads to" in w or "more gaps" in w]
    assert len(gaps) == 11
    assert gaps[-1] == "0: … and more gaps like this"


def test_no_keys() -> None:
    content = without("nsec", "DNSKEY")
    assert any(w.endswith(": signed, but without DNSKEY") for w in told(content))


def test_keys_without_signature_of_the_soa() -> None:
    content = without("nsec", "RRSIG SOA")
    (warning,) = told(content)
    assert warning.endswith("the SOA has no signature: the zone is served unsigned")
    zone = report(content).zone
    assert zone is not None
    assert not zone.signed
    assert zone.denial is None


def test_nothing_to_deny_with() -> None:
    content = without("opt-out", "NSEC3PARAM")
    assert any("neither NSEC nor NSEC3PARAM at the apex" in w for w in told(content))


def test_iterations_are_a_waste() -> None:
    (warning,) = told(text("nsec3"))
    line = line_of(text("nsec3"), "NSEC3PARAM 1 0 2 ABCD")
    assert warning == f"{line}: 2 NSEC3 iterations; there should be 0 (RFC 9276 section 3.1)"


def test_too_many_iterations() -> None:
    content = text("nsec3").replace(" 2 ABCD", " 501 ABCD")
    found = report(content)
    assert found.zone is None
    (error,) = found.errors
    assert error.line == line_of(content, "NSEC3PARAM 1 0 501")
    assert error.reason.startswith("501 NSEC3 iterations, more than 500: ")


def test_unknown_hash() -> None:
    warnings = told(text("opt-out").replace("NSEC3PARAM 1 0 0 -", "NSEC3PARAM 2 0 0 -"))
    assert warnings[0].endswith("NSEC3 hash algorithm 2 is unknown")


def test_data_at_the_owner_of_nsec3() -> None:
    owner = f"{signed.matching('www', 'opt-out')}.example.test."
    warnings = told(text("opt-out") + f"\n{owner} 60 IN TXT here")
    assert any(w.endswith(f"TXT at {owner} is hidden: NSEC3 is there") for w in warnings)


def test_nsec3_goes_before_nsec() -> None:
    """RFC 5155 section 10.4: while one takes the place of the other, NSEC3PARAM decides."""
    both = text("nsec") + text("opt-out")
    zone = report(both).zone
    assert zone is not None
    assert isinstance(zone.denial, Nsec3Denial)
    flagged = report(both.replace("NSEC3PARAM 1 0 0 -", "NSEC3PARAM 1 1 0 -")).zone
    assert flagged is not None
    assert isinstance(flagged.denial, NsecDenial), "parameters with flags are not for us (4.1.2)"


def test_a_chain_without_the_apex_is_not_used() -> None:
    owner = f"{signed.matching('@', 'opt-out')}.example.test."
    zone = report(without_owner("opt-out", owner)).zone
    assert zone is not None
    assert zone.denial is None
