"""The blocks of streaming.py: a mixer and the gated unit on the rows of one text."""

from minigrad.ops.activations import relu, sigmoid

from ..model.layers import RecursiveBlock
from .streaming_layers import StreamTernary, norm_rows
from .streaming_mixers import stream_mixer


class StreamBlock:
    """A block with its ternary matrices made. `past` is that of one application of it.

    past_shapes: of the arrays that hold the past, which are 0 before a text.
    """

    def __init__(self, block: RecursiveBlock, int8: bool):
        glu = block.glu
        self.norm1, self.norm2, self.activation = block.norm1, block.norm2, glu.activation
        self.mixer = stream_mixer(block, int8)
        self.past_shapes, self.reach = self.mixer.past_shapes, self.mixer.reach
        self.gate_up = StreamTernary([glu.gate_proj, glu.up_proj], int8)  # D -> 2·H
        self.down = StreamTernary([glu.down_proj], int8, block.glu_gain)  # H -> D

    def __call__(self, x, past, position):
        """The rows after those of the past: (T, D) -> (T, D)."""
        x = x + self.mixer(norm_rows(x, self.norm1), past, position)
        return x + self._glu(norm_rows(x, self.norm2))

    def _glu(self, x):
        both = self.gate_up(x)  # (T, 2·H)
        H = both.shape[1] // 2
        gate, up = both[:, :H], both[:, H:]
        if self.activation == "silu":
            return self.down(gate * sigmoid(gate) * up)  # (T, D)
        gate = relu(gate)
        return self.down(gate * gate * up)  # (T, D)
