"""Whole runs with a counted prior: trained, resumed, evaluated, and damaged."""

import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
import tiny
from safetensors import numpy as safetensors

import flashlm_np as flashlm
from flashlm_np.cli import main
from flashlm_np.errors import UserError
from flashlm_np.runs import checkpoint
from flashlm_np.runs.metrics import read_metrics
from flashlm_np.runs.ngram_file import FILE
from flashlm_np.runs.resume import resume_run
from flashlm_np.runs.saved_run import SavedRun


def train(out, *more):
    options = [*tiny.OPTIONS, "--preset", "quickstart", "--threads", "1"]
    prior = [] if "--prior" in more else ["--prior", "trigram"]
    assert main(["train", *options, *prior, "--out", str(out), *more]) == 0
    return out


RUNS = {
    "exact": ["--head", "exact"],
    "sampled": ["--head", "sampled"],
    "logits": ["--prior", "trigram_logits", "--logit-scale", "0.3"],
}


@pytest.fixture(scope="module", params=RUNS)
def finished(request, tmp_path_factory):
    return train(tmp_path_factory.mktemp("runs") / "run", *RUNS[request.param])


@pytest.fixture
def run(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "run")


def refused(capsys, *arguments):
    assert main([*arguments]) == 1
    (*_, error) = capsys.readouterr().err.splitlines()
    return error.removeprefix("flashlm: ")


def test_the_counts_are_those_of_the_training_tokens(finished):
    loaded = SavedRun.load(finished)
    tokens, ngrams = loaded.dataset().train, loaded.model.ngrams
    for u, v in (tokens[:2], tokens[50:52], tokens[90:92]):
        here = (tokens[:-2] == u) & (tokens[1:-1] == v)
        followers = tokens[2:][here]
        found = ngrams.context_counts(u, v)[:2].tolist()
        assert found == [len(followers), len(np.unique(followers))]


def test_a_run_has_the_losses_that_it_printed(finished, capsys):
    rows = read_metrics(finished / "metrics.csv")
    assert main(["eval", str(finished), "--checkpoint", "last"]) == 0
    printed = capsys.readouterr().out
    assert f"true loss        {rows[-1]['valid_loss']:.4f}" in printed
    assert "label-smoothed" not in printed
    assert re.search(
        r"\| prior \| trigram(_logits)? \| none \|", (finished / "report.md").read_text("utf-8")
    )


def test_a_run_is_used_like_any_other(finished, capsys):
    for command in (
        ["eval", str(finished), "--ema"],
        ["generate", str(finished), "--tokens", "9", "--prompt", "Once"],
        ["generate", str(finished), "--tokens", "9", "--activations", "int8"],
        ["inspect", str(finished)],
    ):
        assert main(command) == 0
        printed = capsys.readouterr()
        assert "nan" not in printed.out
        assert printed.err == ""
    assert re.search("^(gate of the )?prior ", printed.out, re.MULTILINE)


@pytest.mark.parametrize("form", ["sampled", "logits"])
def test_a_resumed_run_has_the_bits_of_one_without_interruption(form, tmp_path):
    options = [*RUNS[form], "--schedule-steps", "7"]
    half = train(tmp_path / "run", "--steps", "4", *options)
    whole = train(tmp_path / "whole", *options)
    assert main(["train", "--resume", str(half), "--steps", "6", "--threads", "1"]) == 0
    found, expected = checkpoint.load(half), checkpoint.load(whole)
    assert found.state["ngrams"] == expected.state["ngrams"]
    for name, array in expected.arrays.items():
        np.testing.assert_array_equal(found.arrays[name], array, err_msg=name)


def test_the_python_interface_trains_with_a_prior(tmp_path):
    run = flashlm.train(replace(flashlm.TINY, prior="trigram"), out=tmp_path / "run")
    assert run.generate("Once", tokens=8) == run.generate("Once", tokens=8)
    run = flashlm.resume(run.folder, steps=3)
    assert np.isfinite(run.score("Once upon a time, a fox lived.").loss)
    assert flashlm.load(run.folder).model.prior is not None


