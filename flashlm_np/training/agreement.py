"""What processes tell each other: that they agree, or why they cannot go on.

All messages here are short, and JSON. Each carries a label, the place of the program where it
is sent. So processes that are at different places notice it. An error of one process takes the
place of its message, and all the others raise it: none waits for ever.
"""

import hashlib
import json
import os
import sys
import traceback
from contextlib import contextmanager, nullcontext, redirect_stdout

import numpy as np

from ..errors import INTERRUPTED, UserError, one_line
from .last_words import LastWords
from .processes import AgreedError, Processes


class AgreeingProcesses(Processes):
    """The processes of an MPI communicator, as far as they exchange short messages."""

    def __init__(self, mpi, last_words: LastWords):
        # The default would pickle what it sends. These messages need no more than JSON.
        mpi.pickle.__init__(lambda value: json.dumps(value).encode(), _from_json)
        self.comm, self.last_words = mpi.COMM_WORLD, last_words
        self.rank, self.count = self.comm.Get_rank(), self.comm.Get_size()
        self.hosts = self.comm.allgather(mpi.Get_processor_name())

    def name(self, rank: int) -> str:
        return f"process {rank} on {self.hosts[rank]}"

    def _exchange(self, label, value=None):
        """The values of all processes, which must be at the same place of the program."""
        found = self.comm.allgather([label, value])
        if errors := {r: text for r, (at, text) in enumerate(found) if at == "error"}:
            alike = len(errors) == self.count and len(set(errors.values())) == 1
            rank, text = next(iter(errors.items()))
            raise AgreedError(text if alike else f"{self.name(rank)}: {text}")
        if len({at for at, _ in found}) > 1:
            raise AgreedError(f"the processes are at different places: {found}"[:500])
        return [value for _, value in found]

    def any(self, flag):
        return any(self._exchange("any", bool(flag)))

    def of_first(self, value):
        return self._exchange("value", value)[0]

    def expect_same(self, values):
        for rank, other in enumerate(found := self._exchange("same", values)):
            for name in sorted({*other, *found[0]}):
                a, b = other.get(name), found[0].get(name)
                if a != b:
                    raise AgreedError(
                        f"{self.name(rank)} has another {name} than process 0: {str(a)[:80]}, "
                        f"not {str(b)[:80]}; give all processes the same command, files and "
                        "versions"
                    )

    def expect_equal_bits(self, when, arrays):
        own = {name: _digest(array) for name, array in arrays.items()}
        for rank, other in enumerate(found := self._exchange("bits", own)):
            different = [name for name in own if other[name] != found[0][name]]
            if different:
                raise AgreedError(
                    f"{self.name(rank)} has other numbers than process 0 {when}, first in "
                    f"{different[0]}; its processor, its libraries or its memory compute "
                    "differently: leave this machine out, and go on from the last checkpoint"
                )

    @contextmanager
    def together(self):
        try:
            yield
        except AgreedError:
            raise
        except (UserError, OSError) as error:
            self._exchange("error", _sentence(error))  # raises it in all processes
        self._exchange("together")

    @contextmanager
    def one_voice(self):
        with open(os.devnull, "w", encoding="utf-8") as nowhere:
            try:
                with nullcontext() if self.is_first else redirect_stdout(nowhere):
                    yield
            except (AgreedError, SystemExit):
                if self.is_first:
                    raise
                raise SystemExit(1) from None
            except BaseException as error:
                self._end_all(error)
            finally:
                self.last_words.close()

    def _end_all(self, error):
        """Say what happened in this process, and end all: the others may wait for it."""
        text, code = _sentence(error), 1
        if isinstance(error, KeyboardInterrupt):
            text, code = "interrupted", INTERRUPTED
        elif not isinstance(error, (UserError, OSError, MemoryError)):
            traceback.print_exc()
        print(f"flashlm: {self.name(self.rank)}: {text}", file=sys.stderr, flush=True)
        self.last_words.close()
        self.comm.Abort(code)

    def set_last_words(self, sentence):
        self.last_words.set(sentence)

    def command(self, text):
        return f"mpiexec -n {self.count} {text}"


def _sentence(error):
    if isinstance(error, OSError):
        name = f" {error.filename}" if error.filename else ""
        return f"{error.strerror or error}{name}"
    return one_line(error) or type(error).__name__


def _from_json(data):
    return json.loads(bytes(data))


def _digest(data):
    if isinstance(data, np.ndarray):
        data = np.ascontiguousarray(data)
    return hashlib.blake2b(data, digest_size=8).hexdigest()
