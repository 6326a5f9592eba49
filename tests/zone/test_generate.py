"""$GENERATE."""

import shutil
import subprocess
from pathlib import Path

import dns.zone
import pytest
from reading import HEAD, errors, records, zone

from resolver import names
from resolver.zone.file import read_zone_text


def test_254_pointers() -> None:
    made = records(zone("$GENERATE 1-254 $ PTR host-$.x."))
    assert len(made) == 254
    assert made[0] == "1.example.test. 3600 PTR host-1.x."
    assert made[-1] == "254.example.test. 3600 PTR host-254.x."


@pytest.mark.parametrize(
    ("line", "first", "last"),
    [
        ("0-4/2 h$ A 192.0.2.$", "h0 A 192.0.2.0", "h4 A 192.0.2.4"),
        ("1-2 h${10} A 192.0.2.${100}", "h11 A 192.0.2.101", "h12 A 192.0.2.102"),
        ("9-10 h${0,3} A 192.0.2.$", "h009 A 192.0.2.9", "h010 A 192.0.2.10"),
        ("9-10 h${-9,2,d} A 192.0.2.$", "h00 A 192.0.2.9", "h01 A 192.0.2.10"),
        ("7-8 h${0,3,o} A 192.0.2.$", "h007 A 192.0.2.7", "h010 A 192.0.2.8"),
        ("10-11 h${0,0,x} A 192.0.2.$", "ha A 192.0.2.10", "hb A 192.0.2.11"),
        ("10-11 h${0,0,X} A 192.0.2.$", "hA A 192.0.2.10", "hB A 192.0.2.11"),
        ("18-19 ${0,8,n}.r PTR h$.", "2.1.0.0.r PTR h18.", "3.1.0.0.r PTR h19."),
        ("171-172 ${0,0,N}.r PTR h$.", "B.A.r PTR h171.", "C.A.r PTR h172."),
        (r"1-2 h$ TXT \$$$-$", 'h1 TXT "$$-1"', 'h2 TXT "$$-2"'),
        ("1-2 h$ 60 IN A 192.0.2.$", "h1 A 192.0.2.1", "h2 A 192.0.2.2"),
        ('1-2 h$ MX "10 m-$"', "h1 MX 10 m-1.example.test.", "h2 MX 10 m-2.example.test."),
        ("1-2 h$ MX 10 m-$.", "h1 MX 10 m-1.", "h2 MX 10 m-2."),
        ('1-2 h$ TXT "a b $"', 'h1 TXT "a" "b" "1"', 'h2 TXT "a" "b" "2"'),
        (r'1-2 h$ TXT "\"a b $\""', 'h1 TXT "a b 1"', 'h2 TXT "a b 2"'),
    ],
)
def test_numbers_as_they_are_written(line: str, first: str, last: str) -> None:
    made = records(zone(f"$GENERATE {line}"))
    short = []
    for record in (made[0], made[-1]):
        owner, _, rest = record.split(" ", 2)
        short.append(f"{owner.removesuffix('.example.test.')} {rest}")
    assert short == [first, last]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("$GENERATE", "needs a range"),
        ("$GENERATE 1-2 h$ A", "needs a range"),
        ("$GENERATE 1 h$ A 192.0.2.$", "is not start-stop"),
        ("$GENERATE 2-1 h$ A 192.0.2.$", "goes nowhere"),
        ("$GENERATE 1-2/0 h$ A 192.0.2.$", "goes nowhere"),
        ("$GENERATE 0-65536 h$ A 192.0.2.1", "65537 steps, more than 65536"),
        ("$GENERATE 0-9999999999 h$ A 192.0.2.1", "goes over"),
        ("$GENERATE 1-2 h${0,999} A 192.0.2.$", "width 999 is more than 255"),
        ("$GENERATE 1-2 h${0,1,z} A 192.0.2.$", "is not ${offset,width,base}"),
        ('$GENERATE 1-2 h$ TXT "("', "parenthesis inside quotes"),
        ("$GENERATE 1-2 h${-2} A 192.0.2.$", "makes -1 of 1"),
        ("$GENERATE 1-300 h$ A 192.0.2.$", "'192.0.2.256' is no IPv4 address"),
    ],
)
def test_refused_at_its_line(line: str, reason: str) -> None:
    (error,) = errors(line, head=HEAD)
    assert error.startswith("5: ")
    assert reason in error


@pytest.mark.peer
def test_bind_makes_the_same_records(tmp_path: Path) -> None:
    checker = shutil.which("named-checkzone")
    if checker is None:
        pytest.skip("named-checkzone is not installed")
    text = (
        HEAD
        + """$GENERATE 0-20/5 a${1,3,d}-${0,2,x} 60 A 192.0.2.$
$GENERATE 250-260 ${0,7,n}.n PTR h${-200,4,o}.example.org.
$GENERATE 250-260 ${5,0,N}.m CNAME $.x
$GENERATE 1-3 \\$$ TXT "$ and $$"
$GENERATE 1-3 t$ TXT "\\"a b $\\""
$GENERATE 1-3 m$ MX "10 mail-${0,2}"
"""
    )
    source, canonical = tmp_path / "z", tmp_path / "canonical"
    source.write_text(text)
    command = [checker, "-i", "none", "-D", "-o", str(canonical), "example.test", str(source)]
    subprocess.run(command, check=True, capture_output=True)
    bind = dns.zone.from_file(str(canonical), origin="example.test.", relativize=False)
    expected = {
        (owner.to_wire(), int(rdataset.rdtype), rdataset.ttl, rdata.to_wire())
        for owner, rdataset in bind.iterate_rdatasets()
        for rdata in rdataset
    }
    ours = read_zone_text(text, names.read("example.test.")).zone
    assert ours is not None
    assert expected == {
        (rrset.owner, int(rrset.rrtype), rrset.ttl, rdata)
        for rrset in ours.rrsets()
        for rdata in rrset.rdatas
    }
