"""A catalog made by us: BIND, Knot and our own server become secondaries for what it lists."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rcode
import pytest
from peer_servers import free_port
from served import HOST, Served, serving, wait_for

pytestmark = [pytest.mark.peer, pytest.mark.loopback]


def zone_text(serial: int) -> str:
    return (
        f"$TTL 300\n@ SOA ns.else.where. host {serial} 3600 900 1209600 300\n"
        "@ NS ns.else.where.\nwww A 192.0.2.1\n"
    )


def primary_config(followers: list[int]) -> str:
    told = ", ".join(f'"{HOST}:{port}"' for port in followers)
    return (
        '[access]\ntransfer = ["localhost"]\n'
        f'[[catalog]]\nname = "catalog.test"\nalso_notify = [{told}]\n'
        f'[[zone_directory]]\npath = "zones"\ncatalog = "catalog.test"\nalso_notify = [{told}]\n'
    )


def bind(folder: Path, port: int, primary: int) -> list[str]:
    config = folder / "named.conf"
    config.write_text(
        f'options {{ directory "{folder}"; pid-file none; session-keyfile "{folder}/s.key";\n'
        f"listen-on port {port} {{ {HOST}; }}; listen-on-v6 {{ none; }}; recursion no;\n"
        f"allow-notify {{ {HOST}; }}; notify no; dnssec-validation no; empty-zones-enable no;\n"
        f'catalog-zones {{ zone "catalog.test" default-primaries {{ {HOST} port {primary}; }}\n'
        " min-update-interval 1; }; };\ncontrols { };\n"
        f'zone "catalog.test" {{ type secondary; file "catalog.copy";'
        f" primaries {{ {HOST} port {primary}; }}; }};\n"
    )
    return ["named", "-g", "-n", "1", "-c", str(config)]


def knot(folder: Path, port: int, primary: int) -> list[str]:
    config = folder / "knot.conf"
    config.write_text(
        f"server:\n  listen: {HOST}@{port}\n  rundir: {folder}\n  udp-workers: 1\n"
        "  tcp-workers: 1\n  background-workers: 2\n"
        f"database:\n  storage: {folder}\n  journal-db-max-size: 64M\n"
        "  catalog-db-max-size: 8M\nlog:\n  - target: stdout\n    any: info\n"
        f"remote:\n  - id: ours\n    address: {HOST}@{primary}\n"
        f"acl:\n  - id: open\n    address: {HOST}\n    action: notify\n"
        f"template:\n  - id: member\n    storage: {folder}\n    master: ours\n    acl: open\n"
        f"zone:\n  - domain: catalog.test\n    storage: {folder}\n    master: ours\n    acl: open\n"
        "    catalog-role: interpret\n    catalog-template: member\n"
    )
    return ["knotd", "-c", str(config)]


COMMANDS = {"named": bind, "knotd": knot}


@contextmanager
def follower(name: str, folder: Path, port: int, primary: int) -> Iterator[None]:
    folder.mkdir()
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            COMMANDS[name](folder, port, primary), stdout=log, stderr=subprocess.STDOUT
        )
    try:
        yield
    except AssertionError as fault:
        fault.add_note((folder / "log").read_text()[-3000:])
        raise
    finally:
        process.terminate()
        process.wait(10)


def rcode(port: int, zone: str) -> str:
    try:
        reply = dns.query.udp(dns.message.make_query(zone, "SOA"), HOST, port=port, timeout=0.5)
    except (dns.exception.Timeout, OSError):
        return "silence"
    if not reply.answer and reply.rcode() == dns.rcode.NOERROR:
        return "not served"
    return dns.rcode.to_text(reply.rcode())


def wait_until_served(port: int, zone: str) -> None:
    wait_for(lambda: rcode(port, zone) == "NOERROR")


@pytest.mark.parametrize("name", ["named", "knotd"])
def test_others_and_our_own_server_follow(tmp_path: Path, name: str) -> None:
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    zones = tmp_path / "one" / "zones"
    zones.mkdir(parents=True)
    (zones / "a.test.zone").write_text(zone_text(1))
    theirs, ours = free_port(), free_port()
    with ExitStack() as stack:
        first = stack.enter_context(serving(tmp_path / "one", primary_config([theirs, ours])))
        second = stack.enter_context(serving(tmp_path / "two", follow(first), port=ours))
        stack.enter_context(follower(name, tmp_path / "three", theirs, first.port))
        for port in (theirs, second.port):
            wait_until_served(port, "a.test.")
        (zones / "b.test.zone").write_text(zone_text(1))
        for port in (theirs, second.port):
            wait_until_served(port, "b.test.")
        (zones / "a.test.zone").unlink()
        for port in (first.port, theirs, second.port):
            wait_for(lambda port=port: rcode(port, "a.test.") in ("REFUSED", "NOTAUTH"))
        assert rcode(theirs, "b.test.") == "NOERROR"


def follow(first: Served) -> str:
    return (
        f'[[zone]]\nname = "catalog.test"\nrole = "catalog"\nprimaries = ["{HOST}:{first.port}"]\n'
    )
