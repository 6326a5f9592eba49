"""The table of verbs and what is made of it."""

from pathlib import Path

import pytest
from controlled import command

from resolver.app.control.page import PAGE, render_page
from resolver.app.control.protocol import CommandError
from resolver.app.control.table import VERBS, find_verb
from resolver.app.control.verb import number
from resolver.app.exits import OK, USAGE

ROOT = Path(__file__).parents[2]


def test_page_is_in_step_with_the_table() -> None:
    made = render_page()
    assert (ROOT / PAGE).read_text() == made, "python -m resolver.app.control.page"


def test_names_are_unique_and_at_most_two_words() -> None:
    verbs = [verb.name for verb in VERBS]
    assert len(verbs) == len(set(verbs))
    assert all(len(name.split()) <= 2 for name in verbs)
    groups = {name.split()[0] for name in verbs if " " in name}
    assert not groups & set(verbs)


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_every_verb_has_help(verb: object) -> None:
    name = getattr(verb, "name", "")
    done = command("ctl", *name.split(), "--help")
    assert done.code == OK
    assert "--json" in done.out
    assert find_verb(name) is verb


def test_help_names_every_group() -> None:
    out = command("ctl", "--help").out
    assert {verb.name.split()[0] for verb in VERBS} <= set(out.split())
    assert command("ctl", "cache").code == USAGE
    assert command("ctl").code == USAGE


def test_unknown_verb_gets_a_hint() -> None:
    with pytest.raises(CommandError, match="did you mean 'flush-all'"):
        find_verb("flushall")


def test_numbers_have_bounds() -> None:
    kind = number(1, 10)
    assert kind.read("7") == kind.read(7) == 7
    for wrong in ("0", 11, "x", "", True, None, "7.0", "\u0667"):
        with pytest.raises(ValueError, match=r"7|0|1|text|number"):
            kind.read(wrong)


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion_knows_the_verbs(shell: str) -> None:
    done = command("completion", shell)
    assert done.code == OK
    assert "flush-all" in done.out
    assert "explain-client" in done.out
