"""The shapes of the blocks' weights by parameter name, known without making a model."""

from .block_options import CONVOLUTIONS
from .config import Config
from .matmul_free import shapes as of_matmul_free

PROJECTIONS = {
    "attention": [f"token_mixer.{name}_proj" for name in "qkv"],
    "mlgru": [f"token_mixer.{name}_proj" for name in "ifg"],
}


def block_names(config: Config) -> list[str]:
    """The names of the blocks in the order in which they are applied."""
    return ["block", *(f"more_blocks.{i}" for i in range(config.blocks - 1))]


def matrix_shapes(config: Config) -> dict[str, tuple[int, int]]:
    """The matrices of all blocks that are always ternary, (O, D) each."""
    if config.model == "matmul_free":
        return of_matmul_free.block_matrices(config)
    D, H = config.d_model, config.glu_width
    entrance = {"token_mixer.in_proj": (2 * D, D)} if config.mixer == "depthwise" else {}
    inner = D if config.mixer in CONVOLUTIONS else config.inner_width
    own = {
        **entrance,
        "token_mixer.out_proj": (D, inner),
        "glu.gate_proj": (H, D),
        "glu.up_proj": (H, D),
        "glu.down_proj": (D, H),
    }
    return _of_all_blocks(config, own)


def mixer_shapes(config: Config) -> dict[str, tuple[int, ...]]:
    """The weights of the mixers that are ternary with ternary_mixer, and else are not.

    They are convolutions (O, C, K), or projections (W, D).
    """
    if config.model == "matmul_free":
        return {}
    D, K = config.d_model, config.taps
    if names := PROJECTIONS.get(config.mixer):
        return _of_all_blocks(config, dict.fromkeys(names, (config.inner_width, D)))
    if config.mixer == "depthwise":
        return _of_all_blocks(config, {"token_mixer.conv": (D, 1, K)})
    layers = range(len(config.dilations))
    names = [
        f"token_mixer.layers.{i}.conv_{kind}.conv" for i in layers for kind in ("gate", "value")
    ]
    return _of_all_blocks(config, dict.fromkeys(names, (D, D // config.conv_groups, K)))


def tap_shapes(config: Config) -> dict[str, tuple[int, int, int]]:
    """The kernels (W, 1, K) of attention's convolutions, which are never ternary."""
    if config.mixer != "attention" or not config.attention_taps:
        return {}
    names = [f"token_mixer.convs.{i}" for i in range(3)]
    kernel = (config.inner_width, 1, config.attention_taps)
    return _of_all_blocks(config, dict.fromkeys(names, kernel))


def ternary_shapes(config: Config) -> dict[str, tuple[int, ...]]:
    """Each weight that the model makes ternary."""
    if config.model == "matmul_free":
        return of_matmul_free.matrix_shapes(config)
    return matrix_shapes(config) | (mixer_shapes(config) if config.ternary_mixer else {})


def _of_all_blocks(config, own):
    names = block_names(config)
    return {f"{block}.{name}.weight": own[name] for block in names for name in own}
