"""Experiments and uplift against real trials, simulated truth and causalml.

Run `python -P benchmarks/experiments.py --bars`. Hillstrom and Lenta are read from `../shared/data` (or `--data`).
`--full` repeats as often as the bars ask; without it a quarter as often, so that bars on shares are noisier. causalml
0.18 runs beside on the same folds where it is installed; else the figures recorded for it stand in (X .0615, DR .0589
on women's visits).
"""

import argparse
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

# A script finds its own folder first, and a benchmark there is called like the package `features`.
sys.path = [path for path in sys.path if Path(path).resolve() != Path(__file__).resolve().parent]

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from scipy.stats import truncnorm  # noqa: E402

from lifecycle.decisions.experiments.control_share import Situation, advise, rate_error  # noqa: E402
from lifecycle.decisions.experiments.effects import Drawn, measure  # noqa: E402
from lifecycle.decisions.experiments.rates import Evidence, evidence, posterior  # noqa: E402
from lifecycle.decisions.experiments.trust import examine  # noqa: E402
from lifecycle.models.uplift.choice import choose  # noqa: E402
from lifecycle.models.uplift.crossfit import average, cross_fit, folds_of, scores  # noqa: E402
from lifecycle.models.uplift.evaluate import fold_ranks, qini  # noqa: E402
from lifecycle.models.uplift.policy import policy_table  # noqa: E402
from lifecycle.models.uplift.trial import Trial  # noqa: E402

DATA = Path(__file__).parents[1].parent / "shared" / "data"
ARMS = ("No E-Mail", "Mens E-Mail", "Womens E-Mail")
Bar = tuple[str, str, str, bool]


def hillstrom(data: Path, arms: tuple[str, ...], outcome: str) -> Trial:
    frame = pd.read_parquet(data / "hillstrom" / "customers.parquet")
    frame = frame[frame["segment"].isin(arms)]
    x = frame[["recency", "history", "mens", "womens", "newbie"]].astype(float)
    for name in ("zip_code", "channel"):
        x = x.join(pd.get_dummies(frame[name], prefix=name).astype(float))
    arm = frame["segment"].map({name: code for code, name in enumerate(arms)}).to_numpy(np.int64)
    return Trial.of(x.to_numpy(), arm, frame[outcome].to_numpy(float), np.bincount(arm) / arm.size)


def lenta(data: Path) -> Trial:
    frame = pd.read_parquet(data / "lenta" / "customers.parquet")
    arm = frame["is_treatment"].to_numpy(np.int64)
    x = frame[["food_share_15d", "age", "is_women"]].to_numpy(float)
    return Trial.of(x, arm, frame["response_att"].to_numpy(float), float(arm.mean()))


def peers(trial: Trial, fold: np.ndarray) -> dict[str, np.ndarray]:
    """Effects of causalml's X and DR learners on the same folds with the same trees; empty where it is not there."""
    if importlib.util.find_spec("causalml") is None:
        return {}
    from causalml.inference.meta import BaseDRRegressor, BaseXRegressor
    from lightgbm import LGBMRegressor

    def trees() -> LGBMRegressor:
        return LGBMRegressor(
            n_estimators=60,
            num_leaves=8,
            min_child_samples=200,
            reg_lambda=10,
            learning_rate=0.05,
            n_jobs=1,
            verbose=-1,
        )

    found = {}
    for name, learner in (("X", BaseXRegressor), ("DR", BaseDRRegressor)):
        effect = np.empty(trial.n)
        for k in range(int(fold.max()) + 1):
            inside, outside = fold == k, fold != k
            model = learner(learner=trees(), control_name=0)
            share = pd.Series(trial.propensity[:, 1])
            known = share[outside].reset_index(drop=True)
            model.fit(X=trial.x[outside], treatment=trial.arm[outside], y=trial.outcome[outside], p=known)
            effect[inside] = model.predict(trial.x[inside], p=share[inside].reset_index(drop=True)).ravel()
        found[name] = effect
    return found


