"""The layer rule: imports go downwards only, and what is below the sockets neither waits nor looks.

7  app, config.load …          5  serve                2  cache, zone
6  net                         4  resolve, policy      1  wire
-  testing (may import 0-6)    3  iterate, validate    0  names, model, config.schema …
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "resolver").rglob("*.py"))
LAYERS = {"wire": 1, "cache": 2, "zone": 2, "iterate": 3, "validate": 3}
LAYERS |= {
    "resolve": 4,
    "policy": 4,
    "serve": 5,
    "doctor": 5,
    "net": 6,
    "testing": 6.5,
    "app": 7,
    "compile": 7,
}
LAYERS |= dict.fromkeys(("names", "codes", "model", "effects", "errors", "trace", "tls"), 0)
LAYERS |= dict.fromkeys(("clock", "rng", "metrics", "config", "slices", "leftovers"), 0)
LAYERS |= dict.fromkeys(("durable", "histogram", "native", "sketch"), 0)
# Modules of a package that are on another layer than the rest of it.
LAYERS |= dict.fromkeys(("config.load", "config.reasons", "config.reference"), 7)
LAYERS |= dict.fromkeys(("__init__", "__main__"), 7)

WAITING = {"asyncio", "socket", "ssl", "select", "selectors", "threading", "subprocess"}
CLOCKS_AND_DICE = {"time", "random", "secrets"}
DISK = {"open", "read_text", "read_bytes", "write_text", "write_bytes"}
MAY_TOUCH_DISK = {"zone.reader", "zone.journal", "cache.snapshot", "config.load", "durable"}
# Libraries that are kept off the path of a query, and who may import them.
KEPT_APART = {
    "dns": {"wire.text", "wire.tsig", "validate.signature", "zone.signer"},
    "dnslib": {"testing"},
    "cryptography": {"zone.private_key"},
    "pydantic": {"config"},
    "pydantic_core": {"config"},
}


def place(module: str) -> tuple[str, float]:
    """The package (or lone module) and the layer of `cache.store` and the like."""
    package = module.split(".")[0]
    key = module if module in LAYERS else package
    return key if LAYERS[key] == 7 else package, LAYERS[key]


def breaches(module: str, source: str) -> list[str]:
    """Every breach of the rule in one file; modules are named without `resolver.`."""
    package, layer = place(module)
    found = []
    for node in ast.walk(ast.parse(source)):
        for target in imported(node):
            top, _, inside = target.partition(".")
            if top == "resolver" and inside:
                other, other_layer = place(inside)
                testing = other == "testing" != package
                allowed = other == package or other_layer < layer or layer == other_layer in (0, 7)
                if testing or not allowed:
                    found.append(f"{package} may not import {other}")
                elif inside == "durable" and layer < 6 and module not in MAY_TOUCH_DISK:
                    found.append(f"{module} may not touch the disk")
            elif top in WAITING | CLOCKS_AND_DICE and layer < 6:
                found.append(f"{package} may not import {top}")
            elif (
                top in KEPT_APART and not {module, package, module.split(".")[0]} & KEPT_APART[top]
            ):
                found.append(f"{module} may not import {top}")
        if layer < 6:
            found += looks_or_waits(module, node)
    return found


def imported(node: ast.AST) -> list[str]:
    """Full names of the modules that a statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        assert node.module, "imports are absolute"
        if node.module == "resolver":
            return [f"resolver.{alias.name}" for alias in node.names if alias.name in LAYERS]
        return [node.module]
    return []


def looks_or_waits(module: str, node: ast.AST) -> list[str]:
    """`async` and `await`, and calls that touch the disk, below the layer of sockets."""
    if isinstance(node, ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith | ast.Await):
        return [f"{module} may not wait"]
    if isinstance(node, ast.Call) and module not in MAY_TOUCH_DISK:
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        return [f"{module} may not touch the disk"] if name in DISK else []
    return []


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT / "resolver").with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_file_keeps_the_layer_rule(path: Path) -> None:
    assert breaches(module_of(path), path.read_text()) == []


@pytest.mark.parametrize(
    ("module", "source", "breach"),
    [
        ("cache.store", "from resolver.net.run import Driver", "cache may not import net"),
        ("cache.store", "import resolver.zone.content", "cache may not import zone"),
        ("iterate.scrub", "from resolver import resolve", "iterate may not import resolve"),
        ("names", "def f():\n    import resolver.wire.parse", "names may not import wire"),
        ("config.schema", "import resolver.config.load", "config may not import config.load"),
        ("app.server", "import resolver.testing", "app may not import testing"),
        ("testing.demo", "import resolver.app.cli", "testing may not import app"),
        ("serve.service", "import asyncio", "serve may not import asyncio"),
        ("policy.acl", "from time import monotonic", "policy may not import time"),
        ("zone.lookup", "async def f(): pass", "zone.lookup may not wait"),
        ("zone.lookup", "open('x')", "zone.lookup may not touch the disk"),
        ("zone.lookup", "path.read_text()", "zone.lookup may not touch the disk"),
        (
            "zone.lookup",
            "from resolver.durable import put_in_place",
            "zone.lookup may not touch the disk",
        ),
        ("wire.parse", "import dns.message", "wire.parse may not import dns"),
        ("net.run", "import dnslib", "net.run may not import dnslib"),
        ("app.server", "import pydantic", "app.server may not import pydantic"),
    ],
)
def test_breach_is_seen(module: str, source: str, breach: str) -> None:
    assert breaches(module, source) == [breach]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("net.run", "import asyncio\nfrom resolver.serve.service import Service"),
        ("app.cli", "from resolver.config.load import load"),
        ("wire.text", "import dns.rdata"),
        ("testing.loopback", "import dnslib, socket\nfrom resolver.net.run import Driver"),
        ("zone.reader", "open('x')"),
        ("cache.snapshot", "from resolver.durable import put_in_place"),
    ],
)
def test_downward_import_is_fine(module: str, source: str) -> None:
    assert breaches(module, source) == []
