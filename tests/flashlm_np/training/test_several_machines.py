"""Several processes take the same steps as one, and a fault of one is told by its name."""

import json
import sys

import mpi_program
import numpy as np
import pytest
from simulated_mpi import simulated

from flashlm_np.data.dataset import Dataset, sample_batch
from flashlm_np.errors import UserError
from flashlm_np.model.config import Phase
from flashlm_np.training.gradient_buffer import packed, unpacked
from flashlm_np.training.launcher import join, launched
from flashlm_np.training.processes import Processes
from flashlm_np.training.replicas import merged
from flashlm_np.training.shards import draw_shard, expect_enough_windows
from minigrad.ops import RowGradient

needs_mpi = pytest.mark.skipif(bool(mpi_program.missing()), reason=mpi_program.missing())
V3 = mpi_program.CASES["v3"]


def process(rank, count):
    """One of several processes, as far as shards are concerned."""
    found = Processes()
    found.rank, found.count = rank, count
    return found


# -- shards ----------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 3, 6])
@pytest.mark.parametrize("position_share", [1.0, 0.5, 0.01])
def test_the_shards_are_the_batch_and_draw_the_same_random_numbers(count, position_share):
    tokens = np.random.default_rng(0).integers(0, 9, 300)
    data, phase = Dataset("random", tokens, tokens[:2]), Phase(1, 12, 3, 2)
    config = mpi_program.replace(V3, position_share=position_share)
    rng = np.random.default_rng(4)
    sizes = {"batch": 3, "sequence": 12, "position_share": position_share}
    ids, targets, positions = merged([sample_batch(data, **sizes, rng=rng) for _ in range(2)])
    after = rng.bit_generator.state
    shards = []
    for rank in range(count):
        rng = np.random.default_rng(4)
        shards.append(draw_shard(data, config, phase, rng, process(rank, count)))
        assert rng.bit_generator.state == after
    np.testing.assert_array_equal(np.concatenate([s.batch[0] for s in shards]), ids)
    np.testing.assert_array_equal(np.concatenate([s.batch[1] for s in shards]), targets)
    assert sum(s.share for s in shards) == pytest.approx(1)
    assert {s.scored for s in shards} == {72 if positions is None else len(positions)}
    if positions is not None:
        starts = np.cumsum([0, *(s.batch[0].size for s in shards)])
        scored = [s.batch[2] + a for s, a in zip(shards, starts, strict=False) if s.share]
        assert sorted(np.concatenate(scored)) == sorted(positions)
        assert all(len(s.batch[2]) for s in shards)  # a mean needs a position, if of weight 0


def test_a_process_reads_only_its_own_windows():
    class Tokens(np.ndarray):
        read = 0

        def __getitem__(self, places):
            Tokens.read += np.size(places)
            return np.asarray(super().__getitem__(places))

    tokens = np.arange(1000).view(Tokens)
    data = Dataset("count", tokens, np.arange(2))
    draw_shard(data, V3, Phase(1, 12, 8), np.random.default_rng(0), process(1, 4))
    assert Tokens.read == 2 * 13


@pytest.mark.parametrize(
    ("changes", "count", "sentence"),
    [
        ({}, 6, "3:12:2:1 has fewer windows in a step, 2, than the 6 processes; start fewer"),
        (
            {"head": "sampled", "prior": "trigram", "label_smoothing": 0.0, "z_loss": 0.0},
            2,
            "--head sampled with --prior trigram draws positions of the whole batch",
        ),
    ],
)
def test_a_configuration_that_cannot_be_shared_is_refused(changes, count, sentence):
    phases = (Phase(1, 12, 3, 2), Phase(3, 12, 2))
    config = mpi_program.replace(V3, **changes, phases=phases)
    expect_enough_windows(config, process(0, 1))
    with pytest.raises(UserError, match=sentence):
        expect_enough_windows(config, process(0, count))


# -- the message -----------------------------------------------------------------------------


