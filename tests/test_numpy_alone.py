"""With NumPy alone, as in a browser: check, look, train and write; else a sentence.

Each program runs in a process of its own, in which the import of every other package fails.
"""

import subprocess
import sys

import pytest

OTHERS = ("tiktoken", "safetensors", "regex", "threadpoolctl", "tqdm", "filelock", "matplotlib")
BLOCK = f"""
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {OTHERS}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
"""
TRAIN = """
from dataclasses import replace
import numpy as np
import minigrad, minigrad.gradcheck, minigrad.look
from flashlm_np.data.dataset import Dataset, sample_batch
from flashlm_np.data.stories.stories import generate as story
from flashlm_np.inference.generate import generate
from flashlm_np.inference.text_generator import generate_fast
from flashlm_np.model.models import new_model
from flashlm_np.model.presets import SMALL_V3
from flashlm_np.training.fast_step import FastStep
from flashlm_np.training.optimizers import Optimizers
from flashlm_np.training.step import train_step

rng = np.random.default_rng(0)
text = "".join(story(rng) for _ in range(3)).encode()
ids = np.frombuffer(text, np.uint8)
config = replace(
    SMALL_V3, vocab_size=256, d_model=16, conv_groups=2, steps=12, warmup_steps=2
)
data = Dataset("bytes", ids, ids[:65])
one, two = (new_model(config, np.random.default_rng(1)) for _ in range(2))
optimizers, fast = Optimizers(one, config), FastStep(two, config, threads=1)
losses = []
for step in range(1, 13):
    batch = sample_batch(data, batch=2, sequence=64, position_share=1.0, rng=rng)
    result = train_step(one, optimizers, step, [batch])
    losses += [result.loss, fast.step(step, [batch]).loss]
assert losses[-2] < losses[0] - 0.5, losses
assert abs(losses[-1] - losses[-2]) < 0.05, losses
for write in (generate, generate_fast):
    print(bytes(write(one, ids[:4], 20, np.random.default_rng(2))))
"""


def run(program):
    """Run a program with the other packages blocked; return the finished process."""
    return subprocess.run(
        [sys.executable, "-c", BLOCK + program], capture_output=True, text=True, timeout=60
    )


def test_a_ternary_model_of_bytes_trains_and_writes():
    done = run(TRAIN)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("b'") == 2


@pytest.mark.parametrize(
    ("program", "sentence"),
    [
        (
            "from flashlm_np.data.tokenizers.tokenizer import Tokenizer\nTokenizer.embedded()",
            "the tokenizer needs the package tiktoken: pip install tiktoken",
        ),
        (
            "from flashlm_np.data.tokenizers.merges import train_bpe\ntrain_bpe(['a'], 256)",
            "learning tokens needs the package regex: pip install regex",
        ),
        (
            "import flashlm_np\nflashlm_np.train",
            "flashlm_np.train needs the package safetensors: pip install safetensors",
        ),
    ],
)
def test_a_missing_package_is_named_in_one_sentence(program, sentence):
    done = run(program)
    assert done.stderr.rstrip().endswith(f"PackageMissing: {sentence}")
