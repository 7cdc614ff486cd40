"""A packed model as one C99 file that needs only the C library.

model.c is FlashLM with v3's parts or attention, and matmul_free.c the MatMul-free model. Both
contain shared.c and main.c.

The constants are the arrays of an export: ternary matrices in base 3, the embedding and head in
int8, the rest in floating point. Floats are written in hexadecimal, which loses no bit. Ternary
layers add integers only: five 8-bit activations make a table of their 243 signed sums, and each
packed byte is an index into it. The steps are those of inference/streaming.py with activations
in 8 bits, so both choose the same tokens. Mixer and head are in files of their own: c_mixers.py
and c_heads.py.

The program reads ids and writes ids: `./model 20 5 17 99` continues the prompt 5 17 99 by 20.
On a microcontroller, use `next_token` and leave out `main`.
"""

from importlib.resources import files

import numpy as np

from ..errors import UserError
from ..model.config import Config
from ..model.fields import option_name
from ..model.heads.layout import TableLayout
from . import c_matmul_free
from .c_heads import c_head
from .c_mixers import MIXERS, c_mixer
from .export import EMBEDDING, PackedModel, unpack_weights

NUMBERS_PER_LINE = 24
MATRICES = ("token_mixer.out_proj", "glu.gate_proj", "glu.up_proj", "glu.down_proj")
# The fields of a configuration whose other values than v3's are not in model.c.
V3S = ("blocks", "activation", "output_gains", "first_skip", "bigram_rows")
NORMS = {"norm1": "block.norm1", "norm2": "block.norm2", "final_norm": "final_norm"}


def c_source(packed: PackedModel, vocab_size: int, layout: TableLayout) -> str:
    """The C program of an export with base-3 codes and an int8 head.

    The program never chooses ids from `vocab_size` on, which the tokenizer does not have.
    layout: of the rows of the embedding's table.

    Raises UserError if the export has another encoding or head, or is a FlashLM with parts
    that the program does not have.
    """
    if packed.config.model == "flashlm":
        _expect_known_parts(packed.config)
    if (packed.encoding, packed.head) != ("base-3", "int8"):
        raise UserError(
            f"the export has {packed.encoding} codes and a head of {packed.head}; the C "
            "program needs base-3 codes and an int8 head"
        )
    weights = unpack_weights(packed.config, packed.arrays, packed.encoding)
    if packed.config.model == "matmul_free":
        arrays = c_matmul_free.arrays(packed, weights, vocab_size)
        sizes = _enum(packed.config, c_matmul_free.sizes(packed, vocab_size))
        return _program("matmul_free.c", [sizes, *(_array(*array) for array in arrays)])
    mixer, head = c_mixer(packed.config, weights), c_head(packed, weights, layout)
    constants = [
        _sizes(packed.config, vocab_size, mixer.sizes | head.sizes),
        *_floats(packed, weights, head.rows),
        *_integers(packed, head.rows),
        *(_array(*array) for array in [*mixer.arrays, *head.arrays]),
    ]
    return _program("model.c", constants, {"MIXER": mixer.file, "HEAD": head.file})


def _program(file, constants, parts=None):
    """A file with its constants, and other files in the places of their names."""
    program = _file(file).replace("/* CONSTANTS */", "\n".join(constants))
    for name, part in {"SHARED": "shared.c", "MAIN": "main.c", **(parts or {})}.items():
        program = program.replace(f"/* {name} */", _file(part).rstrip())
    return program


def _expect_known_parts(config):
    known = {name: (getattr(Config, name),) for name in V3S} | {"mixer": tuple(MIXERS)}
    for name, values in known.items():
        if getattr(config, name) not in values:
            raise UserError(
                f"{option_name(name)} is {getattr(config, name)}, which the C program does not "
                "have; export the model to a folder, without --c"
            )


def _file(name):
    return files("flashlm_np.inference").joinpath(name).read_text(encoding="utf-8")


def _sizes(config, vocab_size, of_parts):
    sizes = {"V": vocab_size, "D": config.d_model, "H": config.glu_width}
    return _enum(config, sizes | {"RECURSIONS": config.recursions} | of_parts)


def _enum(config, sizes):
    lines = [f"    {name} = {value}," for name, value in sizes.items()]
    return "\n".join(["enum {", *lines, "};", _number("norm_eps", config.norm_eps)])


def _floats(packed, weights, rows):
    yield _array("float", "table_scale", packed.arrays[f"rows/{EMBEDDING}"][rows])
    for name, parameter in NORMS.items():
        yield _array("float", name, weights[f"{parameter}.scale"])


def _integers(packed, rows):
    yield _array("int8_t", "table_q", packed.arrays[f"int8/{EMBEDDING}"][rows])
    for parameter in MATRICES:
        name = parameter.split(".")[-1]
        yield _array("uint8_t", name, packed.arrays[f"packed/block.{parameter}.weight"])
        yield _number(f"{name}_scale", packed.arrays[f"scale/block.{parameter}.weight"][0])


def _array(kind, name, values):
    values = np.ravel(values).tolist()
    texts = [_hexadecimal(v) if kind == "float" else str(v) for v in values]
    lines = [
        ",".join(texts[start : start + NUMBERS_PER_LINE])
        for start in range(0, len(texts), NUMBERS_PER_LINE)
    ]
    return f"static const {kind} {name}[{len(texts)}] = {{\n" + ",\n".join(lines) + "};"


def _number(name, value):
    return f"static const float {name} = {_hexadecimal(value)};"


def _hexadecimal(value):
    return f"{float(np.float32(value)).hex()}f"
