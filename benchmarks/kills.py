"""Kill runs of a tiny model, let them go on, and count those that end bit for bit.

    python benchmarks/kills.py                  100 kills at random moments
    python benchmarks/kills.py --operations     one run per operation on its files, killed there

A run ends well if its last and best checkpoint and all rows of metrics.csv are those of a run
that nobody killed, and no other files are left. Seconds may differ. At random moments a run is
killed once or twice, also while it starts, goes on or writes its report. At each operation it
is killed there twice; this needs os.fork, and BLAS with one thread (OMP_NUM_THREADS=1).
"""

import argparse
import contextlib
import io
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from itertools import count
from pathlib import Path

from flashlm_np.api import TINY
from flashlm_np.data.dataset import DataSource
from flashlm_np.model.config import Phase
from flashlm_np.runs import checkpoint
from flashlm_np.runs.checkpoint_record import records_in
from flashlm_np.runs.metrics import read_metrics
from flashlm_np.runs.resume import resume_run
from flashlm_np.start_run import start_run

# The best checkpoint is also replaced without the last one, and the last without the best.
CONFIG = replace(
    TINY,
    stories=5,
    phases=(Phase(1, 24, 1),),
    steps=3,
    eval_every=3,
    eval_tokens=40,
    save_every=1,
)
OPTIONS = """
    --d-model 8 --conv-groups 2 --dilations 1 4 --stories 20 --phases 1:64:2:1 --steps 60
    --eval-every 7 --eval-tokens 200 --save-every 2
""".split()  # noqa: SIM905 (as a user types them)
OPERATIONS = {"open", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.truncate"}


def result(out: Path) -> tuple:
    """All that a run leaves, except for the seconds that it took."""
    saved = [checkpoint.load(out, name) for name in ("last", "best")]
    for one in saved:
        del one.state["counts"]["seconds"]
    rows = [row | {"seconds": 0} for row in read_metrics(out / "metrics.csv", print)]
    arrays = [{name: a.tobytes() for name, a in one.arrays.items()} for one in saved]
    files = sorted(path.name for path in out.iterdir())
    return repr([(one.step, one.state) for one in saved]), arrays, repr(rows), files


# -- at each operation -----------------------------------------------------------------------


def train(out: Path, kill_at: int | None = None) -> None:
    """Start a run, or go on with it. Before operation number `kill_at` on its files, die."""
    operations = count(1)

    def hook(event, arguments):
        on_a_file = event in OPERATIONS and str(out) in str(arguments[0])
        if on_a_file and next(operations) == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    os.fsync = lambda file: None  # slow, and only a crash of the whole system would need it
    new = (CONFIG, DataSource(), out, None, 1)
    run = resume_run(out, {}, 1) if records_in(out) else start_run(*new)
    with contextlib.redirect_stdout(io.StringIO()), run as trainer:
        trainer.run()


def killed_in_child(out: Path, kill_at: int | None = None) -> bool:
    """`train` in a child process. Returns whether the child was killed."""
    child = os.fork()
    if not child:
        train(out, kill_at)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if status not in (0, signal.SIGKILL):
        sys.exit(f"a run that goes on after a kill ends with status {status}")
    return status == signal.SIGKILL


def kill_at_operations(folder: Path) -> None:
    train(folder / "whole")
    expected, wrong = result(folder / "whole"), 0
    for kill_at in count(1):
        out = folder / "killed"
        if not killed_in_child(out, kill_at):
            break
        killed_in_child(out, kill_at)
        killed_in_child(out)
        if result(out) != expected:
            print(f"another end after kills before operation {kill_at}")
            wrong += 1
        shutil.rmtree(out)
    print(f"{kill_at - 1 - wrong} of {kill_at - 1} runs ended bit for bit")


# -- at random moments -----------------------------------------------------------------------


def start(out: Path) -> subprocess.Popen:
    """Start a run as a user does, or go on with it."""
    options = ["--resume", str(out)] if records_in(out) else [*OPTIONS, "--out", str(out)]
    command = [sys.executable, "-m", "flashlm_np", "train", "--threads", "1", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def kill_at_random(folder: Path, most: int, seed: int) -> None:
    seconds = []
    for name in ("whole", "again"):  # the second finds all files in the memory of the system
        began = time.monotonic()
        start(folder / name).communicate()
        seconds.append(time.monotonic() - began)
    expected, rng, good, kills = result(folder / "whole"), random.Random(seed), 0, 0
    for runs in count(1):
        out = folder / "killed"
        for _ in range(rng.choice([1, 2])):
            process = start(out)
            time.sleep(rng.uniform(0, seconds[-1]))
            process.kill()
            kills += process.wait() != 0  # 0: it had ended before
        printed = start(out).communicate()[0].decode()
        if (out / "report.md").exists() and result(out) == expected:
            good += 1
        else:
            print(f"run {runs} ended differently:\n{printed}")
        shutil.rmtree(out)
        if kills >= most:
            break
    print(f"{good} of {runs} runs ended bit for bit after {kills} kills (seed {seed})")


def main() -> None:
    parser = argparse.ArgumentParser(description="Kill runs, and see how they end.")
    parser.add_argument("--operations", action="store_true", help="kill at each operation")
    parser.add_argument("--kills", type=int, default=100, help="how many at random moments")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.operations:
            kill_at_operations(Path(folder))
        else:
            kill_at_random(Path(folder), options.kills, options.seed)


if __name__ == "__main__":
    main()
