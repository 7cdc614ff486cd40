"""The numbers of a profile, and the command that prints and draws it."""

from dataclasses import replace

import numpy as np
import pytest
from pictures import outside_texts, overlapping_texts, saved_figures
from tiny import CONFIG

from flashlm_np.analysis import pictures as analysis_pictures
from flashlm_np.analysis import step_profile
from flashlm_np.analysis.multiply_adds import multiply_adds, seconds_at_peak
from flashlm_np.cli import main
from flashlm_np.model.config import Phase
from flashlm_np.model.flashlm import FlashLM
from flashlm_np.model.heads import HEADS
from flashlm_np.model.presets import V3
from flashlm_np.training.fast_step import FastStep
from flashlm_np.training.memory import keep_freed_memory, peak_memory
from minigrad.look import profile

PHASE = Phase(1, 24, 3, 2)


@pytest.mark.parametrize(
    ("frozen", "fused", "mixer"),
    [
        *(
            (frozen, fused, "gated_convs")
            for frozen in (False, True)
            for fused in (False, True)
        ),
        (False, True, "attention"),
        (False, True, "mlgru"),
    ],
)
def test_the_multiply_adds_are_those_of_the_operations_that_run(frozen, fused, mixer):
    """The count from the sizes equals the count of all products of a step."""
    config = replace(CONFIG, vocab_size=31, fused=fused, mixer=mixer, blocks=2, mixer_width=8)
    phase = replace(PHASE, frozen_embedding=frozen)
    config = replace(config, phases=(phase,))
    fast_step = FastStep(FlashLM(config, np.random.default_rng(0)), config, 2)
    rng = np.random.default_rng(1)

    def batch():
        ids = rng.integers(0, 31, (3, 25))
        return ids[:, :-1], ids[:, 1:], rng.permutation(72)[: int(config.position_share * 72)]

    with profile() as profiled:
        fast_step.step(1, [batch(), batch()])
    expected = multiply_adds(config, phase)
    if not fused and frozen:  # the plain head also computes the unused gradient of the table
        expected["head"] = expected["head"] // 2 * 3
    counted = sum(stats.multiply_adds for stats in profiled.stats.values())
    assert counted == sum(expected.values()) - expected["newton-schulz"]


def test_the_multiply_adds_of_v3_and_their_least_time():
    """With a quarter of the positions, the head is 70 % of forward and backward (V3.md)."""
    counts = multiply_adds(V3, V3.phase(1000))
    assert counts["head"] == 3 * 512 * 50257 * 256
    assert counts["ternary"] == 3 * 2 * 2048 * 590_080
    assert counts["convolutions"] == 3 * 2 * 2048 * 6 * 16_384
    products = sum(counts.values()) - counts["newton-schulz"]
    assert counts["head"] / products == pytest.approx(0.70, abs=0.005)
    assert seconds_at_peak(V3, V3.phase(1000), 2e11) == pytest.approx(0.30, abs=0.01)


@pytest.mark.parametrize(
    ("mixer", "operation", "calls"),
    [("gated_convs", "gated_conv", 2), ("attention", "rotary", 2), ("mlgru", "mlgru", 1)],
)
def test_a_profile_adds_up_to_the_step(mixer, operation, calls):
    config = replace(CONFIG, vocab_size=31, mixer=mixer)
    measured = step_profile.measure(config, PHASE, steps=3, threads=2)
    text = step_profile.step_table(measured)
    rows = {" ".join(line[:29].split()): line[29:].split() for line in text.splitlines()}
    parts = ["forward and backward", "gradient norm", "NorMuon and AdamW", "averaged weights"]
    total = sum(float(rows[part][0]) for part in [*parts, "the rest"])
    assert total == pytest.approx(float(rows["a step"][0]), abs=0.06)
    assert rows[f"{operation} forward"][0] == str(4 * calls)  # 2 recursions, 2 workers
    assert 0 < measured.head_seconds < measured.seconds


@pytest.mark.parametrize("head", [name for name in HEADS if name != "exact"])
def test_a_profile_with_another_head_counts_no_products_of_it(head, monkeypatch, tmp_path):
    config = replace(CONFIG, vocab_size=31).with_head(head)
    (whole, quarter) = step_profile.measure_heads(config, PHASE, steps=1, threads=2)
    assert (whole.config.position_share, quarter.config.position_share) == (1, 0.25)
    assert 0 < whole.head_seconds < whole.seconds
    assert f"all positions, {head} " in step_profile.head_table([whole, quarter])
    assert "not counted" in step_profile.head_table([whole])
    assert "GFLOP/s" in step_profile.step_table(whole)
    figures = saved_figures(monkeypatch)
    analysis_pictures.draw_profile(tmp_path / "x.png", "title", whole, [whole, quarter])
    assert overlapping_texts(figures[0]) == outside_texts(figures[0]) == []


@pytest.mark.parametrize("more", [[], ["--plain"]])
def test_the_command_prints_and_draws(more, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(step_profile, "WARM_UP", 0)
    monkeypatch.setattr(
        "flashlm_np.cli.analysis.PRESETS", {"v3": replace(CONFIG, vocab_size=31)}
    )
    figures, picture = saved_figures(monkeypatch), tmp_path / "profile.png"
    command = ["profile", "--steps", "2", "--threads", "2", "--picture", str(picture), *more]
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert ("tied_head" in printed) == (not more)
    assert "a quarter of the positions, fused" in printed
    assert "ceiling" in printed
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert overlapping_texts(figures[0]) == outside_texts(figures[0]) == []
    assert main(["profile", "--phase", "9"]) == 1
    assert "--phase is 9, but small_v3 has 2" in capsys.readouterr().err


@pytest.mark.parametrize(
    "seconds", [(4, 4, 4, 4), (9, 1, 1, 1), (1, 9, 9, 8), (0.0105, 0.01, 0.009, 0.01)]
)
def test_the_labels_of_the_heads_stand_apart(seconds, monkeypatch, tmp_path):
    config = replace(CONFIG, vocab_size=31)
    measured = step_profile.measure(config, PHASE, steps=1, threads=1)
    measured.profile.stats.clear()
    heads = [replace(measured, seconds=s) for s in seconds]
    figures = saved_figures(monkeypatch)
    analysis_pictures.draw_profile(tmp_path / "x.png", "title", measured, heads)
    assert overlapping_texts(figures[0]) == outside_texts(figures[0]) == []


def test_the_peak_memory_is_measured():
    peak = peak_memory()
    assert peak is None or peak > 10_000_000
    assert keep_freed_memory() in (True, False)
