"""Fits of this project, lifetimes and pymc-marketing (if installed) on the same simulated customers, in one run.

    python benchmarks/fit.py [--customers 100000 1000000 10000000] [--repeats 3] [--pymc-python other/bin/python]

Customers: BG/NBD with CDNOW's parameters in days, two years, a day's grain. Each engine fits in a process of its own,
which loads the same file, warms up on a thousand customers (compilation is not timed, it is printed) and reports the
best time, the log-likelihood reached (judged by one formula for all) and the memory the fit took beyond the input.
"""

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from scipy.special import betaln, gammaln

TRUTH = {"r": 0.2426, "alpha": 7 * 4.4136, "a": 0.7929, "b": 2.4259}
DAYS = 730


def simulate(n: int, seed: int) -> np.ndarray:
    """Rows frequency, recency, T of ``n`` customers, in whole days."""
    rng = np.random.default_rng(seed)
    T = rng.integers(1, DAYS + 1, n).astype(float)
    rate = rng.gamma(TRUTH["r"], 1 / TRUTH["alpha"], n)
    stop = rng.beta(TRUTH["a"], TRUTH["b"], n)
    x, t_x = np.zeros(n), np.zeros(n)
    who, now = np.arange(n), np.zeros(n)
    while who.size:
        now = now + rng.standard_exponential(who.size) / rate[who]
        who, now = who[now <= T[who]], now[now <= T[who]]
        day = np.ceil(now)
        x[who] += day > t_x[who]
        t_x[who] = day
        stays = rng.random(who.size) >= stop[who]
        who, now = who[stays], now[stays]
    return np.array([x, t_x, T])


def log_likelihood(theta: list[float], x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> float:
    """BG/NBD's log-likelihood, plainly, so that engines are judged by the same formula."""
    r, alpha, a, b = theta
    with np.errstate(divide="ignore"):
        gone = np.where(
            x > 0, np.log(a / (b + np.maximum(x, 1) - 1)) + (r + x) * np.log((alpha + T) / (alpha + t_x)), -np.inf
        )
    rows = (
        gammaln(r + x) - gammaln(r) + r * np.log(alpha) + betaln(a, b + x) - betaln(a, b) - (r + x) * np.log(alpha + T)
    )
    return float(np.sum(rows + np.logaddexp(0.0, gone)))


def fit_lifecycle(x, t_x, T):
    from lifecycle.models.btyd import BgNbd

    return lambda: BgNbd.fit(x, t_x, T).parameters


def fit_lifecycle_pareto(x, t_x, T):
    from lifecycle.models.btyd import ParetoNbd

    return lambda: ParetoNbd.fit(x, t_x, T).parameters


def fit_lifetimes(x, t_x, T):
    from lifecycle.models.btyd.lifetimes_bridge import lifetimes_package

    fitter = lifetimes_package().BetaGeoFitter
    return lambda: tuple(fitter().fit(x, t_x, T).params_)


def fit_pymc(x, t_x, T):
    import pandas as pd
    from pymc_marketing.clv import BetaGeoModel

    data = pd.DataFrame({"customer_id": np.arange(x.size), "frequency": x, "recency": t_x, "T": T})

    def fit():
        model = BetaGeoModel(data=data)
        model.fit(method="map")
        return tuple(float(model.fit_summary()[name]) for name in ("r", "alpha", "a", "b"))

    return fit


ENGINES = {
    "lifecycle": fit_lifecycle,
    "lifecycle Pareto/NBD": fit_lifecycle_pareto,
    "lifetimes": fit_lifetimes,
    "pymc-marketing MAP": fit_pymc,
}


def resident() -> int:
    """Bytes of memory this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def peak_of(work: Callable[[], object]) -> float:
    """Gigabytes of memory that ``work`` takes at its height, sampled every two milliseconds."""
    start = resident()
    highest, done = [start], threading.Event()

    def watch() -> None:
        while not done.wait(0.002):
            highest.append(max(highest.pop(), resident()))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        work()
    finally:
        done.set()
        watcher.join()
    return (highest[0] - start) / 1e9


def run_one(engine: str, path: str, repeats: int) -> None:
    """In a process of its own: print one line of JSON."""
    warnings.simplefilter("ignore")
    x, t_x, T = np.load(path)
    prepare = ENGINES[engine]
    warm = prepare(*(np.ascontiguousarray(v[:1000]) for v in (x, t_x, T)))
    started = time.perf_counter()
    warm()
    first = time.perf_counter() - started
    fit = prepare(x, t_x, T)
    times = []
    theta: list[float] = []

    def timed() -> None:
        started = time.perf_counter()
        theta[:] = fit()
        times.append(time.perf_counter() - started)

    gigabytes = peak_of(timed)
    for _ in range(repeats - 1):
        timed()
    value = None if "Pareto" in engine else log_likelihood(list(theta), x, t_x, T)
    print(json.dumps({"seconds": min(times), "first": first, "gigabytes": gigabytes, "log_likelihood": value}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, nargs="+", default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--slow-up-to", type=int, default=1_000_000, help="largest base for the other engines")
    parser.add_argument(
        "--pymc-python", default=sys.executable, help="interpreter that has pymc-marketing, if not this one"
    )
    parser.add_argument("--one", nargs=2, metavar=("ENGINE", "FILE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        run_one(arguments.one[0], arguments.one[1], arguments.repeats)
        return
    print(f"{datetime.date.today()}, {os.cpu_count()} cores, best of {arguments.repeats} after compilation\n")
    print("| customers | engine | seconds | first fit of the process | GB beyond input | log-likelihood | ratio |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for n in arguments.customers:
            path = Path(folder) / f"{n}.npy"
            np.save(path, simulate(n, seed=n))
            ours = None
            for engine in ENGINES:
                python = arguments.pymc_python if engine.startswith("pymc") else sys.executable
                if engine.startswith("pymc") and python == sys.executable and find_spec("pymc_marketing") is None:
                    print(f"| {n:,} | {engine} | not installed | | | | |")
                    continue
                if not engine.startswith("lifecycle") and n > arguments.slow_up_to:
                    continue
                if "Pareto" in engine and n > 1_000_000:
                    continue
                repeats = arguments.repeats if engine.startswith("lifecycle") or n <= 100_000 else 1
                command = [python, __file__, "--repeats", str(repeats), "--one", engine, str(path)]
                found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
                ours = found["seconds"] if engine == "lifecycle" else ours
                value = "" if found["log_likelihood"] is None else f"{found['log_likelihood']:.4f}"
                ratio = "" if engine.startswith("lifecycle") else f"{found['seconds'] / ours:.0f} x"
                print(
                    f"| {n:,} | {engine} | {found['seconds']:.4f} | {found['first']:.2f} | {found['gigabytes']:.2f} "
                    f"| {value} | {ratio} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
