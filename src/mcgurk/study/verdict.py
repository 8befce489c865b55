"""The result in sentences: what to use, whether combining helps, what each modality adds, what was not shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mcgurk.errors import listing
from mcgurk.registry import Candidate
from mcgurk.study import worth as comparisons
from mcgurk.study.board import Board
from mcgurk.study.interval import Estimate, adjusted

if TYPE_CHECKING:
    import pandas as pd

CLEAR = 0.05
LEAKS = ("H01", "H03", "I03")
PARTLY = 0.95
"""Share of rows with a modality below which its figure on those rows alone is worth saying."""
FEW = 20
"""Units of a bootstrap below which its intervals come out short."""
MANY = 10
"""Contestants from which the winner's luck is worth a sentence."""


def label(candidate: Candidate) -> str:
    return candidate.label or candidate.name


def listed(names: Any) -> str:
    """``a, b and c``."""
    names = [str(n) for n in names]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else "nothing"


class Words:
    """Figures as words, for one figure of merit."""

    def __init__(self, board: Board) -> None:
        self.board, self.figure = board, board.figure

    def score(self, e: Estimate) -> str:
        """``0.812 [0.790, 0.834]``."""
        show = self.figure.show
        return f"{show(e.value)} [{show(e.low)}, {show(e.high)}]" if np.isfinite(e.low) else f"{show(e.value)} (one fold, no interval)"

    def gain(self, e: Estimate) -> str:
        """``+0.021 [+0.004, +0.038]``: positive is better."""
        show = self.figure.show
        return (
            f"{show(e.value, True)} [{show(e.low, True)}, {show(e.high, True)}]"
            if np.isfinite(e.low)
            else f"{show(e.value, True)} (no interval)"
        )


def sentences(
    board: Board,
    worth: pd.DataFrame,
    gone: pd.DataFrame,
    chosen: Candidate,
    winner: Mapping[str, Any],
    noticed: Sequence[tuple[str, str, tuple[str, ...]]] = (),
) -> tuple[str, ...]:
    """The verdict; ``winner`` is who came first and what to expect of that, ``noticed`` are warnings about the data, of which those about
    leaks are said again here.

    Differences are called shown only where their 95 % interval leaves out 0 (after Holm, where several were tried).
    """
    words = Words(board)
    said = [
        _use(board, words, chosen),
        *_beside_baselines(board, words, chosen),
        *_combining(board, words),
        *_each_modality(board, words, worth),
        *_when_missing(board, words, gone, chosen),
        *_expect(board, words, chosen, winner),
        *_limits(board, words),
        *(f"Beware: {sentence}." for code, sentence, _ in noticed if code in LEAKS),
    ]
    return tuple(said)


def rivals(board: Board) -> list[Candidate]:
    """Who may come first: everybody but automatic choices, which are judged by what they chose on inner folds."""
    return [c for c in board.candidates if c.family != "auto"] or list(board.candidates)


def _use(board: Board, words: Words, chosen: Candidate) -> str:
    best = board.ranked(rivals(board))[0]
    direction = "higher is better" if board.figure.greater else "lower is better; differences are given as improvements"
    text = f"Use {label(chosen)}: {board.figure.label} {words.score(board.score(chosen.name))} ({direction})."
    if best.name == chosen.name:
        return f"{text} It came first of {len(board.candidates)}."
    gap = board.gain(best.name, chosen.name)
    first = f"{label(best)} ({words.figure.show(board.score(best.name).value)}; better by {words.gain(gap)})"
    floor = comparisons.simplest_baseline(board)
    if floor is None or board.gain(best.name, floor.name).clear > 0 or board.gain(chosen.name, floor.name).clear <= 0:
        return f"{text} It is the simplest contestant within one standard error of the best, {first}."
    return f"{text} It is the simplest of the best among those shown to beat {label(floor)}; {first} came first but was not shown to."


