"""What we write, we read back as it was; what we read, we can write again."""

from hypothesis import given
from hypothesis import strategies as st
from wire_samples import NAMES, folded, messages, real_looking

from resolver.errors import WireError
from resolver.model import Message
from resolver.wire.build import build
from resolver.wire.parse import parse, read_name
from resolver.wire.text import show_message


@given(messages())
def test_messages_read_back_as_written(message: Message) -> None:
    assert folded(parse(build(message))) == folded(message)


def test_real_looking_messages_read_back_exactly() -> None:
    for message in real_looking():
        assert parse(build(message)) == message


@given(messages(), st.integers(512, 1500))
def test_small_messages_keep_to_their_size(message: Message, size: int) -> None:
    packet = build(message, max_size=size)
    assert len(packet) <= size
    found = parse(packet)
    assert found.edns is None or message.edns is not None
    kept, sent = folded(found), folded(message)
    assert all(few <= many for few, many in zip(kept[5:], sent[5:], strict=True))


@given(st.binary(max_size=200))
def test_noise_is_a_message_or_a_wire_error(packet: bytes) -> None:
    try:
        message = parse(packet)
    except WireError:
        return
    assert folded(parse(build(message))) == folded(message)
    assert show_message(message)


@given(st.lists(NAMES, min_size=1, max_size=6))
def test_names_one_after_the_other(names: list[bytes]) -> None:
    packet = bytes(12) + b"".join(names)
    offset, found = 12, []
    while offset < len(packet):
        name, offset = read_name(packet, offset)
        found.append(name)
    assert found == names
