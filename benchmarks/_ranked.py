"""Methods compared on one test part over several seeds: intervals by group, paired differences, and what many comparisons cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from mcgurk.functional.intervals import holm
from mcgurk.seeding import generator

REPEATS = 4000
Metric = Callable[[np.ndarray], np.ndarray]


def tables(truth: Any, predicted: Any, groups: Any) -> np.ndarray:
    """(seeds, groups, classes, classes) counts of (truth, prediction) in every group of rows, for predictions (seeds, n) of codes."""
    truth, predicted = np.asarray(truth), np.atleast_2d(predicted)
    of = np.unique(np.asarray(groups), return_inverse=True)[1]
    classes = int(max(truth.max(), predicted.max())) + 1
    out = np.zeros((len(predicted), of.max() + 1, classes, classes))
    for seed, row in enumerate(predicted):
        np.add.at(out[seed], (of, truth, row), 1)
    return out


def accuracy(counts: np.ndarray) -> np.ndarray:
    """Percent of a (..., classes, classes) table that stands on its diagonal."""
    return 100 * np.trace(counts, axis1=-2, axis2=-1) / np.maximum(counts.sum(axis=(-2, -1)), 1)


def macro_f1(counts: np.ndarray) -> np.ndarray:
    """Mean F1 of the classes, in percent; a class that is neither there nor predicted counts 0."""
    hit = np.diagonal(counts, axis1=-2, axis2=-1)
    return 100 * (2 * hit / np.maximum(counts.sum(axis=-1) + counts.sum(axis=-2), 1)).mean(axis=-1)


class Draws:
    """Groups drawn again with replacement, the same draws for every method, so that differences are paired.

    Args:
        groups: number of groups.
        repeats: draws.
        seed: of the draws.
    """

    def __init__(self, groups: int, repeats: int = REPEATS, seed: int = 0) -> None:
        self.times = generator(seed, "bootstrap").multinomial(groups, np.full(groups, 1 / groups), size=repeats)

    def of(self, counts: np.ndarray, metric: Metric) -> tuple[float, np.ndarray]:
        """A metric's mean over seeds on all groups, and in every draw."""
        drawn = np.einsum("rg,sgij->rsij", self.times, counts)
        return float(metric(counts.sum(axis=1)).mean()), metric(drawn).mean(axis=1)


def interval(estimate: float, replicates: np.ndarray) -> dict[str, float]:
    """An estimate with the middle 95 % of its replicates."""
    low, high = np.quantile(replicates, (0.025, 0.975))
    return {"estimate": estimate, "low": float(low), "high": float(high)}


def p_value(replicates: np.ndarray) -> float:
    """Twice the smaller share of replicates on either side of 0, with one added."""
    below = min(np.mean(replicates <= 0), np.mean(replicates >= 0)) * len(replicates)
    return float(min(1.0, 2 * (below + 1) / (len(replicates) + 1)))


def simultaneous(differences: Mapping[str, tuple[float, np.ndarray]]) -> dict[str, dict[str, float]]:
    """Intervals that hold for all differences at once in 95 % of draws: estimate +- c standard errors, with one c for all.

    A difference that is the same in every draw has no width.

    Source: Romano, Wolf 2005, Econometrica 73:1237-1282 (the largest studentised deviation of a bootstrap).
    """
    errors = {name: float(drawn.std(ddof=1)) for name, (_, drawn) in differences.items()}
    studentised = [np.abs(drawn - estimate) / errors[name] for name, (estimate, drawn) in differences.items() if errors[name] > 0]
    reach = float(np.quantile(np.max(studentised, axis=0), 0.95)) if studentised else 0.0
    return {
        name: {"estimate": estimate, "low": estimate - reach * errors[name], "high": estimate + reach * errors[name]}
        for name, (estimate, _) in differences.items()
    }


def ranked(
    truth: Any, predicted: Mapping[str, Sequence[Any]], groups: Any, reference: str, facts: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """One line a method, best first: accuracy and macro-F1 with intervals by group, and the difference to a reference.

    Args:
        truth: (n,) codes of test rows.
        predicted: method -> (seeds, n) codes.
        groups: (n,) group of every row.
        reference: the method all others are compared with.
        facts: method -> further cells of its line.

    Returns:
        lines: "Holm p" is adjusted for all methods but the reference; "all at once" is the difference's interval among
        :func:`simultaneous` ones; "seeds ±" the standard deviation of accuracy over seeds, which no interval contains.
    """
    counts = {name: tables(truth, values, groups) for name, values in predicted.items()}
    draws = Draws(len(np.unique(np.asarray(groups))))
    right = {name: draws.of(table, accuracy) for name, table in counts.items()}
    others = [name for name in right if name != reference]
    gained = {name: (right[name][0] - right[reference][0], right[name][1] - right[reference][1]) for name in others}
    adjusted = dict(zip(others, holm([p_value(gained[name][1]) for name in others]), strict=True)) if others else {}
    together = simultaneous(gained)
    lines = []
    for name in sorted(right, key=lambda name: -right[name][0]):
        lines.append(
            {
                "method": name,
                "accuracy": interval(*right[name]),
                "macro-F1": interval(*draws.of(counts[name], macro_f1)),
                f"minus {reference}": interval(*gained[name]) if name != reference else None,
                "all at once": together.get(name),
                "Holm p": float(adjusted[name]) if name in adjusted else None,
                "seeds": len(counts[name]),
                "seeds ±": float(accuracy(counts[name].sum(axis=1)).std(ddof=1)) if len(counts[name]) > 1 else None,
                **facts[name],
            }
        )
    return lines


def verdicts(lines: Sequence[Mapping[str, Any]], reference: str) -> dict[str, str]:
    """What a table of :func:`ranked` says, in words."""
    others = [line for line in lines if line["method"] != reference]
    key = f"minus {reference}"
    best = max(others, key=lambda line: line[key]["estimate"])
    above = [line["method"] for line in others if line["Holm p"] < 0.05 and line[key]["estimate"] > 0]
    below = [line["method"] for line in others if line["Holm p"] < 0.05 and line[key]["estimate"] < 0]
    alone = [line["method"] for line in others if line[key]["high"] < 0 and line["method"] not in below]
    gain = best["all at once"]
    return {
        "best": f"{best['method']}, the highest of {len(others)} compared with {reference}: {gain['estimate']:+.1f} points "
        f"[{gain['low']:+.1f}, {gain['high']:+.1f}] with all {len(others)} at once",
        f"better than {reference} (Holm, 5 %)": ", ".join(above) or "none",
        f"worse than {reference} (Holm, 5 %)": ", ".join(below) or "none",
        f"worse than {reference}, on their own interval only": ", ".join(alone) or "none",
    }
