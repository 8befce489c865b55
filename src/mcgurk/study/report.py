"""The report: one HTML file that needs nothing else, readable on a phone, on paper and in the dark."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np

from mcgurk.study.chart import Axis, Chart, Mark
from mcgurk.study.interval import Estimate
from mcgurk.study.score import figure
from mcgurk.study.verdict import MANY, PARTLY, shown

if TYPE_CHECKING:
    import pandas as pd

    from mcgurk.study.comparison import Comparison

CLASSES_SHOWN = 30


def html(result: Comparison) -> str:
    """The whole page."""
    import jinja2

    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(resources.files("mcgurk.study").joinpath("report.html").read_text(encoding="utf-8"))
    return template.render(view(result))


def view(result: Comparison) -> dict[str, Any]:
    """Everything the page shows, in words and positions."""
    page = _Page(result)
    plan = result.plan
    return {
        "r": result,
        "answer": result.facts.get("answer", ""),
        "picked": page.line(result.recommended),
        "ranking": page.ranking(),
        "worth": page.worth(),
        "missing": page.missing(),
        "classes": page.classes(),
        "groups": [(g, f"{n:,}", page.show(s)) for g, n, s in result.per_group.itertuples(index=False)],
        "details": page.details(),
        "tests": page.tests(),
        "other_worth": page.other_worth(),
        "facts": result.facts,
        "rows": f"{result.facts['rows']:,}",
        "plan": plan,
        "choices": page.choices(),
        "winner": page.winner(),
        "absent": page.absent(),
        "networks": "; ".join(f"{key.replace('_', ' ')} {value}" for key, value in result.facts.get("networks", {}).items()),
        "versions": result.versions,
        "direction": "higher is better" if result.metric["greater"] else "lower is better",
    }


class _Page:
    def __init__(self, result: Comparison) -> None:
        self.result = result
        self.figure = figure(result.metric["name"], result.plan["settings"]["task"])
        self.show = self.figure.show
        self.within = self.figure.bounds
        self.labels = dict(zip(result.table["name"], result.table["label"]))

    def line(self, name: str) -> dict[str, Any]:
        """A contestant's own figures."""
        row = self.result.table[self.result.table["name"] == name].iloc[0]
        return {
            "label": row["label"],
            "score": self.show(row["score"]),
            "interval": self.interval(row["low"], row["high"]),
            "columns": list(row["columns"]),
        }

    def interval(self, low: float, high: float, signed: bool = False) -> str:
        return f"{self.show(low, signed)} to {self.show(high, signed)}" if np.isfinite(low) else "no interval"

    def ranking(self) -> Chart:
        table = self.result.table
        axis = Axis.around([*table["score"], *table["low"], *table["high"]], within=self.within)
        single = table[table["family"] == "single"]
        line = axis.at(single["score"].iloc[0]) if len(single) else None
        marks = tuple(
            Mark(
                row.label,
                self.family(row),
                axis.at(row.score),
                axis.at(row.low),
                axis.at(row.high),
                None,
                self.show(row.score),
                self.interval(row.low, row.high),
                "pick" if row.name == self.result.recommended else "base" if row.family == "baseline" else "plain",
            )
            for row in table.itertuples(index=False)
        )
        label = f"best single modality: {single['label'].iloc[0]}" if len(single) else ""
        return Chart(marks, self.ticks(axis), line, label)

    def family(self, row: Any) -> str:
        kind = {"single": "one modality", "baseline": "baseline", "auto": "chooses on inner folds"}.get(row.family)
        if row.family == "single" and row.seen < PARTLY:
            return f"in {100 * row.seen:.0f} % of the rows; {self.show(row.on_seen)} there"
        return kind or ", ".join(
            filter(None, (row.family, f"{len(row.columns)} modalit{'y' if len(row.columns) == 1 else 'ies'}", row.note))
        )

    def ticks(self, axis: Axis) -> tuple[tuple[float, str], ...]:
        digits = max(0, int(-np.floor(np.log10(axis.step) + 1e-9)))
        return tuple((at, f"{v:,.{digits}f}".replace("-", "−")) for at, v in axis.ticks() if 2 <= at <= 98)

    def worth(self) -> Chart | None:
        table = self.result.worth
        lines = table[(table["recipe"] == self.result.facts.get("main_recipe")) & table["all"]] if len(table) else table
        return self.differences(lines.sort_values("worth", ascending=False)) if len(lines) else None

    def other_worth(self) -> list[dict[str, str]]:
        return [
            {
                "modality": row.modality,
                "with": self.labels[row._3] if hasattr(row, "_3") else "",
                "text": self.show(row.worth, True),
                "interval": self.interval(row.worth_low, row.worth_high, True),
                "p": p_value(row.worth_p_holm),
            }
            for row in self.result.worth.rename(columns={"with": "_3"}).itertuples(index=False)
        ]

    def differences(self, lines: pd.DataFrame) -> Chart:
        axis = Axis.around([*lines["worth"], *lines["worth_low"], *lines["worth_high"]], zero=True)
        marks = []
        for row in lines.itertuples(index=False):
            verb = shown(Estimate(row.worth, row.worth_low, row.worth_high, row.worth_error, row.worth_p), row.worth_p_holm)
            tone = {"adds": "good", "costs": "bad"}.get(verb, "flat")
            marks.append(
                Mark(
                    row.modality,
                    verb,
                    axis.at(row.worth),
                    axis.at(row.worth_low),
                    axis.at(row.worth_high),
                    None,
                    self.show(row.worth, True),
                    self.interval(row.worth_low, row.worth_high, True),
                    tone,
                )
            )
        return Chart(tuple(marks), self.ticks(axis), axis.at(0.0), "no difference")

    def missing(self) -> list[tuple[str, Chart]]:
        """One chart a contestant: complete rows (filled) and rows without a modality (hollow); the recommended, then the best two."""
        table = self.result.missing
        names = list(dict.fromkeys(table["name"]))[:3]
        kept = table[table["name"].isin(names)]
        floor = self.result.table[self.result.table["family"] == "baseline"]["score"]
        worst = (floor.min() if self.result.metric["greater"] else floor.max()) if len(floor) else np.nan
        axis = Axis.around([*kept["score"], *kept["score_gone"], worst], within=self.within)
        out = []
        for name in names:
            lines = kept[kept["name"] == name].sort_values("change")
            marks = tuple(
                Mark(
                    f"without {row.modality}",
                    f"change {self.show(row.change, True)}, {self.interval(row.change_low, row.change_high, True)}",
                    axis.at(row.score),
                    None,
                    None,
                    axis.at(row.score_gone),
                    self.show(row.score_gone),
                    f"from {self.show(row.score)}",
                    "bad" if row.change_high < 0 else "good" if row.change_low > 0 else "flat",
                )
                for row in lines.itertuples(index=False)
            )
            out.append(
                (self.labels[name], Chart(marks, self.ticks(axis), axis.at(worst), "weakest baseline" if np.isfinite(worst) else ""))
            )
        return out

    def classes(self) -> Chart | None:
        table = self.result.per_class
        if not len(table):
            return None
        names = list(dict.fromkeys(table["name"]))
        main = table[table["name"] == names[0]]
        beside = table[table["name"] == names[-1]].set_index("class")["recall"] if len(names) > 1 else None
        axis = Axis(0.0, 1.0, 0.25)
        marks = tuple(
            Mark(
                str(row["class"]),
                f"{row['rows']:,} rows; precision {percent(row['precision'])}",
                axis.at(row["recall"]),
                axis.at(row["recall_low"]),
                axis.at(row["recall_high"]),
                None if beside is None else axis.at(beside[row["class"]]),
                percent(row["recall"]),
                f"{percent(row['recall_low'])} to {percent(row['recall_high'])}",
                "own",
            )
            for _, row in main.head(CLASSES_SHOWN).iterrows()
        )
        ticks = tuple((100 * v, f"{100 * v:.0f} %") for v in (0.25, 0.5, 0.75))
        return Chart(marks, ticks, None, "" if beside is None else self.labels[names[-1]])

    def details(self) -> list[dict[str, str]]:
        out = []
        for row in self.result.table.itertuples(index=False):
            out.append(
                {
                    "label": row.label,
                    "columns": ", ".join(row.columns),
                    "score": self.show(row.score),
                    "interval": self.interval(row.low, row.high),
                    "gain": self.show(row.gain, True) if np.isfinite(row.gain) else "–",
                    "gain_alone": self.interval(row.gain_low, row.gain_high, True) if np.isfinite(row.gain) else "–",
                    "gain_all": self.interval(*across(row), True) if np.isfinite(row.gain) else "",
                    "p": p_value(row.gain_p_holm),
                    "pooled": self.show(row.pooled),
                    "time": seconds(row.fit_seconds),
                    "predict": seconds(row.predict_seconds),
                    "size": size(row.bytes),
                    "parameters": count(row.parameters),
                    "operations": count(row.operations or None),
                    "paper": row.paper,
                }
            )
        return out

    def tests(self) -> int:
        """Contestants that combine modalities: as many differences from the best single modality are tested."""
        return int(np.isfinite(self.result.table["gain_p_holm"].to_numpy(dtype=float)).sum())

    def winner(self) -> str:
        """What taking whoever came first can be expected to reach."""
        told = self.result.facts.get("winner")
        if not told or told["among"] < MANY or told["expected"] is None or not np.isfinite(told["expected"]):
            return ""
        first = self.result.table[self.result.table["name"] == told["name"]].iloc[0]
        return (
            f"{first['label']} came first of {told['among']} with {self.show(first['score'])}. Winners picked on resampled rows and scored "
            f"on the rows left out reach {self.show(told['expected'])} ({self.interval(told['low'], told['high'])}): expect about that."
        )

    def absent(self) -> list[tuple[str, str]]:
        """Who did not take part, and why."""
        minutes = self.result.plan["settings"]["budget"]["minutes"]
        out = list(self.result.refused.items())
        out += [(name, f"left out to keep to about {minutes:g} min, the dearest first") for name in self.result.plan["dropped"]]
        return out + [(name, f"failed: {sentence} [{code}]") for name, (code, sentence) in self.result.failed.items()]

    def choices(self) -> list[tuple[str, str]]:
        """What automatic contestants chose, fold by fold."""
        folds = self.result.folds
        return [
            (self.labels[name], ", ".join(f"{k} ×{n}" for k, n in part["chosen"].value_counts().items()))
            for name, part in folds.groupby("name", sort=False)
            if part["chosen"].notna().any()
        ]


