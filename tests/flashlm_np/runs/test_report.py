"""report.md and its neighbours, also for runs that are like v3 or went wrong."""

import os
import sys
from dataclasses import replace

import numpy as np
import pytest
import tiny

from flashlm_np.cli import main
from flashlm_np.data.dataset import DataSource
from flashlm_np.data.loading import load_dataset
from flashlm_np.model.presets import V3
from flashlm_np.runs import report
from flashlm_np.runs.trainer import Trainer


def test_the_heading_and_the_count_fit_whatever_differs():
    assert list(report._configuration(V3)) == [
        f"All {len(V3.to_dict()) - 1} fields are those of FlashLM v3."
    ]
    (sentence, table) = report._configuration(replace(V3, preset="mine", seed=1, steps=5))
    assert sentence == f"2 of {len(V3.to_dict()) - 1} fields differ from those of FlashLM v3:"
    assert table.splitlines()[2:] == ["| seed | 1 | 42 |", "| steps | 5 | 10000 |"]


@pytest.mark.filterwarnings("error")
def test_a_run_whose_last_step_diverged_has_a_report(tmp_path):
    config = replace(tiny.CONFIG, steps=1)
    run = Trainer(config, *load_dataset(DataSource(), **config.data_options()), tmp_path)
    run.run()
    run.model.embedding.weight.data[...] = np.nan
    results = report.write_results(run, run.evaluate())
    assert results.samples[0].startswith("(nothing; ")
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "| **validation loss** (true) | **nan** |" in text
    assert "0 of the 3 samples" in text


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such a name")
def test_a_text_whose_name_is_not_utf_8_has_a_report(tmp_path):
    name = os.fsdecode(b"\xff.txt")
    (tmp_path / name).write_text("The owl looked at the moon. " * 300)
    options = ["--text", str(tmp_path / name), "--steps", "1", "--out", str(tmp_path / "run")]
    assert main(["train", *tiny.TEXT_OPTIONS, *options]) == 0
    assert "Trained on ?.txt for 1 steps" in (tmp_path / "run" / "report.md").read_text()


@pytest.mark.parametrize("decay", ["0.5", "0"])
def test_averages_are_scored_only_where_there_are_some(tmp_path, capsys, decay):
    out = tmp_path / "run"
    assert main(["train", *tiny.OPTIONS, "--ema-decay", decay, "--out", str(out)]) == 0
    printed, text = capsys.readouterr().out, (out / "report.md").read_text(encoding="utf-8")
    assert ("Scoring the averaged weights, writing samples" in printed) == (decay != "0")
    assert ("Writing samples and a report" in printed) == (decay == "0")
    assert ("with the averaged weights (EMA)" in text) == (decay != "0")
