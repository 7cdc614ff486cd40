"""`mpiexec`, from the side of a process that it starts: is there one, and who else was started?

The launcher tells a process its number, and the number of all, in the environment:

    PMI_RANK, PMI_SIZE                              MPICH, Intel MPI, MS-MPI, Slurm with pmi2
    OMPI_COMM_WORLD_RANK, OMPI_COMM_WORLD_SIZE      Open MPI
    PMIX_RANK                                       Slurm with pmix: only MPI knows the size

Without one of them, MPI is not imported: `flashlm train` alone needs no MPI.
"""

import os
import sys
from collections.abc import Mapping

from ..errors import UserError
from .last_words import LastWords
from .processes import Processes
from .threads import limit_blas

NAMES = (
    ("PMI_RANK", "PMI_SIZE"),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("PMIX_RANK", None),
)


def launched(environment: Mapping[str, str] = os.environ) -> tuple[int, int | None] | None:
    """The number of this process and of all (None: not told), or None without a launcher."""
    for rank, size in NAMES:
        if rank in environment and (size is None or size in environment):
            told = None if size is None else int(environment[size])
            return int(environment[rank]), told
    return None


def join() -> Processes:
    """The processes that mpiexec has started, of which this is one; or this one alone.

    Raises a UserError if MPI cannot be imported, or is another one than mpiexec's.
    """
    found = launched()
    if found is None or found[1] == 1:
        return Processes()
    rank, told = found
    last_words = LastWords(rank == 0)  # before MPI, which does not like new processes
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError, OSError) as error:
        last_words.close()
        raise UserError(
            f"mpiexec has started this process, but MPI cannot be imported ({error}): "
            "pip install 'flashlm-np[mpi]', or start flashlm train without mpiexec"
        ) from None
    from .several_machines import MpiProcesses

    if told not in (None, size := MPI.COMM_WORLD.Get_size()):
        last_words.close()
        raise UserError(
            f"mpiexec has started {told} processes, but MPI sees {size}: this mpiexec belongs "
            "to another MPI than mpi4py; start the mpiexec beside this Python, "
            f"{os.path.dirname(sys.executable)}"
        )
    processes = MpiProcesses(MPI, last_words)
    limit_blas(processes.threads)
    return processes
