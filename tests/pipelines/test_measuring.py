"""The loop end to end: a list, contacts, what came of them with a known effect, rates, and the list that follows."""

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from lifecycle.pipelines import config as configuration
from lifecycle.pipelines.config import Config
from lifecycle.pipelines.experiments.measuring import MeasureError, Measurement, measure_all
from lifecycle.pipelines.ingest import HistoryStore
from lifecycle.pipelines.steps import ingest_step, measure_step, report_step, score_step, train_step
from lifecycle.pipelines.terminal import quiet
from lifecycle.pipelines.tracking.mlflow_store import calm, open_tracker

START, CUT = pd.Timestamp("2022-01-01"), pd.Timestamp("2023-06-30")
WINDOW = 60
EFFECT = 0.25
"""Of those treated who would not have bought, this share does."""

Base = tuple[Path, Measurement, pd.DataFrame]


def purchases(n: int = 4500, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        day, gap, end = rng.integers(0, 300), rng.gamma(2, 25), rng.integers(0, 300) + rng.exponential(450)
        while day <= min(end, 640):
            rows.append((f"c{i:05d}", START + pd.Timedelta(days=int(day)), round(float(rng.gamma(3, 15)), 2)))
            day += rng.exponential(gap) + 1
    return pd.DataFrame(rows, columns=["customer_id", "timestamp", "amount"])


def shop(folder: Path, log: pd.DataFrame, sent: pd.DataFrame | None = None, **retention: object) -> Config:
    log.to_csv(folder / "log.csv", index=False)
    tables: dict[str, object] = {"transactions": {"path": "log.csv"}}
    if sent is not None:
        sent.to_csv(folder / "sent.csv", index=False)
        tables["campaigns"] = {"path": "sent.csv"}
    return configuration.parse(
        {
            "tables": tables,
            "time": {"horizon_days": WINDOW},
            "money": {"margin": 0.4, "currency": "EUR"},
            "retention": {"budget": 1600, "control_share": 0.5, **retention},
            "learning": {"candidates": ["naive", "mbgnbd"], "bootstrap": 20},
            "tracking": {"uri": "sqlite:///mlflow.db"},
            "output": {"directory": "out"},
        },
        base=folder,
        name="shop",
    )


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Base:
    folder = tmp_path_factory.mktemp("loop")
    log = purchases()
    config = shop(folder, log[log["timestamp"] <= CUT])
    ingest_step(config)
    train_step(config)
    score_step(config)
    plan = pd.read_parquet(folder / "out" / "plan" / f"{CUT.date()}.parquet")
    rng = np.random.default_rng(2)
    day = CUT + pd.Timedelta(days=3)
    treated = plan[plan["targeted"] & ~plan["control"]]
    sent = pd.DataFrame({"customer_id": treated["customer_id"], "timestamp": day, "treatment": treated["action"]})
    sent = sent[rng.random(len(sent)) < 0.95].assign(control="no", cost=1.0)  # a few were never reached
    until = log[log["timestamp"] <= day + pd.Timedelta(days=WINDOW + 5)]
    after = until[until["timestamp"] > day]
    silent = set(treated["customer_id"]) - set(after["customer_id"])
    more = [(one, day + pd.Timedelta(days=int(rng.integers(1, WINDOW))), 50.0) for one in sorted(silent)]
    won = pd.DataFrame([one for one in more if rng.random() < EFFECT], columns=list(log.columns))
    other = pd.DataFrame(  # a campaign of which nothing is known but who got it, and one that is not over
        [(f"c{i:05d}", day, "newsletter", "no", 0.1) for i in range(2900, 3000)]
        + [(f"c{i:05d}", day + pd.Timedelta(days=40), "call", "yes" if i % 2 else "no", 2.0) for i in range(400)],
        columns=["customer_id", "timestamp", "treatment", "control", "cost"],
    )
    listed = other[~other["customer_id"].isin(plan.loc[plan["targeted"] | plan["explore"], "customer_id"])]
    config = shop(folder, pd.concat([until, won]), pd.concat([sent, listed]))
    ingest_step(config)
    measured = measure_step(config)
    return folder, measured, plan


def test_the_effect_that_was_simulated_is_measured(loop: Base) -> None:
    _, found, plan = loop
    [one] = [one for one in found.experiments if one.found.listed is not None]
    assert one.state == "trusted", one.trust
    buyers = next(effect for effect in one.effects if (effect.by, effect.outcome) == ("all", "buyers"))
    truth = EFFECT * (1 - buyers.mean_c)
    assert buyers.adj_low < truth < buyers.adj_high
    drawn = plan[plan["targeted"] | plan["explore"]]
    assert buyers.n_t + buyers.n_c == len(drawn), "who was drawn counts, reached or not"
    assert buyers.n_t == (drawn["targeted"] & ~drawn["control"]).sum()


def test_outcomes_are_those_of_a_plain_count(loop: Base) -> None:
    folder, found, plan = loop
    [one] = [one for one in found.experiments if one.found.listed is not None]
    log = pd.read_csv(folder / "log.csv", parse_dates=["timestamp"])
    day = CUT + pd.Timedelta(days=3)
    inside = log[(log["timestamp"] > day) & (log["timestamp"] <= day + pd.Timedelta(days=WINDOW))]
    spend = inside.groupby("customer_id")["amount"].sum()
    drawn = plan[plan["targeted"] | plan["explore"]].set_index("customer_id")
    treated = drawn["targeted"] & ~drawn["control"]
    mine = spend.reindex(drawn.index).fillna(0.0)
    effect = next(effect for effect in one.effects if (effect.by, effect.outcome) == ("all", "spend"))
    assert effect.mean_t == pytest.approx(mine[treated].mean())
    assert effect.mean_c == pytest.approx(mine[~treated].mean())
    worth = next(effect for effect in one.effects if (effect.by, effect.outcome) == ("all", "net_worth"))
    reached = sum(one.found.people["reached"])
    assert worth.mean_t == pytest.approx(0.4 * effect.mean_t - reached / treated.sum())


def test_what_cannot_be_told_is_not(loop: Base) -> None:
    _, found, _ = loop
    states = {one.found.treatment: one for one in found.experiments}
    assert states["newsletter"].state == "no_control"
    assert states["call"].state == "running"
    assert not states["call"].effects and not states["newsletter"].effects
    table = pq.read_table(found.parquet).to_pandas()
    assert table.loc[table["treatment"] == "call", "adjusted"].isna().all()


def test_rows_and_sums_add_up(loop: Base) -> None:
    folder, found, _ = loop
    rows = found.rows
    assert rows["treated"] + rows["control"] + rows["later"] + rows["quarantined"] + rows["netted"] == rows["all"]
    assert rows["all"] == len(pd.read_csv(folder / "sent.csv"))
    table = pq.read_table(found.parquet).to_pandas()
    for by in ("stage", "strategy"):
        for outcome in ("net_worth", "spend"):
            mine = table[(table["outcome"] == outcome) & (table["state"] == "trusted")]
            total = mine.loc[mine["segment_by"] == "all", "total"].sum()
            assert mine.loc[mine["segment_by"] == by, "total"].sum() == pytest.approx(total)


def test_the_next_list_uses_the_rate_and_says_so(loop: Base) -> None:
    folder, found, _ = loop
    rates = pq.read_table(found.rates_path).to_pandas().set_index(["action", "stage"])
    assert rates.loc[("retention_offer", "churned"), "basis"] != "assumed"
    assert rates.loc[("second_purchase_offer", "new"), "basis"] == "assumed"
    config = shop(folder, pd.read_csv(folder / "log.csv"), pd.read_csv(folder / "sent.csv"))
    scoring = score_step(config)
    scores = pq.read_table(scoring.parquet).to_pandas()
    mine = scores[scores["action"] == "retention_offer"]
    assert set(mine["gain_basis"]) <= {"mixed", "measured"}
    assert (mine["expected_gain_low"] <= mine["expected_gain"]).all()
    assert (mine["expected_gain"] <= mine["expected_gain_high"]).all()
    assert scoring.summary.basis in ("mixed", "measured")
    plan = pd.read_parquet(folder / "out" / "plan" / f"{found.as_of}.parquet")
    used = plan[plan["action"] == "retention_offer"].groupby("stage")["rate"].first()
    for stage, rate in used.items():
        assert rate == rates.loc[("retention_offer", stage), "rate"]
    page = report_step(config).read_text()
    assert "Did it work?" in page and "newsletter" in page
    assert "no effect can be told: no control group" in page


def test_mlflow_holds_the_experiment_and_a_run_a_learner(loop: Base) -> None:
    folder, found, _ = loop
    tracker = open_tracker(shop(folder, pd.read_csv(folder / "log.csv"), pd.read_csv(folder / "sent.csv")))
    with calm():
        runs = tracker.client.search_runs([tracker.experiment_id], max_results=100)
    kinds = [run.data.tags.get("kind") for run in runs]
    assert kinds.count("experiment") == 1
    learned = [run for run in runs if run.data.tags.get("kind") == "uplift_candidate"]
    assert {run.data.tags["candidate"] for run in learned} >= {"constant", "t_ridge", "x_trees", "dr_ridge"}
    wanted = {"qini", "gain_area", "gain_area_low", "dr_loss", "uplift_at_30"}
    assert all(wanted <= set(run.data.metrics) for run in learned)
    assert any({"policy_value", "optimism"} <= set(run.data.metrics) for run in learned)
    told = json.loads(found.parquet.with_suffix(".json").read_text())
    [one] = [one for one in told["experiments"] if one["listed"]]
    assert one["uplift"]["buyers"]["reason"]
    assert {row["name"] for row in one["policies"]["all"]} >= {"none", "all retention_offer", "t_trees"}


def test_a_campaign_with_its_own_control_rows_is_an_experiment(tmp_path: Path) -> None:
    log = purchases(800, seed=5)
    rng = np.random.default_rng(6)
    ids = np.unique(log["customer_id"])
    sent = pd.DataFrame(
        {
            "customer_id": ids,
            "timestamp": CUT - pd.Timedelta(days=100),
            "treatment": "letter",
            "campaign": "spring",
            "control": np.where(rng.random(ids.size) < 0.5, "yes", "no"),
            "propensity": 0.5,
        }
    )
    config = shop(tmp_path, log[log["timestamp"] <= CUT], sent)
    ingest_step(config)
    store = HistoryStore.open(config.directory / "history")
    found = measure_all(config, store, WINDOW, quiet)
    [one] = found.experiments
    assert one.found.name == "spring"
    assert one.state == "trusted", one.trust
    buyers = next(effect for effect in one.effects if effect.outcome == "buyers")
    assert buyers.adj_low < 0 < buyers.adj_high
    assert all(rate.basis == "assumed" for rate in found.rates.rows), "without a list there is no movable share"
    swapped = sent.assign(propensity=0.6)
    config = shop(tmp_path, log[log["timestamp"] <= CUT], swapped)
    ingest_step(config)
    store = HistoryStore.open(config.directory / "history")
    [one] = measure_all(config, store, WINDOW, quiet).experiments
    assert one.state == "not_trusted"
    assert one.trust is not None and "sample_ratio" in one.trust.why_not


def test_without_campaigns_the_remedy_is_named(tmp_path: Path) -> None:
    log = purchases(50)
    config = shop(tmp_path, log)
    ingest_step(config)
    with pytest.raises(MeasureError, match=r"tables\.campaigns"):
        measure_all(config, HistoryStore.open(config.directory / "history"), WINDOW, quiet)


def test_later_purchases_change_nothing_as_of_a_date(tmp_path: Path) -> None:
    log = purchases(400, seed=7)
    ids = np.unique(log["customer_id"])
    sent = pd.DataFrame({"customer_id": ids, "timestamp": "2022-10-01", "control": np.arange(ids.size) % 2 > 0})
    as_of = dt.date(2022, 12, 31)
    found = []
    for part in (log[log["timestamp"] <= "2023-01-31"], log[log["timestamp"] <= "2023-06-30"]):
        config = shop(tmp_path, part, sent)
        config = config.model_copy(update={"time": config.time.model_copy(update={"as_of": as_of})})
        ingest_step(config)
        store = HistoryStore.open(config.directory / "history")
        found.append(measure_all(config, store, WINDOW, quiet).parquet.read_bytes())
    assert found[0] == found[1]


def test_odd_tables_of_contacts_are_told_as_what_they_are(tmp_path: Path) -> None:
    log = purchases(300, seed=8).assign(customer_id=lambda frame: frame["customer_id"].str[1:].astype(int))
    ids = np.unique(log["customer_id"])
    base = pd.DataFrame({"customer_id": ids[:40], "timestamp": "2022-10-01"})
    prospects = base.assign(customer_id=range(90_000, 90_040), control=np.arange(40) % 2 > 0, campaign="strangers")
    only_held = base.assign(control=True, campaign="nobody")
    twice = pd.concat([base, base.assign(timestamp="2022-10-03")]).assign(control=False, campaign="twice")
    ahead = base.assign(timestamp="2024-01-01", control=False, campaign="ahead")
    sent = pd.concat([prospects, only_held, twice, ahead])
    config = shop(tmp_path, log[log["timestamp"] <= CUT], sent)
    ingest_step(config)
    store = HistoryStore.open(config.directory / "history")
    found = {one.found.name: one for one in measure_all(config, store, WINDOW, quiet).experiments}
    assert set(found) == {"strangers", "nobody", "twice"}
    assert found["strangers"].state == "not_trusted"
    assert found["strangers"].trust is not None and "too_small" in found["strangers"].trust.why_not
    assert found["nobody"].state == found["twice"].state == "no_control"
    assert found["twice"].found.rows["repeated"] == 40
    early = config.model_copy(update={"time": config.time.model_copy(update={"as_of": dt.date(2022, 9, 1)})})
    nothing = measure_all(early, store, WINDOW, quiet)
    assert nothing.experiments == ()
    assert nothing.rows["later"] == nothing.rows["all"]
    assert pq.read_table(nothing.parquet).num_rows == 0


def test_the_treatments_of_one_campaign_are_compared_with_each_other(tmp_path: Path) -> None:
    log = purchases(3000, seed=9)
    rng = np.random.default_rng(10)
    ids = np.unique(log["customer_id"])
    day = pd.Timestamp("2023-03-01")
    treatment = rng.choice(["", "letter", "call"], ids.size)
    sent = pd.DataFrame({"customer_id": ids, "timestamp": day, "campaign": "spring", "treatment": treatment})
    sent = sent.assign(control=treatment == "", cost=np.where(treatment == "call", 30.0, 1.0))
    won = ids[(treatment != "") & (rng.random(ids.size) < 0.3)]
    more = pd.DataFrame({"customer_id": won, "timestamp": day + pd.Timedelta(days=9), "amount": 40.0})
    config = shop(tmp_path, pd.concat([log[log["timestamp"] <= CUT], more]), sent)
    ingest_step(config)
    found = measure_all(config, HistoryStore.open(config.directory / "history"), WINDOW, quiet).experiments
    assert {one.found.treatment for one in found} == {"letter", "call"}
    for one in found:
        assert one.state == "trusted", one.trust
        assert one.found.rows["control"] == (treatment == "").sum()
        assert one.policies is not None
        assert one.policies.chosen == one.policies.best_constant == "all letter"
        # both bring .3·40·.4 = 4.8; a letter costs 1, a call 30
        gap = one.policies.policies["all letter"].value - one.policies.policies["all call"].value
        assert gap == pytest.approx(29, abs=4)
