"""$GENERATE: one line of a master file that stands for many.

The directive is BIND's; other servers took it over with its rules: `$` is the number,
`${offset,width,base}` changes how it is written (base d, o, x or X; n and N write nibbles backwards
for reverse zones), `$$` and `\\$` are a dollar sign.

Knows: the directive as BIND 9 documents it. Does not know: records, names, files.
"""

import re
from collections.abc import Iterator
from typing import Final

from resolver.zone import tokens

MAX_STEPS: Final = 65_536
MAX_NUMBER: Final = 0x7FFFFFFF
MAX_WIDTH: Final = 255

_RANGE = re.compile(r"([0-9]{1,10})-([0-9]{1,10})(?:/([0-9]{1,10}))?\Z", re.ASCII)
_DOLLAR = re.compile(r"\\\$|\$\$|\$\{([^}]*)\}|\$")
_MODIFIER = re.compile(r"(-?[0-9]{1,10})(?:,([0-9]{1,3})(?:,([doxXnN]))?)?\Z", re.ASCII)


def read_range(text: str) -> range:
    """`start-stop` or `start-stop/step`; raises ValueError, also for too many steps."""
    match = _RANGE.match(text)
    if match is None:
        raise ValueError(f"$GENERATE range {text[:60]!r} is not start-stop or start-stop/step")
    start, stop, step = (int(group) if group else 1 for group in match.groups())
    if max(start, stop, step) > MAX_NUMBER:
        raise ValueError(f"$GENERATE range {text!r} goes over {MAX_NUMBER}")
    if start > stop or step < 1:
        raise ValueError(f"$GENERATE range {text!r} goes nowhere")
    numbers = range(start, stop + 1, step)
    if len(numbers) > MAX_STEPS:
        raise ValueError(
            f"$GENERATE range {text!r} has {len(numbers)} steps, more than {MAX_STEPS}"
        )
    return numbers


def expand(words: list[str]) -> Iterator[list[str]]:
    """The words of each generated record, from the words behind the directive.

    Words of the result are like those of a line: owner first. Raises ValueError.
    """
    if len(words) < 4:
        raise ValueError("$GENERATE needs a range, an owner, a type and data")
    numbers = read_range(words[0])
    template = words[1:]
    if template[-1][0] == '"':
        # Data of several fields is written in quotes, which are not part of it: MX "10 host-$".
        inside = template.pop()[1:-1].replace('\\"', '"')
        if tokens.split(inside, template, 0):
            raise ValueError("$GENERATE with a parenthesis inside quotes")
    for number in numbers:
        yield [_fill(word, number) if "$" in word else word for word in template]


def _fill(word: str, number: int) -> str:
    return _DOLLAR.sub(lambda match: _write(match, number), word)


def _write(match: re.Match[str], number: int) -> str:
    text = match.group()
    if text in ("$$", "\\$"):
        return "$"
    modifier = match.group(1)
    return str(number) if modifier is None else _modified(modifier, number)


def _modified(modifier: str, number: int) -> str:
    match = _MODIFIER.match(modifier)
    if match is None:
        raise ValueError(f"${{{modifier[:60]}}} is not ${{offset,width,base}}")
    value = number + int(match.group(1))
    width = tokens.read_number(match.group(2) or "0", MAX_WIDTH, "width")
    base = match.group(3) or "d"
    if value < 0 or value > MAX_NUMBER:
        raise ValueError(f"${{{modifier}}} makes {value} of {number}")
    if base in "nN":
        return _nibbles(f"{value:x}" if base == "n" else f"{value:X}", width)
    return f"{value:0{width}{base}}"


def _nibbles(digits: str, width: int) -> str:
    """Digits from the last to the first with dots between; `width` counts the dots, too."""
    count = max(len(digits), (width + 1) // 2)
    return ".".join(reversed(digits.rjust(count, "0")))
