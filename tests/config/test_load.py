"""What happens to a configuration file: defaults, every fault with its line, near misses."""

from ipaddress import ip_network
from pathlib import Path

import pytest

from resolver.config.access import AccessKey, AccessWord
from resolver.config.load import load
from resolver.config.schema import Config
from resolver.errors import ConfigError
from resolver.model import Address

DATA = Path(__file__).parent / "data"


@pytest.fixture
def faults(tmp_path: Path):
    """Loads a text as config.toml and gives the faults without the folder."""

    def faults_of(text: str) -> list[str]:
        file = tmp_path / "config.toml"
        file.write_text(text)
        with pytest.raises(ConfigError) as caught:
            load(file)
        return [str(f).removeprefix(f"{tmp_path}/") for f in caught.value.findings]

    return faults_of


@pytest.fixture
def loaded(tmp_path: Path):
    def config_of(text: str) -> Config:
        file = tmp_path / "config.toml"
        file.write_text(text)
        return load(file)

    return config_of


def test_whole_vocabulary_loads() -> None:
    config = load(DATA / "vocabulary.toml")
    primary, secondary = config.zone
    assert primary.file == DATA / "zones/example.test.zone"
    assert primary.transfer == (AccessKey(b"\x0asecondary1\0"),)
    assert primary.also_notify[0].address == Address("192.0.2.53")
    assert secondary.role == "secondary"
    assert secondary.primaries[0].address == Address("192.0.2.1")
    assert secondary.primaries[0].key is None
    assert secondary.primaries[1].address == Address("192.0.2.2", 5300)
    assert secondary.primaries[1].key == b"\x0asecondary1\0"
    assert config.zone_directory[0].path == DATA / "zones/more"
    assert config.key[0].secret_file == DATA / "keys/secondary1.key"
    to = [forwarder.address for forwarder in config.forward[0].to]
    assert to == [Address("192.0.2.10"), Address("192.0.2.11", 5353)]
    assert config.forward[0].mode == "only"
    assert config.stub[0].name == b"\x03lab\x04test\0"
    assert len(config.local[0].records) == 2


def test_vocabulary_states_the_defaults() -> None:
    written = load(DATA / "vocabulary.toml")
    careful = Config()
    for section in ("access", "outgoing", "cache", "dnssec", "log", "metrics"):
        assert getattr(written, section) == getattr(careful, section)
    moved = {"state_dir": DATA / "var"}
    assert written.server == careful.server.model_copy(update=moved)
    moved = {"root_hints": DATA / "zones/root.hints"}
    assert written.recursion == careful.recursion.model_copy(update=moved)


def test_careful_defaults_are_closed_to_strangers() -> None:
    access = Config().access
    assert access.query == (AccessWord.ANY,)
    assert access.recursion == access.cache == (AccessWord.LOCALHOST, AccessWord.LOCALNETS)
    assert access.transfer == access.notify == access.update == (AccessWord.NONE,)
    assert ip_network("127.0.0.0/8") in Config().recursion.do_not_query


def test_empty_file_is_the_defaults_beside_the_file(loaded, tmp_path: Path) -> None:
    config = loaded("")
    assert config.server.state_dir == tmp_path / "var"
    assert config.control.socket == tmp_path / "var/control.sock"
    assert config.cache == Config().cache


def test_misspelt_key_is_told_with_its_line_and_the_nearest_key(faults) -> None:
    assert faults("# first\n\n[server]\nlistne = []\n") == [
        "config.toml:4: server.listne: unknown key, did you mean 'listen'?"
    ]


