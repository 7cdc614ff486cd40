import re

import numpy as np
import pytest

from flashlm_np.model.heads.classes import by_frequency, by_meaning
from flashlm_np.model.heads.layout import TableLayout
from flashlm_np.model.heads.slices import part_of
from minigrad import Tensor

V = 300


def zipf(size=V, seed=0):
    """Counts by token, in no order: some equal, a part of them 0."""
    counts = 5000 // np.arange(1, size + 1) * (np.arange(size) < 0.9 * size)
    return np.random.default_rng(seed).permutation(counts)


def directions(size=V, D=5):
    return np.random.default_rng(1).standard_normal((size, D)).astype(np.float32)


def layouts(counts, classes, first=0):
    yield by_frequency(counts, classes, first)
    yield by_meaning(counts, directions(len(counts)), classes, first)


def classes_of(layout):
    """The tokens of each class."""
    return np.split(layout.order, layout.starts[:-1])[1:]


def roots(layout):
    return np.sqrt(layout.frequencies)  # √p of each row


def fewest_rows(layout):
    """No classes have fewer rows per target: (Σ √p)² / G."""
    return roots(layout).sum() ** 2 / (len(layout.starts) - 1)


# -- the layout ------------------------------------------------------------------------------


def test_tokens_and_rows_round_trip():
    for layout in layouts(zipf(), 20):
        ids = np.random.default_rng(2).integers(0, V, (3, 4))
        assert not layout.is_identity
        assert (layout.order[layout.rows(ids)] == ids).all()
        assert (layout.rank[layout.order] == np.arange(V)).all()
        scores = np.random.default_rng(3).standard_normal((2, 3, V))  # by token
        by_row = scores[..., layout.order]
        assert (layout.by_token(by_row) == scores).all()
        assert (layout.by_token(Tensor(by_row)).data == scores).all()


def test_the_identity_changes_and_copies_nothing():
    layout = TableLayout.identity(7)
    ids, scores = np.array([[3, 6]]), np.ones((2, 7))
    assert layout.is_identity
    assert layout.rows(ids) is ids
    assert layout.by_token(scores) is scores
    assert (layout.rank == layout.order).all()
    assert layout.starts.tolist() == [0, 7]
    assert layout.shares.tolist() == [1]


def test_shares_are_those_of_the_counts_plus_a_half():
    layout = TableLayout(np.arange(4), [6, 2, 0, 0], [0, 1, 2, 4])
    np.testing.assert_allclose(layout.shares, [0.65, 0.25, 0.1], rtol=1e-15)
    np.testing.assert_allclose(layout.frequencies, [0.65, 0.25, 0.05, 0.05], rtol=1e-15)
    hybrid = TableLayout(np.arange(4), [6, 2, 0, 0], [1, 2, 4])
    np.testing.assert_allclose(hybrid.shares, [0.25, 0.1], rtol=1e-15)


def test_the_arrays_are_read_only_copies_of_those_given():
    order = np.array([1, 0], np.int32)
    layout = TableLayout(order, [3, 2], [0, 2])
    for array, dtype in zip(
        layout.arrays().values(), (np.int32, np.int64, np.int32), strict=True
    ):
        assert array.dtype == dtype
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 9
    order[:] = 0
    assert layout.order.tolist() == [1, 0]


def test_a_layout_can_be_made_from_its_arrays():
    for layout in (TableLayout.identity(V), *layouts(zipf(), 20), *layouts(zipf(), 20, 40)):
        again = TableLayout.from_arrays(layout.arrays(), V)
        for name, array in layout.arrays().items():
            assert (again.arrays()[name] == array).all()
    assert TableLayout.from_arrays(again.arrays(), V, classes=20, first=40)


def two_classes(**arrays):
    good = {"order": [2, 0, 3, 1], "counts": [5, 2, 2, 0], "starts": [0, 1, 4]}
    return {name: np.array(array) for name, array in (good | arrays).items()}


