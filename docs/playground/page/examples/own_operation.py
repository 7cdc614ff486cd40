# Write your own operation

import numpy as np

from minigrad import Operation, Tensor, apply
from minigrad.gradcheck import gradcheck

# Numbers nearer to 0 than t become 0; the others move towards 0 by t.


def forward(x, *, t):
    up, down = x.real > t, x.real < -t
    y = np.where(up, x - t, np.where(down, x + t, 0))
    return y.astype(x.dtype, copy=False), (up | down,)


def backward(dy, saved):
    (passes,) = saved
    return (np.where(passes, dy, 0),)


soft_threshold = Operation("soft_threshold", forward, backward)
x = Tensor([-2.0, -0.3, 0.2, 1.5], requires_grad=True)
y = apply(soft_threshold, x, t=0.5)
y.sum().backward()
print(y.data)
print(x.grad)
print(gradcheck(soft_threshold, np.array([-2.0, -0.3, 0.2, 1.5]), t=0.5))
