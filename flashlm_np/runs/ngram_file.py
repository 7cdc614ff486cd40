"""The counts of a run with a prior: a file of their own, because no step changes them.

    OUT/ngrams.safetensors    the arrays of KneserNey.arrays(): 12 bytes per different trigram

Each checkpoint names them by a fingerprint. So counts of another text, which would make another
model of the same weights, are not taken for those of the run.
"""

import hashlib
from pathlib import Path

from safetensors import SafetensorError
from safetensors import numpy as safetensors

from ..errors import UserError, one_line
from ..files import read_bytes, write_atomically
from ..ngrams.kneser_ney import KneserNey

FILE = "ngrams.safetensors"


def save_ngrams(folder: Path, ngrams: KneserNey) -> None:
    write_atomically(folder / FILE, safetensors.save(ngrams.arrays()))


def load_ngrams(folder: Path, expected: str | None) -> KneserNey | None:
    """The counts in a run's folder with the fingerprint `expected`; None: the run has none.

    Raises UserError if they are missing, damaged, or others.
    """
    if expected is None:
        return None
    path, advice = folder / FILE, "copy the file of the run, or train again"
    if not path.exists():
        raise UserError(f"{path} is missing: the counts of the run's prior; {advice}")
    try:
        ngrams = KneserNey.from_arrays(safetensors.load(read_bytes(path)))
    except (SafetensorError, KeyError, ValueError) as error:
        raise UserError(f"{path} is damaged: {one_line(error)}; {advice}") from None
    if fingerprint(ngrams) != expected:
        raise UserError(f"{path} holds the counts of another run; {advice}")
    return ngrams


def fingerprint(ngrams: KneserNey) -> str:
    """A hash of all counts."""
    digest = hashlib.sha256()
    for name, array in sorted(ngrams.arrays().items()):
        digest.update(name.encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
