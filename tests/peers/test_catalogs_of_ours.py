"""A catalog made by us: BIND, Knot and our own server become secondaries for what it lists."""

import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
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


def bind(folder: Path, port: int, primary: int, catalogs: Sequence[str]) -> list[str]:
    config = folder / "named.conf"
    followed = "".join(
        f'zone "{name}" default-primaries {{ {HOST} port {primary}; }} min-update-interval 1;\n'
        for name in catalogs
    )
    zones = "".join(
        f'zone "{name}" {{ type secondary; file "{name}.copy";'
        f" primaries {{ {HOST} port {primary}; }}; }};\n"
        for name in catalogs
    )
    config.write_text(
        f'options {{ directory "{folder}"; pid-file none; session-keyfile "{folder}/s.key";\n'
        f"listen-on port {port} {{ {HOST}; }}; listen-on-v6 {{ none; }}; recursion no;\n"
        f"allow-notify {{ {HOST}; }}; notify no; dnssec-validation no; empty-zones-enable no;\n"
        f"catalog-zones {{ {followed} }}; }};\ncontrols {{ }};\n{zones}"
    )
    return ["named", "-g", "-n", "1", "-c", str(config)]


def knot(folder: Path, port: int, primary: int, catalogs: Sequence[str]) -> list[str]:
    config = folder / "knot.conf"
    followed = "".join(
        f"  - domain: {name}\n    storage: {folder}\n    master: ours\n    acl: open\n"
        "    catalog-role: interpret\n    catalog-template: member\n"
        for name in catalogs
    )
    config.write_text(
        f"server:\n  listen: {HOST}@{port}\n  rundir: {folder}\n  udp-workers: 1\n"
        "  tcp-workers: 1\n  background-workers: 2\n"
        f"database:\n  storage: {folder}\n  journal-db-max-size: 64M\n"
        "  catalog-db-max-size: 8M\nlog:\n  - target: stdout\n    any: info\n"
        f"remote:\n  - id: ours\n    address: {HOST}@{primary}\n"
        f"acl:\n  - id: open\n    address: {HOST}\n    action: notify\n"
        f"template:\n  - id: member\n    storage: {folder}\n    master: ours\n    acl: open\n"
        f"zone:\n{followed}"
    )
    return ["knotd", "-c", str(config)]


COMMANDS = {"named": bind, "knotd": knot}


@contextmanager
def follower(
    name: str, folder: Path, port: int, primary: int, catalogs: Sequence[str] = ("catalog.test",)
) -> Iterator[None]:
    folder.mkdir()
    command = COMMANDS[name](folder, port, primary, catalogs)
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
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


def need_all() -> None:
    if missing := [name for name in COMMANDS if shutil.which(name) is None]:
        pytest.skip(f"{', '.join(missing)} not installed")


def test_others_and_our_own_server_follow(tmp_path: Path) -> None:
    need_all()
    zones = tmp_path / "one" / "zones"
    zones.mkdir(parents=True)
    (zones / "a.test.zone").write_text(zone_text(1))
    ours, *theirs = ports = [free_port() for _ in range(3)]
    with ExitStack() as stack:
        first = stack.enter_context(serving(tmp_path / "one", primary_config(ports)))
        stack.enter_context(serving(tmp_path / "two", follow(first), port=ours))
        for name, port in zip(COMMANDS, theirs, strict=True):
            stack.enter_context(follower(name, tmp_path / name, port, first.port))
        for port in ports:
            wait_until_served(port, "a.test.")
        (zones / "b.test.zone").write_text(zone_text(1))
        for port in ports:
            wait_until_served(port, "b.test.")
        (zones / "a.test.zone").unlink()
        for port in (first.port, *ports):
            wait_for(lambda port=port: rcode(port, "a.test.") in ("REFUSED", "NOTAUTH"))
        for port in ports:
            assert rcode(port, "b.test.") == "NOERROR"


def follow(first: Served, catalogs: Sequence[str] = ("catalog.test",)) -> str:
    return "".join(
        f'[[zone]]\nname = "{name}"\nrole = "catalog"\nprimaries = ["{HOST}:{first.port}"]\n'
        for name in catalogs
    )


CATALOGS = ("old.test", "new.test")


def moving_config(
    catalog: str, followers: Sequence[int], *, handover: str = "1h", notice: str = "1h"
) -> str:
    told = "also_notify = [" + ", ".join(f'"{HOST}:{port}"' for port in followers) + "]\n"
    terms = f'handover = "{handover}"\nhandover_notice = "{notice}"\n{told}'
    catalogs = "".join(f'[[catalog]]\nname = "{name}"\n{terms}' for name in CATALOGS)
    return (
        f'[access]\ntransfer = ["localhost"]\n{catalogs}'
        f'[[zone]]\nname = "a.test"\nfile = "a.zone"\ncatalog = "{catalog}"\n'
    )


def test_zone_goes_from_one_catalog_to_another(tmp_path: Path) -> None:
    """BIND and we hand it over while both list it; Knot, which knows of no change of ownership,
    has it until it is gone from the old one, and again when the new one is published once more."""
    need_all()
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "a.zone").write_text(zone_text(1))
    ours, *theirs = ports = [free_port() for _ in range(3)]
    with ExitStack() as stack:
        first = stack.enter_context(serving(tmp_path / "one", moving_config("old.test", ports)))
        second = stack.enter_context(serving(tmp_path / "two", follow(first, CATALOGS), port=ours))
        for name, port in zip(COMMANDS, theirs, strict=True):
            stack.enter_context(follower(name, tmp_path / name, port, first.port, CATALOGS))
        for port in ports:
            wait_until_served(port, "a.test.")
        log = {name: tmp_path / name / "log" for name in COMMANDS}

        def reconfigure(**terms: str) -> None:
            config = first.folder / "config.toml"
            head = config.read_text().partition("[access]")[0]
            config.write_text(head + moving_config("new.test", ports, **terms))
            first.signal(signal.SIGHUP)

        reconfigure()
        goes = "catalog old.test.: zone a.test. goes to new.test."
        wait_for(lambda: goes in first.log)
        serial = first.log.rpartition("catalog old.test.: serial ")[2].split()[0]
        told = f"updating catalog zone 'old.test' with serial {serial}"
        wait_for(lambda: told in log["named"].read_text())
        wait_for(lambda: f"zone old.test.: serial {serial} from" in second.log)
        reconfigure(notice="0s")
        moved = "adding zone 'a.test' from catalog 'new.test' - success"
        wait_for(lambda: moved in log["named"].read_text())
        wait_for(lambda: "catalog new.test.: zone a.test. added" in second.log)
        assert rcode(theirs[1], "a.test.") == "NOERROR"
        reconfigure(handover="0s", notice="1s")
        wait_for(lambda: "[a.test.] zone purged" in log["knotd"].read_text())
        for port in ports:
            wait_until_served(port, "a.test.")
        assert second.log.count("zone a.test.: serial 1 from") == 1, "it was kept"
