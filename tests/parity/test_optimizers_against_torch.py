"""SGD, Adam, AdamW and clipping against PyTorch's, with every option that both have."""

import numpy as np
import pytest

from minigrad import Parameter
from minigrad.optim import SGD, Adam, AdamW, clip_grad_norm

torch = pytest.importorskip("torch", reason="torch is not installed: the extra `parity`")

OPTIONS = [
    (SGD, {}),
    (SGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.2}),
    (SGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.2, "nesterov": True}),
    (Adam, {}),
    (Adam, {"lr": 0.1, "betas": (0.5, 0.8), "eps": 1e-2, "weight_decay": 0.3}),
    (AdamW, {"weight_decay": 0.0}),
    (AdamW, {"lr": 0.1, "betas": (0.5, 0.8), "eps": 1e-2, "weight_decay": 0.3}),
]


@pytest.mark.parametrize(("optimizer", "options"), OPTIONS)
def test_steps_equal_those_of_torch(optimizer, options):
    rng = np.random.default_rng(0)
    ours = [Parameter(rng.standard_normal(shape)) for shape in ((4, 3), (5,))]
    theirs = [torch.nn.Parameter(torch.tensor(p.data)) for p in ours]
    a, b = (
        optimizer(ours, **options),
        getattr(torch.optim, optimizer.__name__)(theirs, **options),
    )
    for _ in range(6):
        for p, q in zip(ours, theirs, strict=True):
            p.grad = 3 * rng.standard_normal(p.shape)
            q.grad = torch.tensor(p.grad)
        norm = clip_grad_norm(ours, 2.0)
        expected = torch.nn.utils.clip_grad_norm_(theirs, 2.0)
        assert norm == pytest.approx(float(expected), rel=1e-12)
        a.step()
        b.step()
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=1e-12, atol=1e-14)
