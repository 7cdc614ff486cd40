"""Small valid files to mutate. They are the same in every process."""

import contextlib
import functools
import io
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from flashlm_np.api import TINY
from flashlm_np.data.dataset import DataSource
from flashlm_np.data.prepare import prepare
from flashlm_np.data.sources import DocumentSource
from flashlm_np.data.tokenizers.tokenizer import Tokenizer
from flashlm_np.data.tokenizers.vocab_file import format_vocab
from flashlm_np.inference.export import pack_weights
from flashlm_np.model.config import Phase
from flashlm_np.model.flashlm import FlashLM
from flashlm_np.model.presets import V3
from flashlm_np.runs.metrics import COLUMNS
from flashlm_np.runs.saved_run import SavedRun, save_export
from flashlm_np.start_run import start_run

from .packing import Files

VOCABULARY = {bytes([b]): b for b in range(256)} | {b"th": 256, b"the": 257, b" the": 258}
TEXT = "The fox saw the den. It was the best den of them all, said the fox, über alles.\n" * 12
CONFIG = replace(
    TINY,
    vocab_size=len(VOCABULARY) + 1,
    dilations=(1, 3),
    steps=4,
    warmup_steps=1,
    phases=(Phase(1, 16, 2, 1),),
    eval_every=2,
    eval_tokens=40,
    save_every=2,
)
TABLE = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3)
ROWS = [[step, 5.5 - step, 0.25, 1.0, 32 * step, 8 * step, 0.125] for step in range(1, 5)]
METRICS = "\n".join(
    [",".join(COLUMNS), *(",".join(map(str, [*row, *[""] * 5])) for row in ROWS), ""]
).encode()


@functools.cache
def folders() -> dict[str, Files]:
    """The files of each folder: a prepared dataset, a run of four steps, and its export."""
    with (
        tempfile.TemporaryDirectory() as name,
        contextlib.redirect_stdout(io.StringIO()),
        working_in(Path(name)),  # the run's record names the dataset by a relative path
    ):
        Path("small.bpe").write_bytes(format_vocab(VOCABULARY))
        Path("story.txt").write_text(TEXT, encoding="utf-8")
        tokenizer = Tokenizer.named("small.bpe")
        prepare(DocumentSource(("story.txt",)), tokenizer, Path("data"))
        source = DataSource(folder="data")
        with start_run(CONFIG, source, Path("run"), threads=1) as trainer:
            trainer.run()
        run = SavedRun.load(Path("run"), "last")
        packed = pack_weights(run.config, run.checkpoint.weights())
        save_export(run, packed, Path("export"))
        return {kind: _files(Path(kind)) for kind in ("data", "run", "export")}


def _files(folder):
    """The files, without what differs from process to process."""
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    if "last.json" in files:
        record = json.loads(files["last.json"])
        counts = record["state"]["counts"]
        record["state"]["counts"] = counts | {"seconds": 0.5} if counts else counts
        files["last.json"] = json.dumps(record).encode()
    return files | ({"metrics.csv": METRICS} if "metrics.csv" in files else {})


@contextlib.contextmanager
def working_in(folder: Path):
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def published() -> dict:
    """The dict that FlashLM's author saved, with a few more values."""
    config = replace(CONFIG, dilations=V3.dilations)
    weights = FlashLM(config, np.random.default_rng(0)).state_dict()
    settings = {"d_model": 8, "vocab_size": CONFIG.vocab_size, "n_recursions": 2}
    settings |= {"glu_expansion": CONFIG.glu_ratio, "betas": (0.9, 0.95)}
    value = {"model_state_dict": weights, "config": settings, "last_step": 7, "val_loss": 6.8}
    return value | {"history": [1, -2, 2.5, None, True, "x"], "note": "stopped"}


SHORT = {"w": TABLE, "v": TABLE[0], "n": [1, 2.5, ("x", None)], "k": {1: "a", "b": {}}}


def torch_file(save: Callable, value: object) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return save(Path(folder) / "x", value).read_bytes()


def parquet() -> bytes:
    """A table of texts, one in each row."""
    import pyarrow as pa
    from pyarrow.parquet import write_table

    stream = io.BytesIO()
    write_table(pa.table({"text": TEXT.splitlines(), "id": range(12)}), stream)
    return stream.getvalue()
