"""The program that `mpiexec` starts in tests of several processes: jobs, by name.

    mpiexec -n N python mpi_program.py JOB OUT [ARGUMENT ...]

Process 0 writes what the job returns to OUT. As a module, it gives the same jobs to one
process, and starts mpiexec. Pytest itself never imports MPI.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from flashlm_np.data.dataset import Dataset
from flashlm_np.model.config import Phase
from flashlm_np.model.models import new_model
from flashlm_np.model.presets import MATMUL_FREE, V3
from flashlm_np.training.fast_step import FastStep
from flashlm_np.training.launcher import join
from flashlm_np.training.processes import AgreedError, Processes
from flashlm_np.training.shards import draw_shard

ROOT = Path(__file__).resolve().parents[1]
SIZES = {"vocab_size": 31, "d_model": 16, "steps": 20, "schedule_steps": 0, "warmup_steps": 2}
PHASES = (Phase(1, 12, 3, 2, frozen_embedding=True), Phase(4, 16, 5))
OF_FLASHLM = {**SIZES, "conv_groups": 4, "dilations": (1, 3), "phases": PHASES}
CASES = {
    "v3": replace(V3, **OF_FLASHLM, embedding="random"),
    "sampled": replace(V3.with_head("sampled"), **OF_FLASHLM, candidates=7),
    "two_level": replace(V3.with_head("two_level"), **OF_FLASHLM, classes=5),
    "matmul_free": replace(MATMUL_FREE, **SIZES, phases=(Phase(1, 12, 5),)),
}


# Jobs ----------------------------------------------------------------------------------------


def twenty_steps(processes: Processes) -> dict[str, np.ndarray]:
    """Losses, weights and averages of each case after 20 steps in float64."""
    found, bits = {}, {}
    for name, config in CASES.items():
        rng = np.random.default_rng(3)
        tokens = rng.integers(0, config.vocab_size, 500)
        data = Dataset("random", tokens, tokens[:2])
        model = new_model(config, rng, np.float64)
        fast = FastStep(model, config, 1, processes)
        losses = []
        for step in range(1, config.steps + 1):
            shard = draw_shard(data, config, config.phase(step), rng, processes)
            losses.append(fast.step(step, [shard.batch], rng, shard.share).loss)
            bits[f"{name}, step {step}"] = b"".join(map(bytes, model.state_dict().values()))
        found |= {f"{name}/{key}": a for key, a in model.state_dict().items()}
        found |= {f"{name}/{key}": a for key, a in fast.optimizers.state_dict().items()}
        found[f"{name}/losses"] = np.array(losses)
    processes.expect_equal_bits("after some step", bits)
    return found


def faults(processes) -> dict:
    """The sentences of faults that one process has, and the bytes that are sent."""
    last, found = processes.rank == processes.count - 1, {}

    def told(name, work):
        try:
            work()
            found[name] = "nothing"
        except AgreedError as error:
            found[name] = str(error)

    rng = np.random.default_rng(0)
    config = replace(CASES["sampled"], vocab_size=2000)
    model, tokens = new_model(config, rng), np.arange(2500) % 2000
    data = Dataset("count", tokens, tokens[:2])
    fast = FastStep(model, config, 1, processes)
    shard = draw_shard(data, config, Phase(3, 24, 6), rng, processes)
    fast.step(3, [shard.batch], rng, shard.share)
    found["sent"], found["table"] = dict(processes.sent), model.embedding.weight.data.nbytes

    array = np.arange(3.0)
    array[1] += 1e-16 + last  # the smallest change would do
    bits = {"gain": np.ones(2), "table": array}
    told("bits", lambda: processes.expect_equal_bits("after step 7", bits))
    told("other", lambda: processes.expect_same({"--seed": 1, "NumPy": "2.1" if last else "2"}))

    def fail():
        with processes.together():
            if last:
                raise OSError(28, "No space left on device")

    told("one fails", fail)
    if last:
        model.final_norm.scale.data[0] = np.nan
    found["not finite"] = fast.step(4, [shard.batch], rng, shard.share).not_finite
    found["moved"] = bool(np.isnan(model.embedding.weight.data).any())
    return found


def train(processes, *arguments: str) -> None:
    """`flashlm train ARGUMENTS`. FAULT:RANK:STEP before them plans a fault of one process."""
    from flashlm_np.cli import main
    from flashlm_np.runs import report
    from flashlm_np.runs.trainer import Trainer

    # They take longer than the run. Tests of one process look at samples and pictures.
    report.SAMPLE_TOKENS = 20
    report.write_plot = lambda out, *_: (out / "loss.png").touch()

    if arguments[0].count(":") == 2:
        fault, rank, step = arguments[0].split(":")
        arguments, real = arguments[1:], Trainer.one_step

        def one_step(trainer):
            result = real(trainer)
            if trainer.processes.rank == int(rank) and trainer.step == int(step):
                FAULTS[fault](trainer)
            return result

        Trainer.one_step = one_step
    sys.exit(main(["train", *arguments]))


def poison(trainer):
    trainer.model.final_norm.scale.data[0] = np.nan


FAULTS = {
    "kill": lambda trainer: os.kill(os.getpid(), signal.SIGKILL),
    "nan": poison,
    "ctrl-c": lambda trainer: signal.raise_signal(signal.SIGINT),
    "bug": lambda trainer: trainer.no_such_name,
}


# Starting ------------------------------------------------------------------------------------


def missing() -> str:
    """The reason why mpiexec cannot be started here, or ""."""
    if find_spec("mpi4py") is None:
        return "mpi4py is not installed: pip install 'flashlm-np[mpi]'"
    return "" if mpiexec() else "there is no mpiexec"


def mpiexec() -> str | None:
    """The mpiexec beside this Python, which belongs to its mpi4py; else the shell's."""
    beside = Path(sys.executable).parent
    return shutil.which("mpiexec", path=str(beside)) or shutil.which("mpiexec")


def start(count: int, job: str, out, *arguments, python=(sys.executable,), seconds=100):
    """Run a job in `count` processes on this machine, for so many seconds at most."""
    program = [*python, Path(__file__), job, out, *arguments]
    return start_parts([["-n", count, *program]], seconds)


def start_parts(parts, seconds=100):
    """Run mpiexec with parts that have programs of their own."""
    separated = [word for part in parts for word in (":", *part)][1:]
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "tests"))),
        "HYDRA_IFACE": "lo0" if sys.platform == "darwin" else "lo",  # MPICH: loopback only
    }
    return subprocess.run(
        [mpiexec(), *map(str, separated)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=seconds,
    )


def run(job, out, *arguments):
    """What mpiexec starts: do a job, and write what it returns."""
    if job == "train":  # it joins the processes itself
        train(None, *arguments)
    processes = join()
    with processes.one_voice():
        found = {"twenty_steps": twenty_steps, "faults": faults}[job](processes)
        if processes.is_first and job == "faults":
            Path(out).write_text(json.dumps(found), "utf-8")
        elif processes.is_first:
            np.savez(out, **found)


if __name__ == "__main__":
    run(*sys.argv[1:])
