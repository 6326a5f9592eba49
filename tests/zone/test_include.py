"""$INCLUDE (RFC 1035 section 5.1)."""

from pathlib import Path

import pytest
from reading import HEAD, name, records

from resolver.zone.file import ZoneReport, read_zone_file
from resolver.zone.reader import MAX_INCLUDE_DEPTH

ORIGIN = name("example.test.")


def read(folder: Path, **files: str) -> ZoneReport:
    """`main` is the zone's file; underscores in names of files become slashes."""
    for file, text in files.items():
        path = folder / file.replace("_", "/")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return read_zone_file(folder / "main", ORIGIN)


def test_files_are_relative_to_the_one_that_includes_them(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        main=HEAD + "$INCLUDE sub/a\n",
        sub_a="a TXT a\n$INCLUDE b\n",
        sub_b="b TXT b\n",
    )
    assert found.zone is not None
    assert [line.split()[0] for line in records(found.zone)] == [
        "a.example.test.",
        "b.example.test.",
    ]


def test_origin_and_owner_are_as_before_afterwards(tmp_path: Path) -> None:
    main = HEAD + "x TXT x\n$INCLUDE a sub\n AAAA ::1\ny TXT y\n$INCLUDE a\n"
    found = read(tmp_path, main=main, a="a A 192.0.2.5\n$ORIGIN deep\nb TXT b\n")
    assert found.zone is not None
    assert [line.split()[0] for line in records(found.zone)] == [
        "x.example.test.",
        "x.example.test.",
        "a.sub.example.test.",
        "b.deep.sub.example.test.",
        "y.example.test.",
        "a.example.test.",
        "b.deep.example.test.",
    ]


def test_errors_name_the_included_file(tmp_path: Path) -> None:
    main = HEAD + "$INCLUDE a\nb A y\n$INCLUDE none\n"
    found = read(tmp_path, main=main, a="\n\na A x\n")
    assert [str(e) for e in found.errors] == [
        f"{tmp_path}/a:3: 'x' is no IPv4 address",
        f"{tmp_path}/main:6: 'y' is no IPv4 address",
        f"{tmp_path}/main:7: {tmp_path}/none: no such file",
    ]


def test_warnings_name_the_included_file(tmp_path: Path) -> None:
    found = read(tmp_path, main=HEAD + "$INCLUDE a\n", a="\nx DS 1 8 2 00\n")
    assert str(found.warnings[0]).startswith(f"{tmp_path}/a:2: DS at x.example.test.")


@pytest.mark.parametrize(
    "files", [{"a": "$INCLUDE main\n"}, {"a": "$INCLUDE b\n", "b": "$INCLUDE a"}]
)
def test_a_circle_is_refused(tmp_path: Path, files: dict[str, str]) -> None:
    found = read(tmp_path, main=HEAD + "$INCLUDE a\n", **files)
    assert len(found.errors) == 1
    assert "includes itself" in found.errors[0].reason


def test_depth_is_bounded(tmp_path: Path) -> None:
    deep = {f"f{i}": f"$INCLUDE f{i + 1}\n" for i in range(MAX_INCLUDE_DEPTH + 5)}
    found = read(tmp_path, main=HEAD + "$INCLUDE f0\n", **deep)
    assert len(found.errors) == 1
    assert str(found.errors[0]) == f"{tmp_path}/f9:1: $INCLUDE more than 10 files deep"


def test_number_is_bounded(tmp_path: Path) -> None:
    wide = {f"f{i}": f"$INCLUDE f{i + 1}\n" * 20 for i in range(5)} | {"f5": "; nothing\n"}
    found = read(tmp_path, main=HEAD + "$INCLUDE f0\n", **wide)
    assert "more than 1000 files included" in found.errors[0].reason
