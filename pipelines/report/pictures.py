"""Which pictures the report has: each method returns an SVG, empty where its data are missing."""

from math import isfinite

from markupsafe import Markup

from lifecycle.decisions.vocabulary import STAGES, Language, stage_name
from lifecycle.pipelines.report import charts
from lifecycle.pipelines.report.cells import cells
from lifecycle.pipelines.report.charts import ACCENT, COLOURS, SECOND, Part
from lifecycle.pipelines.report.report_input import ReportInput
from lifecycle.words import numbers
from lifecycle.words.report_texts import text

_ORDER = ("unknown", *STAGES)
_HISTORY = ("retention_rate", "spend_retention", "repurchase_rate", "second_purchase_rate", "churn_rate", "buyers")


class Pictures:
    """The report's pictures in one language."""

    def __init__(self, report: ReportInput, language: Language) -> None:
        """Keep what is to be drawn."""
        self.report = report
        self.language = language
        self.names = {stage: stage_name(stage, language=language, scheme=report.scheme) for stage in STAGES} | {
            "unknown": text("unknown", language)
        }

    def composition(self) -> Markup:
        """Return customers, residual value and value at risk, each split by stage."""
        table = cells(self.report.stages)
        rows = [("col_customers", "customers")]
        if self.report.has_money:
            rows += [
                ("col_residual", "residual_value"),
                ("col_at_risk", "value_at_risk"),
                ("col_winback", "winback_value"),
            ]
        return charts.shares(
            [
                (
                    text(key, self.language),
                    [
                        Part(self.names[stage], max(float(table[stage][column]), 0.0), COLOURS[stage], shown)
                        for stage in STAGES
                        for shown in [self._shown(float(table[stage][column]), column)]
                    ],
                )
                for key, column in rows
            ],
            text("stages", self.language),
        )

    def _shown(self, value: float, column: str) -> str:
        return (
            numbers.count(value) if column == "customers" else numbers.money(value, self.report.currency, self.language)
        )

    def flow(self) -> Markup:
        """Return who moved from which stage to which."""
        if self.report.transitions is None:
            return Markup("")
        table = cells(self.report.transitions)
        moves = [
            (origin, goal, float(table[origin][goal]))
            for origin in _ORDER
            for goal in STAGES
            if origin != goal and table[origin][goal] > 0
        ]
        count = {f"{origin}>{goal}": numbers.count(size) for origin, goal, size in moves}
        for stage in _ORDER:
            count[f"from:{stage}"] = f"−{numbers.count(sum(size for start, _, size in moves if start == stage))}"
            count[f"to:{stage}"] = f"+{numbers.count(sum(size for _, end, size in moves if end == stage))}"
        count["from:unknown"] = count["from:unknown"].removeprefix("−")
        return charts.flow(moves, self.names, _ORDER, count, text("flow", self.language))

    def proof(self) -> Markup:
        """Return by stage the share that bought again."""
        if self.report.return_rates is None:
            return Markup("")
        table = cells(self.report.return_rates)
        parts = [
            Part(self.names[stage], row["returned"], COLOURS[stage], numbers.share(row["returned"]))
            for stage, row in table.items()
            if isfinite(row["returned"])
        ]
        return charts.bars(parts, text("proof", self.language))

    def sensitivity(self) -> Markup:
        """Return the list's net gain at multiples of the assumed rates."""
        parts = [
            Part(
                text("plan_times", self.language, multiple=f"{multiple:g}"),
                gain,
                ACCENT if gain >= 0 else SECOND,
                numbers.money(gain, self.report.currency, self.language),
            )
            for multiple, gain in self.report.plan.by_rate
        ]
        return charts.bars(parts, text("plan_sensitivity", self.language), label_width=70)

    def history(self) -> list[tuple[str, Markup]]:
        """Return (name, line) of the KPIs over time."""
        table = self.report.kpi_history
        if table is None:
            return []
        drawn = [
            (
                text(f"kpi_{name}", self.language),
                charts.lines(
                    list(table.index),
                    [(text(f"kpi_{name}", self.language), table[name].tolist(), ACCENT)],
                    text(f"kpi_{name}", self.language),
                    percent=name != "buyers",
                    width=380,
                    height=190,
                ),
            )
            for name in _HISTORY
            if name in table.columns and table[name].count() > 1
        ]
        return [(name, line) for name, line in drawn if line]

    def calibration(self) -> Markup:
        """Return forecast probabilities of no purchase against what happened."""
        table = self.report.calibration
        if table is None:
            return Markup("")
        points = list(table[["predicted", "observed", "customers"]].astype(float).itertuples(index=False, name=None))
        return charts.calibration(
            points,
            text("calibration", self.language),
            text("calibration_x", self.language),
            text("calibration_y", self.language),
        )

    def tracking(self) -> Markup:
        """Return expected and actual purchases of the base over time."""
        table = self.report.tracking
        if table is None:
            return Markup("")
        series = [
            (text("expected", self.language), table["expected"].tolist(), SECOND),
            (text("actual", self.language), table["actual"].tolist(), ACCENT),
        ]
        return charts.lines(
            list(table.index), series, text("tracking", self.language), percent=False, height=320, from_zero=True
        )
