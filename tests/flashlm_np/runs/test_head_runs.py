"""Whole runs with each output layer: trained, resumed, evaluated, exported, and damaged."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import tiny
from head_cases import HEAD_CASES

import flashlm_np as flashlm
from flashlm_np.cli import main
from flashlm_np.errors import UserError
from flashlm_np.model.config import Config
from flashlm_np.model.presets import PRESETS, QUICKSTART, V3
from flashlm_np.runs import checkpoint
from flashlm_np.runs.metrics import read_metrics
from flashlm_np.runs.resume import resume_run
from flashlm_np.runs.saved_run import SavedRun

TEXT = "The owl looked at the moon, and the moon looked at the owl. " * 60
HEADS = sorted({case.head for case in HEAD_CASES} - {"exact"})


def train(out, head, *more):
    options = [*tiny.OPTIONS, "--preset", "quickstart", "--threads", "1", "--head", head]
    assert main(["train", *options, "--out", str(out), *more]) == 0
    return out


@pytest.fixture(scope="module", params=HEADS)
def head(request):
    return request.param


@pytest.fixture(scope="module")
def finished(head, tmp_path_factory):
    return train(tmp_path_factory.mktemp("runs") / "run", head)


@pytest.fixture
def run(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "run")


def same_arrays(a, b):
    assert a.keys() == b.keys()
    for name, array in a.items():
        np.testing.assert_array_equal(b[name], array, err_msg=name)


def test_a_run_learns_and_has_its_files(finished, head):
    rows = read_metrics(finished / "metrics.csv")
    assert len(rows) == 6
    assert all(np.isfinite(row["train_loss"]) for row in rows)
    assert {"loss.png", "report.md", "sample.txt"} <= {path.name for path in finished.iterdir()}
    report = (finished / "report.md").read_text("utf-8")
    assert f"| head | {head} | exact |" in report
    assert "nan" not in report


def test_the_order_of_the_words_is_in_the_checkpoint(finished, head):
    arrays = checkpoint.load(finished).arrays
    run = SavedRun.load(finished)
    counts = np.bincount(run.dataset().train, minlength=run.config.vocab_size)
    np.testing.assert_array_equal(arrays["layout/counts"], counts[arrays["layout/order"]])
    assert (np.sort(arrays["layout/order"]) == np.arange(run.config.vocab_size)).all()
    for name, array in run.model.layout.arrays().items():
        np.testing.assert_array_equal(array, arrays[f"layout/{name}"])
    own = {name for name in arrays if name.startswith("model/lm_head.")}
    stepped = {name.rpartition("/")[0] for name in arrays if name.endswith("/t")}
    for name in own:
        assert any(key.endswith(name.removeprefix("model")) for key in stepped), name
    assert bool(own) == (head != "sampled")


def test_a_resumed_run_has_the_bits_of_one_without_interruption(head, tmp_path):
    half = train(tmp_path / "run", head, "--steps", "4", "--schedule-steps", "7")
    whole = train(tmp_path / "whole", head, "--schedule-steps", "7")
    assert main(["train", "--resume", str(half), "--steps", "6", "--threads", "1"]) == 0
    same_arrays(checkpoint.load(half).arrays, checkpoint.load(whole).arrays)
    losses = [
        [row["train_loss"] for row in read_metrics(r / "metrics.csv")] for r in (half, whole)
    ]
    assert losses[0] == losses[1]


def test_a_run_is_evaluated_generates_and_is_inspected(finished, capsys):
    for command in (
        ["eval", str(finished)],
        ["eval", str(finished), "--ema", "--checkpoint", "last"],
        ["generate", str(finished), "--tokens", "9", "--prompt", "Once"],
        ["inspect", str(finished)],
    ):
        assert main(command) == 0
        printed = capsys.readouterr()
        assert "nan" not in printed.out
        assert printed.err == ""


@pytest.mark.parametrize("table", ["int8", "float16"])
def test_an_export_has_nearly_the_same_loss_and_text(finished, tmp_path, capsys, table):
    out = tmp_path / "out"
    assert main(["export", str(finished), str(out), "--head", table]) == 0
    before, after = SavedRun.load(finished), flashlm.load(out)
    assert after.is_packed
    assert after.model.layout.order.tolist() == before.model.layout.order.tolist()
    a, b = (
        flashlm.load(r).score("Once upon a time, a fox lived.").loss for r in (finished, out)
    )
    assert abs(a - b) < 0.01
    assert after.generate("Once", tokens=9, temperature=0).startswith("Once")
    assert main(["eval", str(out)]) == 0
    assert main(["generate", str(out), "--tokens", "5", "--activations", "int8"]) == 0
    assert "nan" not in capsys.readouterr().out


# -- damage ------------------------------------------------------------------------------------

DAMAGE = {
    "no order": lambda a: {k: v for k, v in a.items() if k != "layout/order"},
    "no layout": lambda a: {k: v for k, v in a.items() if not k.startswith("layout/")},
    "a word twice": lambda a: changed(a, "order", lambda v: np.where(v == 3, 4, v)),
    "a word too high": lambda a: changed(a, "order", lambda v: np.where(v == 3, 10**9, v)),
    "a word below 0": lambda a: changed(a, "order", lambda v: v - 1),
    "too few words": lambda a: changed(a, "order", lambda v: v[:-1]),
    "a column": lambda a: changed(a, "order", lambda v: v[:, None]),
    "other numbers": lambda a: changed(a, "order", lambda v: v + 0.5),
    "a count below 0": lambda a: changed(a, "counts", lambda v: v - 10**6),
    "counts that overflow": lambda a: changed(a, "counts", lambda v: v * 0 + 2**62),
    "too few counts": lambda a: changed(a, "counts", lambda v: v[1:]),
    "starts that fall": lambda a: changed(a, "starts", lambda v: v[::-1]),
    "starts that end early": lambda a: changed(a, "starts", lambda v: v - 1),
    "no starts": lambda a: changed(a, "starts", lambda v: v[:0]),
    "another number of classes": lambda a: changed(
        a, "starts", lambda v: np.array([*v[:1], *v[:1] + 1, *v[1:]])
    ),
}


def changed(arrays, name, change):
    key = f"layout/{name}"
    return arrays | {key: np.ascontiguousarray(change(arrays[key]))}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("head", ["hybrid"], indirect=True, scope="module")
def test_a_damaged_order_of_the_words_is_refused_in_a_sentence(run, damage):
    saved = checkpoint.load(run)
    saved.arrays = DAMAGE[damage](saved.arrays)
    checkpoint.save(run, saved, ["last", "best"])
    with pytest.raises(UserError) as refused:
        SavedRun.load(run)
    assert str(refused.value).startswith(f"{run}: layout: ")
    assert "\n" not in str(refused.value)
    with pytest.raises(UserError, match="layout: "), resume_run(run, {"steps": 7}):
        pass


def test_the_parameters_of_a_head_have_the_sizes_of_the_configuration(run):
    saved = checkpoint.load(run)
    own = [name for name in saved.arrays if name.startswith("model/lm_head.")]
    for name in own:
        arrays = saved.arrays
        for value in (arrays[name][:-1], None):
            damaged = replace(saved, arrays={k: v for k, v in arrays.items() if k != name})
            if value is not None:
                damaged.arrays[name] = value
            checkpoint.save(run, damaged, ["last", "best"])
            with pytest.raises(UserError, match=name.removeprefix("model/")) as refused:
                SavedRun.load(run)
            assert "\n" not in str(refused.value)


def test_the_head_of_a_run_cannot_be_changed(run, capsys):
    assert main(["train", "--resume", str(run), "--head", "exact"]) == 1
    assert "leave out --head" in capsys.readouterr().err


@pytest.mark.parametrize("case", HEAD_CASES, ids=str)
def test_the_python_interface_trains_with_a_head(case, tmp_path):
    text = tmp_path / "text.txt"
    text.write_text(TEXT)
    config = replace(flashlm.TINY, steps=3).with_head(case.head)
    config = replace(config, **case.changes)
    run = flashlm.train(config, out=tmp_path / "run", text=text)
    assert run.config.head == case.head
    assert run.generate("The owl", tokens=8) == run.generate("The owl", tokens=8)
    run = flashlm.resume(run.folder, steps=4)
    assert run.checkpoint.step == 4
    assert np.isfinite(run.score("The moon slept.").loss)


# -- configurations ---------------------------------------------------------------------------


def test_the_exact_head_leaves_a_checkpoint_as_it_was(tmp_path):
    assert main(["train", *tiny.OPTIONS, "--out", str(tmp_path / "run")]) == 0
    arrays = checkpoint.load(tmp_path / "run").arrays
    assert not [name for name in arrays if name.startswith(("layout/", "model/lm_head."))]
    assert main(["train", *tiny.OPTIONS, "--head", "exact", "--out", str(tmp_path / "2")]) == 0
    same_arrays(arrays, checkpoint.load(tmp_path / "2").arrays)


@pytest.mark.parametrize("preset", [p for p in PRESETS if PRESETS[p].model == "flashlm"])
def test_every_preset_takes_every_head(preset):
    for case in HEAD_CASES:
        config = PRESETS[preset].with_head(case.head)
        assert config.head == case.head
        assert Config.from_dict(config.to_dict()) == config
        if case.head == PRESETS[preset].head:
            assert config == PRESETS[preset]
        if case.head != "exact":
            assert (config.position_share, config.loss_options) == (1.0, {})


def test_a_configuration_of_an_older_version_has_the_exact_head():
    new = ("head", "classes", "class_order", "cutoffs", "tree", "candidates", "candidates_from")
    old = {name: value for name, value in V3.to_dict().items() if name not in new}
    assert Config.from_dict(old) == V3
    assert V3.head == QUICKSTART.head == "exact"


def test_the_sizes_of_a_head_fit_the_vocabulary_that_the_user_chose(tmp_path, capsys):
    options = ["--head", "adaptive", "--vocab-size", "2600", "--steps", "1"]
    assert main(["train", *tiny.OPTIONS, *options, "--out", str(tmp_path / "run")]) == 0
    assert checkpoint.load(tmp_path / "run").config.cutoffs == (104, 520)
    options = ["--head", "adaptive", "--vocab-size", "300"]
    sentence = "--vocab-size is 300, but the tokenizer has 2000 tokens; give at least that"
    assert refused(capsys, tmp_path / "2", *options) == sentence


def refused(capsys, tmp_path, *options):
    out = tmp_path / "run"
    assert main(["train", *tiny.OPTIONS, *options, "--out", str(out)]) == 1
    assert not out.exists()
    (*_, error) = capsys.readouterr().err.splitlines()
    return error.removeprefix("flashlm: ")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--head", "two_level", "--label-smoothing", "0.1"],
            "--label-smoothing is 0.1, expected 0: only the exact head has this option, and "
            "--head is two_level",
        ),
        (
            ["--head", "tree", "--z-loss", "0.01"],
            "--z-loss is 0.01, expected 0: only the exact head has this option, and --head is "
            "tree",
        ),
        (
            ["--head", "softmax"],
            "--head is 'softmax', expected one of exact, two_level, adaptive, hybrid, sampled, "
            "tree",
        ),
        (
            ["--head", "adaptive", "--cutoffs", "300", "200"],
            "--cutoffs is 300 200, expected rising numbers below --vocab-size 2000",
        ),
        (
            ["--head", "adaptive", "--cutoffs", "200", "2000"],
            "--cutoffs is 200 2000, expected rising numbers below --vocab-size 2000",
        ),
        (["--head", "adaptive", "--cutoffs", "0"], "--cutoffs is 0, expected 1 to 10000000"),
        (
            ["--head", "hybrid", "--cutoffs", "100", "200"],
            "--cutoffs: the head hybrid has one, the number of frequent words",
        ),
        (
            ["--head", "hybrid", "--cutoffs", "1990"],
            "--classes is 44, but they share only 10 words",
        ),
        (
            ["--head", "two_level", "--classes", "2001"],
            "--classes is 2001, but they share only 2000 words",
        ),
        (["--head", "two_level", "--classes", "0"], "--classes is 0, expected 1 to 1000000"),
        (
            ["--head", "two_level", "--class-order", "name"],
            "--class-order is 'name', expected one of frequency, meaning",
        ),
        (
            ["--head", "tree", "--tree", "oak"],
            "--tree is 'oak', expected one of huffman, balanced",
        ),
        (
            ["--head", "sampled", "--candidates", "0"],
            "--candidates is 0, expected 1 to 10000000",
        ),
        (
            ["--head", "sampled", "--candidates-from", "dice"],
            "--candidates-from is 'dice', expected one of counts, log_uniform",
        ),
    ],
)
def test_a_head_that_cannot_be_is_refused_in_a_sentence(tmp_path, capsys, options, message):
    assert refused(capsys, tmp_path, *options) == message


@pytest.mark.parametrize(
    ("head", "loss"),
    [
        ("two_level", "-ln p, without label smoothing"),
        ("sampled", "in training that of a softmax over the target and 250 draws"),
    ],
)
def test_train_names_the_loss_that_it_reduces(tmp_path, capsys, head, loss):
    train(tmp_path / "run", head)
    assert f"; the loss is {loss}\n" in capsys.readouterr().out