def _beside_baselines(board: Board, words: Words, chosen: Candidate) -> list[str]:
    out = []
    for baseline in comparisons.baselines(board):
        if baseline.name == chosen.name:
            out.append(f"That is a baseline: nothing tried here was shown to be worth more than {label(baseline)}.")
            continue
        gap = board.gain(chosen.name, baseline.name)
        own = words.figure.show(board.score(baseline.name).value)
        if gap.clear > 0:
            out.append(f"It beats {label(baseline)} ({own}) by {words.gain(gap)}.")
        elif gap.clear < 0:
            out.append(f"It loses to {label(baseline)} ({own}): {words.gain(gap)}.")
        else:
            out.append(f"It was not shown to beat {label(baseline)} ({own}): {words.gain(gap)}.")
    return out


def _best_combined(board: Board) -> tuple[Candidate, Estimate, float] | None:
    """The combination that answers the question, its gain over the best single modality, and p.

    An automatic choice was made on inner folds and is one test, decided on beforehand: where it is clearly better, it answers. Otherwise
    the best combination tried does, with Holm's p among all of them.
    """
    single, rivals = comparisons.best_single(board), comparisons.combined(board)
    if single is None or not rivals:
        return None
    nested = next((c for c in rivals if c.family == "auto"), None)
    if nested is not None and (gap := board.gain(nested.name, single.name)).clear > 0:
        return nested, gap, gap.p
    best = next((c for c in rivals if c.family != "auto"), rivals[0])
    tests = [board.gain(c.name, single.name).p for c in rivals]
    return best, board.gain(best.name, single.name), float(adjusted(tests)[rivals.index(best)])


def answer(board: Board) -> str:
    """Whether combining helps: "helps", "may help", "not shown", "harms", "one modality" or "nothing combined"."""
    found = _best_combined(board)
    if found is None:
        return "one modality" if len(board.subject.X.names) == 1 else "nothing combined"
    _, gap, p = found
    if gap.clear > 0:
        return "helps" if p < CLEAR else "may help"
    return "harms" if gap.clear < 0 else "not shown"


def _combining(board: Board, words: Words) -> list[str]:
    found, single = _best_combined(board), comparisons.best_single(board)
    if found is None or single is None:
        only = len(board.subject.X.names) == 1
        return ["There is one modality only, so nothing could be combined." if only else "No combination of modalities was fitted."]
    best, gap, p = found
    rivals = comparisons.combined(board)
    alone = f"{label(single)} ({words.figure.show(board.score(single.name).value)})"
    who = f"{label(best)}, which chose on inner folds," if best.family == "auto" else label(best)
    first = {
        "helps": f"Combining modalities helps: {who} beats the best single modality, {alone}, by {words.gain(gap)}.",
        "may help": f"Combining modalities may help: {label(best)} beats the best single modality, {alone}, by {words.gain(gap)}, "
        f"but as the best of {len(rivals)} combinations tried that is not enough (Holm-adjusted p = {p:.2f}).",
        "harms": f"Combining modalities does harm here: even {label(best)} loses to the best single modality, {alone}: {words.gain(gap)}.",
        "not shown": f"Combining modalities was not shown to help: {label(best)} differs from the best single modality, {alone}, "
        f"by {words.gain(gap)}.",
    }[answer(board)]
    losers = [c for c in rivals if c is not best and board.gain(c.name, single.name).clear < 0]
    if not losers:
        return [first]
    verb = "These combinations lose" if len(losers) > 1 else "This combination loses"
    return [first, f"{verb} to {label(single)}: {listed(map(label, losers))}."]


def _each_modality(board: Board, words: Words, worth: pd.DataFrame) -> list[str]:
    recipe = comparisons.main_recipe(board, worth)
    if recipe is None:
        return []
    lines = worth[(worth["recipe"] == recipe) & worth["all"]]
    lines = lines.sort_values("worth", ascending=False)
    recipe_name = label(board.candidate(lines["with"].iloc[0]))
    same = f"to {recipe_name} (with against without, all else equal)"
    out, open_ = [], []
    for _, line in lines.iterrows():
        e = Estimate(*(float(line[f"worth{part}"]) for part in ("", "_low", "_high", "_error", "_p")))
        verb = shown(e, float(line["worth_p_holm"]))
        if verb == "was not shown to add":
            open_.append(f"“{line['modality']}” {words.gain(e)}")
        else:
            out.append(f"“{line['modality']}” {verb} {words.gain(e)} {same}.")
    if open_:
        out.append(f"Not shown to add anything {same}: {'; '.join(open_)}.")
    return out


