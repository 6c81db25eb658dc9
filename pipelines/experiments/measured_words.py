"""What a measurement says on the terminal."""

from typing import Any

from lifecycle.pipelines.experiments.measuring import Measurement, summary
from lifecycle.pipelines.terminal import console, show_table
from lifecycle.words.experiment_texts import advice, uplift, verdict


def show_measurement(result: Measurement) -> None:
    """Print one line an experiment, the rates before and after, and the advice on the control group."""
    told = summary(result)
    rows = [_line(one) for one in told["experiments"]]
    head = ("campaign", "treated", "control", "buyers", "95 % interval", "net a contact", "verdict")
    show_table(f"Did it work? Campaigns until {result.as_of}", head, rows, left=("campaign", "verdict"))
    for one in told["experiments"]:
        for outcome, choice in one["uplift"].items():
            console.print(f"{one['name']}, {outcome}: {uplift(choice, 'en')}", soft_wrap=True)
    show_table(
        "Rates that the next list uses",
        ("action", "stage", "assumed", "now", "sd", "rests on", "contacts"),
        [
            (r.action, r.stage, f"{r.prior:.1%}", f"{r.rate:.1%}", f"{r.sd:.1%}", r.basis, f"{r.contacts:,}")
            for r in result.rates.rows
        ],
        left=("action", "stage", "rests on"),
    )
    for action, one in told["advice"].items():
        console.print(advice(action, one, "en"), soft_wrap=True)
    account = result.rows
    console.print(
        f"Rows of the campaigns table: {account['treated']:,} contacts + {account['control']:,} held back + "
        f"{account['later']:,} later + {account['quarantined']:,} quarantined + {account['netted']:,} netted = "
        f"{account['all']:,}; of them {account['not_counted']:,} in no experiment."
    )


def _line(one: dict[str, Any]) -> tuple[str, ...]:
    buyers, worth = one["effects"].get("buyers"), one["effects"].get("net_worth")
    counts = (one["name"], f"{one['n_treated']:,}", f"{one['n_control']:,}")
    if buyers is None or worth is None:
        return (*counts, "–", "–", "–", verdict(one, "en"))
    return (
        *counts,
        f"{buyers['adjusted']:+.1%}",
        f"{buyers['adj_low']:+.1%} to {buyers['adj_high']:+.1%}",
        f"{worth['adjusted']:+,.2f}",
        verdict(one, "en"),
    )