def uplift_bars(data: Path) -> Iterator[Bar]:
    trial = hillstrom(data, (ARMS[0], ARMS[2]), "visit")
    found, other, areas = [], [], []
    for seed in range(3):
        fold = folds_of(trial, folds=4, seed=seed)
        choice = choose(trial, fold=fold, seed=seed)
        one = choice.judged[choice.leader]
        found.append(one.qini)
        areas.append((one.gain_area_low, one.gain_area_high, choice.name))
        rivals = {name: qini(trial, fold_ranks(e, fold, trial.order)) for name, e in peers(trial, fold).items()}
        other.append(max(rivals.values(), default=np.nan))
        print(f"  womens visit, seed {seed}: {choice.name}, ours", end=" ")
        print({name: round(j.qini, 4) for name, j in choice.judged.items()}, "causalml", rivals)
    yield "qini, womens visit", ">= .057", f"{np.mean(found):.4f}", bool(np.mean(found) >= 0.057)
    rival = float(np.mean(other))
    named = "causalml in this run" if np.isfinite(rival) else "causalml as recorded"
    rival = rival if np.isfinite(rival) else 0.0615
    yield (
        f"less the better of {named}",
        ">= -.003",
        f"{np.mean(found) - rival:+.4f}",
        bool(np.mean(found) >= rival - 0.003),
    )
    low = min(area[0] for area in areas)
    yield "gain area, womens visit, lower end", "> 0", f"{low * 1e4:.0f}e-4", low > 0
    for name, one_trial in (
        ("mens conversion", hillstrom(data, ARMS[:2], "conversion")),
        ("Lenta", lenta(data)),
        ("mens visit (either)", hillstrom(data, ARMS[:2], "visit")),
    ):
        choice = choose(one_trial)
        j = choice.judged[choice.leader]
        why = (
            f"{choice.name}: {choice.reason} (leader {choice.leader}, loss {j.loss_difference * 1e4:+.2f}e-4, "
            f"area low {j.gain_area_low * 1e4:.1f}e-4, slope {j.slope:.2f} ± {j.slope_se:.2f})"
        )
        yield f"choice, {name}", "constant", why, not choice.differs or name == "mens visit (either)"


def permutation_bar(data: Path, repeats: int) -> Iterator[Bar]:
    rng = np.random.default_rng(11)
    trials = [hillstrom(data, (ARMS[0], ARMS[2]), "visit"), hillstrom(data, ARMS[:2], "visit")]
    claimed = 0
    for i in range(repeats):
        one = trials[i % 2]
        shuffled = Trial(one.x, rng.permutation(one.arm), one.outcome, one.propensity, one.order)
        claimed += choose(shuffled, seed=i).differs
    yield (
        f"heterogeneity claimed in {repeats} permutations", f"<= {repeats // 8}", str(claimed), claimed <= repeats // 8
    )  # fmt: skip