def test_key_in_the_wrong_section_is_sent_home(faults) -> None:
    assert faults("[server]\nprefetch = true\n") == [
        "config.toml:2: server.prefetch: unknown key here, does it belong in [recursion]?"
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("colour = 1", "config.toml:1: colour: unknown section"),
        ("[recusion]", "config.toml:1: recusion: unknown section, did you mean 'recursion'?"),
        ("[server]\nxyzzy = 1", "config.toml:2: server.xyzzy: unknown key"),
        ("server = 5", "config.toml:1: server: must be a table, not 5"),
        ("[key]", "config.toml:1: key: occurs many times, so it is written [[key]]"),
        ("[cache]\nsnapshot = 1", "config.toml:2: cache.snapshot: must be true or false, not 1"),
        (
            '[server]\nworkers = "2"',
            'config.toml:2: server.workers: must be a whole number, not "2"',
        ),
        ("[server]\nworkers = true", "must be a whole number, not true"),
        ("[server]\nworkers = 0", "config.toml:2: server.workers: must be at least 1, not 0"),
        ("[outgoing]\nport = 65536", "config.toml:2: outgoing.port: must be at most 65535"),
        ("[server]\nuser = 0", "config.toml:2: server.user: must be text, not 0"),
        ('[server]\nlisten = "::1"', 'config.toml:2: server.listen: must be a list, not "::1"'),
        (
            '[recursion]\nserve_stale = "1dy"',
            'config.toml:2: recursion.serve_stale: "1dy" is not a duration',
        ),
        (
            '[recursion]\nqname_minimisation = "on"',
            'must be "strict", "relaxed" or "off", not "on"',
        ),
        ('[log]\nlevel = "warn"', 'not "warn"; did you mean "warning"?'),
        (
            '[server]\nlisten = [\n  "::1",\n  "::x",\n]',
            'config.toml:4: server.listen[1]: "::x" is not an address',
        ),
        (
            '[[zone]]\nname = "a"\nfile = "a"\n[[zone]]\nfile = "b"',
            "config.toml:4: zone[1].name: missing",
        ),
        ('[[stub]]\nname = "a"\nto = []', "config.toml:3: stub[0].to: must not be empty"),
        (
            '[[zone]]\nname = "a"\nrole = "secondary"\nprimaries = [\n'
            '{ address = "::1", kye = "x" }]',
            "config.toml:5: zone[0].primaries[0].kye: unknown key, did you mean 'key'?",
        ),
        (
            '[access]\nquery = ["10.1.2.3/8"]',
            'config.toml:2: access.query[0]: "10.1.2.3/8" has host bits set, did you mean',
        ),
        (
            '[recursion]\nspecial_names = "on"',
            "config.toml:2: recursion.special_names: must be true, false or a list of names",
        ),
        ('[recursion]\nroot_hints = "a\\u0000b"', "config.toml:2: recursion.root_hints: "),
    ],
)
def test_wrong_value_is_told(faults, text: str, fault: str) -> None:
    (only,) = faults(text)
    assert fault in only


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            '[[zone]]\nname = "a"',
            "config.toml:1: zone[0].file: missing; a primary zone is read from a file",
        ),
        (
            '[[zone]]\nname = "a"\nfile = "a"\nprimaries = ["192.0.2.1"]',
            "config.toml:4: zone[0].primaries: a primary zone has none, did you mean role",
        ),
        (
            '[[zone]]\nname = "a"\nrole = "secondary"',
            "config.toml:1: zone[0].primaries: missing; a secondary zone needs servers",
        ),
        (
            '[[zone]]\nname = "a"\nfile = "x"\n[[zone]]\nname = "A."\nfile = "y"',
            "config.toml:5: zone[1].name: a is there already",
        ),
        (
            '[[zone]]\nname = "a"\nfile = "x"\n[[stub]]\nname = "a"\nto = ["192.0.2.1"]',
            "config.toml:5: stub[0].name: a is a [[zone]] as well; only one can be meant",
        ),
        (
            '[access]\ntransfer = ["key:nobody"]',
            "config.toml:2: access.transfer[0]: there is no [[key]] named nobody",
        ),
        (
            '[[zone]]\nname = "a"\nrole = "secondary"\n'
            'primaries = [{ address = "::1", key = "nobody" }]',
            "config.toml:4: zone[0].primaries[0].key: there is no [[key]] named nobody",
        ),
        (
            '[access]\nquery = ["none", "localhost"]',
            'config.toml:2: access.query: "none" and other entries contradict each other',
        ),
        ("[server]\nlisten = []", "config.toml:2: server.listen: empty"),
        (
            '[server]\nlisten = ["::1", "[::1]:53"]',
            "config.toml:2: server.listen[1]: ::1 is listed twice",
        ),
        ("[outgoing]\nipv4 = false\nipv6 = false", "ipv4 and ipv6 are both off"),
        (
            '[outgoing]\nipv6 = false\nsource = ["2001:db8::1"]',
            "config.toml:3: outgoing.source[0]: 2001:db8::1 is of no use while ipv6 is off",
        ),
        (
            '[[forward]]\nname = "."\nto = [\n{ address = "::1", ca = "a.pem" }]',
            "config.toml:4: forward[0].to[0].ca: is for TLS, which needs tls_name",
        ),
        (
            '[[forward]]\nname = "."\nto = [\n{ address = "::1", tls_name = "." }]',
            "config.toml:4: forward[0].to[0].tls_name: . is no name that a certificate can be for",
        ),
        ('[cache]\nmin_ttl = "2h"\nmax_ttl = "1h"', "cache.min_ttl: is more than max_ttl"),
        ("[recursion]\nmax_time = 0", "recursion.max_time: must be more than 0"),
    ],
)
def test_contradiction_is_told(faults, text: str, fault: str) -> None:
    (only,) = faults(text)
    assert fault in only


