"""What the last campaigns did, as strings of one language: verdicts, rates before and after, policies, advice."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from lifecycle.pipelines.report import charts
from lifecycle.pipelines.report.cells import number
from lifecycle.pipelines.report.report_words import Words
from lifecycle.words import experiment_texts, numbers

SHOWN = 12
"""Campaigns shown, the latest first."""


class ExperimentsView(Words):
    """The section "Did it work?"; nothing where nothing was measured."""

    def measured(self) -> list[Mapping[str, Any]]:
        """Return the latest campaigns, newest first."""
        found = self.report.experiments
        return [] if found is None else list(reversed(found["experiments"]))[:SHOWN]

    def campaigns(self) -> list[dict[str, str]]:
        """Return one row a campaign: groups, effect with interval, worth, verdict."""
        rows = []
        for one in self.measured():
            buyers, worth = one["effects"].get("buyers"), one["effects"].get("net_worth")
            rows.append(
                {
                    "name": one["name"],
                    "groups": f"{numbers.count(one['n_treated'])} / {numbers.count(one['n_control'])}",
                    "effect": self._effect(buyers),
                    "worth": numbers.MISSING if worth is None else self._worth(worth),
                    "verdict": experiment_texts.verdict(one, self.language),
                }
            )
        return rows

    def _effect(self, found: Mapping[str, Any] | None) -> str:
        if found is None or found["adjusted"] is None:
            return numbers.MISSING
        effect, low, high = (numbers.points(found[name], self.language) for name in ("adjusted", "adj_low", "adj_high"))
        return f"{effect} ({low} … {high})"

    def _worth(self, found: Mapping[str, Any]) -> str:
        worth, low, high = (self.price(number(found[name])) for name in ("adjusted", "adj_low", "adj_high"))
        return f"{worth} ({low} … {high})"

    def price(self, value: float) -> str:
        """Return a small amount with cents."""
        return numbers.MISSING if value != value else f"{value:,.2f} {self.report.currency}".strip()

    def responses(self) -> list[str]:
        """Return who responds, a sentence a campaign and outcome."""
        return [
            f"{one['name']}, {self.t(f'outcome_{outcome}')}: {experiment_texts.uplift(choice, self.language)}"
            for one in self.measured()
            for outcome, choice in one["uplift"].items()
        ]

    def measured_rates(self) -> list[dict[str, str]]:
        """Return assumed and present rates of every action and stage."""
        found = self.report.experiments
        return [
            {
                "action": self.named("action", row["action"]),
                "stage": self.stage(row["stage"]),
                "prior": f"{numbers.share(row['prior'])} ± {numbers.share(row['prior_sd'])}",
                "rate": f"{numbers.share(row['rate'])} ± {numbers.share(row['sd'])}",
                "basis": self.t(f"basis_{row['basis']}"),
                "contacts": numbers.count(row["contacts"]),
            }
            for row in ([] if found is None else found["rates"])
        ]

    def policies(self) -> list[dict[str, str]]:
        """Return the policies of the latest campaign that was asked for them."""
        for one in self.measured():
            if "policies" in one:
                return [
                    {
                        "name": row["name"] + (" ★" if row["name"] == one["policies"]["chosen"] else ""),
                        "value": f"{self.price(number(row['value']))} ± {self.price(number(row['error']))}",
                        "claim": self.price(number(row["claim"])),
                        "optimism": self.price(number(row["optimism"])),
                    }
                    for row in one["policies"]["all"]
                ]
        return []

    def gain_by_depth(self) -> Markup:
        """Return the gain by depth of the latest campaign that was asked who responds, with its 90 % band."""
        for one in self.measured():
            if "buyers" in one["uplift"]:
                curve = one["uplift"]["buyers"]["curve"]
                return charts.band(curve["gain"], curve["low"], curve["high"], f"{self.t('did_curve')}: {one['name']}")
        return Markup("")

    def advices(self) -> list[str]:
        """Return what control group is worth most, a sentence an action."""
        found = self.report.experiments
        told = {} if found is None else found["advice"]
        return [experiment_texts.advice(self.named("action", name), one, self.language) for name, one in told.items()]

    def campaign_rows(self) -> str:
        """Return the account of the campaigns table's rows."""
        found = self.report.experiments
        rows = {} if found is None else found["rows"]
        return self.t("did_rows", **{name: numbers.count(value) for name, value in rows.items()}) if rows else ""
