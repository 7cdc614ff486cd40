"""The adapter of torch.autograd.Function: what it checks, and what other tests pass."""

import re

import numpy as np
import pytest

from minigrad import DtypeError
from minigrad.gradcheck import GradientError, gradcheck
from minigrad.gradcheck.cases import gradient_cases
from minigrad.gradcheck.mutation import mutate

torch = pytest.importorskip("torch", reason="torch is not installed: the extra `parity`")

from minigrad.gradcheck.torch_functions import from_torch  # noqa: E402  (needs torch)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def double(*shape, seed=0):
    return torch.from_numpy(normal(*shape, seed=seed)).requires_grad_()


class Scale(torch.autograd.Function):
    """y = x wᵖ, in the older form, with an option."""

    @staticmethod
    def forward(ctx, x, w, p=2):
        ctx.save_for_backward(x, w)
        ctx.p = p
        return x * w**p

    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        dw = dy * x * ctx.p * w ** (ctx.p - 1)
        return dy * w**ctx.p, dw.reshape(-1, w.numel()).sum(0), None


class Lookup(torch.autograd.Function):
    """y = w[ids], in the newer form, with a tensor of integers."""

    @staticmethod
    def forward(w, ids):
        return w[ids]

    @staticmethod
    def setup_context(ctx, inputs, output):
        w, ids = inputs
        ctx.save_for_backward(ids)
        ctx.shape = w.shape

    @staticmethod
    def backward(ctx, dy):
        (ids,) = ctx.saved_tensors
        return dy.new_zeros(ctx.shape).index_put((ids,), dy, accumulate=True), None


def changed(function, change):
    """The Function with change(*gradients) after its backward."""

    def backward(ctx, *dys):
        return change(*function.backward(ctx, *dys))

    return type(function.__name__, (function,), {"backward": staticmethod(backward)})


# -- right ones ----------------------------------------------------------------------------


def test_a_right_function_is_right_with_and_without_its_option():
    scale = from_torch(Scale)
    assert gradcheck(scale, normal(2, 3, 5), normal(5)).name == "Scale"
    report = gradcheck(scale, normal(2, 3), normal(3, seed=1), mode="full", p=3)
    assert [argument for argument, _, _ in report.compared] == ["x"] * 6 + ["w"] * 3


def test_a_right_function_passes_all_cases():
    lookup = from_torch(Lookup, integer_inputs=(1,))
    for case in gradient_cases(lookup, shapes={"w": (7, 5), "ids": (2, 3)}, ids={"ids": 7}):
        case.check()
    for case in gradient_cases(from_torch(Scale), shapes={"x": (2, 3, 5), "w": (5,)}):
        case.check()


def test_forward_and_backward_are_those_of_pytorch():
    x, w, dy = double(2, 3), double(3, seed=1), normal(2, 3, seed=2)
    y = Scale.apply(x, w)
    y.backward(torch.from_numpy(dy))
    operation = from_torch(Scale)
    found, saved = operation.forward(x.detach().numpy(), w.detach().numpy())
    np.testing.assert_array_equal(found, y.detach().numpy())
    for ours, theirs in zip(operation.backward(dy, saved), (x.grad, w.grad), strict=True):
        np.testing.assert_array_equal(ours, theirs.numpy())


# -- wrong ones that other tests pass ------------------------------------------------------


def test_a_small_gradient_with_the_wrong_sign_passes_the_check_of_pytorch_only():
    """torch.autograd.gradcheck allows an absolute error of 1e-5."""
    small = changed(Scale, lambda dx, dw, _: (-dx, dw, None))
    x, w = double(2, 3), (1e-3 * double(3, seed=1)).detach().requires_grad_()
    assert torch.autograd.gradcheck(small.apply, (x, w))
    with pytest.raises(GradientError, match=r"Scale: the gradient of x is wrong at index"):
        gradcheck(from_torch(small), x.detach().numpy(), w.detach().numpy())


def test_an_error_of_half_a_thousandth_passes_the_check_of_pytorch_only():
    """torch.autograd.gradcheck allows a relative error of 1e-3."""
    inexact = changed(Scale, lambda dx, dw, _: (1.0005 * dx, dw, None))
    x, w = double(2, 3), double(3, seed=1)
    assert torch.autograd.gradcheck(inexact.apply, (x, w))
    with pytest.raises(GradientError, match=r"Scale: the gradient of x is wrong at index"):
        gradcheck(from_torch(inexact), x.detach().numpy(), w.detach().numpy())


class WithoutDy(torch.autograd.Function):
    """y = 2x; its backward forgets dy."""

    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, dy):
        return torch.full_like(dy, 2)


def test_a_backward_without_dy_passes_a_test_with_a_gradient_of_ones():
    x = double(2, 3)
    WithoutDy.apply(x).sum().backward()
    assert torch.equal(x.grad, torch.full_like(x, 2))
    with pytest.raises(GradientError, match="WithoutDy: the gradient of x is wrong at index"):
        gradcheck(from_torch(WithoutDy), normal(2, 3))


def test_shapes_and_dtypes_that_pytorch_mends_are_errors():
    def sums_nothing(dx, dw, _):
        return dx, dw.expand(2, 3) / 2, None

    unsummed = changed(Scale, sums_nothing)
    x, w = double(2, 3), double(3, seed=1)
    assert torch.autograd.gradcheck(unsummed.apply, (x, w))  # PyTorch sums it
    text = "the gradient of w has shape (2, 3) and dtype float64, expected (3,) and float64"
    with pytest.raises(GradientError, match=re.escape(text)):
        gradcheck(from_torch(unsummed), normal(2, 3), normal(3, seed=1))
    single = changed(Scale, lambda dx, dw, _: (dx.float(), dw, None))
    with pytest.raises(GradientError, match=r"has shape .* and dtype float32, expected"):
        gradcheck(from_torch(single), normal(2, 3), normal(3, seed=1))


