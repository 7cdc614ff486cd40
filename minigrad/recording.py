"""no_grad: the switch that turns recording off."""

from contextvars import ContextVar
from functools import wraps
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction


class no_grad:
    """Record nothing inside: less memory, and no backward.

    `with no_grad():` surrounds a block, and `@no_grad()` a function. Of a decorated generator,
    only the body runs without recording, not the caller's code between two values. One object
    may be entered several times, and two may end in any order.

    The switch belongs to a context of Python's `contextvars`, so threads do not disturb each
    other. Inside the block of one thread:

        threading.Thread, ThreadPoolExecutor.submit     record, in a context of their own
        contextvars.copy_context().run(f)               records nothing, in any thread
        an asyncio task that is created inside          records nothing

    (A Python that is built without the GIL copies the context into a new Thread.)

    Example:
        >>> from minigrad import Tensor
        >>> x = Tensor([2.0], requires_grad=True)
        >>> with no_grad():
        ...     y = x * x
        >>> y.node is None
        True
    """

    # The blocks around the present line. A tuple, not a stored value to restore: two generators
    # that end in another order than they began would restore each other's value.
    blocks: ContextVar[tuple] = ContextVar("blocks", default=())

    def __init__(self, *misplaced):
        if misplaced:
            raise TypeError("no_grad takes no arguments: write @no_grad() above a function")

    def __enter__(self):
        self.blocks.set((*self.blocks.get(), self))

    def __exit__(self, *error):
        blocks = list(self.blocks.get())
        if self in blocks:  # not so if a generator is closed in another thread
            blocks.remove(self)
            self.blocks.set(tuple(blocks))

    def __call__(self, function):
        if iscoroutinefunction(function) or isasyncgenfunction(function):
            raise TypeError(
                f"no_grad: {function.__name__} is async; write `with no_grad():` in its body"
            )

        @wraps(function)
        def result(*inputs, **options):
            with self:
                return function(*inputs, **options)

        @wraps(function)
        def values(*inputs, **options):
            return (yield from self._steps(function(*inputs, **options)))

        return values if isgeneratorfunction(function) else result

    def _steps(self, generator):
        """Run the body without recording, and the caller with it, from value to value."""
        step, sent = generator.send, None
        while True:
            try:
                with self:
                    value = step(sent)
            except StopIteration as stop:
                return stop.value
            try:
                step, sent = generator.send, (yield value)
            except GeneratorExit:
                with self:
                    generator.close()
                raise
            except BaseException as error:
                step, sent = generator.throw, error
