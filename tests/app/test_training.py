"""The training of a copy that is compiled with a profile does what it is for."""

import re

import pytest

from resolver.compile import training


@pytest.mark.loopback
@pytest.mark.slow
def test_every_query_of_the_training_is_answered(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for constant, value in {
        "OWNERS": 400,
        "NEW_NAMES": 200,
        "ROUNDS": 2,
        "ON_STREAMS": 200,
    }.items():
        monkeypatch.setattr(training, constant, value)
    training.main()
    said = re.search(r"(\d+) of (\d+) queries answered", capsys.readouterr().out)
    assert said is not None
    assert int(said[1]) > int(said[2]) * training.ENOUGH > 4000


def test_a_training_whose_server_does_not_start_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(training, "AUTHORITY", "[server]\nlisten = 5\n")
    with pytest.raises(SystemExit, match=r"did not start: .*server\.listen"):
        training.main()
