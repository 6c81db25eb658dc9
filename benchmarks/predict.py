"""Predictions and intervals of this project beside lifetimes, on the same simulated customers, in one run.

    python benchmarks/predict.py [--customers 1000000] [--holdouts]

Both take the same BG/NBD parameters. lifetimes discounts month by month over twelve months of 30 days, as its
``customer_lifetime_value`` does; here the rate is continuous over the same 360 days, so values differ slightly.
``--holdouts`` also reports how often intervals held on CDNOW and, where it is at hand, on the online retail log.
"""

import argparse
import datetime
import os
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from fit import simulate

from lifecycle.models.btyd import BgNbd, GammaGamma, MbgNbd, ParetoNbd, fit_best, intervals, predictive

DAY_RATE = np.log(1.15) / 365.0


def best(work: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """Best time of ``repeats`` and the last result."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - started)
    return min(times), result


def row(work: str, seconds: float, note: str = "") -> None:
    """One line of the printed table."""
    print(f"| {work} | {seconds:.3f} | {note} |", flush=True)


def speed(n: int, repeats: int) -> None:
    """All predictions for ``n`` customers."""
    x, t_x, T = simulate(n, seed=n)
    rng = np.random.default_rng(1)
    mean = np.where(
        x > 0, rng.gamma(6.25 * np.maximum(x, 1)) / rng.gamma(3.74, 1 / 15.44, n) / np.maximum(x, 1), np.nan
    )
    model, money = BgNbd.fit(x, t_x, T), GammaGamma.fit(x, mean)

    def ours() -> tuple[np.ndarray, ...]:
        alive = model.p_alive(x, t_x, T)
        bought = model.expected_purchases(360, x, t_x, T)
        value = model.expected_discounted_purchases(360, DAY_RATE, x, t_x, T) * money.expected_monetary_value(x, mean)
        return alive, bought, value

    ours()
    seconds, (alive, bought, value) = best(ours, repeats)
    row(f"p_alive, expected purchases, 12-month discounted value, {n:,}: lifecycle", seconds)
    bridge, spend = model.to_lifetimes(x, t_x, T), money.to_lifetimes()

    def theirs() -> tuple[np.ndarray, ...]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            alive = bridge.conditional_probability_alive(x, t_x, T)
            bought = bridge.conditional_expected_number_of_purchases_up_to_time(360, x, t_x, T)
            value = spend.customer_lifetime_value(
                bridge,
                *(pd.Series(v) for v in (x, t_x, T, np.nan_to_num(mean))),
                time=12,
                discount_rate=float(np.expm1(30 * DAY_RATE)),
                freq="D",
            )
        return alive, bought, np.asarray(value)

    theirs_seconds, (their_alive, their_bought, their_value) = best(theirs, 1)
    apart = float(np.nanmax(np.abs(bought / their_bought - 1))), float(np.nanmax(np.abs(alive / their_alive - 1)))
    row(
        f"the same, {n:,}: lifetimes",
        theirs_seconds,
        f"{theirs_seconds / seconds:.0f} x; purchases differ by at most {apart[0]:.0e}, p_alive by {apart[1]:.0e}, "
        f"total value by {value.sum() / np.nansum(their_value) - 1:+.2%}",
    )
    row(f"posterior, 4,000 draws, {n:,}", *_noted(best(lambda: model.posterior(x, t_x, T), repeats)))
    seconds, _ = best(
        lambda: intervals(
            model,
            money,
            horizon=365,
            discount_rate=DAY_RATE,
            margin=0.3,
            frequency=x,
            recency=t_x,
            T=T,
            monetary_value=mean,
        ),
        repeats,
    )
    row(f"intervals for purchases, spend, margin and residual value, {n:,}", seconds)


def _noted(found: tuple[float, Any]) -> tuple[float, str]:
    seconds, posterior = found
    return seconds, f"{posterior.method}, effective {posterior.effective:.0f}, {posterior.evaluations} evaluations"


def small(repeats: int) -> None:
    """CDNOW's sample: fits and posteriors."""
    history, *_ = holdout(cdnow(), "1997-09-30", "1998-06-30")
    for kind in (BgNbd, MbgNbd, ParetoNbd):
        kind.fit(*history)
        seconds, model = best(lambda kind=kind: kind.fit(*history), 4 * repeats)
        row(f"{kind.name} fit, CDNOW sample", seconds)
        row(
            f"{kind.name} posterior, 4,000 draws, CDNOW sample",
            *_noted(best(lambda model=model: model.posterior(*history), repeats)),
        )


def cdnow() -> pd.DataFrame:
    """CDNOW's tenth as it ships with lifetimes: columns customer, date, amount."""
    spec = find_spec("lifetimes")
    if spec is None or spec.origin is None:
        raise SystemExit("lifetimes is not installed; it ships the CDNOW data.")
    table = pd.read_csv(
        Path(spec.origin).parent / "datasets" / "CDNOW_sample.txt",
        sep=r"\s+",
        header=None,
        names=["master", "customer", "date", "count", "amount"],
        dtype={"customer": str, "date": str},
    )
    return table.assign(date=pd.to_datetime(table["date"], format="%Y%m%d"))


def online_retail() -> pd.DataFrame | None:
    """The online retail log, where it lies beside the project."""
    path = Path(__file__).parents[2] / "shared" / "data" / "online_retail" / "transactions.parquet"
    if not path.is_file():
        return None
    table = pd.read_parquet(path).rename(columns={"customer_id": "customer"}).dropna(subset=["customer"])
    table = table[table["amount"] >= 0]
    return table.assign(date=pd.to_datetime(table["ts"]).dt.normalize())


def holdout(
    table: pd.DataFrame, end: str, last: str
) -> tuple[tuple[np.ndarray, ...], np.ndarray, np.ndarray, np.ndarray]:
    """Histories in days, mean values, and purchase days and spend in the holdout."""
    days = table.groupby(["customer", "date"], as_index=False)["amount"].sum()
    known = days[days["date"] <= end]
    group = known.groupby("customer")["date"]
    first, latest, count = group.min(), group.max(), group.size()
    one = pd.Timedelta(days=1)
    history = (
        count.to_numpy(float) - 1.0,
        ((latest - first) / one).to_numpy(float),
        ((pd.Timestamp(end) - first) / one).to_numpy(float),
    )
    repeat = known[known["date"] > known["customer"].map(first)]
    mean = repeat.groupby("customer")["amount"].mean().reindex(first.index).to_numpy(float)
    later = days[(days["date"] > end) & (days["date"] <= last)].groupby("customer")["amount"]
    bought, spent = later.size(), later.sum()
    return history, mean, *(v.reindex(first.index).fillna(0.0).to_numpy(float) for v in (bought, spent))


def holdouts() -> None:
    """How often 90 % intervals held on real customers, as found."""
    print("\n| holdout | model | counts in [.05, .95] | spend in [.05, .95] | count interval | spend interval |")
    print("|---|---|---|---|---|---|")
    logs = [("CDNOW sample, 273 days", cdnow(), "1997-09-30", "1998-06-30")]
    retail = online_retail()
    if retail is not None:
        logs.append(("online retail, 90 days", retail, "2011-06-30", "2011-09-28"))
        logs.append(("online retail, 90 days", retail, "2011-09-10", "2011-12-09"))
    for name, table, end, last in logs:
        history, mean, bought, spent = holdout(table, end, last)
        horizon = (pd.Timestamp(last) - pd.Timestamp(end)).days
        money = GammaGamma.fit(history[0], mean)
        for model in (fit_best(*history).model, ParetoNbd.fit(*history)):
            ahead = predictive(
                model,
                money,
                horizon=horizon,
                frequency=history[0],
                recency=history[1],
                T=history[2],
                monetary_value=mean,
                posterior=model.posterior(*history),
            )
            rng = np.random.default_rng(0)
            under, upto = ahead.purchase_cdf(bought - 1.0), ahead.purchase_cdf(bought)
            counts = under + rng.random(bought.size) * (upto - under)
            spends = np.where(bought > 0, ahead.spend_cdf(spent), rng.random(bought.size) * ahead.spend_cdf(0.0))
            inside = [np.mean((pit >= 0.05) & (pit <= 0.95)) for pit in (counts, spends)]
            held = [
                np.mean((value >= quantile(0.05)) & (value <= quantile(0.95)))
                for value, quantile in ((bought, ahead.purchase_quantile), (spent, ahead.spend_quantile))
            ]
            prior = " (weak prior)" if model.diagnostics.prior else ""
            shares = " | ".join(f"{share:.3f}" for share in (*inside, *held))
            print(f"| {name} from {end} | {model.name}{prior} | {shares} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--holdouts", action="store_true")
    arguments = parser.parse_args()
    print(f"{datetime.date.today()}, {os.cpu_count()} cores, best of {arguments.repeats} after compilation\n")
    print("| work | seconds | note |")
    print("|---|---|---|")
    small(arguments.repeats)
    for n in arguments.customers:
        speed(n, arguments.repeats)
    if arguments.holdouts:
        holdouts()


if __name__ == "__main__":
    main()