ORDER = "layout: order does not name each token from 0 to 3 once"
COUNTS = "layout: counts are not whole numbers from 0 on with a sum below 2^53"
STARTS = "layout: starts do not rise from a first row of a class to 4"
DAMAGED = [
    ({"order": [2, 0, 3]}, "layout: order has shape (3,), expected (4,)"),
    ({"counts": [5, 2, 2, 0, 0]}, "layout: counts has shape (5,), expected (4,)"),
    ({"order": [2, 0, 3, 3]}, ORDER),
    ({"order": [2, 0, 3, 4]}, ORDER),
    ({"order": [2, 0, 3, -1]}, ORDER),
    ({"order": np.array([2, 0, 3, 2**64 - 1], np.uint64)}, ORDER),
    ({"counts": [5, 2, 2, -1]}, COUNTS),
    ({"counts": [2**62, 2**62, 2**62, 2**62]}, COUNTS),
    ({"counts": np.array([2**64 - 1, 0, 0, 0], np.uint64)}, COUNTS),
    ({"starts": [0, 1, 3]}, STARTS),
    ({"starts": [0, 1, 5]}, STARTS),
    ({"starts": [-1, 1, 4]}, STARTS),
    ({"starts": [0, 1, 1, 4]}, STARTS),
    ({"starts": [0, 3, 1, 4]}, STARTS),
    ({"starts": np.array([0, 3, 1, 4], np.uint8)}, STARTS),
    ({"starts": [4]}, STARTS),
    ({"starts": np.array([], np.int32)}, STARTS),
    (
        {"order": [2.0, 0.0, 3.0, 1.0]},
        "layout: order has shape (4,) and type float64, expected whole numbers in one row",
    ),
    (
        {"counts": [True, True, False, False]},
        "layout: counts has shape (4,) and type bool, expected whole numbers in one row",
    ),
    (
        {"starts": [[0, 1, 4]]},
        "layout: starts has shape (1, 3) and type int64, expected whole numbers in one row",
    ),
    (
        {"starts": 4},
        "layout: starts has shape () and type int64, expected whole numbers in one row",
    ),
]


@pytest.mark.parametrize(("damage", "text"), DAMAGED)
def test_damaged_arrays_are_refused(damage, text):
    TableLayout.from_arrays(two_classes(), 4)
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        TableLayout.from_arrays(two_classes(**damage), 4)


@pytest.mark.parametrize("name", ["order", "counts", "starts"])
def test_a_missing_array_is_refused(name):
    arrays = two_classes()
    del arrays[name]
    with pytest.raises(ValueError, match=f"^layout: there is no array {name}$"):
        TableLayout.from_arrays(arrays, 4)


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ({"classes": 3}, "expected 3 from row 0 on"),
        ({"first": 1}, "expected 2 from row 1 on"),
        ({"classes": 1, "first": 1}, "expected 1 from row 1 on"),
    ],
)
def test_the_layout_of_another_head_is_refused(wanted, text):
    text = f"layout: there are 2 classes from row 0 on, {text}"
    with pytest.raises(ValueError, match=f"^{text}$"):
        TableLayout.from_arrays(two_classes(), 4, **wanted)


# -- classes ---------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [0, 1, 50])
@pytest.mark.parametrize("classes", [1, 2, 17, 200, 250])
def test_classes_cover_the_rows_from_the_first_on_once(classes, first):
    counts = zipf()
    for layout in layouts(counts, classes, first):
        assert np.sort(layout.order).tolist() == list(range(V))
        assert (layout.counts == counts[layout.order]).all()
        assert (layout.starts[0], layout.starts[-1]) == (first, V)
        assert len(layout.starts) == classes + 1
        assert np.diff(layout.starts).min() >= 1
        most_frequent = np.argsort(-counts, kind="stable")[:first]
        assert (layout.order[:first] == most_frequent).all()
        for tokens in classes_of(layout):
            assert (np.diff(counts[tokens]) <= 0).all()


DEGENERATE = {
    "all zero": np.zeros(7, int),
    "all equal": np.full(7, 3),
    "one token has everything": np.array([0, 0, 10**9, 0, 0, 0, 0]),
    "one token has occurred once": np.array([0, 0, 0, 1, 0, 0, 0]),
    "one token is never seen": np.array([4, 2, 9, 0, 1, 1, 6]),
    "unsigned": np.array([4, 2, 9, 0, 1, 1, 6], np.uint16),
}


@pytest.mark.parametrize("counts", DEGENERATE.values(), ids=DEGENERATE)
def test_classes_of_degenerate_counts(counts):
    for first in range(7):
        for classes in range(1, 8 - first):
            for layout in layouts(counts, classes, first):
                assert np.sort(layout.order).tolist() == list(range(7))
                assert (layout.starts[0], layout.starts[-1]) == (first, 7)
                assert np.diff(layout.starts).min() >= 1
                assert len(layout.starts) == classes + 1
                assert counts[layout.order[0]] == counts.max() or classes > 1


@pytest.mark.parametrize(
    ("classes", "first", "rows"), [(8, 0, 7), (0, 0, 7), (4, 4, 3), (1, 7, 0)]
)
def test_more_classes_than_rows_are_refused(classes, first, rows):
    text = f"{classes} classes of {rows} rows: expected 1 to {rows} classes"
    for make in (by_frequency, lambda *sizes: by_meaning(sizes[0], directions(7), *sizes[1:])):
        with pytest.raises(ValueError, match=f"^{text}$"):
            make(np.arange(7), classes, first)


