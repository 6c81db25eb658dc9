"""The words and numbers of one report in one language, on which its tables build."""

from typing import Any

import pandas as pd

from lifecycle.decisions.vocabulary import Language, stage_name
from lifecycle.pipelines.report.cells import cells, dash
from lifecycle.pipelines.report.report_input import ReportInput
from lifecycle.words import numbers
from lifecycle.words.report_texts import has, text


class Words:
    """Sentences, money, stages and days as the report writes them."""

    def __init__(self, report: ReportInput, language: Language) -> None:
        """Keep what is to be shown and in which language."""
        self.report = report
        self.language = language
        self.stages = cells(report.stages)

    def t(self, key: str, **values: object) -> str:
        """Return a sentence of `words.report_texts`; where rates were measured, the one that says so."""
        basis = self.report.plan.basis
        if basis != "assumed" and has(f"{key}_measured"):
            return text(f"{key}_measured", self.language, basis=text(f"basis_{basis}", self.language), **values)
        return text(key, self.language, **values)

    def money(self, value: float) -> str:
        """Return an amount in the report's currency."""
        return numbers.money(value, self.report.currency, self.language)

    def stage(self, name: str | None) -> str:
        """Return a stage's name in the report's scheme; a dash for none."""
        if name is None or pd.isna(name):
            return numbers.MISSING
        return stage_name(name, language=self.language, scheme=self.report.scheme)

    def day(self, value: Any) -> str:
        """Return a date in words; a dash for none."""
        return numbers.MISSING if value is None or pd.isna(value) else numbers.day(value, self.language)

    count = staticmethod(numbers.count)
    share = staticmethod(numbers.share)

    def named(self, kind: str, name: Any) -> str:
        """Return an action or channel as people say it: the usual ones translated, others without underscores."""
        key = f"{kind}_{name}"
        return self.t(key) if has(key) else dash(name).replace("_", " ")

    def active(self) -> float:
        """Return how many customers are new, growing, mature or declining."""
        return float(sum(self.stages[stage]["customers"] for stage in ("new", "growth", "mature", "decline")))
