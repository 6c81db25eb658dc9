"""Figures of a churn forecast: is it right, and what does its ranking earn."""

import numpy as np
from matplotlib.figure import Figure

from lifecycle.models.evaluation import metrics as m
from lifecycle.models.evaluation.campaign_profit import Campaign
from lifecycle.models.evaluation.palette import ACTUAL, FAINT, colour, panel
from lifecycle.models.forecasting.forecast import FloatArray


def calibration(name: str, probability: FloatArray, happened: FloatArray) -> Figure:
    """Forecast against share in ten about equally filled bins, each share with its 90 % binomial range."""
    cut = m.Bins.equal_count(probability, 10)
    count = cut.sums(np.ones(probability.size))
    forecast, share = cut.sums(probability) / count, cut.sums(happened) / count
    reach = 1.645 * np.sqrt(np.maximum(share * (1 - share), 0.25 / count) / count)
    error = m.calibration_error(probability, happened)(np.ones(probability.size))
    outside = int((np.abs(forecast - share) > reach).sum())
    verdict = "lies within noise in every bin" if outside == 0 else f"leaves noise in {outside} of {count.size} bins"
    title = f"{name}: churn forecast is off by {error:.1%} on average, {verdict}"
    with panel(title, "forecast churn probability", "share that churned") as (made, axes):
        low = max(min(float(forecast.min()), float(share.min())) - 0.05, 0.0)
        axes.plot([low, 1], [low, 1], color=FAINT, linewidth=1, zorder=0)
        axes.errorbar(forecast, share, yerr=reach, fmt="o-", color=colour(name), capsize=3, markersize=5)
        axes.annotate("perfect", (low + 0.02, low + 0.02), color=FAINT, va="top", fontsize=9)
    return made


def gains(name: str, probability: FloatArray, happened: FloatArray, value: FloatArray, campaign: Campaign) -> Figure:
    """Share of churned value reached, and assumed profit, by how much of the base is contacted."""
    money = bool(np.isfinite(value).all())
    stake = campaign.margin * np.maximum(value, 0.0) if money else np.ones(probability.size)
    expected = campaign.expected_profit(probability, stake) if money else probability
    order = np.argsort(-expected, kind="stable")
    part = np.arange(1, order.size + 1) / order.size
    lost = (happened * stake)[order]
    reached = np.cumsum(lost) / max(float(lost.sum()), 1e-12)
    tenth = float(np.interp(0.1, part, reached))
    what = "churned value" if money else "churners"
    title = f"{name}: contacting the first 10 % reaches {tenth:.0%} of all {what}"
    with panel(title, "share of customers contacted, riskiest value first", f"share of {what} reached") as (made, axes):
        thin = np.unique(np.linspace(0, order.size - 1, 400).astype(np.int64))
        axes.plot(part[thin], reached[thin], color=colour(name), linewidth=2, label=f"{what} reached")
        axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, label="at random")
        axes.plot([0.1, 0.1, 0], [0, tenth, tenth], color=ACTUAL, linewidth=0.8, linestyle=":")
        lines, labels = axes.get_legend_handles_labels()
        if money:
            profit = np.cumsum(campaign.realised(happened, stake, campaign.save_rate)[order])
            best = int(np.argmax(profit))
            right = axes.twinx()
            (line,) = right.plot(part[thin], profit[thin], color=ACTUAL, linestyle="--", linewidth=1.2)
            right.plot(part[best], profit[best], "o", color=ACTUAL, markersize=5)
            right.axhline(0, color=FAINT, linewidth=0.6)
            right.set_ylabel("assumed profit of contacts")
            right.spines[["top"]].set_visible(False)
            lines.append(line)
            labels.append(f"assumed profit, best at {part[best]:.0%}: {profit[best]:,.0f}")
        axes.legend(lines, labels, frameon=False, loc="lower right", fontsize=9)
    return made
