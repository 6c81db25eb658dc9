"""What a measurement leaves in MLflow: a run an experiment, below it a run a learner, the same metrics in each."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from lifecycle.models.uplift.choice import Choice
from lifecycle.models.uplift.evaluate import DEPTHS
from lifecycle.pipelines.experiments.measuring import Measured, Measurement, summary
from lifecycle.pipelines.tracking import mlflow_store as tracking
from lifecycle.pipelines.tracking.mlflow_store import Tracker


def log_measurement(tracker: Tracker, result: Measurement) -> None:
    """Log every experiment whose window is over, as `experiment` and `uplift` runs with a child a learner."""
    for one, told in zip(result.experiments, summary(result)["experiments"], strict=True):
        if one.trust is None:
            continue
        tags = {"kind": "experiment", "as_of": result.as_of.isoformat(), "state": one.state, "why_not": told["why_not"]}
        note = f"{one.found.name}: {one.state.replace('_', ' ')} {told['why_not']}".strip()
        with tracking.run(tracker, f"experiment {one.found.name}", tags=tags, note=note) as run_id:
            metrics = {f"check_{check.name}": check.value for check in one.trust.checks}
            for effect in one.effects:
                if effect.by == "all":
                    metrics |= {
                        f"{effect.outcome}_effect": effect.adjusted,
                        f"{effect.outcome}_se": effect.se,
                        f"{effect.outcome}_p_holm": effect.p_holm,
                    }
            sizes = {"n_treated": told["n_treated"], "n_control": told["n_control"], "window_days": result.window}
            tracking.log(tracker, run_id, metrics=metrics, params={"treatment": one.found.treatment, **sizes})
            tracking.log_dict(tracker, run_id, "experiment.json", told)
        for outcome, choice in (("buyers", one.buyers), ("margin", one.money)):
            if choice is not None:
                _log_uplift(tracker, one, outcome, choice, result)


def _log_uplift(tracker: Tracker, one: Measured, outcome: str, choice: Choice, result: Measurement) -> None:
    name = f"uplift {one.found.name} {outcome}"
    tags = {"kind": "uplift", "as_of": result.as_of.isoformat(), "chosen": choice.name, "reason": choice.reason}
    note = f"{choice.name} is used: {choice.reason.replace('_', ' ')}; least loss: {choice.leader}"
    with tracking.run(tracker, name, tags=tags, note=note) as parent:
        tracking.log(tracker, parent, metrics={"effect": choice.effect, "effect_se": choice.error})
        for learner, judged in choice.judged.items():
            star = " ★" if learner == choice.name else ""
            child = {**tags, "kind": "uplift_candidate", "candidate": learner}
            with tracking.run(tracker, f"{learner}{star}", tags=child, note=note, parent=parent) as run_id:
                tracking.log(tracker, run_id, metrics=judged.metrics(), params={"candidate": learner})
                if learner == choice.leader:
                    drawn = gain_figure(choice, outcome)
                    tracking.log_figures(tracker, run_id, {"gain_by_depth": drawn})
                    plt.close(drawn)


def gain_figure(choice: Choice, outcome: str) -> Figure:
    """Return the leader's gain by depth with its 90 % band."""
    figure, axes = plt.subplots(figsize=(6.4, 4.0), layout="constrained")
    axes.fill_between(DEPTHS, choice.curve.low, choice.curve.high, alpha=0.25, linewidth=0)
    axes.plot(DEPTHS, choice.curve.gain)
    axes.axhline(0, color="grey", linewidth=0.8)
    axes.set_xlabel("share of customers treated, by learned effect")
    axes.set_ylabel(f"{outcome} a customer, beyond treating as many by chance")
    axes.set_title(f"{choice.leader}: {choice.reason.replace('_', ' ')}")
    return figure
