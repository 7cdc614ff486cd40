"""One pair of the trial: ask the checker, and compare its answer with the truth."""

import gc
import time
import warnings

import numpy as np

from gradient_trial.questions import draw
from gradient_trial.truth import find_truth
from minigrad import Operation
from minigrad import gradcheck as checker

UNDECIDED = (getattr(checker, "InconclusiveError", checker.KinkError), checker.KinkError)
MODES = {"default": 0.5, "full": 0.18, "projection": 0.12, "complex": 0.12, "pair": 0.08}


def run_pair(seed, number, mode=None, details=False):
    """Return the facts of one pair as a dict, or None if this version lacks its operation."""
    rng = np.random.default_rng([seed, number])
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        question = draw(rng)
        drawn = list(MODES)[rng.choice(len(MODES), p=list(MODES.values()))]
        mode, checker_seed = mode or drawn, int(rng.integers(1000))
        if question is None or (mode == "pair" and not hasattr(checker, "check_pair")):
            return None
        gc.disable()  # it would charge the checker for the trial's own objects
        start = time.process_time()
        answer, text = ask(question, mode, checker_seed)
        seconds = time.process_time() - start
        gc.enable()
        facts = {"number": number, "family": question.family, "name": question.name}
        facts |= {"mode": mode, "mistake": question.mistake, "kind": question.kind}
        facts |= {"answer": answer, "seconds": seconds, "analytic": question.analytic}
        truth = find_truth(question) if question.heard else {"truth": "not asked", "error": 0.0}
    if truth is None:
        return None
    if question.kind == "random" and question.arrays[0].size:
        truth["truth"] = "random"
    if question.kind == "rounded" and truth["truth"] == "right":
        truth["truth"] = "ill"
    facts |= {k: v for k, v in truth.items() if details or k in ("truth", "error")}
    if details:
        facts |= {"arrays": question.arrays, "options": question.options}
        facts |= {"steps": question.steps, "seed of dy": checker_seed, "text": text}
    return facts


def ask(question, mode, seed):
    """The answer: "right", "wrong", "undecided" or "refused", and the checker's text."""
    target, options = question.planted, {**question.options, "seed": seed}
    if mode in ("full", "projection", "complex"):
        options["mode"] = mode
    try:
        if mode == "pair" and isinstance(target, Operation):
            pair = target.forward, target.backward
            return "right", str(checker.check_pair(*pair, question.arrays, **options))
        return "right", str(checker.gradcheck(target, *question.arrays, **options))
    except checker.GradientError as error:
        return "wrong", f"GradientError: {error}"
    except UNDECIDED as error:
        return "undecided", f"{type(error).__name__}: {error}"
    except Exception as error:
        return "refused", f"{type(error).__name__}: {error}"
