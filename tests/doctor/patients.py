"""A healthy zone in a fake Internet, and the doctor's look at it."""

from resolver import names
from resolver.doctor.diagnosis import Diagnosis
from resolver.doctor.way_out import look_around
from resolver.doctor.zones import Terms, examine
from resolver.effects import Steps
from resolver.model import Address, Answer, Question
from resolver.testing import Internet, World, drive, zone
from resolver.trace import Trace
from resolver.zone.content import Zone
from resolver.zone.file import read_zone_text

ROOT, TLD, ONE, TWO, ELSEWHERE = (f"198.51.100.{i}" for i in range(1, 6))
ROOT6 = "2001:db8::1"
WALL_S = 1_790_000_000.0
TEXT = (
    "@ SOA ns1 host 7 7200 900 1209600 600\n@ NS ns1\n@ NS ns2.elsewhere.test.\n"
    f"ns1 A {ONE}\nwww A 192.0.2.80\n"
)
PARENT = f"example NS ns1.example\nexample NS ns2.elsewhere\nns1.example A {ONE}\n"
ELSE = f"ns2 A {TWO}\n@ NS ns\nns A {ELSEWHERE}\n"


def internet(*, parent: str = PARENT, text: str = TEXT, second: str | None = None) -> Internet:
    """example.test on two servers, one of them named in another zone."""
    net = Internet()
    net.root(".", ROOT, ROOT6)
    net.host(
        "test.",
        TLD,
        zone("test.", f"{parent}elsewhere NS ns.elsewhere\nns.elsewhere A {ELSEWHERE}\n"),
    )
    net.host("elsewhere.test.", ELSEWHERE, zone("elsewhere.test.", ELSE))
    net.host("example.test.", ONE, zone("example.test.", text))
    net.host("example.test.", TWO, zone("example.test.", second or text))
    return net


def own(text: str = TEXT, origin: str = "example.test.") -> Zone:
    """The zone as the doctor's own server has it."""
    read = read_zone_text(f"$ORIGIN {origin}\n$TTL 300\n{text}", names.read(origin))
    assert read.zone is not None, read.errors
    return read.zone


def visit(
    net: Internet, held: Zone | None = None, *, special_names: bool = False, **terms: object
) -> dict[str, Diagnosis]:
    """What the doctor says of the zone, by code."""
    world = World(net, special_names=special_names)

    def resolve(question: Question) -> Steps[Answer]:
        return world.recursion.resolve(question, Trace())

    settings = Terms(**{"wall_s": WALL_S, **terms})  # type: ignore[arg-type]
    found, _ = drive(examine(held or own(), resolve, settings), net, clock=world.clock)
    return {diagnosis.code: diagnosis for diagnosis in found}


def look(net: Internet, **how: bool) -> dict[str, Diagnosis]:
    """What the doctor says of the way out, by code."""
    roots = [Address(ROOT), Address(ROOT6)]
    outlook, _ = drive(look_around(roots, wall_s=WALL_S, **how), net)
    return {diagnosis.code: diagnosis for diagnosis in outlook.found}