def test_train_says_how_counts_take_part(tmp_path, capsys):
    train(tmp_path / "run", *RUNS["sampled"], "--steps", "1")
    printed = capsys.readouterr().out
    assert "Counting the trigrams of the text ...\n" in printed
    assert (
        "output layer sampled: it scores 50% of the positions; the loss is -ln p with"
        in printed
    )
    assert re.search("prior: [0-9,]+ trigrams, a mixture; in training, the target's", printed)


def test_a_run_without_a_prior_has_no_counts(tmp_path):
    assert main(["train", *tiny.OPTIONS, "--out", str(tmp_path / "run")]) == 0
    assert not (tmp_path / "run" / FILE).exists()
    assert "ngrams" not in checkpoint.load(tmp_path / "run").state


def test_the_prior_of_a_run_cannot_be_changed(run, capsys):
    assert "leave out --prior" in refused(
        capsys, "train", "--resume", str(run), "--prior", "none"
    )


def test_an_export_is_refused_in_a_sentence(finished, tmp_path, capsys):
    for form in ([], ["--c", str(tmp_path / "model.c")]):
        out = tmp_path / "out"
        sentence = refused(capsys, "export", str(finished), str(out), *form)
        prior = SavedRun.load(finished).config.prior
        assert sentence == (
            f"--prior is {prior}, and an export has no place for the counts; export a run that "
            "was trained with --prior none"
        )
        assert not out.exists()


# -- damage ------------------------------------------------------------------------------------

ADVICE = "; copy the file of the run, or train again"


def with_counts(run, change):
    arrays = safetensors.load_file(run / FILE)
    safetensors.save_file(change(arrays), run / FILE)


def damage_missing(run):
    (run / FILE).unlink()
    return "is missing: the counts of the run's prior"


def damage_cut_off(run):
    (run / FILE).write_bytes((run / FILE).read_bytes()[:-50])
    return "is damaged: "


def damage_no_file_of_arrays(run):
    (run / FILE).write_text("counts")
    return "is damaged: "


def damage_other_arrays(run):
    with_counts(run, lambda arrays: {"keys": arrays["keys"]})
    return "is damaged: "


def damage_unordered(run):
    with_counts(run, lambda a: a | {"keys": np.ascontiguousarray(a["keys"][::-1])})
    return "is damaged: "


def damage_another_run(run):
    with_counts(run, lambda arrays: arrays | {"counts": arrays["counts"] + np.uint32(1)})
    return "holds the counts of another run"


@pytest.mark.parametrize(
    "damage",
    [
        damage_missing,
        damage_cut_off,
        damage_no_file_of_arrays,
        damage_other_arrays,
        damage_unordered,
        damage_another_run,
    ],
)
@pytest.mark.parametrize("finished", ["exact"], indirect=True, scope="module")
def test_counts_that_are_not_the_runs_are_refused_in_a_sentence(run, damage):
    message = damage(run)
    for use in (SavedRun.load, lambda folder: resume_run(folder, {"steps": 7}).__enter__()):
        with pytest.raises(UserError, match=re.escape(message)) as refused:
            use(run)
        assert str(refused.value).startswith(f"{run / FILE} ")
        assert str(refused.value).endswith(ADVICE)
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize("finished", ["exact"], indirect=True, scope="module")
def test_a_checkpoint_that_names_no_counts_is_refused_in_a_sentence(run):
    saved = checkpoint.load(run)
    del saved.state["ngrams"]
    checkpoint.save(run, saved, ["last", "best"])
    with pytest.raises(UserError, match=r": the prior needs the counts of the training text"):
        SavedRun.load(run)
    saved.state["ngrams"] = "a hash"
    checkpoint.save(run, saved, ["last", "best"])
    with pytest.raises(UserError, match=r"state\.ngrams is"):
        SavedRun.load(run)
