"""A secondary that checks digests: a version that is not what its ZONEMD says is not served."""

import asyncio
from pathlib import Path

import dns.message
import dns.rdatatype
import dns.zone
import pytest
from dns.zonetypes import DigestHashAlgorithm, DigestScheme
from fake_primary import NAME, FakePrimary, rrs, secondary, until, until_version

pytestmark = pytest.mark.loopback


class Digesting(FakePrimary):
    """Says in a ZONEMD what its zone is, and sends something else when it is `tampered` with."""

    tampered = False

    def lines(self) -> list[str]:
        plain = super().lines()
        zone = dns.zone.Zone(NAME, relativize=False)
        for rrset in rrs(self.soa(), *plain):
            zone.find_rdataset(rrset.name, rrset.rdtype, create=True).update(rrset)
        digest = zone.compute_digest(DigestHashAlgorithm.SHA384, DigestScheme.SIMPLE)
        lines = [*plain, f"{NAME} 300 IN ZONEMD {digest.to_text()}"]
        return (
            [line.replace("127.0.0.1", "127.0.0.2") for line in lines] if self.tampered else lines
        )

    async def send_changes(self, query: dns.message.Message, writer: asyncio.StreamWriter) -> None:
        """Changes that leave the digest of the version before."""
        if query.question[0].rdtype == dns.rdatatype.IXFR:
            await super().send_changes(query, writer)
        else:
            await self.send_whole(query, writer)


CHECKED = {"zonemd": "check"}


async def test_version_that_fits_its_digest_is_served(tmp_path: Path) -> None:
    async with (
        Digesting() as primary,
        secondary(tmp_path, primary.address, zone=CHECKED) as server,
    ):
        await until_version(server, "1")
        primary.serial = 2
        await until_version(server, "2")


async def test_version_that_does_not_fit_is_refused_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        Digesting() as primary,
        secondary(tmp_path, primary.address, zone=CHECKED) as server,
    ):
        await until_version(server, "1")
        primary.tampered, primary.serial = True, 2

        async def failed() -> bool:
            return server.keeper.status()[0].failures >= 1

        await until(failed)
        await until_version(server, "1")
        assert "the digest of the zone (SHA384) is not that of its ZONEMD" in caplog.text
        primary.tampered, primary.serial = False, 3
        await until_version(server, "3")


async def test_changes_that_lead_to_another_zone_lead_to_a_whole_transfer(tmp_path: Path) -> None:
    async with (
        Digesting() as primary,
        secondary(tmp_path, primary.address, zone=CHECKED) as server,
    ):
        await until_version(server, "1")
        primary.behave, primary.serial = primary.send_changes, 2
        await until_version(server, "2")
        assert primary.queries[-1] == "AXFR"


async def test_nobody_looks_at_digests_unless_told_to(tmp_path: Path) -> None:
    async with Digesting() as primary, secondary(tmp_path, primary.address) as server:
        primary.tampered = True
        await until_version(server, "1")