def test_two_listeners_on_ports_of_the_systems_choice_are_no_contradiction(loaded) -> None:
    assert len(loaded('[server]\nlisten = ["127.0.0.1:0", "127.0.0.1:0"]').server.listen) == 2


def test_no_address_family_is_fine_without_recursion(loaded) -> None:
    text = "[recursion]\nenabled = false\n[outgoing]\nipv4 = false\nipv6 = false"
    assert not loaded(text).outgoing.ipv4


def test_all_faults_are_told_at_once_in_the_order_of_lines(faults) -> None:
    found = faults(
        '[[zone]]\nname = "a"\nrole = "secondary"\n'
        "[server]\nlistne = 1\nworkers = 0\n"
        '[access]\ntransfer = ["key:nobody"]\n'
        '[[zone]]\nname = "b..c"\nfile = "b"\n'
        '[[zone]]\nname = "d"\n'
    )
    assert [f.split(": ")[:2] for f in found] == [
        ["config.toml:1", "zone[0].primaries"],
        ["config.toml:5", "server.listne"],
        ["config.toml:6", "server.workers"],
        ["config.toml:8", "access.transfer[0]"],
        ["config.toml:10", "zone[1].name"],
        ["config.toml:12", "zone[2].file"],
    ]


def test_what_only_follows_from_another_fault_is_not_told(faults) -> None:
    found = faults(
        '[[key]]\nname = "k"\nsecretfile = "k"\n'
        '[access]\ntransfer = ["key:k"]\n'
        '[[zone]]\nname = "a"\nrolle = "secondary"\nprimaries = ["192.0.2.1"]\n'
    )
    assert [f.split(": ")[1] for f in found] == [
        "key[0].secret_file",
        "key[0].secretfile",
        "zone[0].rolle",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a = 1\nb = \n", "config.toml:2: not TOML: invalid value"),
        ("[server]\nx = 'a\n", "config.toml:2: not TOML: "),
        ("[a]\n[a]\n", "config.toml:2: not TOML: cannot declare"),
        ("\n\na = [1,", "config.toml:3: not TOML: "),
        ("a = " + "[" * 100_000, "config.toml: nested too deeply"),
    ],
    ids=["value", "quote", "twice", "end", "deep"],
)
def test_what_is_no_toml_is_told_with_its_line(faults, text: str, fault: str) -> None:
    (only,) = faults(text)
    assert only.startswith(fault)


def test_file_that_is_not_utf8(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_bytes(b"# fine\n# \xff\n")
    with pytest.raises(ConfigError, match=r"c\.toml:2: not UTF-8"):
        load(file)


@pytest.mark.parametrize("name", ["absent.toml", "."])
def test_file_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be read: "):
        load(tmp_path / name)


def test_endless_file_is_not_read_to_its_end() -> None:
    with pytest.raises(ConfigError, match="/dev/zero: more than 16777216 octets"):
        load(Path("/dev/zero"))


def test_special_names_may_be_a_list_of_names_to_leave_out(loaded) -> None:
    assert loaded('[recursion]\nspecial_names = ["onion"]').recursion.special_names == (
        b"\x05onion\0",
    )


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Config().server.workers = 2  # type: ignore[misc]
