"""Deadlines: their order, taking them back, and that cancelled ones take no room."""

import asyncio
import gc
import weakref

from upstreams import until

from resolver.net.timers import TICK_S, Timed, Timers


class Bell(Timed):
    """Notes when it is rung."""

    def __init__(self, rung, name):
        super().__init__()
        self._rung = rung
        self._name = name

    def expire(self):
        self._rung.append(self._name)


class Setter(Bell):
    """Sets another deadline when it is rung, and notes nothing."""

    def __init__(self, rung, timers, name, when):
        super().__init__(rung, name)
        self._timers = timers
        self._when = when

    def expire(self):
        self._timers.set(Bell(self._rung, self._name), self._when)


async def test_deadlines_come_in_order_of_time_not_of_setting():
    loop = asyncio.get_running_loop()
    timers, rung = Timers(loop), []
    now = loop.time()
    for name, delay_s in (("third", 0.09), ("first", 0.01), ("second", 0.05)):
        timers.set(Bell(rung, name), now + delay_s)
    await until(lambda: len(rung) == 3)
    assert rung == ["first", "second", "third"]
    assert len(timers) == 0


async def test_early_deadline_does_not_wait_for_a_late_one():
    loop = asyncio.get_running_loop()
    timers, rung = Timers(loop), []
    timers.set(Bell(rung, "late"), loop.time() + 1000)
    timers.set(Bell(rung, "early"), loop.time() + 0.01)
    await until(lambda: rung == ["early"])
    timers.close()


async def test_cancelled_deadline_does_not_come():
    loop = asyncio.get_running_loop()
    timers, rung = Timers(loop), []
    early, late = Bell(rung, "early"), Bell(rung, "late")
    timers.set(early, loop.time() + 0.01)
    timers.set(late, loop.time() + 0.03)
    timers.cancel(early)
    timers.cancel(early)
    await until(lambda: bool(rung))
    assert rung == ["late"]


async def test_deadline_set_anew_comes_once_at_the_new_time():
    loop = asyncio.get_running_loop()
    timers, rung = Timers(loop), []
    bell = Bell(rung, "bell")
    timers.set(bell, loop.time() + 0.01)
    timers.cancel(bell)
    timers.set(bell, loop.time() + 0.05)
    timers.set(Bell(rung, "between"), loop.time() + 0.03)
    await until(lambda: len(rung) == 2)
    assert rung == ["between", "bell"]


class Name:
    """The name of one bell alone."""


async def test_cancelled_deadlines_are_let_go_of():
    loop = asyncio.get_running_loop()
    timers, rung = Timers(loop), []
    keeper = Bell(rung, "keeper")
    now = loop.time()
    timers.set(keeper, now + 100)
    held = weakref.WeakSet()
    for number in range(10_000):
        name = Name()
        held.add(name)
        bell = Bell(rung, name)
        timers.set(bell, now + 50 + number % 100 * TICK_S)
        timers.cancel(bell)
    del bell, name
    gc.collect()
    assert not held
    assert timers.ticks <= 102
    assert len(timers) == 1
    timers.close()
    assert keeper.due == 0.0


async def test_deadlines_of_one_tick_take_each_other_back_and_set_anew():
    loop = asyncio.get_running_loop()
    timers, rung = Timers(loop), []
    bells = []

    class Rival(Bell):
        def expire(self):
            super().expire()
            for bell in bells:
                timers.cancel(bell)
            timers.set(again, now - 1)

    now = loop.time()
    again = Bell(rung, "again")
    bells += [Rival(rung, "rival") for _ in range(3)]
    for bell in bells:
        timers.set(bell, now - 1)
    await until(lambda: len(rung) == 2)
    assert rung == ["rival", "again"]
    assert len(timers) == timers.ticks == 0


async def test_nothing_expires_after_a_handler_has_closed_it_all():
    loop = asyncio.get_running_loop()
    timers, rung = Timers(loop), []

    class Last(Bell):
        def expire(self):
            super().expire()
            timers.close()

    bells = [Last(rung, "last") for _ in range(3)]
    for bell in bells:
        timers.set(bell, loop.time() - 1)
    await until(lambda: bool(rung))
    await asyncio.sleep(0.01)
    assert rung == ["last"]
    assert not any(bell.due for bell in bells)


async def test_handler_that_raises_does_not_stop_the_others(caplog):
    loop = asyncio.get_running_loop()
    timers, rung = Timers(loop), []

    class Broken(Bell):
        def expire(self):
            raise RuntimeError("spilt milk")

    timers.set(Broken(rung, "broken"), loop.time() + 0.01)
    timers.set(Bell(rung, "sound"), loop.time() + 0.01)
    await until(lambda: rung == ["sound"])
    assert "spilt milk" in caplog.text


async def test_a_late_deadline_set_while_one_expires_does_not_delay_those_between():
    loop = asyncio.get_running_loop()
    timers, rung = Timers(loop), []

    now = loop.time()
    timers.set(Setter(rung, timers, "late", now + 1000), now + 0.01)
    timers.set(Bell(rung, "between"), now + 0.05)
    await until(lambda: rung == ["between"])
    timers.close()


async def test_what_is_overdue_when_it_is_set_leaves_later_deadlines_as_they_are():
    loop = asyncio.get_running_loop()
    timers, rung = Timers(loop), []

    now = loop.time()
    # Set neither in its setter's tick nor in the future: it comes in the same turn.
    timers.set(Setter(rung, timers, "overdue", now - 1), now - 2)
    far = Bell(rung, "far")
    timers.set(far, now + 1000)
    await until(lambda: bool(rung))
    timers.set(Bell(rung, "near"), loop.time() + 0.01)
    await until(lambda: len(rung) == 2)
    assert rung == ["overdue", "near"]
    assert far.due
    timers.close()


async def test_a_timer_that_is_empty_takes_deadlines_again():
    loop = asyncio.get_running_loop()
    timers, rung = Timers(loop), []

    now = loop.time()
    timers.set(Setter(rung, timers, "overdue", now - 1), now - 2)
    await until(lambda: bool(rung))
    await asyncio.sleep(0.01)
    timers.set(Bell(rung, "near"), loop.time() + 0.01)
    await until(lambda: len(rung) == 2)
    assert rung == ["overdue", "near"]


async def test_a_tick_that_has_come_comes_again_when_it_is_set_again():
    loop = asyncio.get_running_loop()
    timers, rung = Timers(loop), []

    past = loop.time() - 1
    for name in ("first", "second"):
        timers.set(Bell(rung, name), past)
        await until(lambda name=name: rung[-1:] == [name])
    assert len(timers) == timers.ticks == 0