def shown(e: Estimate, p_holm: float) -> str:
    """What a modality does, by its interval and Holm's p."""
    if e.clear == 0:
        return "was not shown to add"
    sure = p_holm < CLEAR
    return ("adds" if sure else "may add") if e.clear > 0 else ("costs" if sure else "may cost")


def _when_missing(board: Board, words: Words, gone: pd.DataFrame, chosen: Candidate) -> list[str]:
    lines = gone[gone["name"] == chosen.name].sort_values("change")
    if lines.empty or (lines["change"] == 0).all():
        if len(chosen.columns) == 1:
            return [f"{label(chosen)} needs “{chosen.columns[0]}”; a row without it gets the training rows' average."]
        return []
    naive = next((c for c in reversed(comparisons.baselines(board))), None)
    floor = board.score(naive.name).value if naive else np.nan
    parts = []
    for _, line in lines.iterrows():
        text = f"without “{line['modality']}” {words.figure.show(line['score_gone'])}"
        if np.isfinite(floor) and not board.better(line["score_gone"], floor) and naive is not None:
            text += f" (no better than {label(naive)})"
        parts.append(text)
    whole = words.figure.show(lines["score"].iloc[0])
    return [f"When a modality is missing at prediction time, {label(chosen)} goes from {whole} to: {'; '.join(parts)}."]


def _expect(board: Board, words: Words, chosen: Candidate, winner: Mapping[str, Any]) -> list[str]:
    out = []
    nested = board.ranked([c for c in board.candidates if c.family == "auto"])
    if nested and chosen.family != "auto":
        e = board.score(nested[0].name)
        out.append(
            "The recommendation was picked on the folds it is reported on, which flatters it a little. "
            f"Choosing on inner folds only ({label(nested[0])}) scored {words.score(e)}: expect about that."
        )
    if winner["among"] >= MANY and np.isfinite(winner["expected"]):
        show, first = words.figure.show, board.candidate(winner["name"])
        out.append(
            f"Coming first of {winner['among']} flatters, too: {label(first)} scored {show(board.score(first.name).value)}; "
            "winners picked on some rows and scored on the others reach "
            f"{show(winner['expected'])} [{show(winner['low'])}, {show(winner['high'])}]."
        )
    return out


def _limits(board: Board, words: Words) -> list[str]:
    out = []
    partly = [(c, comparisons.own_rows(board, c)) for c in board.ranked(board.candidates) if c.family == "single"]
    partly = [(c, own) for c, own in partly if own["seen"] < PARTLY]
    if partly:
        shown = (f"{label(c)} {words.figure.show(own['on_seen'])} on {100 * own['seen']:.0f} %" for c, own in partly)
        out.append(f"Rows without a modality count too (they get the average); on the rows that have it: {'; '.join(shown)}.")
    if board.protocol.scheme == "given":
        out.append("There is one split, so the intervals cover which rows were tested, not which rows were learned from.")
        drawn = len(np.unique(board.test_clusters[0]))
        if drawn < FEW:
            out.append(f"The test rows form {drawn} groups only; intervals from so few come out too short.")
    elif len(board.protocol.splits) < 4:
        out.append(f"{len(board.protocol.splits)} folds give wide intervals; more repeats would narrow them.")
    if board.plan.dropped:
        minutes = board.plan.settings.budget.minutes
        out.append(f"Left out to keep to about {minutes:g} min, the dearest first: {listing(board.plan.dropped, 40)}.")
    if board.plan.refused:
        out.append(f"Could not enter, for reasons given with the results: {listing(board.plan.refused, 40)}.")
    if board.failed:
        out.append(f"Could not be fitted: {listing(sorted(board.failed), 40)}.")
    return out
