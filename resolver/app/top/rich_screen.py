"""The live view drawn by rich: a screen of its own, tables beside each other.

Knows: rich. Does not know: where views come from.
"""

from collections.abc import Iterator

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from resolver.app.top.view import Part, View


def draw(views: Iterator[View]) -> None:
    """Show one after the other until there are no more."""
    with Live(screen=True, auto_refresh=False) as live:
        for view in views:
            live.update(screen_of(view), refresh=True)


def screen_of(view: View) -> RenderableType:
    """A whole view."""
    head = Panel(Text("\n".join(view.headline)), title="rootward", title_align="left")
    return Group(head, Columns([_table(part) for part in view.parts], padding=(0, 3)))


def _table(part: Part) -> Table:
    table = Table(title=part.title, title_justify="left", box=None, header_style="dim")
    table.title_style = "bold"
    for number, head in enumerate(part.head):
        table.add_column(head, justify="left" if not number else "right", overflow="ellipsis")
    for row in part.rows:
        table.add_row(*(Text(cell) for cell in row))  # names are text, never markup
    if not part.rows:
        table.add_row(Text(part.empty, style="dim"))
    return table
