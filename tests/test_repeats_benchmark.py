"""benchmarks/repeats.py: the groups of a known text, and the table of two runs."""

import numpy as np
import pytest
from tiny import OPTIONS

from benchmarks import repeats
from flashlm_np.cli import main


def groups_of(tokens):
    """The name of each token's group; each token after the first has one."""
    groups = repeats.grouped(np.array(tokens, np.uint16))
    assert (np.sum(list(groups.values()), axis=0) == 1).all()
    return [next(n for n, part in groups.items() if part[i]) for i in range(len(tokens) - 1)]


def test_a_pair_is_found_at_its_distance_and_a_token_without_its_pair():
    names = list(repeats.grouped(np.array([0, 1])))
    near, middle, far, alone, neither = names
    assert groups_of([5, 6, 7, 5, 6, 9, 7]) == [neither, neither, alone, near, neither, alone]
    filler = list(range(100, 400))
    for gap, pair, word in [
        (16, near, alone),
        (17, middle, alone),
        (64, middle, alone),
        (65, far, alone),
        (256, far, alone),
        (257, neither, neither),
    ]:
        tokens = [5, 6, *filler[: gap - 2], 5, 6]
        assert groups_of(tokens)[-1] == pair
        assert groups_of(tokens)[-2] == word  # the token before it repeats no pair


def test_large_ids_make_no_pair_of_two_other_ids():
    neither = list(repeats.grouped(np.array([0, 1])))[-1]
    tokens = np.array([0, 65535, 1, 0], np.uint16)
    assert groups_of(tokens)[:2] == [neither, neither]


def test_the_command_compares_runs_on_one_text(tmp_path, capsys):
    runs = [tmp_path / name for name in ("one", "two")]
    for seed, run in enumerate(runs):
        assert main(["train", "--out", str(run), "--seed", str(seed), *OPTIONS]) == 0
    capsys.readouterr()
    repeats.main([*map(str, runs), "--tokens", "200"])
    head, _, share, *rows = capsys.readouterr().out.splitlines()
    assert head.count("|") == share.count("|") == 8
    assert [row.split(" | ")[0] for row in rows] == [f"| {run}" for run in runs]
    shares = [float(part.strip(" %")) for part in share.split("|")[2:-2]]
    for row in rows:
        *losses, whole = (float(cell or 0) for cell in map(str.strip, row.split("|")[2:-1]))
        assert np.dot(shares, losses) / 100 == pytest.approx(whole, rel=0.01)


def test_a_missing_run_is_one_sentence(tmp_path, capsys):
    with pytest.raises(SystemExit):
        repeats.main([str(tmp_path / "missing")])
    assert "missing" in capsys.readouterr().err.splitlines()[-1]
