"""The Python interface: texts, averaged weights and errors, besides its doctests."""

from pathlib import Path

import numpy as np
import pytest

import flashlm_np as flashlm

SAVED = Path(__file__).resolve().parents[1] / "runs_of_version_0_1"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("api")
    text = folder / "text.txt"
    text.write_text("The owl looked at the moon, and the moon looked at the owl. " * 60)
    return flashlm.train(flashlm.TINY, out=folder / "run", text=text)


def test_a_text_is_scored_as_a_whole(run):
    ids = run.tokenizer.encode("The moon slept.")
    assert run.score("The moon slept.").tokens == len(ids)
    assert run.score("The moon slept.").loss == run.score("The moon slept.").loss


def test_generation_continues_the_prompt(run):
    texts = [run.generate("The owl", tokens=8, seed=seed) for seed in (0, 0, 1)]
    assert texts[0] == texts[1] != texts[2]
    assert all(text.startswith("The owl") for text in texts)
    assert run.generate("The owl", tokens=0) == "The owl"


def test_a_run_and_its_checkpoint_are_shown_in_short(run):
    shown = f"Run({str(run.folder)!r}, step 2, {run.model!r})"
    assert repr(run) == shown
    assert len(repr(run.checkpoint)) < 3000  # no arrays


def test_the_averaged_weights_are_loaded(run):
    average = flashlm.load(run.folder, "last", average=True).model.state_dict()
    expected = run.checkpoint.weights("ema")["embedding.weight"]
    np.testing.assert_array_equal(average["embedding.weight"], expected)


def test_an_export_is_loaded_and_inspected():
    packed = flashlm.load(SAVED / "packed")
    assert packed.is_packed
    assert packed.inspect().changes is None
    assert flashlm.load(SAVED / "run").inspect().changes is not None


def test_a_run_is_not_overwritten(run):
    with pytest.raises(flashlm.UserError, match="holds a run already"):
        flashlm.train(flashlm.TINY, out=run.folder)


def test_resuming_refuses_changes_of_most_fields(run):
    with pytest.raises(flashlm.UserError, match="leave out --d-model"):
        flashlm.resume(run.folder, d_model=16)
    with pytest.raises(flashlm.UserError, match="--steps is 0, expected 1 to"):
        flashlm.resume(run.folder, steps=0)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda run: run.generate(temperature=-1), "generate: temperature is -1, expected 0"),
        (lambda run: run.generate(tokens=-2), "generate: tokens is -2, expected 0 or more"),
        (lambda run: run.generate(top_p=2), "generate: top_p is 2, expected 0 to 1"),
        (
            lambda run: run.generate(temperature=np.nan),
            "generate: temperature is nan, expected",
        ),
        (lambda run: run.generate(top_k=-1), "generate: top_k is -1, expected 0 or a whole"),
        (lambda run: run.generate(seed=-1), "generate: seed is -1, expected 0 or more"),
        (lambda run: run.score(""), "score: the text has no token to score"),
        (lambda run: flashlm.load(run.folder, "bset"), "load: checkpoint is 'bset', expected"),
        (lambda run: flashlm.train(out="x", minutes=-1), "train: minutes is -1, expected more"),
        (lambda run: flashlm.train(out="x", minutes=np.nan), "train: minutes is nan, expected"),
        (lambda run: flashlm.train(out="x", minutes=np.inf), "train: minutes is inf, expected"),
        (lambda run: flashlm.train(out="x", text="a", data="b"), "text and data exclude each"),
        (lambda run: flashlm.train(out="x", threads=0), "train: threads is 0, expected more"),
    ],
)
def test_a_value_without_meaning_is_refused(run, call, text):
    with pytest.raises(flashlm.UserError, match=text):
        call(run)
