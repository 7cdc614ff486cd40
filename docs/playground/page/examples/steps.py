# Step through a small network

from minigrad import Tensor
from minigrad import functional as F
from minigrad.look import step_through

x = Tensor([[1.0, -2.0], [0.5, 3.0]], name="x")
w = Tensor([[0.4, -0.3], [0.2, 0.8]], requires_grad=True, name="w")
v = Tensor([[1.0, -1.0]], requires_grad=True, name="v")
right = Tensor([[0.5], [-1.0]], name="right")


def loss():
    hidden = F.relu_squared(F.linear(x, w))
    error = F.linear(hidden, v) - right
    return (error * error).mean()


step_through(loss, title="Two layers")