def test_rows_are_summed_as_rows_in_one_message():
    """Three processes have a dense gradient and rows; the sum of messages is that of both."""
    rng = np.random.default_rng(0)
    shape, shares = (9, 2), (0.5, 0.2, 0.3)
    dense = [rng.normal(size=(3, 4)) for _ in shares]
    ids = ([7, 1, 1], [4], [1, 8])  # not compact
    rows = [RowGradient(np.array(i), rng.normal(size=(len(i), 2)), shape) for i in ids]
    union, total = np.array([1, 4, 7, 8]), 0
    for share, d, r in zip(shares, dense, rows, strict=True):
        buffer, views = packed([d, r], [union], share, np.empty(0))
        assert np.shares_memory(buffer, views[0])
        total = total + buffer
    assert total.size == 3 * 4 + len(union) * 2
    buffer[...] = total
    got, of_table = unpacked([dense[0], rows[0]], [union], views)
    expected = sum(s * d for s, d in zip(shares, dense, strict=True))
    np.testing.assert_allclose(got, expected, atol=1e-15)
    expected = sum(s * r.dense() for s, r in zip(shares, rows, strict=True))
    np.testing.assert_allclose(of_table.dense(), expected, atol=1e-15)
    again, _ = packed([dense[0], rows[0]], [union], 1.0, buffer)
    assert again is buffer  # 54 MB in v3


def test_float32_stays_float32():
    gradients = [np.ones(3, np.float32)]
    assert packed(gradients, [], 0.25, np.empty(0))[0].dtype == np.float32


# -- the launcher ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({}, None),
        ({"PMI_RANK": "1", "PMI_SIZE": "4"}, (1, 4)),
        ({"OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "2"}, (0, 2)),
        ({"PMIX_RANK": "3"}, (3, None)),
    ],
)
def test_the_launcher_is_known_by_the_environment(environment, found):
    assert launched(environment) == found


def test_one_process_never_imports_mpi(monkeypatch):
    for name in ("PMI_RANK", "PMI_SIZE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(sys.modules, "mpi4py", None)  # an import would fail
    assert type(join()) is Processes
    monkeypatch.setenv("PMI_RANK", "0")
    monkeypatch.setenv("PMI_SIZE", "1")  # mpiexec -n 1
    assert type(join()) is Processes
    monkeypatch.setenv("PMI_SIZE", "2")
    with pytest.raises(UserError, match=r"but MPI cannot be imported .*flashlm-np\[mpi\]"):
        join()


# -- processes -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def of_one():
    return mpi_program.twenty_steps(Processes())


def expect_equal(found, expected):
    assert set(found) == set(expected)
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=0, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("count", [1, 3, 5])
def test_twenty_steps_of_simulated_processes_equal_those_of_one(count, of_one):
    for found in simulated(count, mpi_program.twenty_steps):
        expect_equal(found, of_one)


@needs_mpi
@pytest.mark.parametrize("count", [2, 3])
def test_twenty_steps_equal_those_of_one_process(tmp_path, count, of_one):
    """In float64, after each step of which all processes have the same bits."""
    out = tmp_path / "found.npz"
    done = mpi_program.start(count, "twenty_steps", out)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    with np.load(out) as found:
        expect_equal(found, of_one)


@needs_mpi
@pytest.mark.parametrize("count", [2, 3])
def test_a_fault_of_one_process_is_told_by_its_name(tmp_path, count):
    out = tmp_path / "found.json"
    done = mpi_program.start(count, "faults", out)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    found, last = json.loads(out.read_text("utf-8")), f"process {count - 1} on "
    assert found["not finite"].startswith(last)
    assert not found["moved"]
    assert found["one fails"].startswith(last)
    assert found["one fails"].endswith(": No space left on device")
    expected = " has another NumPy than process 0: 2.1, not 2; give all processes the same"
    assert expected in found["other"]
    expected = " has other numbers than process 0 after step 7, first in table; its processor"
    assert expected in found["bits"]
    assert found["bits"].startswith(last)
    assert 0 < found["sent"]["gradients"] < found["table"] / 2
    assert "mpi4py" not in sys.modules
