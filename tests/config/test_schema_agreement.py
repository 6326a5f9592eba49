"""The schema that editors use and `rootward check` agree on what a good file is.

What no schema can tell is left to `check`: whether an address, a name or a prefix can be read, and
whether two keys contradict each other.
"""

import json
import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from resolver.config.load import load
from resolver.config.reference import SCHEMA
from resolver.errors import ConfigError

ROOT = Path(__file__).parents[2]
VALIDATOR = Draft202012Validator(json.loads((ROOT / SCHEMA).read_text()))
ZONE = '[[zone]]\nname = "a"\nfile = "a"\n'
SECONDARY = '[[zone]]\nname = "a"\nrole = "secondary"\n'
KEY = '[[key]]\nname = "k"\nsecret_file = "k.key"\n'

GOOD = [
    "",
    (ROOT / "config.toml").read_text(),
    (ROOT / "tests/config/data/vocabulary.toml").read_text(),
    '[server]\nlisten = ["192.0.2.1", "[2001:db8::1]:1053"]',
    '[server]\nany = "hinfo"\nudp_max_size = 4096',
    "[server]\ntcp_idle_timeout = 30",
    '[server]\ntcp_idle_timeout = "1m30s"\ndiscard_after = 0.5',
    '[access]\nrecursion = ["none"]',
    f'{KEY}[access]\ntransfer = ["192.0.2.0/24", "key:k"]',
    '[recursion]\nqname_minimisation = "strict"\nspecial_names = false',
    '[recursion]\nspecial_names = ["onion", "home.arpa"]',
    '[recursion]\nprivate_addresses = ["10.0.0.0/8"]\nmax_time = "4s"',
    "[outgoing]\nipv6 = false\nedns_size = 512",
    '[cache]\nsize = "1GiB"\nmax_ttl = "2w"',
    "[cache]\nsize = 1048576\nsnapshot = false",
    "[rate_limit]\nresponses_per_second = 20\nslip = 0",
    '[log]\nformat = "json"\nqueries = true\nquery_sample = 100',
    '[recorder]\nrecords = 0\nslow = "250ms"',
    '[metrics]\nlisten = "127.0.0.1:9153"',
    '[control]\nsocket = ""',
    ZONE,
    f'{ZONE}watch = true\nserial = "date"\nreverse = true\nzonefile_sync = "15m"',
    f'{ZONE}also_notify = ["192.0.2.2", {{ address = "192.0.2.3:5300" }}]',
    f'{KEY}{SECONDARY}primaries = [{{ address = "192.0.2.1", key = "k" }}]',
    '[[forward]]\nname = "."\nto = ["192.0.2.1", "::1"]\nmode = "first"',
    '[[forward]]\nname = "."\nto = [{ address = "192.0.2.1", tls_name = "a.example" }]',
    '[[stub]]\nname = "lab.test"\nto = ["192.0.2.1"]',
    '[[local]]\nrecords = ["www.example.net. 300 A 192.0.2.99"]\nblock_answer = "zero"',
]
BAD = [
    '[[forward]]\nname = "."\nto = [{ address = "192.0.2.1", tls = true }]',
    '[[forward]]\nname = "."\nto = [{ tls_name = "a.example" }]',
    "colour = 1",
    "[recusion]",
    "[server]\nxyzzy = 1",
    "server = 5",
    "[key]",
    "[[server]]",
    "[cache]\nsnapshot = 1",
    '[cache]\nsize = "64 megabytes"',
    "[cache]\nsize = -1",
    '[server]\nworkers = "2"',
    "[server]\nworkers = true",
    "[server]\nworkers = 0",
    "[server]\nworkers = 1.5",
    "[outgoing]\nport = 65536",
    "[outgoing]\nedns_size = 100",
    "[server]\nuser = 0",
    '[server]\nlisten = "::1"',
    "[server]\nlisten = [53]",
    '[server]\nany = "tiny"',
    '[recursion]\nserve_stale = "1dy"',
    "[recursion]\nserve_stale = -1",
    '[recursion]\nqname_minimisation = "on"',
    "[recursion]\nspecial_names = 3",
    '[log]\nlevel = "warn"',
    "[log]\nquery_sample = 0",
    "[rate_limit]\nipv4_prefix = 33",
    '[[zone]]\nfile = "b"',
    f"{ZONE}watch = 1",
    f"{ZONE}role = 'master'",
    f'{SECONDARY}primaries = [{{ address = "::1", kye = "x" }}]',
    f"{SECONDARY}primaries = [{{}}]",
    '[[stub]]\nname = "a"\nto = []',
    '[[stub]]\nname = "a"',
    '[[forward]]\nto = ["192.0.2.1"]',
    '[[key]]\nname = "k"',
    f'{KEY}algorithm = "hmac-sha3"',
]


def faults(tmp_path: Path, text: str) -> tuple[list[str], list[str]]:
    """What the schema has against a file, and what the server has."""
    by_schema = [error.message for error in VALIDATOR.iter_errors(tomllib.loads(text))]
    (tmp_path / "config.toml").write_text(text)
    try:
        load(tmp_path / "config.toml")
    except ConfigError as error:
        return by_schema, [str(error)]
    return by_schema, []


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(VALIDATOR.schema)
    assert len(GOOD) + len(BAD) >= 50


@pytest.mark.parametrize("text", GOOD)
def test_good_for_both(tmp_path: Path, text: str) -> None:
    assert faults(tmp_path, text) == ([], [])


@pytest.mark.parametrize("text", BAD)
def test_bad_for_both(tmp_path: Path, text: str) -> None:
    by_schema, by_server = faults(tmp_path, text)
    assert by_schema
    assert by_server
