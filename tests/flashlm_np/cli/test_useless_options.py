"""An option that would have no effect is refused, not ignored."""

import pytest
from tiny import OPTIONS, TEXT_OPTIONS

from flashlm_np.cli import main
from flashlm_np.cli.useless import RULES
from flashlm_np.model.fields import option_name
from flashlm_np.runs.checkpoint import load

STRAYS = [
    ("train book.txt", "train", "book.txt; a text to learn from is given with --text"),
    ("train --Steps 5", "train", "--Steps 5"),
    ("eval x book.txt", "eval", "book.txt; a text to score is given with --text"),
    ("stories 5", "stories", "5"),
    ("course check x --all", "course check", "--all"),
    (
        "generate x Once upon",
        "generate",
        "Once upon; the beginning of a text is given with --prompt, in quotes",
    ),
]
STORIES = "the stories for validation are always the same; only a text is divided"
SPREAD = "only a random embedding has a standard deviation to choose"
CASES = [
    (
        "train --minutes 1 --steps 2",
        "--minutes and --steps exclude each other; leave out --steps",
    ),
    ("train --text x --data y", "--text and --data exclude each other; leave out --data"),
    (
        "train --text x --stories 5",
        "--text and --data replace the stories; leave out --stories",
    ),
    (
        "train --data x --stories 5",
        "--text and --data replace the stories; leave out --stories",
    ),
    ("train --validation-share 0.1", f"{STORIES}; leave out --validation-share"),
    ("train --embedding corpus --embedding-std 1", f"{SPREAD}; leave out --embedding-std"),
    ("train --preset v3 --data x --embedding-std 1", f"{SPREAD}; leave out --embedding-std"),
    (
        "train --head tree --classes 5 --class-order meaning",
        "only the heads two_level and hybrid have classes; leave out --classes, --class-order",
    ),
    (
        "train --head two_level --cutoffs 5 9",
        "only the heads adaptive and hybrid have cut-offs; leave out --cutoffs",
    ),
    (
        "train --preset v4 --conv-groups 4 --dilations 1 2",
        "only the mixer gated_convs has groups and dilations; "
        "leave out --conv-groups, --dilations",
    ),
    (
        "train --mixer attention --dilations 1 2",
        "only the mixer gated_convs has groups and dilations; leave out --dilations",
    ),
    (
        "train --mixer mlgru --taps 3 --conv-identity 1",
        "only the mixers gated_convs and depthwise are convolutions; "
        "leave out --taps, --conv-identity",
    ),
    (
        "train --mixer mlgru --conv-lr-ratio 2",
        "the mixer has no convolutions; leave out --conv-lr-ratio",
    ),
    (
        "train --mixer attention --attention-taps 0 --conv-lr-ratio 2",
        "the mixer has no convolutions; leave out --conv-lr-ratio",
    ),
    (
        "train --mixer depthwise --mixer-width 16",
        "only the mixers attention and mlgru have a width of their own; "
        "leave out --mixer-width",
    ),
    (
        "train --mixer mlgru --attention-heads 2 --attention-taps 3",
        "only the mixer attention has heads; leave out --attention-heads, --attention-taps",
    ),
    ("train --gru-gate paper", "only the mixer mlgru has this gate; leave out --gru-gate"),
    (
        "train --preset matmul_free --out-std 0.1",
        "the model matmul_free has initial matrices of its own; leave out --out-std",
    ),
    (
        "train --no-lower-bounds",
        "only the model matmul_free has lower bounds; leave out --lower-bounds",
    ),
    (
        "train --initial-weights fan_out --out-std 0.1",
        "--initial-weights fan_out sets the deviation of all matrices; leave out --out-std",
    ),
    (
        "train --matrix-optimizer adamw --normuon-lr 1 --normuon-form v3 --momentum-warmup 9",
        "AdamW moves the matrices here, not NorMuon; "
        "leave out --normuon-lr, --normuon-form, --momentum-warmup",
    ),
    (
        "train --schedule cosine --decay-share 0.5",
        "the cosine falls from the end of the warm-up on; leave out --decay-share",
    ),
    (
        "train --preset v3 --schedule-floor 0.5",
        "only the cosine has a floor; leave out --schedule-floor",
    ),
    (
        "train --preset v3 --network-loss 0.5",
        "only --prior trigram has two losses; leave out --network-loss",
    ),
    (
        "train --outer-lr 1 --outer-momentum 0.5 --difference-bits 8",
        "only --local-steps has exchanges; "
        "leave out --outer-lr, --outer-momentum, --difference-bits",
    ),
    (
        "train --tree balanced",
        "only the head tree has a shape to choose; leave out --tree",
    ),
    (
        "train --preset v3 --candidates 5 --candidates-from counts",
        "only the head sampled draws words; leave out --candidates, --candidates-from",
    ),
    (
        "generate x --temperature 0 --top-k 3 --seed 1",
        "--temperature 0 always takes the likeliest token; leave out --top-k, --seed",
    ),
    (
        "generate x --temperature 0 --top-p 0.5",
        "--temperature 0 always takes the likeliest token; leave out --top-p",
    ),
    (
        "prepare a.txt b.md.gz --out x --text-column body",
        "only tables have columns, and these are plain texts; leave out --text-column",
    ),
    (
        "embed random --out x --weights /no/such/file --data y",
        "embed random only draws numbers; leave out --data, --weights",
    ),
    (
        "embed corpus --out x --data y --weights z --vocab-size 9 --seed 1",
        "embed corpus only counts the tokens of --data; "
        "leave out --weights, --vocab-size, --seed",
    ),
    (
        "embed gpt2 --out x --data y --std 1 --vocab-size 9 --seed 1",
        "embed gpt2 only reduces GPT-2's own embedding; "
        "leave out --data, --std, --vocab-size, --seed",
    ),
]


