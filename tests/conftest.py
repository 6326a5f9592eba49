"""What holds for the whole suite: hypothesis never judges by time, and peers can be required.

A test marked `peer` skips where the other server is not installed. With ROOTWARD_PEERS_REQUIRED=1,
as .ci/run sets it, such a skip is a failure, and so is any other for want of a program: there
everything is installed, so a skip would mean that a comparison silently stopped being made.
"""

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

import resolver
from resolver.compile import how

settings.register_profile("rootward", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("rootward")

_PEERS_REQUIRED = os.environ.get("ROOTWARD_PEERS_REQUIRED") == "1"


def pytest_report_header() -> str:
    return f"rootward: {how()}, {Path(resolver.__file__).parent}"


def pytest_sessionstart() -> None:
    if os.environ.get("ROOTWARD_TESTED", how()) != how():
        pytest.exit(f"ROOTWARD_TESTED={os.environ['ROOTWARD_TESTED']}, but it is {how()}", 1)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    report = yield
    needed = item.get_closest_marker("peer") or "is not installed" in _reason(report)
    return _required(report) if needed and not hasattr(report, "wasxfail") else report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, Any]:
    """A module that skips itself whole has no markers to go by, so every such skip counts."""
    return _required((yield))


def _required(report: Any) -> Any:
    if _PEERS_REQUIRED and report.outcome == "skipped":
        reason = _reason(report)
        report.outcome = "failed"
        report.longrepr = f"required by ROOTWARD_PEERS_REQUIRED, but skipped: {reason}"
    return report


def _reason(report: Any) -> str:
    """Why it was skipped; nothing of use for other outcomes."""
    return str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
