"""A package that only some commands need is not installed."""

import subprocess
import sys

import pytest

from flashlm_np.cli import main
from flashlm_np.errors import PACKAGE_MISSING

EXTRA = ("datasets", "fsspec", "huggingface_hub", "pandas", "pyarrow")  # and what they bring
PREPARE = ["prepare", "--tokenizer", "stories"]


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (
            [*PREPARE, "x.parquet"],
            "reading a parquet file needs the package pyarrow: pip",
        ),
        ([*PREPARE, "a/dataset"], "needs the package datasets: pip install datasets"),
        (["embed", "gpt2"], "needs the package huggingface_hub: pip install huggingface_hub"),
        (["train", "--text", "x.parquet"], "needs the package pyarrow: pip install pyarrow"),
    ],
)
def test_a_missing_package_is_named(command, sentence, tmp_path, monkeypatch, capsys):
    loaded = [name for name in sys.modules if name.partition(".")[0] in EXTRA]  # by other tests
    for name in (*EXTRA, *loaded):
        monkeypatch.setitem(sys.modules, name, None)  # its import fails
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    assert main([*command, "--out", "made"]) == PACKAGE_MISSING
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["x.parquet"]


def test_an_old_package_that_runs_programs_of_datasets_is_refused(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(pytest.importorskip("datasets"), "__version__", "3.6.0")
    monkeypatch.chdir(tmp_path)
    assert main([*PREPARE, "a/dataset", "--out", "made"]) == PACKAGE_MISSING
    assert 'do not: pip install "datasets>=4"\n' in capsys.readouterr().err


def test_training_and_local_texts_need_no_extra_package(tmp_path):
    (tmp_path / "book.txt").write_text("A fox lived in a den. " * 400)
    small = "--d-model 16 --recursions 1 --mixer-width 8 --steps 2 --phases 1:16:2:2"
    program = (
        f"import sys; sys.modules.update(dict.fromkeys({EXTRA}))\n"
        "from flashlm_np.cli import main\n"
        f"sys.exit(main('train --text book.txt --out run {small}'.split())\n"
        "    or main('prepare book.txt --out tokens --tokenizer stories'.split())\n"
        "    or main('generate run --tokens 3'.split()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