@pytest.mark.parametrize(("line", "sentence"), CASES)
def test_an_option_without_effect_is_refused(line, sentence, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(line.split()) == 1
    assert capsys.readouterr().err == f"flashlm: {sentence}\n"
    assert not list(tmp_path.iterdir())


def test_each_rule_has_a_case():
    for command, rules in RULES.items():
        sentences = [sentence for line, sentence in CASES if line.split()[0] == command]
        for rule in rules:
            left_out = " ".join(s for s in sentences if s.startswith(rule.why))
            assert all(option_name(option) in left_out for option in rule.useless)


def test_an_option_with_an_effect_is_taken(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("The owl looked at the moon. " * 300)
    text = ["--text", "text.txt", "--validation-share", "0.2", "--embedding-std", "0.1"]
    assert main(["train", *TEXT_OPTIONS, *text, "--steps", "1"]) == 0
    assert main(["generate", "runs/quickstart", "--temperature", "0", "--tokens", "2"]) == 0
    embed = "embed random --out e.safetensors --vocab-size 9 --width 2 --seed 1 --std 1"
    assert main(embed.split()) == 0


def test_an_option_of_the_presets_own_head_is_taken(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    of_head = ["--candidates", "5", "--vocab-size", "2000", "--embedding", "random"]
    run = [*OPTIONS, *of_head, "--steps", "1", "--out", "run"]
    assert main(["train", "--preset", "best", *run]) == 0
    assert load(tmp_path / "run").config.candidates == 5


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "-1", "1e999"])
@pytest.mark.parametrize(
    "command",
    [
        "generate x --temperature",
        "generate x --top-p",
        "train --minutes",
        "embed random --out x --std",
        "course check x --timeout",
    ],
)
def test_a_number_that_is_not_finite_or_too_small_is_refused(command, value, capsys):
    with pytest.raises(SystemExit) as stop:
        main(f"{command}={value}".split())
    assert stop.value.code == 2
    assert f"{command.split()[-1]}: {value} is " in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(("line", "name", "sentence"), STRAYS)
def test_a_word_that_no_argument_takes_is_an_error_of_its_command(line, name, sentence, capsys):
    with pytest.raises(SystemExit) as left:
        main(line.split())
    usage, _, message = capsys.readouterr().err.partition(f"flashlm {name}: error: ")
    assert (left.value.code, message) == (2, f"unrecognized arguments: {sentence}\n")
    assert usage.startswith(f"usage: flashlm {name} ")


def test_the_usage_of_eval_has_the_folder_before_the_texts(capsys):
    with pytest.raises(SystemExit):  # --text takes the folder, too
        main(["eval", "--text", "book.txt", "runs/mine"])
    usage = capsys.readouterr().err.splitlines()[0]
    assert usage.index(" DIR ") < usage.index("--text")