# -- broken rules --------------------------------------------------------------------------


def broken(function, *arrays, error=GradientError, **options):
    with pytest.raises(error) as caught:
        gradcheck(from_torch(function), *arrays, **options)
    return str(caught.value)


def written(where):
    """The Function y = x², with a write in one place."""

    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = x * x
            if where == "forward":
                x.mul_(2)
            if where == "dirty":
                y = x.mul_(x.clone())
                ctx.mark_dirty(x)
            ctx.save_for_backward(x, y)
            return y

        @staticmethod
        def backward(ctx, dy):
            x, y = ctx.saved_tensors
            dx = 2 * x * dy
            for name, tensor in (("dy", dy), ("input", x), ("output", y)):
                if where == name:
                    tensor.mul_(2)
            return dx

    return Square


@pytest.mark.parametrize(
    ("where", "text"),
    [
        ("forward", "forward writes into an input"),
        ("dirty", "forward writes into an input"),
        ("dy", "backward writes into dy"),
        ("input", "backward writes into an input that it saved"),
        ("output", "backward writes into a saved tensor"),
    ],
)
def test_writes_are_errors(where, text):
    assert broken(written(where), normal(3)) == f"Square: {text}; write only into new tensors"
    assert gradcheck(from_torch(written(None)), normal(3)).name == "Square"


def test_the_number_of_gradients():
    fewer = changed(Scale, lambda dx, dw, _: (dx, dw))
    assert broken(fewer, normal(2, 3), normal(3)) == (
        "Scale: backward returns 2 gradients, expected 3, one for each of ['x', 'w', 'p'] "
        "(None for an argument that is not a tensor)"
    )


def test_a_gradient_that_is_a_number():
    number = changed(Scale, lambda dx, dw, _: (dx, 1.0, None))
    assert broken(number, normal(2, 3), normal(3)) == (
        "Scale: the gradient of w is a float, expected a tensor"
    )


def test_several_outputs_are_refused():
    class Two(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x + 1, x * 2

    assert broken(Two, normal(3), error=TypeError) == (
        "Two: forward returns 2 outputs, expected one tensor; check a Function that returns "
        "one of them"
    )


def test_an_output_without_a_gradient():
    class Constant(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = x + 1
            ctx.mark_non_differentiable(y)
            return y

    assert broken(Constant, normal(3)) == (
        "Constant: the output has no gradient: no input is a floating-point tensor, or "
        "ctx.mark_non_differentiable was called"
    )


def test_an_unknown_option():
    assert broken(Scale, normal(2, 3), normal(3), error=TypeError, q=3) == (
        "Scale: got an unexpected keyword argument 'q'; give arrays by position, and other "
        "arguments by name"
    )


def test_the_complex_step_is_refused():
    operation = from_torch(Scale)
    text = 'Scale: complex inputs have another derivative in PyTorch; use the mode "projection"'
    with pytest.raises(DtypeError, match=text):
        operation.forward(normal(2, 3) + 0j, normal(3))


def test_only_a_function_is_adapted():
    with pytest.raises(TypeError, match=r"is not a subclass of torch\.autograd\.Function"):
        from_torch(torch.relu)


# -- mutation ------------------------------------------------------------------------------


def test_mutate_judges_a_test_of_a_function():
    def sum_of_ones(operation):
        _, saved = operation.forward(np.ones((4, 3)), np.ones(3))
        dx, dw = operation.backward(np.ones((4, 3)), saved)
        assert np.allclose(dx, 1)
        assert np.allclose(dw, 8)

    report = mutate(from_torch(Scale), sum_of_ones)
    missed = {str(planted) for planted in report.missed}
    assert {"the other precision (x)", "an axis of size 1 too many (w)"} <= missed
    no_effect = {planted.mistake for planted in report.no_effect}
    assert {"dy is not used: ones", "the options are forgotten", "transposed"} <= no_effect

    def strong(operation):
        shapes = {"x": (2, 3, 5), "w": (5,)}
        for case in gradient_cases(operation, shapes=shapes, options=[{}, {"p": 3}]):
            case.check()

    report = mutate(from_torch(Scale), strong)
    assert (report.missed, report.no_effect) == ([], [])


# -- a test with PyTorch as the reference, independent of the checker ----------------------


def against_pytorch(operation):
    """Cross entropy as in most test suites: random logits, and the loss itself as the end."""
    z, ids = normal(4, 5), np.array([0, 2, 2, 4])
    y, saved = operation.forward(z, ids)
    dz, _ = operation.backward(np.ones_like(y), saved)
    leaf = torch.from_numpy(z).requires_grad_()
    torch.nn.functional.cross_entropy(leaf, torch.from_numpy(ids)).backward()
    torch.testing.assert_close(torch.from_numpy(dz), leaf.grad)


def test_a_comparison_with_pytorch_misses_nothing_but_what_its_inputs_lack():
    report = mutate("cross_entropy", against_pytorch)
    assert [str(planted) for planted in report.missed] == ["writes into dy"]
    assert {planted.mistake for planted in report.no_effect} >= {
        "dy is not used: ones",
        "the options are forgotten",
    }
