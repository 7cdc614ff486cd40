"""no_grad: blocks, decorators, generators, several at once, threads and contexts."""

import asyncio
import contextvars
import inspect
import re
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from minigrad import Tensor, no_grad

x = Tensor(np.array([2.0]), requires_grad=True)


def records():
    """Whether an operation is recorded here."""
    return (x * x).node is not None


def test_a_decorated_function_records_nothing():
    @no_grad()
    def work(depth):
        """Its docstring."""
        return [records()] + (work(depth - 1) if depth else [])

    assert work(2) == [False] * 3  # one object, entered three times
    assert records()
    assert (work.__name__, work.__doc__) == ("work", "Its docstring.")

    @no_grad()
    def fail():
        raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert records()


def test_a_decorated_generator_records_nothing_in_its_body_only():
    found = []

    @no_grad()
    def numbers(n):
        for i in range(n):
            found.append(records())
            yield i
        return "end"

    def caller():
        return (yield from numbers(3))

    assert inspect.isgeneratorfunction(numbers)
    steps, outside = caller(), []
    for _ in range(3):
        next(steps)
        outside.append(records())
    with pytest.raises(StopIteration, match="end"):
        next(steps)
    assert (found, outside) == ([False] * 3, [True] * 3)
    assert records()


def test_a_decorated_generator_takes_values_and_exceptions_and_is_closed():
    found = []

    @no_grad()
    def echo():
        value = None
        try:
            while True:
                try:
                    value = yield value
                except KeyError as error:
                    value = error
                found.append(records())
        finally:
            found.append(("closed", records()))

    steps, error = echo(), KeyError()
    assert next(steps) is None
    assert steps.send(5) == 5
    assert steps.throw(error) is error
    assert records()
    steps.close()
    assert found == [False, False, ("closed", False)]
    with pytest.raises(StopIteration):
        next(steps)

    steps = echo()
    next(steps)
    with pytest.raises(ZeroDivisionError):
        steps.throw(ZeroDivisionError())
    assert records()


def test_two_generators_that_end_in_the_order_of_their_start():
    def body():
        with no_grad():
            yield records()
        yield records()

    first, second = body(), body()
    assert (next(first), next(second)) == (False, False)
    assert next(first) is False  # the block of the second goes on
    assert not records()
    assert next(second) is True
    assert records()


def test_one_object_can_be_entered_twice_and_used_again():
    off = no_grad()
    for _ in range(2):
        with off:
            with off:
                assert not records()
            assert not records()
        assert records()


def test_an_exit_in_another_order():
    first, second = no_grad(), no_grad()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert not records()
    second.__exit__(None, None, None)
    assert records()


def in_thread(function):
    found = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join()
    return found[0]


# A Python without the GIL copies the context into new threads.
INHERITED = bool(getattr(sys.flags, "thread_inherit_context", False))


def test_threads_and_contexts_see_what_the_docstring_says():
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(records).result()
        with no_grad():
            context = contextvars.copy_context()
            assert in_thread(records) is not INHERITED
            assert pool.submit(records).result()  # its thread began outside
            assert pool.submit(context.run, records).result() is False
            assert in_thread(lambda: context.run(records)) is False
            assert context.run(records) is False
        assert context.run(records) is False  # the context was copied inside
        assert pool.submit(records).result()
    assert records()


def test_a_block_in_a_thread_does_not_reach_other_threads():
    entered, go_on = threading.Event(), threading.Event()

    def wait_inside():
        with no_grad():
            entered.set()
            go_on.wait()
            return records()

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(wait_inside)
        entered.wait()
        assert records()
        go_on.set()
        assert future.result() is False


def test_asyncio_tasks_take_turns():
    async def inside():
        with no_grad():
            await asyncio.sleep(0)
            return records()

    async def outside():
        await asyncio.sleep(0)
        return records()

    async def both():
        return await asyncio.gather(inside(), outside(), inside())

    assert asyncio.run(both()) == [False, True, False]


def test_a_generator_that_ends_in_another_thread_changes_nothing_there():
    def body():
        with no_grad():
            yield

    steps = body()
    contextvars.copy_context().run(next, steps)
    with no_grad():
        steps.close()
        assert not records()
    assert records()


def test_async_functions_and_arguments_are_refused():
    async def work():
        pass

    text = "no_grad: work is async; write `with no_grad():` in its body"
    with pytest.raises(TypeError, match=f"^{re.escape(text)}$"):
        no_grad()(work)
    text = "no_grad takes no arguments: write @no_grad() above a function"
    with pytest.raises(TypeError, match=f"^{re.escape(text)}$"):
        no_grad(records)