@pytest.mark.parametrize("vectors", [np.full((7, 2), np.nan), np.ones((6, 2))])
def test_vectors_that_are_not_finite_or_too_few_are_refused(vectors):
    text = f"vectors of shape {vectors.shape}: expected 7 finite rows"
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        by_meaning(np.arange(7), vectors, 2)


def test_equal_counts_stay_in_the_order_of_their_tokens():
    assert by_frequency(np.array([2, 5, 2, 0, 5, 0])).order.tolist() == [1, 4, 0, 2, 3, 5]
    assert by_frequency(np.zeros(5), 2).order.tolist() == [0, 1, 2, 3, 4]


def test_classes_by_frequency_have_about_equal_sums_of_roots():
    layout = by_frequency(zipf(3000), 40)
    sums = np.add.reduceat(roots(layout), layout.starts[:-1])
    assert np.abs(sums - sums.mean()).max() < roots(layout)[0] / 2
    assert sums[5:].std() < 0.05 * sums.mean()


def test_classes_by_frequency_need_hardly_more_than_the_fewest_rows():
    layout = by_frequency(zipf(3000), 40)
    work = layout.shares @ np.diff(layout.starts)  # rows of a target's class, in expectation
    assert fewest_rows(layout) < work < 1.05 * fewest_rows(layout)


def test_a_frequent_token_takes_no_part_of_the_other_classes():
    # Its root alone is more than half of the sum. The others still share the other classes.
    layout = by_frequency(np.array([10**6] + [1] * 300), 4)
    assert np.diff(layout.starts).tolist() == [1, 100, 100, 100]


def test_the_same_classes_whatever_ids_the_tokens_have():
    counts = np.random.default_rng(4).permutation(V) + 1  # all different
    vectors, ids = directions(), np.random.default_rng(5).permutation(V)
    before = by_meaning(counts, vectors, 17, 30)
    after = by_meaning(counts[ids], vectors[ids], 17, 30)
    assert (ids[after.order] == before.order).all()
    assert (after.starts == before.starts).all()


def test_the_length_of_a_vector_does_not_matter():
    length = np.random.default_rng(6).uniform(0.1, 10, (V, 1))
    before = by_meaning(zipf(), directions(), 17)
    after = by_meaning(zipf(), directions() * length, 17)
    assert (after.order == before.order).all()


def test_classes_by_meaning_put_planted_clusters_together():
    # The centres are the corners of a box whose sides differ, so the best cuts are known.
    corners = np.indices((2, 2, 2)).reshape(3, 8).T * 2 - 1  # (8, 3)
    centres = np.concatenate([corners * [4, 2, 1], np.full((8, 1), 5)], axis=1)  # (8, 4)
    cluster = np.repeat(np.arange(8), 40)
    noise = np.random.default_rng(7).normal(0, 0.1, (320, 4))
    counts = np.tile(2000 // np.arange(1, 41), 8)
    mixed = np.random.default_rng(8).permutation(320)
    layout = by_meaning(counts[mixed], (centres[cluster] + noise)[mixed], 8)
    found = [set(cluster[mixed[tokens]]) for tokens in classes_of(layout)]
    assert sorted(map(list, found)) == [[i] for i in range(8)]


def test_a_set_gets_classes_by_the_root_of_its_targets_times_its_rows():
    # 100 tokens point one way, 300 the other way: f n = 81,800 · 100 = 27,270 · 300, about. So
    # both get 20 of the 40 classes. By sums of roots, 2,860 and 1,170, the first would get 28.
    vectors = np.repeat([[1, 0], [0, 1]], [100, 300], axis=0) + directions(400, 2) / 100
    layout = by_meaning(np.repeat([818, 900, 1], [100, 30, 270]), vectors, 40)
    classes = part_of(layout.rank, layout.starts)
    assert abs(len(set(classes[:100])) - 20) <= 1
    assert abs(len(set(classes[100:])) - 20) <= 1


def test_tokens_that_never_occur_have_classes_of_their_own():
    counts, vectors = zipf(), directions()
    vectors[counts == 0] = 0
    layout = by_meaning(counts, vectors, 30)
    seen = [set(counts[tokens] > 0) for tokens in classes_of(layout)]
    assert all(len(kinds) == 1 for kinds in seen)
    assert 1 <= seen.count({False}) <= 5


def test_equal_vectors_are_cut_by_count():
    counts = np.random.default_rng(9).permutation(V) + 1
    for vectors in (np.zeros((V, 3)), np.tile(directions(1, 300), (V, 1))):
        layout = by_meaning(counts, vectors, 9)
        assert (np.diff(layout.counts) < 0).all()
