"""The costs of a token equal the count of a model in Numbers that count their operations."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import tiny
from model_parts import PARTS

from flashlm_np.analysis.components import ternary_matrices
from flashlm_np.analysis.costs import cost_summary, cost_table, token_costs
from flashlm_np.analysis.inspection import inspect_model
from flashlm_np.analysis.mixer_costs import memory_cost
from flashlm_np.cli import main
from flashlm_np.model.flashlm import FlashLM
from flashlm_np.model.glu import ternary_options
from flashlm_np.model.presets import V3
from minigrad.ops.ternary import ternarize

COUNT = Counter()


class Number:
    """A number that counts its operations in COUNT."""

    def __init__(self, value):
        self.value = float(value)

    def __mul__(self, other):
        COUNT["multiplications"] += 1
        return Number(self.value * value_of(other))

    def __add__(self, other):
        COUNT["additions"] += 1
        return Number(self.value + value_of(other))

    def __sub__(self, other):
        COUNT["additions"] += 1
        return Number(self.value - value_of(other))

    def apply(self, f):
        """Apply a root, an exponential or a reciprocal, and count one multiplication."""
        COUNT["multiplications"] += 1
        return Number(f(self.value))


def value_of(x):
    return x.value if isinstance(x, Number) else float(x)


def total(terms):
    terms = list(terms)
    result = terms[0]
    for term in terms[1:]:
        result = result + term
    return result


def norm(x, gain, eps):
    mean = total(a * a for a in x) * (1 / len(x)) + eps
    r = mean.apply(lambda v: v**-0.5)
    return [a * r * g for a, g in zip(x, gain, strict=True)]


def conv(x, w, groups, ternary_options=None):
    """The convolution at the first position, where earlier taps multiply zeros."""
    O, C, K = w.shape
    zero = Number(0)
    taps = [[zero] * (K - 1) + [a] for a in x]
    if ternary_options:
        T, scale = ternarize(w, **ternary_options)
        return [
            ternary(
                [taps[o * groups // O * C + c][k] for c in range(C) for k in range(K)],
                T[o].reshape(1, -1),
                scale,
            )[0]
            for o in range(O)
        ]
    return [
        total(taps[o * groups // O * C + c][k] * w[o, c, k] for c in range(C) for k in range(K))
        for o in range(O)
    ]


def ternary(x, T, scale):
    out = []
    for row in T:
        plus = [a for a, t in zip(x, row, strict=True) if t > 0]
        minus = [a for a, t in zip(x, row, strict=True) if t < 0]
        if not plus and not minus:
            y = Number(0)
        else:
            y, *rest = plus or [Number(-minus[0].value), *minus[1:]]
            rest, minus = (rest, minus) if plus else ([], minus[1:])
            for a in rest:
                y = y + a
            for a in minus:
                y = y - a
        out.append(y if scale == 1.0 else y * scale)
    return out


def sigmoid(x):
    return (x.apply(lambda v: np.exp(-v)) + 1).apply(lambda v: 1 / v)


def by_hand(model, config, token):
    """Return the logits of one token as a list of Numbers."""
    w = model.state_dict()
    T = ternary_matrices(model, config)
    x = [Number(v) for v in w["embedding.weight"][token]]
    if config.bigram_rows:
        pair = w["bigrams.weight"][model.bigrams.rows(np.array([token]))[0]]
        x = [a + b for a, b in zip(x, pair, strict=True)]
    first, passes = x, [*range(config.blocks)] * config.recursions
    for r, number in enumerate(passes):
        if config.first_skip and r:
            a, b = w["first_skip.a"][r - 1], w["first_skip.b"][r - 1]
            x = [v * a + u * b for v, u in zip(x, first, strict=True)]
        prefix = f"more_blocks.{number - 1}" if number else "block"
        own = {name.removeprefix(f"{prefix}."): v for name, v in w.items()}
        label = f" {number + 1}" if number else ""
        matrices = ("in_proj", "out_proj", "gate_proj", "up_proj", "down_proj")
        x = block(x, own, {name: T.get(name + label) for name in matrices}, config)
    h = norm(x, w["final_norm.scale"], config.norm_eps)
    return [total(a * v for a, v in zip(h, row, strict=True)) for row in w["embedding.weight"]]


def block(x, w, T, config):
    eps = config.norm_eps
    mixed = mix(norm(x, w["norm1.scale"], eps), w, T, config)
    x = plus(x, mixed, w.get("mixer_gain"))
    n = norm(x, w["norm2.scale"], eps)
    gate, up = ternary(n, *T["gate_proj"]), ternary(n, *T["up_proj"])
    gated = []
    for g, u in zip(gate, up, strict=True):
        r = Number(max(g.value, 0))
        gated.append(g * sigmoid(g) * u if config.activation == "silu" else r * r * u)
    return plus(x, ternary(gated, *T["down_proj"]), w.get("glu_gain"))


def plus(x, y, gain):
    y = y if gain is None else [b * g for b, g in zip(y, gain, strict=True)]
    return [a + b for a, b in zip(x, y, strict=True)]


def mix(m, w, T, config):
    eps, groups, mixer = config.norm_eps, config.conv_groups, "token_mixer"
    if config.mixer == "depthwise":
        both = ternary(m, *T["in_proj"])
        D = len(m)
        h = conv(both[D:], w[f"{mixer}.conv.weight"], D)
        gated = [sigmoid(g) * v for g, v in zip(both[:D], h, strict=True)]
        return ternary(gated, *T["out_proj"])
    if config.mixer == "attention":
        q, k, v = (project(m, w, T, f"{name}_proj", config) for name in "qkv")
        if config.attention_taps:
            kernels = [w[f"{mixer}.convs.{i}.weight"] for i in range(3)]
            q, k, v = (conv(x, y, len(x)) for x, y in zip((q, k, v), kernels, strict=True))
        angles = np.zeros(len(q) // config.attention_heads // 2)  # of the first position
        q, k = (turned(x, angles, config.attention_heads) for x in (q, k))
        return ternary(attended(q, [k], [v], config.attention_heads), *T["out_proj"])
    if config.mixer == "mlgru":
        a, z, g = (project(m, w, T, f"{name}_proj", config) for name in "ifg")
        states = [state(*numbers) for numbers in zip(a, z, strict=True)]
        if config.gru_gate == "paper":
            y = [sigmoid(x) * h for x, h in zip(g, states, strict=True)]
        else:
            n = norm(g, w[f"{mixer}.g_norm.scale"], eps)
            y = [x * (h * sigmoid(h)) for x, h in zip(n, states, strict=True)]
        return ternary(y, *T["out_proj"])
    for i in range(len(config.dilations)):
        n = norm(m, w[f"{mixer}.norms.{i}.scale"], eps)
        layer = f"{mixer}.layers.{i}"
        options = ternary_options(config) if config.ternary_mixer else None
        gate = conv(n, w[f"{layer}.conv_gate.conv.weight"], groups, options)
        value = conv(n, w[f"{layer}.conv_value.conv.weight"], groups, options)
        m = [a + sigmoid(g) * v for a, g, v in zip(m, gate, value, strict=True)]
    return ternary(m, *T["out_proj"])


def project(x, w, T, name, config):
    matrix = w[f"token_mixer.{name}.weight"]
    if config.ternary_mixer:
        return ternary(x, *ternarize(matrix, **ternary_options(config)))
    return [total(a * v for a, v in zip(x, row, strict=True)) for row in matrix]


def state(a, z):
    """The state of the recurrence after the first position, before which it was 0."""
    f = sigmoid(z)
    return f * Number(0) + (Number(1) - f) * (a * sigmoid(a))


def turned(x, angles, heads):
    y, C = list(x), len(x) // heads
    for head in range(heads):
        for i, angle in enumerate(angles):
            one, other = head * C + i, head * C + i + C // 2
            a, b = x[one], x[other]
            y[one] = a * np.cos(angle) - b * np.sin(angle)
            y[other] = a * np.sin(angle) + b * np.cos(angle)
    return y


def attended(q, keys, values, heads):
    """The last of the positions, with the query q."""
    C, y = len(q) // heads, []
    for head in range(heads):
        part = slice(head * C, (head + 1) * C)
        scores = [total(map(Number.__mul__, q[part], k[part])) * C**-0.5 for k in keys]
        e = [s.apply(np.exp) for s in scores]
        sum_of_all = total(e)
        p = [Number(n.value / sum_of_all.value) for n in e]
        COUNT["multiplications"] += len(p)  # of the division
        for i in range(head * C, (head + 1) * C):
            y.append(total(n * v[i] for n, v in zip(p, values, strict=True)))
    return y


@pytest.mark.parametrize("position", [1, 2, 7])
def test_each_operation_of_attention_is_counted(position):
    _, config = tiny.small_model(mixer="attention", mixer_width=12, attention_heads=3)
    rows = np.random.default_rng(0).standard_normal((3, position, 12))
    q, k, v = ([[Number(x) for x in row] for row in part] for part in rows)
    COUNT.clear()
    angles = np.array([0.3, 0.1])
    last = turned(q[-1], angles, 3)
    k[-1] = turned(k[-1], angles, 3)  # the others were turned before
    attended(last, k, v, 3)
    (cost,) = memory_cost(config, position)
    assert cost.component == f"attention over {position}"
    R = config.recursions
    assert cost.multiplications == R * COUNT["multiplications"]
    assert cost.additions == R * COUNT["additions"]


@pytest.mark.parametrize("convs", [False, True])
@pytest.mark.parametrize("scale", ["none", "mean"])
def test_each_operation_of_a_token_is_counted(scale, convs):
    expect_counted(ternary_scale=scale, ternary_mixer=convs)


@pytest.mark.parametrize("part", [part for part in PARTS if part != "ternary depthwise"])
def test_each_operation_of_the_other_parts_is_counted(part):
    expect_counted(**PARTS[part])


def expect_counted(**changes):
    model, config = tiny.small_model(**changes)
    COUNT.clear()
    logits = by_hand(model, config, token=7)
    np.testing.assert_allclose(
        [z.value for z in logits], model(np.array([[7]])).data[0, 0], rtol=1e-9
    )
    costs = token_costs(model, config, position=1)
    for kind in ("multiplications", "additions"):
        assert sum(getattr(cost, kind) for cost in costs) == COUNT[kind]
    assert sum(cost.parameters for cost in costs) == sum(p.size for p in model.parameters())


def test_v3s_costs():
    costs = token_costs(FlashLM(V3, np.random.default_rng(42)), V3)
    assert sum(cost.parameters for cost in costs) == 13_555_969
    assert "4.35% of the parameters are ternary" in cost_summary(costs)
    head, *rows, last = cost_table(costs).splitlines()
    assert last.split()[:2] == ["all", "13,555,969"]
    columns = {row[:22].strip(): row[22:].split() for row in rows}
    assert columns["out_proj"][:5] == ["65,536", "262.1", "131.1", "13.1", "0"]
    packed = sum(float(row[3].replace(",", "")) for row in columns.values())
    assert float(last.split()[4].replace(",", "")) == pytest.approx(packed, abs=1)
    arithmetic = 12_865_792 * 3.7 + 12_815_535 * 0.9
    assert costs[0].arithmetic_picojoules == pytest.approx(arithmetic)
    assert costs[0].reading_picojoules() == pytest.approx(12_865_792 * 4 / 8 * 1300)
    assert "share" in head


def test_the_changes_of_the_weights():
    model, config = tiny.small_model()
    start, _ = tiny.small_model()
    w = model.block.glu.up_proj.weight.data
    before = ternary_matrices(start, config)["up_proj"][0]
    w[before == 1] *= -1  # same size, so no other weight changes
    inspection = inspect_model(model, config, start)
    changes, fractions = inspection.changes, inspection.fractions
    plus, minus = (before == 1).mean(), (before == -1).mean()
    np.testing.assert_allclose(
        changes["up_proj"], [[minus, 0, 0], [0, 1 - plus - minus, 0], [plus, 0, 0]]
    )
    np.testing.assert_allclose(fractions["up_proj"], changes["up_proj"].sum(axis=0))
    assert np.trace(changes["gate_proj"]) == pytest.approx(1)
    assert "flipped:" in str(inspection)


def test_the_command_prints_and_draws(tmp_path, capsys):
    run, picture = str(tmp_path / "run"), tmp_path / "picture.png"
    assert main(["train", *tiny.OPTIONS, "--steps", "2", "--out", run]) == 0
    capsys.readouterr()
    assert main(["inspect", run, "--picture", str(picture)]) == 0
    printed = capsys.readouterr().out
    assert "multiplications per token remain" in printed
    assert "moved" in printed
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_published_model_has_no_known_initial_weights(tmp_path, capsys):
    from torch_zip import save

    config = replace(V3, vocab_size=30, d_model=16, conv_groups=4, recursions=1)
    state = FlashLM(config, np.random.default_rng(0)).state_dict()
    numbers = {"vocab_size": 30, "d_model": 16, "n_recursions": 1, "glu_expansion": 2.67}
    path = save(
        tmp_path / "x.pt", {"model_state_dict": state, "config": numbers, "last_step": 1}
    )
    assert main(["convert", str(path), str(tmp_path / "out")]) == 0
    assert main(["inspect", str(tmp_path / "out")]) == 0
    assert "flipped:" not in capsys.readouterr().out