def percent(value: float) -> str:
    """``74 %``."""
    return f"{100 * value:.0f} %" if np.isfinite(value) else "–"


def across(row: Any) -> tuple[float, float]:
    """The interval of a contestant's gain: that which holds for all combinations at once, or its own where it is none of them."""
    return (row.gain_all_low, row.gain_all_high) if np.isfinite(row.gain_all_low) else (row.gain_low, row.gain_high)


def p_value(value: float) -> str:
    """``0.021``, ``< 0.001``."""
    return "–" if not np.isfinite(value) else f"{value:.3f}" if value >= 0.001 else "< 0.001"


def count(value: Any) -> str:
    """``9,482``, ``1.3 million``; a dash where it is not known."""
    if value is None or not np.isfinite(value):
        return "–"
    return f"{value:,.0f}" if value < 1e6 else f"{value / 1e6:,.1f} million"


def seconds(value: float) -> str:
    """``0.4 s``, ``12 s``, ``3 min``."""
    if value < 10:
        return f"{value:.2g} s" if value >= 0.01 else "< 0.01 s"
    return f"{value:.0f} s" if value < 120 else f"{value / 60:.0f} min"


def size(value: Any) -> str:
    """Bytes as a person reads them; a contestant that cannot be saved is a reference."""
    if value is None or not np.isfinite(value):
        return "not saved"
    return f"{value / 1e6:.1f} MB" if value >= 1e5 else f"{value / 1e3:.0f} kB"
