"""A model and its mirror in PyTorch: equal weights, loss, and gradient of each weight."""

import numpy as np
import pytest
import torch

from benchmarks import torch_flashlm as tf


def with_weights_of(ours, theirs):
    """The mirror in float64, with the weights of our model."""
    state = {name: torch.from_numpy(a.copy()) for name, a in ours.state_dict().items()}
    theirs.double().load_state_dict(state)  # strict: the names are equal
    return theirs


def loss_and_gradients_are_equal(ours, theirs, ids, targets, positions):
    loss = ours.loss(ids, targets, positions, label_smoothing=0.1, z_loss=1e-4)
    other = tf.training_loss(theirs, *map(torch.from_numpy, (ids, targets, positions)))
    assert loss.item() == pytest.approx(other.item(), rel=1e-11)
    loss.backward()
    other.backward()
    expected = dict(theirs.named_parameters())
    for name, parameter in ours.named_parameters():
        if "router" not in name:  # v3 has it but does not use it
            gradient = expected[name].grad.numpy()
            tolerance = 1e-9 * max(1e-9, np.abs(gradient).max())
            np.testing.assert_allclose(parameter.grad, gradient, atol=tolerance, err_msg=name)
