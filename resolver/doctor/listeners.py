"""Whether a server answers where it is configured to listen, and with what is in its files.

Knows: addresses, zones as their files have them. Does not know: the server's process.
"""

from collections.abc import Iterable, Sequence

from resolver import names
from resolver.codes import RRType
from resolver.doctor.diagnosis import Diagnosis, Findings
from resolver.doctor.probe import Heard, Silent, probe, records
from resolver.effects import Steps
from resolver.model import Address, Question
from resolver.zone.content import Zone, read_soa
from resolver.zone.serial import serial_gt


def look_at_listeners(listen: Sequence[Address], zones: Sequence[Zone]) -> Steps[list[Diagnosis]]:
    """Ask every address over both transports. `zones` are from their files."""
    findings = Findings("this server")
    for address in listen:
        ways = [("UDP", False), ("TCP", True)]
        heard = []
        for transport, stream in ways:
            one = yield from probe(address, Question(names.ROOT, RRType.SOA), stream=stream)
            heard.append(one)
            if isinstance(one, Silent):
                findings.error(
                    "not-answering",
                    f"nothing answers at {address} over {transport}: {one.reason}",
                    "Start the server (rootward run), or see its log for why it does not listen.",
                )
        if isinstance(heard[0], Heard):
            yield from _compare(address, zones, findings)
    return findings.found


def _compare(address: Address, zones: Iterable[Zone], findings: Findings) -> Steps[None]:
    """Whether the server has read its files since they were edited."""
    for zone in zones:
        heard = yield from probe(address, Question(zone.origin, RRType.SOA))
        if not isinstance(heard, Heard):
            continue
        soa = records(heard.message.answer, zone.origin, RRType.SOA)
        served = read_soa(soa[0])[0] if soa else None
        if served is None or serial_gt(zone.serial, served):
            how = f"serial {served}" if served is not None else "nothing"
            findings.warning(
                "not-reloaded",
                f"the file of {names.show(zone.origin)} has serial {zone.serial}, {address} serves"
                f" {how}",
                "Reload the zones (rootward ctl reload), and see the log if it stays so.",
            )
