"""The table in docs/metrics.md, made from the table of metrics.

`python -m resolver.app.monitor.page` writes it anew between its two marks; the rest of the page is
written by hand. Knows: how to show a metric. Does not know: any metric.
"""

import sys
from pathlib import Path

from resolver.app.monitor.families import FAMILIES, PREFIX, Family

PAGE = Path("docs/metrics.md")
BEGIN = "<!-- made by python -m resolver.app.monitor.page: begin -->\n"
END = "<!-- end -->\n"


def render_table() -> str:
    """All metrics, by name."""
    rows = ["| Metric | Kind | Labels | Meaning |", "|---|---|---|---|"]
    rows += [_row(FAMILIES[name]) for name in sorted(FAMILIES)]
    return "\n".join(rows) + "\n"


def _row(family: Family) -> str:
    name = f"{family.name}_info" if family.kind == "info" else family.name
    labels = ", ".join(f"`{label}`" for label in family.labels)
    return f"| `{PREFIX}{name}` | {family.kind} | {labels} | {family.help} |"


def render_page(before: str) -> str:
    """The page with the table in it as it should be. Raises ValueError without the marks."""
    head, begin, rest = before.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError("the page has lost the marks around its table")
    return f"{head}{BEGIN}{render_table()}{END}{tail}"


def main(root: Path = Path()) -> int:
    """Write the page below `root`; the exit code."""
    page = root / PAGE
    page.write_text(render_page(page.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