def policy_bars(data: Path, repeats: int) -> Iterator[Bar]:
    trial = hillstrom(data, ARMS, "spend")
    table = policy_table(trial, ARMS, cost=(0, 0, 0))
    worth = table.policies[table.chosen]
    yield "policy, Hillstrom spend", "all Mens E-Mail", table.chosen, table.chosen == "all Mens E-Mail"
    mean = float(trial.outcome[trial.arm == 1].mean())
    off = abs(worth.value - mean) / worth.error
    yield "stated worth against the arm's mean", "within 1 se", f"{worth.value:.3f}, {mean:.3f}", off <= 1
    learned = table.policies["t_trees"]
    yield "optimism shown (t_trees)", "> 0", f"{learned.value:.3f}, claims {learned.claim:.3f}", learned.optimism > 0
    inside = 0
    for seed in range(repeats):
        trial, means = simulated_arms(4000, seed)
        table = policy_table(trial, ("none", "a", "b"), cost=(0, 0.1, 0.1), seed=seed)
        fixed = table.policies["t_ridge"]
        got = table.choice["t_ridge"]
        true = float((means[got, np.arange(trial.n)] - 0.1 * (got > 0)).mean())
        inside += abs(fixed.value - true) <= 2 * fixed.error
    share = inside / repeats
    yield f"V within 2 se of the truth, {repeats} runs", ">= 95 %", f"{share:.1%}", share >= 0.95
    regrets = []
    for seed in range(max(2, repeats // 20)):
        trial, means = simulated_arms(40_000, 1000 + seed)
        net = means - np.array([[0.0], [0.1], [0.1]])
        table = policy_table(trial, ("none", "a", "b"), cost=(0, 0.1, 0.1), seed=seed)
        got = net[table.choice[table.chosen], np.arange(trial.n)].mean()
        best, nothing = net.max(axis=0).mean(), net[0].mean()
        regrets.append((best - got) / (best - nothing))
    yield "regret, n = 40,000", "<= .05 of the oracle's gain", f"{np.mean(regrets):.3f}", bool(np.mean(regrets) <= 0.05)


def simulated_arms(n: int, seed: int) -> tuple[Trial, np.ndarray]:
    """Three arms with known means (3, n)."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4))
    means = np.stack([0.5 * x[:, 0], 0.5 * x[:, 0] + x[:, 1], 0.5 * x[:, 0] + 0.8 * x[:, 2] + 0.1])
    arm = rng.choice(3, n, p=[0.4, 0.3, 0.3])
    outcome = means[arm, np.arange(n)] + rng.normal(size=n)
    return Trial.of(x, arm, outcome, np.array([0.4, 0.3, 0.3])), means


def drawn_of(trial: Trial) -> Drawn:
    none = np.zeros(trial.n)
    bought = trial.outcome
    return Drawn(trial.x, trial.treated, trial.propensity[:, 1], bought, bought, none, none)


def interval_bars(data: Path, repeats: int) -> Iterator[Bar]:
    whole = hillstrom(data, (ARMS[0], ARMS[2]), "visit")
    rng = np.random.default_rng(3)
    plain = adjusted = 0
    for _ in range(repeats):
        one = whole.at(np.sort(rng.choice(whole.n, 8000, replace=False)))
        arm = rng.permutation(one.arm)
        trial = Trial.of(one.x, arm, one.outcome, float(arm.mean()))
        effect = measure(drawn_of(trial), {}, outcomes=("buyers",))[0]
        plain += not effect.low <= 0 <= effect.high
        adjusted += effect.p < 0.05
    for name, count in (("plain", plain), ("adjusted", adjusted)):
        share = count / repeats
        yield f"A/A false positives, {name}, {repeats} times", "4-6 %", f"{share:.1%}", 0.04 <= share <= 0.06
    plain = adjusted = 0
    for _ in range(repeats):
        n, truth = 3000, 0.05
        x = rng.normal(size=(n, 4))
        treated = rng.random(n) < 0.7
        chance = np.clip(0.3 + 0.1 * x[:, 0] + truth * treated, 0, 1)
        expected = float((np.clip(0.3 + 0.1 * x[:, 0] + truth, 0, 1) - np.clip(0.3 + 0.1 * x[:, 0], 0, 1)).mean())
        trial = Trial.of(x, treated.astype(np.int64), (rng.random(n) < chance).astype(float), 0.7)
        effect = measure(drawn_of(trial), {}, outcomes=("buyers",))[0]
        plain += effect.low <= expected <= effect.high
        adjusted += effect.adj_low <= expected <= effect.adj_high
    for name, count in (("plain", plain), ("adjusted", adjusted)):
        share = count / repeats
        yield f"coverage, {name}, {repeats} times", "94-96 %", f"{share:.1%}", 0.94 <= share <= 0.96
    effect = measure(drawn_of(whole), {}, outcomes=("buyers",))[0]
    error = (effect.high - effect.low) / (2 * 1.959964)
    yield "variance saved by adjusting, womens visit", "reported", f"{1 - (effect.se / error) ** 2:.1%}", True


def trust_bars(data: Path, repeats: int) -> Iterator[Bar]:
    whole = hillstrom(data, (ARMS[0], ARMS[2]), "visit")
    rng = np.random.default_rng(5)
    caught = dict.fromkeys(("clean", "sample_ratio", "swapped", "contamination"), 0)
    part = whole.at(np.sort(rng.choice(whole.n, 10_000, replace=False)))
    for i in range(repeats):
        kept = (drawn := rng.random(whole.n) < 0.5) | (rng.random(whole.n) >= 0.05)
        quiet, bought = np.zeros(int(kept.sum()), np.bool_), whole.outcome[kept] > 0
        lost = examine(whole.x[kept, :1], drawn[kept], bought, contacted=quiet, planned=0.5, seed=i)
        caught["sample_ratio"] += "sample_ratio" in lost.why_not
        quiet, bought = np.zeros(part.n, np.bool_), part.outcome > 0
        treated = rng.random(part.n) < 0.5
        caught["clean"] += examine(part.x, treated, bought, contacted=quiet, planned=0.5, seed=i).trusted
        swapped = treated.copy()
        late = np.flatnonzero((part.x[:, 0] <= 2) & ~treated)  # a tenth of those who bought lately are moved over
        early = np.flatnonzero((part.x[:, 0] >= 9) & treated)
        some = min(late.size, early.size) // 5
        swapped[rng.choice(late, some, replace=False)] = True
        swapped[rng.choice(early, some, replace=False)] = False
        moved = examine(part.x, swapped, bought, contacted=quiet, planned=0.5, seed=i)
        caught["swapped"] += "balance" in moved.why_not or "foretold" in moved.why_not
        reached = ~treated & (rng.random(part.n) < 0.08)
        caught["contamination"] += (
            "contamination" in examine(part.x, treated, bought, contacted=reached, planned=0.5, seed=i).why_not
        )
    for name, count in caught.items():
        need = 0.98 if name == "clean" else 0.95
        yield f"trust, {name}, {repeats} draws", f">= {need:.0%}", f"{count / repeats:.1%}", count / repeats >= need


def rate_bars(repeats: int) -> Iterator[Bar]:
    rng = np.random.default_rng(9)
    situation = Situation(4000, 0.1, 0.05, 0.05, 40.0, 0.3, 0.3)
    error = rate_error(situation, 0.1, 4000)
    truth = truncnorm.rvs(-2, np.inf, loc=0.1, scale=0.05, size=repeats, random_state=rng)
    raw, mean, spread = np.empty(repeats), np.empty(repeats), np.empty(repeats)
    for i in range(repeats):
        control = rng.random(4000) < 0.1
        share = 0.3 + np.where(control, 0, 0.3 * truth[i])
        bought = rng.random(4000) < share
        t, c = bought[~control], bought[control]
        gap = t.mean() - c.mean()
        se = np.sqrt(t.var(ddof=1) / t.size + c.var(ddof=1) / c.size)
        seen = evidence("offer", "decline", effect=gap, error=se, movable=0.3, contacts=4000)
        assert seen is not None
        rate = posterior("offer", ("decline",), prior=0.1, prior_sd=0.05, found=[seen])[0]
        raw[i], mean[i], spread[i] = seen.rate, rate.rate, rate.sd
    inside = float((np.abs(mean - truth) <= 2 * spread).mean())
    yield f"posterior within 2 sd of the truth, {repeats} runs", "94-97 %", f"{inside:.1%}", 0.94 <= inside <= 0.97
    of_raw, of_mean, of_prior = (float(((one - truth) ** 2).mean()) for one in (raw, mean, np.full(repeats, 0.1)))
    yield (
        "mean squared error of the rate", "below prior's and raw's", f"{of_mean:.5f} < {of_prior:.5f}, {of_raw:.5f}",
        of_mean < min(of_prior, of_raw),
    )  # fmt: skip
    print(
        f"  raw rate's sd at 4,000 contacts, 10 % control: {error:.3f} by formula, {np.std(raw - truth):.3f} measured"
    )
    untouched = posterior("offer", ("decline",), prior=0.1, prior_sd=0.05, found=[])[0]
    yield "posterior without a contact", "the prior", repr((untouched.rate, untouched.sd)), untouched.rate == 0.1


def loop_bars(firms: int) -> Iterator[Bar]:
    """Firms of 8,000 customers over eight rounds: measured rates against fixed ones, gains by the true rate."""
    gained, spent = np.zeros(firms), np.zeros((firms, 8))
    rng = np.random.default_rng(21)
    zero = np.arange(firms) % 3 == 0
    advised = []
    for f in range(firms):
        truth = 0.0 if zero[f] else float(np.clip(rng.normal(0.1, 0.05), 0, 1))
        found: list[Evidence] = []
        for r in range(8):
            saved = rng.beta(2, 5, 8000)
            worth = rng.gamma(2, 25, 8000)
            buys = np.clip(1 - saved, 0.0, 0.9) * 0.5
            rate = posterior("offer", ("decline",), prior=0.1, prior_sd=0.05, found=found)[0]
            won = saved * worth
            listed, fixed = rate.rate * won > 1, 0.1 * won > 1
            held = rng.random(8000) < 0.1
            gained[f] += ((truth * won - 1)[listed & ~held]).sum() - ((truth * won - 1)[fixed & ~held]).sum()
            spent[f, r] = (listed & ~held).sum()
            mine = np.flatnonzero(listed)
            if mine.size < 200:
                continue
            treated = ~held[mine]
            bought = (rng.random(mine.size) < buys[mine] + truth * saved[mine] * treated).astype(float)
            x = np.stack([saved[mine], buys[mine]], axis=1)
            none = np.zeros(mine.size)
            drawn = Drawn(x, treated, np.full(mine.size, 0.9), bought, bought, none, none)
            effect = measure(drawn, {}, outcomes=("buyers",))[0]
            if r == 0:
                even = 1 / float(won[mine].mean() / saved[mine].mean()) / float(saved[mine].mean())
                asked = Situation(
                    mine.size,
                    rate.rate,
                    rate.sd,
                    even,
                    float(won[mine].mean()),
                    float(saved[mine].mean()),
                    effect.mean_c,
                )
                advised.append(advise(asked, share=0.1))
            one = evidence(
                "offer", "decline", effect=effect.adjusted, error=effect.se, movable=float(saved[mine].mean()),
                contacts=mine.size,
            )  # fmt: skip
            found += [] if one is None else [one]
    mean, error = average(gained)
    better = float((gained > 0).mean())
    yield (
        f"loop less fixed rates, {firms} firms, 8 rounds", "> 0 beyond noise",
        f"{mean:,.0f} ± {error:,.0f} a firm, {better:.0%} of firms better", mean > 1.96 * error,
    )  # fmt: skip
    curve = spent[zero].mean(axis=0)
    less = float((spent[zero, 1:] < spent[zero, :1]).all(axis=1).mean())
    yield (
        "contacts of firms without effect, by round", "each later one below the first",
        f"{' '.join(f'{one:.0f}' for one in curve)}; in {less:.0%} of these firms", bool((curve[1:] < curve[0]).all()),
    )  # fmt: skip
    first = advised[0]
    yield (
        "advice from the first round", "contacts and control share",
        f"control {first.share:.0%}; {first.needed:,} contacts at 10 %, {first.needed_at_half:,} at half",
        first.needed is not None,
    )  # fmt: skip


def sum_bars(data: Path) -> Iterator[Bar]:
    trial = hillstrom(data, (ARMS[0], ARMS[2]), "spend")
    n = trial.n
    drawn = Drawn(trial.x, trial.treated, trial.propensity[:, 1], (trial.outcome > 0) * 1.0, trial.outcome,
                  np.full(n, 0.05), np.zeros(n), 0.3)  # fmt: skip
    channel = np.array(["a", "b", "c"])[trial.x[:, -3:].argmax(axis=1)]
    found = measure(drawn, {"channel": channel}, outcomes=("net_worth",))
    total, parts = found[0].total, sum(one.total for one in found[1:])
    yield "net worth by segment less the total", "0", f"{parts - total:.1e} of {total:,.0f}", abs(parts - total) < 1e-6


def crossfit_check() -> Iterator[Bar]:
    """Scores of an arm average to its mean whatever the regression is, as propensities are known."""
    trial, means = simulated_arms(20_000, 1)
    psi = scores(trial, cross_fit(trial, folds_of(trial)).mean)
    worst = max(abs(psi[a].mean() - means[a].mean()) / average(psi[a])[1] for a in range(3))
    yield "arms' means by AIPW against the truth", "within 3 se", f"{worst:.2f} se", worst < 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bars", action="store_true", help="measure all bars; the only thing this script does")
    parser.add_argument("--full", action="store_true", help="as many repetitions as the bars ask for")
    parser.add_argument("--data", type=Path, default=DATA)
    args = parser.parse_args()
    size = 1.0 if args.full else 0.25
    bars = (
        uplift_bars(args.data),
        permutation_bar(args.data, int(40 * size)),
        policy_bars(args.data, int(200 * size)),
        interval_bars(args.data, int(2000 * size)),
        trust_bars(args.data, int(200 * size)),
        rate_bars(2000),
        loop_bars(50),
        sum_bars(args.data),
        crossfit_check(),
    )
    missed = 0
    for group in bars:
        for name, bar, measured, met in group:
            print(f"{name} | {bar} | {measured} | {'met' if met else 'MISSED'}", flush=True)
            missed += not met
    print(f"{missed} bars missed")
    raise SystemExit(bool(missed))


if __name__ == "__main__":
    main()
