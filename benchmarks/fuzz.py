"""A fuzz of every reader of files: mutated files are refused in one sentence, or do no harm.

    python benchmarks/fuzz.py [--inputs 200000] [--seed 0] [--processes 2] [--only "run"]
    python benchmarks/fuzz.py --only "run" --show 1234      writes one input to ./fuzz_input

A mutation flips bits, changes, cuts, repeats and inserts bytes, splices two files, and changes
JSON values: other types, huge and negative numbers, NaN, missing and added entries. In half of
the inputs of a format with checksums, a part is mutated before its checksum is computed, so
that the checks behind the checksum are reached.

    refused      one sentence (UserError)
    no effect    the reader gives the same as for the unchanged file
    accepted     it gives something else: a text with another letter, a checksum that fits
    silent       it gives something else although a checksum covers the file: wrong
    crash        any other exception, or the end of the process: wrong
    hang         more than 10 s of the processor, or more than 1 GB: wrong

Each subject runs in processes of its own, so that a crash ends only one of them.
"""

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks"), str(ROOT / "tests")]

from fuzz_trial.processes import OUTCOMES, run_chunk  # noqa: E402
from fuzz_trial.subjects import subjects  # noqa: E402
from fuzz_trial.trial import fuzz  # noqa: E402

CHUNK = 1000  # inputs of one process


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--only", metavar="SUBJECT")
    parser.add_argument("--show", metavar="INDEX", type=int)
    options = parser.parse_args()
    names = [options.only] if options.only else list(subjects())
    if options.show is not None:
        return show(names[0], options.seed, options.show)
    run_all(names, options.seed, -(-options.inputs // len(names)), options.processes)
    return None


def run_all(names, seed, each, processes):
    """Try `each` inputs of each subject, and print a row for it."""
    with ThreadPoolExecutor(processes) as pool:
        chunks = {
            name: [
                pool.submit(run_chunk, name, seed, start, min(each, start + CHUNK))
                for start in range(0, each, CHUNK)
            ]
            for name in names
        }
        print(f"{'':20}" + "".join(f"{name:>11}" for name in (*OUTCOMES, "seconds")))
        total, began = Counter(), time.monotonic()
        for name, jobs in chunks.items():
            counts, seconds, findings = Counter(), 0.0, []
            for part, taken, found in (job.result() for job in jobs):
                counts, seconds, findings = counts + part, seconds + taken, findings + found
            print_row(name, counts, seconds)
            print_findings(findings)
            total += counts
        print_row("all", total, time.monotonic() - began)


def print_row(name, counts, seconds):
    cells = "".join(f"{counts[outcome]:11,}" for outcome in OUTCOMES)
    print(f"{name:20}{cells}{seconds:11.1f}", flush=True)


def print_findings(findings):
    """The first input of each kind of wrong outcome."""
    kinds = {}
    for index, outcome, note in findings:
        kinds.setdefault((outcome, note[:40]), []).append((index, note))
    for (outcome, _), found in kinds.items():
        index, note = found[0]
        print(f"    {outcome} in {len(found)} inputs, the first is {index}: {note}", flush=True)


def show(name, seed, index):
    """Write the files of one input, and print its outcome."""
    with fuzz(subjects()[name]) as trials:
        files, _ = trials.mutated(seed, index)
        for file, data in files.items():
            path = Path("fuzz_input", file)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
        print(*trials.trial(seed, index))


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
