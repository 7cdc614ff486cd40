"""MPI in one process: each of several threads sees the part of mpi4py that the project uses.

All messages go through a barrier: a thread puts its value into a row, waits for the others, and
reads the row. So the code of several machines is tested where there is no MPI.
"""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from flashlm_np.training.last_words import LastWords
from flashlm_np.training.several_machines import MpiProcesses


class Communicator:
    """One thread's end of the exchange."""

    def __init__(self, rank, row, barrier):
        self.rank, self.row, self.barrier = rank, row, barrier

    def Get_rank(self):
        return self.rank

    def Get_size(self):
        return len(self.row)

    def allgather(self, value):
        self.row[self.rank] = value
        self.barrier.wait()
        found = list(self.row)
        self.barrier.wait()  # no thread writes the next value before all have read
        return found

    def Allgather(self, array, found):
        found[...] = np.stack(self.allgather(array.copy()))

    def Allgatherv(self, array, found):
        rows = self.allgather(array.copy())
        assert [len(row) for row in rows] == list(found[1])
        found[0][...] = np.concatenate(rows)

    def Allreduce(self, in_place, array):
        array[...] = sum(self.allgather(array.copy()))

    def Gather(self, array, found):
        rows = self.allgather(array.copy())
        if self.rank == 0:
            found[...] = np.stack(rows)


class Mpi:
    IN_PLACE = "in place"

    def __init__(self, communicator):
        self.COMM_WORLD = communicator

    def Get_processor_name(self):
        return "here"

    class pickle:
        def __init__(self, *functions):
            pass


def simulated(count, work):
    """[work(processes) of each process]. An error of one ends all, and is raised."""
    row, barrier = [None] * count, threading.Barrier(count)

    def run(rank):
        try:
            mpi = Mpi(Communicator(rank, row, barrier))
            return work(MpiProcesses(mpi, LastWords(False)))
        except BaseException:
            barrier.abort()
            raise

    with ThreadPoolExecutor(count) as pool:
        futures = [pool.submit(run, rank) for rank in range(count)]
    errors = [e for f in futures if (e := f.exception())]
    for error in sorted(errors, key=lambda e: isinstance(e, threading.BrokenBarrierError)):
        raise error
    return [future.result() for future in futures]
