"""The comparison with other servers runs, and its page is written from what was measured."""

import shutil
import xml.etree.ElementTree as ET

import pytest

from tests.bench import chart, figures, page, table, workloads, zones
from tests.bench.peers import AUTHORITATIVE, RECURSIVE
from tests.bench.zone_servers import BIND, INTERPRETED, NSD

ROW = {"us": 2.0, "user_us": 1.0, "lowest_us": 1.9, "highest_us": 2.1, "qps": 1000.0}


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A place for figures and page of this test."""
    monkeypatch.setattr(figures, "KEPT", tmp_path / "performance" / "figures.json")
    monkeypatch.setattr(page, "PAGE", tmp_path / "performance.md")
    monkeypatch.setattr(page, "CHARTS", tmp_path / "performance")
    return tmp_path


def test_the_page_keeps_what_was_written_by_hand(kept):
    page.PAGE.write_text("by hand\n<!-- table -->\nold\n<!-- end -->\nand more\n")
    rows = {"rootward": ROW, "unbound": {**ROW, "us": 4.0}}
    figures.keep(figures.KEPT, "hit udp", rows, "python -m tests.bench table")
    page.write()
    text = page.PAGE.read_text()
    assert text.startswith("by hand\n<!-- table -->\n|")
    assert text.endswith("<!-- end -->\nand more\n")
    assert "old" not in text
    assert "| unbound | 4.00 | 1.00 | 1.90 to 2.10 | 1,000 | 0.50 |" in text
    assert "python -m tests.bench table" in text
    page.write()
    assert page.PAGE.read_text() == text


def test_a_section_replaces_its_former_figures_and_no_others(kept):
    figures.keep(figures.KEPT, "parts", {"hit": [1.0, "ns"]}, "a")
    figures.keep(figures.KEPT, "filled", {}, "b")
    figures.keep(figures.KEPT, "parts", {"hit": [2.00000049, "ns"]}, "c")
    found = figures.read(figures.KEPT)
    assert found["parts"]["figures"] == {"hit": [2.0, "ns"]}
    assert found["filled"]["how"] == "b"


def test_charts_are_drawings():
    lines = {"hit": [(1000.0, 0.3), (1_000_000.0, 1.1)]}
    drawn = (
        chart.bars({"hit": {"rootward": 2.0, "a < b": 3.0}}, "us"),
        chart.plots([chart.Plot("cost", "entries", "us", lines)] * 3),
    )
    for svg in drawn:
        assert ET.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"


@pytest.mark.peer
@pytest.mark.slow
@pytest.mark.loopback
@pytest.mark.parametrize("workload", ["hit", "auth"])
def test_servers_are_compared(workload, monkeypatch):
    monkeypatch.setattr(workloads, "HOT_QUERIES", 1000)
    monkeypatch.setattr(workloads, "MISS_QUERIES", 1000)
    monkeypatch.setattr(workloads, "MIX_QUERIES", 1000)
    if shutil.which("dnsperf") is None or shutil.which("taskset") is None:
        pytest.skip("dnsperf or taskset is not installed")
    others = RECURSIVE if workload == "hit" else AUTHORITATIVE
    peer = next((peer for peer in others if peer.is_installed), None)
    if peer is None:
        pytest.skip("no other server is installed")
    how = {"rounds": 1, "seconds": 0.2, "wanted": [peer.name], "compiled": False}
    ((name, rows),) = table.compare([workload], ["udp"], **how)
    assert name == f"{workload} udp"
    assert set(rows) == {"rootward", peer.name}
    assert all(row["right"] == 1 and row["qps"] > 0 for row in rows.values())


@pytest.mark.peer
@pytest.mark.slow
@pytest.mark.loopback
def test_large_zones_are_compared(tmp_path, monkeypatch):
    monkeypatch.setattr(zones, "KEPT", tmp_path)
    monkeypatch.setattr(zones, "IDLE_S", 0.1)
    if not (NSD.is_installed or BIND.is_installed):
        pytest.skip("neither nsd nor named is installed")
    ((name, row),) = zones.compare([INTERPRETED], zones.zone_file("registry", 500), runs=1)
    assert name == "rootward"
    assert row["start_s"] > 0
    assert row["in_mib"] > 0
    assert set(row) >= set(zones.COLUMNS) - {"dig_s"}
    text = page.zones({"registry": {name: row, "bind": {**row, "load_mib": row["load_mib"] * 2}}})
    assert "| `registry` | start, s |" in text
    assert f"| {row['load_mib']:.0f} (0.50) |" in text
