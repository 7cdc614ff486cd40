"""metrics.csv after interruptions, damage, and while another program has it open."""

import errno

import pytest
import tiny

from flashlm_np import files
from flashlm_np.cli import main
from flashlm_np.errors import UserError
from flashlm_np.runs import metrics as page
from flashlm_np.runs.metrics import COLUMNS, Metrics, read_metrics

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def row(step, **more):
    return {"step": step, "train_loss": 0.5 * step, "seconds": 1.25, **more}


@pytest.fixture
def path(tmp_path):
    metrics = Metrics(tmp_path / "metrics.csv")
    for step in (1, 2, 3, 4):
        metrics.add(row(step))
    metrics.close()
    return tmp_path / "metrics.csv"


def steps(path, say=print):
    return [row["step"] for row in read_metrics(path, say)]


def test_a_resumed_run_drops_the_rows_after_its_checkpoint(path, capsys):
    Metrics(path, keep_to_step=2).add(row(3, train_loss=7.0, valid_loss=8.0))
    assert path.read_text().splitlines()[0] == ",".join(COLUMNS)
    found = [(row["step"], row["train_loss"], row["valid_loss"]) for row in read_metrics(path)]
    assert found == [(1, 0.5, None), (2, 1.0, None), (3, 7.0, 8.0)]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("change", "kept", "damaged", "repeated"),
    [
        (lambda data: data + b"5,0.2", [1, 2, 3, 4], 1, 0),  # half a row
        (lambda data: data[:-1], [1, 2, 3], 1, 0),  # the end of a number may be missing
        (lambda data: data.replace(b"\n3,1.5", b"\n3,\xff\xfe5"), [1, 2, 4], 1, 0),
        (lambda data: data.replace(b"\n3,1.5", b"\n3,x"), [1, 2, 4], 1, 0),
        (lambda data: data.replace(b"\n3,1.5", b"\nthree,1.5"), [1, 2, 4], 1, 0),
        (lambda data: data.replace(b"\n3,1.5", b"\n3,inf"), [1, 2, 4], 1, 0),
        (lambda data: data.replace(b"\n3,1.5", b'\n"3,1.5'), [1, 2, 4], 1, 0),
        (lambda data: data.replace(b"\n3,1.5,", b"\n3,1.5,0,"), [1, 2, 4], 1, 0),
        (lambda data: data.replace(b"\n3,1.5", b"\n-3,1.5"), [1, 2, 4], 1, 0),
        (lambda data: data + data.partition(b"\n")[2], [1, 2, 3, 4], 0, 4),
        (lambda data: data.replace(b"step,train", b"steP,train"), [1, 2, 3, 4], 1, 0),
        (lambda data: data.partition(b"\n")[2], [1, 2, 3, 4], 0, 0),  # without a header
        (lambda data: BYTE_ORDER_MARK + data.replace(b"\n", b"\r\n"), [1, 2, 3, 4], 0, 0),
        (lambda data: data + bytes(4096), [1, 2, 3, 4], 1, 0),  # after a loss of power
        (lambda data: b"", [], 0, 0),
    ],
)
def test_every_good_row_of_a_damaged_file_is_kept(
    path, capsys, change, kept, damaged, repeated
):
    path.write_bytes(change(path.read_bytes()))
    assert steps(path) == kept
    text = f"{path} has {damaged} damaged and {repeated} repeated lines, which are left out; "
    text += f"the other {len(kept)} are good\n"
    assert capsys.readouterr().out == (text if damaged or repeated else "")
    Metrics(path, keep_to_step=9, say=lambda text: None)
    assert steps(path) == kept  # and now it is a good file
    assert capsys.readouterr().out == ""


def test_the_last_of_several_rows_of_a_step_counts(path):
    with open(path, "a", encoding="utf-8") as file:
        file.write(path.read_text().splitlines()[2].replace("1.0", "9.0") + "\n")
    assert [row["train_loss"] for row in read_metrics(path)] == [0.5, 9.0, 1.5, 2.0]


def test_columns_are_found_by_name(path):
    lines = [line.split(",") for line in path.read_text().splitlines()]
    path.write_text("".join(",".join([*line[::-1], "7"]) + "\n" for line in lines[1:]))
    path.write_text(",".join([*COLUMNS[::-1], "more"]) + "\n" + path.read_text())
    assert [row["train_loss"] for row in read_metrics(path)] == [0.5, 1.0, 1.5, 2.0]


def refuse(*arguments):
    raise PermissionError(errno.EACCES, "Permission denied")


def refuse_rows(path, *arguments):
    raise UserError(f"cannot write {path}: Permission denied")


def test_rows_wait_while_another_program_has_the_file_open(path, monkeypatch, capsys):
    metrics = Metrics(path, keep_to_step=4)
    monkeypatch.setattr(page, "append", refuse_rows)
    for step in (5, 6):
        metrics.add(row(step))
        metrics.sync()
    assert capsys.readouterr().out == (
        f"cannot write {path}: Permission denied; the run goes on, and writes its rows later\n"
    )
    assert steps(path) == [1, 2, 3, 4]
    monkeypatch.undo()
    metrics.add(row(7))
    metrics.close()
    assert steps(path) == [1, 2, 3, 4, 5, 6, 7]
    assert capsys.readouterr().out == ""


def test_rows_that_never_could_be_written_are_named_at_the_end(path, monkeypatch, capsys):
    metrics = Metrics(path, keep_to_step=4)
    monkeypatch.setattr(page, "append", refuse_rows)
    metrics.add(row(5))
    metrics.close()
    assert capsys.readouterr().out.splitlines()[1:] == [
        f"{path} still cannot be written, and lacks the rows that waited"
    ]


def test_a_run_ends_well_although_its_metrics_cannot_be_written(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(page, "append", refuse_rows)
    assert main(["train", *tiny.OPTIONS, "--out", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert text.count("metrics.csv") == 2  # it waits, and it lacks rows
    assert (tmp_path / "report.md").exists()
    assert (tmp_path / "loss.png").exists()


def test_a_resumed_run_waits_to_replace_a_file_that_is_open(path, monkeypatch, capsys):
    monkeypatch.setattr("os.replace", refuse)
    metrics = Metrics(path, keep_to_step=2)
    metrics.add(row(3, train_loss=7.0))
    assert "the run goes on, and writes its rows later" in capsys.readouterr().out
    assert steps(path) == [1, 2, 3, 4]
    monkeypatch.undo()
    metrics.close()
    assert [row["train_loss"] for row in read_metrics(path)] == [0.5, 1.0, 7.0]


def test_a_write_that_fails_leaves_no_half_row(path, monkeypatch, capsys):
    metrics = Metrics(path, keep_to_step=4)
    before = path.read_bytes()

    def full_disk(file):
        file.flush()
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(page, "append", refuse_rows)
        metrics.add(row(5))
    with monkeypatch.context() as patch:
        patch.setattr(files, "sync", full_disk)
        metrics.sync()
    assert path.read_bytes() == before
    metrics.close()
    assert steps(path) == [1, 2, 3, 4, 5]
