"""The report's headline, lists of customers and plan, as strings of one language."""

from math import isfinite

import pandas as pd

from lifecycle.decisions.vocabulary import cause_name, strategy_name
from lifecycle.pipelines.report.cells import cells, empty, number
from lifecycle.pipelines.report.report_words import Words
from lifecycle.words import numbers
from lifecycle.words.reasons import FAVOUR


class ListView(Words):
    """What the reader acts on."""

    def summary(self) -> str:
        """Return the report in three sentences."""
        stages, plan = self.stages, self.report.plan
        sentences = [
            self.t(
                "summary_active",
                active=numbers.count(self.active()),
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
                self.t("card_active", share=numbers.share(self.active() / customers if customers else float("nan"))),
            )
        ]
        if report.has_money:
            cards += [
                (self.t("card_residual"), self.money(total["residual_value"]), self.t("card_residual_note")),
                (self.t("card_risk"), self.money(total["value_at_risk"]), self.t("card_risk_note")),
                (self.t("card_winback"), self.money(total["winback_value"]), self.t("card_winback_note")),
                (
                    self.t("card_selected"),
                    numbers.count(report.plan.selected),
                    self.t("card_selected_note", control=numbers.count(report.plan.control)),
                ),
            ]
        if report.has_money and report.plan.selected:
            gain, spent = self.money(report.plan.selected_gain), self.money(report.plan.selected_spent)
            cards.append((self.t("card_gain"), gain, self.t("card_gain_note", spent=spent)))
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
        satisfaction = float("nan") if report.kpis is None else cells(report.kpis)["satisfaction"]["now"]
        if isfinite(satisfaction):
            note = self.t("card_satisfaction_note", days=report.horizon_days)
            cards.append((self.t("card_satisfaction"), f"{satisfaction:.1f}", note))
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
                "gain": self.money(number(row["expected_gain"])),
                "at_risk": self.money(number(row["value_at_risk"])),
                "winback": self.money(number(row["winback_value"])),
                "loss": numbers.share(number(row["loss_probability"]), 0),
                "silent": numbers.count(number(row["days_since_last_purchase"])),
                "break_even": numbers.share(number(row["break_even_save_rate"])),
                **self._reasons(str(row["reasons"])),
            }
            for row in rows
        ]

    def nobody(self) -> str:
        """Return why the list is empty."""
        if not self.report.has_money:
            return self.t("list_empty")
        worth = self.report.plan.worth_acting
        return self.t("list_empty_means", worth=numbers.count(worth)) if worth else self.t("list_empty_costs")

    def _reasons(self, text: str) -> dict[str, str]:
        """Return reasons in two parts: why, and what speaks for staying, which may be empty."""
        why, mark, favour = text.replace(" %", "\u00a0%").partition(FAVOUR[self.language])
        return {"why": why.rstrip("; ；"), "favour": f"{mark}{favour}"}

    def warnings(self) -> list[dict[str, str]]:
        """Return the first rows of the early warning."""
        rows = self.report.early_warning.head(self.report.warning_length).to_dict("records")
        return [
            {
                "customer": str(row["customer_id"]),
                "since": self.day(row["stage_since"]),
                "before": self.stage(row["previous_stage"]),
                "at_risk": self.money(number(row["value_at_risk"])),
                "loss": numbers.share(number(row["loss_probability"]), 0),
                "cause": numbers.MISSING
                if empty(row["cause"])
                else cause_name(str(row["cause"]), language=self.language),
                "strategy": strategy_name(str(row["strategy"]), language=self.language),
                **self._reasons(str(row["reasons"])),
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
            *self._parts(),
            (self.t("plan_gain"), self.money(plan.gain)),
            (self.t("plan_gain_range"), self._range(plan.gain_low, plan.gain_high)),
            (self.t("plan_selected_gain"), self.money(plan.selected_gain)),
            (self.t("plan_conservative"), self.money(plan.conservative)),
        ]
        return [row for row in rows if row[1] != numbers.MISSING]

    def _range(self, low: float, high: float) -> str:
        """Return two amounts, a dash where they are not known."""
        return numbers.MISSING if pd.isna(low) else f"{self.money(low)} … {self.money(high)}"

    def _parts(self) -> list[tuple[str, str]]:
        """Return what the gain is made of, parts that are nothing left out, and what it costs."""
        plan = self.report.plan
        parts = (("plan_prevented", plan.prevented), ("plan_won_back", plan.won_back), ("plan_grown", plan.grown))
        told = [(self.t(key), self.money(value)) for key, value in parts if value > 0]
        return [*told, (self.t("plan_spent"), self.money(-plan.spent))]

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
        points = numbers.points(effect.purchase_share, self.language)
        seen = effect.assumed_share >= effect.purchase_share
        return self.t("stop").join(
            [
                best,
                self.t("plan_detectable", share=points, days=self.report.horizon_days, rate=rate),
                self.t(
                    "plan_assumed_seen" if seen else "plan_assumed_unseen",
                    share=numbers.points(effect.assumed_share, self.language),
                    rate=numbers.share(effect.assumed_rate),
                ),
            ]
        )
