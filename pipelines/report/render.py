"""From a `ReportInput` to one HTML file: formatting happens here, the template only places what it is given."""

from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from decisions.kpis import NAMES
from decisions.names import STAGES, Language, cause_name, stage_name, strategy_name
from pipelines.report import charts, numbers
from pipelines.report.cells import cells
from pipelines.report.input import ReportInput
from pipelines.report.pictures import Pictures
from pipelines.report.texts import has, text

_COUNTS = ("buyers", "new_customers")
_METRICS = (
    "churn_log_loss",
    "churn_auc",
    "churn_calibration_error",
    "churn_lift_top_decile",
    "purchases_mae",
    "purchases_bias",
    "spend_mae",
    "spend_bias",
)


def render(report: ReportInput, *, language: Language = "en") -> str:
    """Return one self-contained HTML page: style and pictures inside, no script, no request to anywhere.

    Args:
        report: what to show.
        language: "en" or "zh".
    """
    environment = Environment(
        loader=PackageLoader("pipelines.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    view = _View(report, language)
    return environment.get_template("report.html.j2").render(
        r=report,
        language=language,
        t=view.t,
        v=view,
        pictures=Pictures(report, language),
        style=environment.get_template("report.css").render(colours=charts.COLOURS),
    )


class _View:
    """The report's numbers as strings of one language; methods return rows for tables."""

    def __init__(self, report: ReportInput, language: Language) -> None:
        self.report = report
        self.language = language
        self.stages = cells(report.stages)

    def t(self, key: str, **values: object) -> str:
        return text(key, self.language, **values)

    def money(self, value: float) -> str:
        return numbers.money(value, self.report.currency, self.language)

    def stage(self, name: str | None) -> str:
        if name is None or pd.isna(name):
            return numbers.MISSING
        return stage_name(name, language=self.language, scheme=self.report.scheme)

    def day(self, value: Any) -> str:
        return numbers.MISSING if value is None or pd.isna(value) else numbers.day(value, self.language)

    count = staticmethod(numbers.count)
    share = staticmethod(numbers.share)

    def _active(self) -> float:
        return float(sum(self.stages[stage]["customers"] for stage in ("new", "growth", "mature", "decline")))

    def named(self, kind: str, name: Any) -> str:
        """Return an action or channel as people say it: the usual ones translated, others without underscores."""
        key = f"{kind}_{name}"
        return self.t(key) if has(key) else _dash(name).replace("_", " ")

    def summary(self) -> str:
        """Return the report in three sentences."""
        stages, plan = self.stages, self.report.plan
        sentences = [
            self.t(
                "summary_active",
                active=numbers.count(self._active()),
                total=numbers.count(stages["total"]["customers"]),
                declining=numbers.count(stages["decline"]["customers"]),
            )
        ]
        if not self.report.has_money:
            return self.t("stop").join([*sentences, self.t("summary_no_money")])
        sentences.append(
            self.t(
                "summary_value",
                residual=self.money(stages["total"]["residual_value"]),
                decile=numbers.share(self.report.top_decile_share, 0),
            )
        )
        if plan.selected:
            sentences.append(
                self.t(
                    "summary_act",
                    selected=numbers.count(plan.selected),
                    gain=self.money(plan.selected_gain),
                    spent=self.money(plan.selected_spent),
                )
            )
        else:
            sentences.append(self.t("summary_no_act"))
        return self.t("stop").join(sentences)

    def cards(self) -> list[tuple[str, str, str]]:
        """Return (name, number, note) of the headline."""
        report, total = self.report, self.stages["total"]
        customers = float(total["customers"])
        cards = [
            (
                self.t("card_customers"),
                numbers.count(customers),
                self.t("card_active", share=numbers.share(self._active() / customers if customers else float("nan"))),
            )
        ]
        if report.has_money:
            cards += [
                (self.t("card_residual"), self.money(total["residual_value"]), self.t("card_residual_note")),
                (self.t("card_risk"), self.money(total["value_at_risk"]), self.t("card_risk_note")),
                (
                    self.t("card_selected"),
                    numbers.count(report.plan.selected),
                    self.t("card_selected_note", control=numbers.count(report.plan.control)),
                ),
                (
                    self.t("card_gain"),
                    self.money(report.plan.selected_gain),
                    self.t("card_gain_note", spent=self.money(report.plan.selected_spent)),
                ),
            ]
        if report.kpis is not None:
            kpi = cells(report.kpis)["retention_rate"]
            change = numbers.change(kpi["change_before"], points=True, language=self.language)
            cards.append(
                (self.t("card_retention"), numbers.share(kpi["now"]), self.t("card_retention_note", change=change))
            )
        cards.append(
            (
                self.t("card_forecast"),
                numbers.share(1 - total["churn_probability"]),
                self.t("card_forecast_note", days=report.horizon_days),
            )
        )
        if report.satisfaction is not None:
            cards.append(
                (
                    self.t("card_satisfaction"),
                    f"{report.satisfaction:.1f}",
                    self.t("card_satisfaction_note", days=report.horizon_days),
                )
            )
        return cards

    def chosen(self) -> list[dict[str, str]]:
        """Return the first rows of the list to contact."""
        rows = self.report.retention_list.head(self.report.list_length).to_dict("records")
        return [
            {
                "rank": numbers.count(row["priority"]),
                "customer": str(row["customer_id"]),
                "code": str(row["stage"]),
                "stage": self.stage(str(row["stage"])),
                "strategy": strategy_name(str(row["strategy"]), language=self.language),
                "action": self.named("action", row["action"]),
                "channel": self.named("channel", row["channel"]),
                "gain": self.money(_number(row["expected_gain"])),
                "at_risk": self.money(_number(row["value_at_risk"])),
                "loss": numbers.share(_number(row["loss_probability"]), 0),
                "silent": numbers.count(_number(row["days_since_last_purchase"])),
                "break_even": numbers.share(_number(row["break_even_save_rate"])),
                "why": str(row["reasons"]).replace(" %", "\u00a0%"),
            }
            for row in rows
        ]

    def warnings(self) -> list[dict[str, str]]:
        """Return the first rows of the early warning."""
        rows = self.report.early_warning.head(self.report.warning_length).to_dict("records")
        return [
            {
                "customer": str(row["customer_id"]),
                "since": self.day(row["stage_since"]),
                "before": self.stage(row["previous_stage"]),
                "at_risk": self.money(_number(row["value_at_risk"])),
                "loss": numbers.share(_number(row["loss_probability"]), 0),
                "cause": numbers.MISSING
                if _empty(row["cause"])
                else cause_name(str(row["cause"]), language=self.language),
                "strategy": strategy_name(str(row["strategy"]), language=self.language),
                "why": str(row["reasons"]).replace(" %", "\u00a0%"),
            }
            for row in rows
        ]

    def plan_rows(self) -> list[tuple[str, str]]:
        """Return (name, number) of what the list costs and brings."""
        plan = self.report.plan
        budget = self.t("plan_no_budget") if plan.budget is None else self.money(plan.budget)
        rows = [
            (self.t("plan_worth"), numbers.count(plan.worth_acting)),
            (self.t("plan_targeted"), numbers.count(plan.targeted)),
            (self.t("plan_control"), numbers.count(plan.control)),
            (self.t("plan_selected"), numbers.count(plan.selected)),
            (self.t("plan_budget"), budget),
            (self.t("plan_spent"), self.money(plan.spent)),
            (self.t("plan_gain"), self.money(plan.gain)),
            (self.t("plan_selected_gain"), self.money(plan.selected_gain)),
            (self.t("plan_conservative"), self.money(plan.conservative)),
        ]
        return [row for row in rows if row[1] != numbers.MISSING]

    def plan_quality(self) -> str:
        """Return how near the list is to the best one, and what its control group can show."""
        plan = self.report.plan
        best = self.t("plan_exact") if plan.gap == 0 else self.t("plan_gap", gap=numbers.share(plan.gap, 3))
        if not plan.control:
            return self.t("stop").join([best, self.t("plan_no_control")])
        effect = plan.detectable
        rate = (
            self.t("plan_detectable_rate", rate=numbers.share(effect.save_rate, 0))
            if pd.notna(effect.save_rate)
            else self.t("plan_detectable_never")
        )
        points = numbers.change(effect.purchase_share, points=True, language=self.language).removeprefix("+")
        detectable = self.t("plan_detectable", share=points, days=self.report.horizon_days, rate=rate)
        return self.t("stop").join([best, detectable])

    def stage_rows(self) -> list[dict[str, str]]:
        """Return the table of stages, the total last."""
        return [
            {
                "code": name,
                "stage": self.t("total") if name == "total" else self.stage(name),
                "customers": numbers.count(row["customers"]),
                "share": numbers.share(row["share"]),
                "residual": self.money(row["residual_value"]) if _valued(name, row) else numbers.MISSING,
                "at_risk": self.money(row["value_at_risk"]) if _valued(name, row) else numbers.MISSING,
                "spend": self.money(row["expected_spend"]) if _valued(name, row) else numbers.MISSING,
                "forecast": numbers.share(row["churn_probability"]),
                "selected": numbers.count(row["selected"]),
            }
            for name, row in self.stages.items()
        ]

    def matrix(self) -> list[tuple[str, list[tuple[str, float]]]]:
        """Return the transition matrix as (from, [(number, share of the row)]), rows without anybody left out."""
        if self.report.transitions is None:
            return []
        table = cells(self.report.transitions)
        rows = []
        for origin in ("unknown", *STAGES):
            values = [float(table[origin][goal]) for goal in STAGES]
            whole = sum(values)
            if whole > 0:
                name = self.t("unknown") if origin == "unknown" else self.stage(origin)
                rows.append((name, [(numbers.count(one) if one else "", one / whole) for one in values]))
        return rows

    def flow_lead(self) -> str:
        """Return how many moved, in a sentence."""
        if self.report.transitions is None or self.report.transitions_from is None:
            return self.t("missing")
        table = cells(self.report.transitions)
        known = sum(table[origin][goal] for origin in STAGES for goal in STAGES)
        stayed = sum(table[stage][stage] for stage in STAGES)
        return self.t(
            "flow_lead",
            from_date=self.day(self.report.transitions_from),
            to_date=self.day(self.report.as_of),
            moved=numbers.count(known - stayed),
            known=numbers.count(known),
            joined=numbers.count(sum(table["unknown"].values())),
        )

    def policy_lead(self) -> str:
        """Return how many customers the new policy alone moved, in a sentence; empty where it did not change."""
        if self.report.policy_transitions is None:
            return ""
        table = cells(self.report.policy_transitions)
        moved = sum(number for origin, row in table.items() for goal, number in row.items() if origin != goal)
        return self.t("flow_policy", moved=numbers.count(moved))

    def kpi_rows(self) -> list[dict[str, str]]:
        """Return the KPIs with their changes."""
        if self.report.kpis is None:
            return []
        table = cells(self.report.kpis)
        rows = []
        for name in NAMES:
            one = table[name]
            counted = name in _COUNTS
            rows.append(
                {
                    "kpi": self.t(f"kpi_{name}"),
                    "now": numbers.count(one["now"]) if counted else numbers.share(one["now"]),
                    "before": numbers.change(one["change_before"], points=not counted, language=self.language),
                    "year": numbers.change(one["change_last_year"], points=not counted, language=self.language),
                }
            )
        return [row for row in rows if row["now"] != numbers.MISSING]

    def candidate_table(self) -> tuple[list[str], list[tuple[str, bool, list[str]]]]:
        """Return (metric names, [(model, in use, values)])."""
        table = self.report.candidates
        if table is None:
            return [], []
        shown = [name for name in _METRICS if name in table.columns and table[name].notna().any()]
        rows = [
            (
                name,
                name == self.report.champion,
                [numbers.MISSING if pd.isna(row[one]) else f"{row[one]:.4g}".replace("-", "−") for one in shown],
            )
            for name, row in cells(table).items()
        ]
        return [self.t(f"metric_{name}") for name in shown], rows

    def account_rows(self) -> list[dict[str, str]]:
        """Return the account, one row a reason, in words."""
        table = self.report.account
        return [
            {
                "status": self._word("status", str(row["status"])),
                "reason": self._word("reason", str(row["reason"])),
                "rows": numbers.count(row["rows"]),
                "amount": f"{row['amount']:,.2f}".replace("-", "−") if "amount" in table else "",
            }
            for row in table.to_dict("records")
            if row["rows"]
        ]

    def _word(self, kind: str, name: str) -> str:
        return self.t(f"{kind}_{name}") if has(f"{kind}_{name}") else name

    def assumptions(self) -> list[str]:
        """Return what the report rests on, a sentence or two each."""
        report, policy = self.report, self.report.stage_policy
        lines = [self.t("rest_window", as_of=self.day(report.as_of), horizon=report.horizon_days)]
        if report.has_money:
            lines.append(
                self.t(
                    "rest_money",
                    currency=report.currency or "–",
                    margin=numbers.share(report.margin, 0),
                    discount=numbers.share(report.discount_rate_per_year),
                    value_days=report.retention_policy.value_horizon_days,
                )
            )
            lines.append(self.t("rest_offers"))
        lines.append(
            self.t(
                "rest_stages",
                gap=f"{policy.base_gap:.0f}",
                new=f"{max(policy.new_multiple * policy.base_gap, policy.new_floor):.0f}",
                decline=f"{policy.decline_multiple:g}",
                decline_floor=policy.decline_floor,
                volume=numbers.share(policy.volume_now, 0),
                churn=f"{policy.churn_multiple:g}",
                churn_floor=policy.churn_floor,
                mature=policy.mature_purchases,
                horizon=policy.horizon,
            )
        )
        if not report.has_categories and not report.has_interactions:
            lines.append(self.t("rest_causes_none"))
        elif not report.has_categories:
            lines.append(self.t("rest_causes_no_categories"))
        elif not report.has_interactions:
            lines.append(self.t("rest_causes_no_interactions"))
        return lines

    def catalogue(self) -> list[dict[str, str]]:
        """Return the actions of the policy."""
        rows = []
        for action in self.report.retention_policy.actions:
            if action.incentive_share:
                incentive = self.t("incentive_share", share=numbers.share(action.incentive_share, 0))
            else:
                incentive = self.money(action.incentive)
            if action.effect == "prevent":
                effect = self.t(
                    "effect_prevent", save=numbers.share(action.save_rate), winback=numbers.share(action.winback_rate)
                )
            else:
                effect = self.t("effect_lift", lift=numbers.share(action.lift))
            rows.append(
                {
                    "action": self.named("action", action.name),
                    "for": self.t("separator").join(self.stage(stage) for stage in action.stages),
                    "channel": self.named("channel", action.channel),
                    "contact": self.money(action.contact_cost),
                    "incentive": incentive,
                    "effect": effect,
                    "capacity": self.t("unlimited") if action.capacity is None else numbers.count(action.capacity),
                }
            )
        return rows


def _valued(stage: str, row: dict[str, Any]) -> bool:
    return bool(row["customers"]) and stage != "prospect"


def _empty(value: Any) -> bool:
    return value is None or bool(pd.isna(value))


def _dash(value: Any) -> str:
    return numbers.MISSING if _empty(value) else str(value)


def _number(value: Any) -> float:
    return float("nan") if _empty(value) else float(value)
