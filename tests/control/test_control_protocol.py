"""Lines of the control socket."""

import json

from resolver.app.control.protocol import Facts, success
from resolver.slices import finish


def test_a_result_is_one_line_of_json_whatever_is_in_it() -> None:
    result: Facts = {
        "zones": [{"zone": "a.test.", "findings": ["a, [b", 'c"d'], "serial": None}] * 250,
        "none": [],
        'name "\n': "text\n",
        "number": 1.5,
        "facts": {"held": [1, 2]},
    }
    said = json.loads(json.dumps(result))
    line = finish(success(result))
    assert line.endswith(b"}}\n")
    assert line.count(b"\n") == 1
    assert json.loads(line) == {"protocol": 1, "ok": True, "result": said}


def test_a_result_without_facts_is_a_line_too() -> None:
    assert json.loads(finish(success({}))) == {"protocol": 1, "ok": True, "result": {}}


def test_a_long_list_is_written_in_slices() -> None:
    assert sum(1 for _ in success({"zones": [{"zone": "a."} for _ in range(10_000)]})) >= 100
