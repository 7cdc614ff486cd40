"""The heads alone: forward and both gradients on rows of a real batch, measured in turn."""

import statistics
import time

import numpy as np

from benchmarks.trial.laboratory import Laboratory
from benchmarks.trial.results import Results
from flashlm_np.data.dataset import sample_batch
from flashlm_np.runs.run_state import RunState
from flashlm_np.training.replicas import SharedParameter, replica
from minigrad import no_grad

ROWS = 2048  # scored positions
WARM_UP = 2  # calls that are not timed


def time_heads(laboratory: Laboratory, results: Results, names: list[str], rounds: int) -> None:
    """Time each head, one call of each, round and round."""
    configs = {name: laboratory.trial.config(name) for name in names}
    states = {name: laboratory.state(name, config) for name, config in configs.items()}
    batches = {name: _batch(state) for name, state in states.items()}
    seconds = {name: [] for name in names}
    for turn in range(WARM_UP + rounds):
        for name, state in states.items():
            taken = _timed_call(state, *batches[name])
            if turn >= WARM_UP:
                seconds[name].append(taken)
    for name, taken in seconds.items():
        median = statistics.median(taken)
        threads = states[name].fast_step.workers.threads
        spread = {"least": min(taken), "most": max(taken)}
        rows = len(batches[name][1])
        results.add(
            "head", contender=name, seconds=median, **spread, rows=rows, threads=threads
        )
        print(f"{name}: {1e3 * median:.1f} ms", flush=True)


def _batch(state: RunState) -> tuple[np.ndarray, np.ndarray]:
    """Hidden rows (N, D) of a batch, and the rows of the table that are their targets (N,)."""
    sequence = state.config.phases[0].sequence
    sizes = {"batch": max(1, ROWS // sequence), "sequence": sequence, "position_share": 1}
    ids, targets, _ = sample_batch(state.dataset, **sizes, rng=np.random.default_rng(0))
    with no_grad():
        h = state.model.hidden_rows(ids).data
    return h, state.model.layout.rows(targets.reshape(-1))


def _timed_call(state: RunState, h: np.ndarray, y: np.ndarray) -> float:
    """The seconds of the loss and its gradients, as a training step calls them."""
    step = state.fast_step
    head, rows = replica(state.model.lm_head), SharedParameter(h)
    options = step.config.loss_options | {
        "parts": step.workers.threads,
        "parallel_map": step.workers.map,
        "buffers": step.buffers,
        "with_dw": True,
    }
    with step.workers.at_work():
        start = time.perf_counter()
        head.loss(rows, head.weight, y, state.rng, **options).backward()
        return time.perf_counter() - start
