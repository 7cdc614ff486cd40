"""benchmarks/recipe.py on a tiny model: each line is what it says, and is compared fairly."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest
from prepared_stories import prepared_stories, with_tables

from benchmarks import recipe
from benchmarks.recipe_trial import capped_head
from benchmarks.recipe_trial.base import BASE, TINY
from benchmarks.recipe_trial.capped_head import CAPPED_HEAD, CappedHead, capped_head_backward
from benchmarks.recipe_trial.differences import all_differences
from benchmarks.recipe_trial.lines import trial_of
from benchmarks.recipe_trial.plan import tasks, with_references
from benchmarks.recipe_trial.report import draw, report
from benchmarks.trial.equal_time import is_timed, seconds_pace, steps_of
from benchmarks.trial.laboratory import Laboratory, averaged_weights
from benchmarks.trial.results import Results
from benchmarks.trial.tasks import Run, Task
from benchmarks.trial.training import train_and_judge
from flashlm_np.errors import UserError
from flashlm_np.model.heads.exact import ExactHead
from minigrad import Operation, Tensor, apply
from minigrad.gradcheck import gradcheck

TRIAL = trial_of(TINY)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return prepared_stories(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def shared(data, tmp_path_factory):
    return Laboratory.open(TRIAL, data, tmp_path_factory.mktemp("work"), threads=1)


@pytest.fixture
def laboratory(shared, tmp_path):
    return replace(shared, work=with_tables(shared, tmp_path))


@pytest.fixture
def results(tmp_path):
    return Results(tmp_path / "results.jsonl")


# -- the lines -------------------------------------------------------------------------------


def test_no_two_lines_are_the_same():
    codes = {name: line.code(BASE) for name, line in trial_of(BASE).contenders.items()}
    assert len(set(codes.values())) == len(codes) > 50
    labels = [line.label for line in TRIAL.contenders.values()]
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize("name", TRIAL.contenders)
def test_each_line_trains_and_starts_near_or_below_the_uniform_loss(name, shared):
    state = shared.state(name, TRIAL.config(name, steps=3))
    losses = [state.one_step().loss for _ in range(2)]
    judged = shared.losses(name, state, shared.for_choices)
    assert np.isfinite([*losses, judged.mean()]).all()
    assert judged.mean() < math.log(TINY.vocab_size) + 1


def test_a_change_of_the_base_and_a_new_line_are_other_experiments():
    line = TRIAL.contenders["random"]
    assert line.code(TINY) != line.code(replace(TINY, taps=3))
    assert line.code(TINY) == replace(line, label="other", seconds=9.0).code(TINY)
    assert line.code(TINY) != replace(line, averaged=True).code(TINY)


def test_full_precision_is_the_model_with_its_float_weights(shared):
    config = TRIAL.config("base")
    plain, full = (shared.state(name, config).model for name in ("base", "full"))
    assert plain.state_dict().keys() == full.state_dict().keys()
    x = Tensor(np.random.default_rng(0).standard_normal((3, 16)).astype(np.float32))
    glu = full.block.glu
    gate, up = (x.data @ layer.weight.data.T for layer in (glu.gate_proj, glu.up_proj))
    expected = np.maximum(gate, 0) ** 2 * up @ glu.down_proj.weight.data.T
    np.testing.assert_allclose(glu(x).data, expected, rtol=1e-4, atol=1e-7)
    assert not np.allclose(plain.block.glu(x).data, expected, atol=1e-2)


def test_averaged_weights_are_judged_and_put_back(shared):
    state = shared.state("averaged", TRIAL.config("averaged"))
    state.one_step()
    before = {name: p.data.copy() for name, p in state.model.named_parameters()}
    with averaged_weights(state):
        for name, p in state.model.named_parameters():
            average = state.fast_step.optimizers.ema.average[name]
            np.testing.assert_array_equal(p.data, average, err_msg=name)
    for name, p in state.model.named_parameters():
        np.testing.assert_array_equal(p.data, before[name], err_msg=name)


# -- the exact head with a cap and a bias ------------------------------------------------------


def capped_arrays():
    rng = np.random.default_rng(2)
    h, w, b = (2 * rng.standard_normal(shape) for shape in ((5, 3), (7, 3), (7,)))
    return h, w, b, np.array([0, 6, 3, 3, 5])


@pytest.mark.parametrize("cap", [None, 2.0])
@pytest.mark.parametrize("block", [3, 100])
def test_the_capped_head_has_the_gradient_of_its_loss(cap, block, monkeypatch):
    monkeypatch.setattr(capped_head, "BLOCK", block)
    h, w, b, y = capped_arrays()
    assert gradcheck(lambda *arrays: apply(CAPPED_HEAD, *arrays, y, cap=cap), h, w, b)
    z = h @ w.T + b
    z = z if cap is None else cap * np.tanh(z / cap)
    nll = np.log(np.exp(z).sum(axis=1)) - z[np.arange(5), y]
    assert apply(CAPPED_HEAD, h, w, b, y, cap=cap).item() == pytest.approx(nll.mean())


def test_a_gradient_without_the_derivative_of_the_cap_is_found():
    def wrong(dy, saved):
        *arrays, _cap, work = saved
        return capped_head_backward(dy, (*arrays, None, work))

    planted = Operation("wrong", CAPPED_HEAD.forward, wrong, integer_inputs=(3,))
    *arrays, y = capped_arrays()
    with pytest.raises(AssertionError):
        gradcheck(lambda *arrays: apply(planted, *arrays, y, cap=2.0), *arrays)


def test_without_a_cap_and_a_bias_it_is_the_exact_head():
    h, w, _, y = capped_arrays()
    head, exact = CappedHead(7), ExactHead()
    np.testing.assert_allclose(head.log_prob(h, w), exact.log_prob(h, w))
    np.testing.assert_allclose(head.nll(h, w, y), exact.nll(h, w, y))
    with pytest.raises(ValueError, match="it has the plain loss only"):
        head.loss(Tensor(h), Tensor(w), y, label_smoothing=0.1)


# -- equal time ------------------------------------------------------------------------------


def timed(results, name, seconds, beside, trial=TRIAL, step=1):
    phase = str(trial.config(name).phase(step)).partition(":")[2]
    of_base = {"beside": beside, "beside_phase": "32:2:2"}
    work = {"work": trial.work[name]}
    results.add("time", contender=name, phase=phase, seconds=seconds, **of_base, **work)


def test_lines_of_the_same_work_share_their_seconds(results):
    assert TRIAL.timed_as("adamw_3") == TRIAL.timed_as("cooldown_0") == "base"
    assert TRIAL.timed_as("published_3") == "published"
    assert TRIAL.timed_as("no_averages") == "no_averages"
    timed(results, "base", 0.5, 0.5)
    assert seconds_pace(results, TRIAL, "random").total(2) == 1.0
    assert not is_timed(results, TRIAL, "sequence_2")


def test_the_load_of_the_machine_cancels_between_groups(results):
    timed(results, "base", 0.5, 0.5)
    timed(results, "silu", 0.6, 0.4)  # in a group in which the base was faster
    assert seconds_pace(results, TRIAL, "silu").total(1) == pytest.approx(0.75)
    assert steps_of(results, TRIAL, "silu", minutes=1) == 80


def test_stages_are_parts_of_a_run_however_long_it_is(results):
    phases = TRIAL.config("batch_grows", steps=30).phases
    assert list(map(str, phases)) == ["1:32:2:1", "11:32:4:1", "21:32:8:1"]
    assert TRIAL.config("frozen", steps=40).phases[0].frozen_embedding
    for step, seconds in ((1, 0.5), (50, 1.0)):
        timed(results, "batch_grows", seconds, 1.0, step=step)
        assert not is_timed(results, TRIAL, "batch_grows")
    timed(results, "batch_grows", 2.0, 1.0, step=100)
    steps = steps_of(results, TRIAL, "batch_grows", minutes=7)
    assert steps == pytest.approx(7 * 60 / (3.5 / 3), rel=0.01)


def test_seconds_of_other_work_do_not_count(results):
    timed(results, "wide", 0.5, 0.5)
    other = trial_of(replace(TINY, recursions=3))
    assert is_timed(results, TRIAL, "wide")
    assert not is_timed(results, other, "wide")


def test_a_line_that_is_not_timed_is_not_trained(results):
    timed(results, "base", 0.5, 0.5)
    with pytest.raises(UserError, match="equal time needs the seconds of a step of silu;"):
        list(tasks(TRIAL, results, ["base", "silu"], 1, [1]))


def test_a_line_brings_those_that_it_is_compared_with():
    assert with_references(TRIAL, ["cap_15"]) == ["base", "quarter", "cap_15"]


# -- runs ------------------------------------------------------------------------------------


def test_the_rates_fall_to_0_at_the_end_of_each_run():
    config = TRIAL.config("cooldown_2", steps=10)
    assert (config.schedule_steps, config.decay_share) == (11, 0.2)


def test_a_run_is_judged_at_its_end_by_blocks_and_its_checkpoint_goes(laboratory, results):
    run = Run("averaged", 1, minutes=0.5)
    for _ in range(2):  # the second time, there is nothing to do
        train_and_judge(laboratory, results, Task(run, 3))
    (line,) = results.lines("loss")
    assert (line["step"], line["minutes"]) == (3, 0.5)
    assert len(line["blocks"]) == TINY.eval_tokens // 128
    assert np.mean(line["blocks"]) == pytest.approx(line["loss"], abs=1e-4)
    assert [path.name for path in laboratory.work.glob("averaged-*/*")] == [".lock"]


@pytest.mark.parametrize("name", ["bias", "no_averages", "bigrams", "sequence_2", "frozen"])
def test_a_run_of_an_idea_that_goes_on_is_the_run_without_interruption(name, laboratory):
    whole, half = (laboratory.state(name, TRIAL.config(name, steps=4)) for _ in range(2))
    for _ in range(2):
        half.one_step()
    again = laboratory.state(name, half.config, half.model.layout)
    again.restore(half.checkpoint())
    for state, steps in ((whole, 4), (again, 2)):
        for _ in range(steps):
            state.one_step()
    for key, p in whole.model.state_dict().items():
        np.testing.assert_array_equal(again.model.state_dict()[key], p, err_msg=key)


# -- differences -----------------------------------------------------------------------------


def trained(results, name, seed, blocks, loss=None, trial=TRIAL):
    loss = float(np.mean(blocks)) if loss is None else loss
    entries = Run(name, seed, minutes=1.0).entries(trial)
    results.add(
        "loss", **entries, step=9, loss=loss, error=0.1, blocks=list(map(float, blocks))
    )


def test_differences_are_paired_by_seed_and_by_token(results):
    for seed, base in ((1, [5.0, 7.0]), (2, [5.2, 7.2]), (3, [5.1, 7.1])):
        trained(results, "base", seed, base)
        trained(results, "silu", seed, [base[0] - 0.1, base[1] - 0.1 - 0.01 * seed])
    found = {d.name: d for d in all_differences(results, TRIAL, 1.0)}
    silu = found["silu"]
    assert silu.mean == pytest.approx(-0.11)
    assert silu.seeds == pytest.approx(0.005 / 3**0.5)  # of -0.105, -0.11, -0.115
    assert silu.tokens == pytest.approx(0.01)  # of -0.10 and -0.12: the losses differ by 2
    assert silu.verdict == "better"
    assert found["base"].verdict == ""


def test_a_small_spread_of_few_seeds_is_not_believed(results):
    for seed in (1, 2):
        trained(results, "base", seed, [5.0, 5.0])
        trained(results, "gains", seed, [4.99, 4.99])  # no spread at all
        trained(results, "silu", seed, [5.0 + 0.1 * seed] * 2)
    trained(results, "skip", 1, [4.9, 4.9])  # one seed
    found = {d.name: d for d in all_differences(results, TRIAL, 1.0)}
    assert found["gains"].seeds == found["silu"].seeds == pytest.approx(0.05)
    assert found["gains"].verdict == "no difference shown"
    assert found["skip"].seeds == pytest.approx(0.05 * 2**0.5)  # the others have two


def test_a_line_of_other_changes_or_minutes_is_not_compared(results):
    trained(results, "base", 1, [5.0, 5.0])
    trained(results, "silu", 1, [5.0, 5.0], trial=trial_of(replace(TINY, taps=3)))
    assert [d.name for d in all_differences(results, TRIAL, 1.0)] == ["base"]
    assert all_differences(results, TRIAL, 2.0) == []


def test_the_report_names_null_results_and_those_that_diverged(results, tmp_path):
    assert report(results, TRIAL, 1.0) == "No line has been trained yet."
    for name, d in (("base", 0), ("quarter", 0.3), ("cap_15", 0.3), ("gains", -0.2)):
        for seed in (1, 2):
            noise = 0.01 * seed * (name != "base")
            trained(results, name, seed, [5.0 + d + noise, 6.0 + d - noise])
    trained(results, "wide", 1, [5.0, 5.0], loss=math.nan)
    text = report(results, TRIAL, 1.0)
    rows = {row.split(" | ")[0][2:]: row for row in text.splitlines() if row.startswith("| ")}
    for label, verdict in {
        "head: exact, on a quarter": "worse",
        "exact head: soft cap 15 (to: head: exact, on a quarter)": "no difference shown",
        "block: output gains from 0": "better",
        "width: 24": "diverged",
    }.items():
        assert rows[label].endswith(f"| {verdict} |")
    assert "d_model 16" in text
    assert draw(results, TRIAL, 1.0, tmp_path).stat().st_size > 10_000


def test_the_command_times_trains_and_reports(shared, data, tmp_path, capsys):
    options = ["--results", tmp_path / "r.jsonl", "--plots", tmp_path]
    options += ["--work", with_tables(shared, tmp_path)]
    options += ["--size", "tiny", "--lines", "cap_15", "matrices_2", "frozen", "--seeds", 1, 2]
    options += ["--steps", 1, "--threads", 1, "--minutes", 1e-3]
    recipe.main([str(option) for option in ["--data", data, *options]])
    text = capsys.readouterr().out
    row = r"\| exact head: soft cap 15 \(to: [^|]*\| 0\.\d+ \| \d+ \| [^|]*\(2\)"
    assert re.search(row, text)
    assert "| rates: NorMuon ×2 |" in text
    lines = Results(tmp_path / "r.jsonl").lines("time")
    names = [line["contender"] for line in lines]  # the stages of a line are timed, too
    assert names == ["base", "quarter", "cap_15", "frozen", "frozen"]
    recipe.main([str(option) for option in ["--data", data, *options]])  # nothing is left to do
    assert len(Results(tmp_path / "r.jsonl").lines("time")) == 5


def test_an_unknown_line_is_refused_with_all_names(capsys):
    with pytest.raises(SystemExit):
        recipe.main(["--report", "--lines", "magic"])
    assert "there is no magic; choose from base meaning" in capsys.readouterr().err
