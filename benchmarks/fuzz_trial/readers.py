"""Each reader of files as a function of a folder, which returns what the files say."""

from pathlib import Path

import numpy as np

from flashlm_np.course import source
from flashlm_np.course.exercise import Failure
from flashlm_np.course.exercises import EXERCISES
from flashlm_np.course.verdict import grade_in
from flashlm_np.course.workbook import expect_workbook
from flashlm_np.data.sources import DocumentSource
from flashlm_np.data.token_file import load_tokens
from flashlm_np.data.tokenizers.tokenizer import Tokenizer
from flashlm_np.errors import UserError
from flashlm_np.published.convert import convert
from flashlm_np.published.torch_file import read_torch_file
from flashlm_np.runs.metrics import read_metrics
from flashlm_np.runs.resume import resume_run
from flashlm_np.runs.saved_run import SavedRun
from flashlm_np.training.initial_embedding import load_embedding

from . import seeds

EXERCISE = EXERCISES[0]


def run(folder: Path) -> object:
    """Both checkpoints of a run or of an export."""
    saved = [SavedRun.load(folder, name).checkpoint for name in ("last", "best")]
    return [(s.config.to_dict(), s.step, s.arrays, s.state) for s in saved]


def resumed(folder: Path) -> object:
    data = folder.parent / "data"  # the record names it
    if not data.exists():
        data.mkdir()
        for name, content in seeds.folders()["data"].items():
            (data / name).write_bytes(content)
    with seeds.working_in(folder.parent), resume_run(Path(folder.name), {}, 1) as trainer:
        saved = trainer.checkpoint()
    del saved.state["counts"]["best_loss"]  # of best.json; a sentence says that it is lost
    return saved.config.to_dict(), saved.step, saved.arrays, saved.state


def tokens(folder: Path) -> object:
    read = load_tokens(folder)
    return np.array(read.ids), read.record, read.tokenizer.fingerprint


def texts(folder: Path) -> object:
    """The documents of the files, each given by name."""
    return list(DocumentSource(tuple(map(str, sorted(folder.iterdir())))).documents())


def converted(folder: Path) -> object:
    saved = convert(folder / "final.pt", folder / "out")
    return saved.config.to_dict(), saved.step, saved.arrays


def gpt2_table(folder: Path) -> object:
    from flashlm_np.published.gpt2 import from_gpt2

    return from_gpt2(2, folder / "table.safetensors").table


def exercise(folder: Path) -> object:
    """The blank functions of a student's file, which is compiled and not run."""
    try:
        return source.read(EXERCISE, expect_workbook(folder)[EXERCISE.name])[1]
    except (Failure, KeyError) as failure:
        raise UserError(" ".join(str(failure).split())) from None


def verdict(folder: Path) -> object:
    """The grade of a subprocess, which any program of a student may have written."""
    if not (grade := grade_in(folder / "grade.json")):
        raise UserError("no grade")
    return grade


def torch_file(folder: Path) -> object:
    return read_torch_file(folder / "final.pt")


def embedding(folder: Path) -> object:
    return load_embedding(folder / "table.safetensors", *seeds.TABLE.shape)


def metrics(folder: Path) -> object:
    return read_metrics(folder / "metrics.csv")


def vocabulary(folder: Path) -> object:
    return Tokenizer.named(str(folder / "v.bpe")).fingerprint


def texts_beside_readme(folder: Path) -> object:
    (folder / "a.txt").write_text(seeds.TEXT, encoding="utf-8")
    return list(DocumentSource((str(folder),)).documents())
