"""The base's tables: stages, moves, KPIs, models, account and assumptions, as strings of one language."""

from math import isfinite
from typing import Any

import pandas as pd

from lifecycle.decisions.vocabulary import STAGES
from lifecycle.pipelines.report.cells import cells
from lifecycle.pipelines.report.report_words import Words
from lifecycle.words import numbers
from lifecycle.words.notes import choice_in_words, note_in_words
from lifecycle.words.report_texts import has

_COUNTS = ("buyers", "new_customers")
_MONEY = ("residual_value", "value_at_risk", "winback_value")
_ACTIVE = ("new", "growth", "mature", "decline")
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


class BaseView(Words):
    """What the reader learns about the base and about the report itself."""

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
                "winback": self.money(row["winback_value"]) if _valued(name, row) else numbers.MISSING,
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
        rows = [
            {
                "kpi": self.t(f"kpi_{name}"),
                "now": self._kpi(name, one["now"]),
                "before": self._kpi_change(name, one["change_before"]),
                "year": self._kpi_change(name, one["change_last_year"]),
            }
            for name, one in cells(self.report.kpis).items()
        ]
        return [row for row in rows if row["now"] != numbers.MISSING]

    def _kpi(self, name: str, value: float) -> str:
        if name in _MONEY:
            return self.money(value) if self.report.has_money else numbers.MISSING
        if name == "satisfaction":
            return f"{value:.1f}" if isfinite(value) else numbers.MISSING
        return numbers.count(value) if name in _COUNTS else numbers.share(value)

    def _kpi_change(self, name: str, value: float) -> str:
        if name in _MONEY:
            return self._signed(value)
        if name == "satisfaction":
            return f"{value:+.1f}".replace("-", "−") if isfinite(value) else numbers.MISSING
        return numbers.change(value, points=name not in _COUNTS, language=self.language)

    def _signed(self, value: float) -> str:
        return f"+{self.money(value)}" if value > 0 else self.money(value)

    def since_last(self) -> str:
        """Return what changed since the last scoring, in a sentence; empty where there was none."""
        if self.report.last is None:
            return ""
        date, frame = self.report.last
        then, now = cells(frame), self.stages
        active = sum(now[one]["customers"] - then[one]["customers"] for one in _ACTIVE)
        return self.t(
            "since_last" if self.report.has_money else "since_last_counts",
            date=self.day(date),
            active=numbers.change(active, points=False, language=self.language),
            residual=self._signed(now["total"]["residual_value"] - then["total"]["residual_value"]),
            risk=self._signed(now["total"]["value_at_risk"] - then["total"]["value_at_risk"]),
        )

    def choice(self) -> str:
        """Return why the model in use is in use; empty where that is not known."""
        choice = self.report.choice
        if choice is None:
            return ""
        key = f"metric_{choice.metric}"
        metric = self.t(key).rstrip(" ↓↑→0") if has(key) else choice.metric
        return choice_in_words(choice, metric, self.language)

    def notes(self) -> list[str]:
        """Return what the models had to say."""
        return [note_in_words(note, self.language) for note in self.report.notes]

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
                    "rest_money" if report.currency else "rest_money_unnamed",
                    currency=report.currency,
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
                new=f"{policy.new_limit:.0f}",
                decline=f"{policy.decline_multiple:g}",
                decline_floor=policy.decline_floor,
                volume=numbers.share(policy.volume_now, 0),
                churn=f"{policy.churn_multiple:g}",
                churn_floor=policy.churn_floor,
                mature=policy.mature_purchases,
                horizon=policy.horizon,
            )
        )
        returned = report.account["reason"].isin(("return", "return_beyond_purchases")) & (report.account["rows"] > 0)
        if not report.has_categories and not report.has_interactions and not returned.any():
            return [*lines, self.t("rest_causes_none")]
        if not report.has_categories:
            lines.append(self.t("rest_causes_no_categories"))
        if not report.has_interactions:
            lines.append(self.t("rest_causes_returns" if returned.any() else "rest_causes_no_interactions"))
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
