"""A run that several processes share: is it the same in all, and what has each for itself?"""

import json

import numpy as np

from ..data.dataset import Dataset
from ..data.tokenizers.tokenizer import Tokenizer
from ..model.config import Config
from ..model.fields import option_name
from ..model.language_model import LanguageModel
from ..training.processes import Processes
from ..training.shards import expect_enough_windows
from .checkpoint import Checkpoint
from .machine import source_code


def expect_same_run(
    config: Config, dataset: Dataset, tokenizer: Tokenizer, processes: Processes
) -> None:
    """Raise a UserError unless all processes have the same run, and it can be shared."""
    expect_enough_windows(config, processes)
    if processes.count == 1:  # no file need be read and no text be hashed
        return
    about = {
        "source code": source_code(),
        "NumPy": np.__version__,
        "training text": dataset.fingerprint,
        "tokenizer": tokenizer.identity,
    }
    options = {option_name(name): value for name, value in config.to_dict().items()}
    processes.expect_same(about | options)


def expect_equal_bits(
    processes: Processes, model: LanguageModel, rng: np.random.Generator, step: int
) -> None:
    """Raise a UserError unless all processes have the same weights and random numbers."""
    arrays = {name: p.data for name, p in model.named_parameters()}
    state = {"the random generator": json.dumps(rng.bit_generator.state).encode()}
    processes.expect_equal_bits(f"after step {step:,}", arrays | state)


def arrays_of_others(own: dict[str, np.ndarray], processes: Processes) -> dict[str, np.ndarray]:
    """With local steps, the own arrays of the processes after process 0, for its checkpoint."""
    if processes.count == 1:
        return {}
    return {f"others/{name}": processes.others(array) for name, array in own.items()}


def arrays_of_process(saved: Checkpoint, processes: Processes) -> dict[str, np.ndarray]:
    """The saved arrays; with local steps, those that this process had.

    Another number of processes goes on with those of process 0.
    """
    others, rank = saved.others(), processes.rank
    if not rank or any(len(array) != processes.count - 1 for array in others.values()):
        return saved.arrays
    return saved.arrays | {name: array[rank - 1] for name, array in others.items()}
