"""Credit of a whole base: sums to the cent, cold starts, replay, a simulated truth recovered."""

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import lifecycle.scoring.credit_rows as module
from lifecycle.decisions.credit import CreditPolicy, credit_table
from lifecycle.decisions.vocabulary import STAGES
from lifecycle.features.history import Payments
from lifecycle.features.invoice_state import AGES, COLUMNS, invoice_state
from lifecycle.scoring.credit_rows import CreditBase, CreditRows, credit_rows

NEVER = int(np.iinfo(np.int32).max)
AS_OF = dt.date(2020, 12, 31)
DAY = (AS_OF - dt.date(1970, 1, 1)).days
POLICY = CreditPolicy(pd_prior=0.03)


class Base:
    """The part of a history that credit looks at."""

    def __init__(
        self, code: np.ndarray, invoiced: np.ndarray, due: np.ndarray, paid: np.ndarray, amount: np.ndarray, n: int
    ):
        order = np.lexsort((invoiced, code))
        offsets = np.searchsorted(code[order], np.arange(n + 1)).astype(np.int64)
        self.customer_id = pa.array([f"c{i:05d}" for i in range(n)])
        self.payments = Payments(
            offsets,
            *(x[order].astype(np.int32) for x in (invoiced, due, paid)),
            amount[order].astype(float),
        )
        self.attributes = None


def simulated(n: int = 300, each: int = 10, seed: int = 1, never_paid: float = 0.1) -> Base:
    rng = np.random.default_rng(seed)
    code = np.repeat(np.arange(n), each)
    invoiced = DAY - rng.integers(0, 1000, code.size)
    due = invoiced + 30
    late = rng.random(code.size) < np.repeat(rng.beta(1, 3, n), each)
    paid = np.where(late, due + rng.integers(1, 60, code.size), due - rng.integers(0, 20, code.size))
    paid = np.where(rng.random(code.size) < never_paid, NEVER, paid)
    return Base(code, invoiced, due, paid, np.round(rng.lognormal(5, 1, code.size), 2), n)


def decided(base: Base, policy: CreditPolicy = POLICY, day: int = DAY, as_of: dt.date = AS_OF) -> CreditRows:
    found = CreditBase.of([base], day, policy, 365)  # type: ignore[list-item]
    rng = np.random.default_rng(0)
    stages = np.array(STAGES)[1 + rng.integers(0, 5, len(base.customer_id))]
    spend = rng.lognormal(6, 1, len(base.customer_id))
    scores = pd.DataFrame(
        {"stage": stages, "horizon_days": 90, "expected_spend": spend, "expected_spend_high": 2 * spend},
        index=base.customer_id.to_pylist(),
    )
    return credit_rows(found, scores, as_of, policy, outcome_days=365, margin=0.3, yearly_rate=0.1)


def test_sums_agree_with_a_plain_count_of_the_invoices_to_the_cent():
    base = simulated()
    rows = decided(base)
    bills = base.payments
    known = bills.invoiced_day <= DAY
    open_ = known & (bills.paid_day > DAY)
    table = credit_table.from_columns(rows.columns).to_pandas()
    assert table["open_amount"].sum() == pytest.approx(bills.amount[open_].sum(), abs=0.005)
    assert sum(rows.ageing.values()) == pytest.approx(table["open_amount"].sum(), abs=0.005)
    assert table["overdue_amount"].sum() == pytest.approx(bills.amount[open_ & (bills.due_day < DAY)].sum(), abs=0.005)
    for key in ("stage", "grade"):
        sums = table.groupby(key)[["ead", "expected_loss"]].sum().sum()
        assert sums.to_numpy() == pytest.approx(table[["ead", "expected_loss"]].sum().to_numpy(), abs=0.005)
    assert rows.rolls.counts.to_numpy().sum() == len(table)
    assert (table.loc[table["impairment_stage"] == 3, "limit"] == 0).all()


def test_the_pass_agrees_with_a_plain_loop():
    bills = simulated(40, seed=4).payments
    found = invoice_state(bills, DAY - 50)
    for i in range(40):
        rows = slice(bills.offsets[i], bills.offsets[i + 1])
        inv, due, paid, amount = (x[rows] for x in (bills.invoiced_day, bills.due_day, bills.paid_day, bills.amount))
        day = DAY - 50
        known = inv <= day
        open_ = known & (paid > day)
        overdue = open_ & (due < day)
        money = amount[overdue].sum()
        threshold = max(100.0, 0.01 * amount[open_].sum())
        past = 0
        for d in sorted(due[overdue]):
            if amount[overdue & (due <= d)].sum() > threshold:
                past = day - d
                break
        judged = known & ((paid <= day) | (due < day))
        assert found["open_amount"][i] == pytest.approx(amount[open_].sum())
        assert found["overdue_amount"][i] == pytest.approx(money)
        assert found["days_past_due"][i] == past
        assert found["judged"][i] == judged.sum()
        assert found["late"][i] == (judged & (np.minimum(paid, day) > due)).sum()
        assert sum(found[a][i] for a in AGES) == pytest.approx(amount[open_].sum())
        assert found["open_amount"][i] == pytest.approx(found["invoiced"][i] - found["paid"][i])


def test_an_earlier_date_gives_the_same_whether_the_rest_had_come_or_not():
    base = simulated()
    day, as_of = DAY - 200, AS_OF - dt.timedelta(days=200)
    late = decided(base, day=day, as_of=as_of)
    bills = base.payments
    keep = bills.invoiced_day <= day
    code = np.repeat(np.arange(300), np.diff(bills.offsets))
    paid = np.where(bills.paid_day > day, NEVER, bills.paid_day)
    then = Base(code[keep], bills.invoiced_day[keep], bills.due_day[keep], paid[keep], bills.amount[keep], 300)
    now = decided(then, day=day, as_of=as_of)
    for name, values in late.columns.items():
        assert pd.Series(values).equals(pd.Series(now.columns[name])), name


def one(invoiced: Any, due: Any, paid: Any) -> Base:
    size = len(invoiced)
    arrays = (np.array(x, np.int64) for x in (invoiced, due, paid))
    return Base(np.arange(size), *arrays, np.full(size, 200.0), size)


@pytest.mark.parametrize(
    ("base", "bound", "late_known"),
    [
        (one([DAY - 40], [DAY - 10], [NEVER]), "all_late", True),
        (one([DAY - 40] * 50, [DAY - 10] * 50, [DAY - 5] * 50), "all_late", True),
        (one([DAY - 40] * 50, [DAY - 10] * 50, [DAY - 15] * 50), "none_late", True),
        (one([DAY - 40] * 50, [NEVER] * 50, [DAY - 5] * 50), "no_invoices", False),
        (one([DAY - 5], [DAY + 25], [NEVER]), "no_invoices", False),
    ],
)
def test_cold_starts_run_assume_and_say_so(base, bound, late_known):
    rows = decided(base)
    table = credit_table.from_columns(rows.columns).to_pandas()
    assert rows.late_model.bound == bound
    assert table["late_probability"].notna().all() == late_known
    assert table["expected_days_late"].notna().all() == late_known
    assert set(table["pd_basis"]) == {"assumed"}
    assert table["extrapolated"].isna().all()
    assert (table["pd"] == 0.03).all()


def test_lateness_without_default_is_not_taken_for_default():
    base = simulated(never_paid=0.0)
    rows = decided(base)
    assert rows.default_model.basis == "assumed"
    assert rows.default_model.defaults == 0


def test_a_simulated_truth_is_recovered_and_money_follows():
    rng = np.random.default_rng(9)
    n, each = 4000, 12
    code = np.repeat(np.arange(n), each)
    invoiced = DAY - 1095 + np.tile(np.linspace(0, 1080, each).astype(int), n) + rng.integers(0, 14, code.size)
    weak = rng.random(n) < 0.3
    due = invoiced + 30
    late = rng.random(code.size) < np.repeat(np.where(weak, 0.6, 0.1), each)
    paid = np.where(late, due + rng.integers(1, 60, code.size), due - 3)
    p = np.where(weak, 0.3, 0.02)
    defaults = rng.random(n) < p
    gone = np.repeat(defaults, each) & (invoiced > DAY - 300) & (invoiced < DAY - 120)
    base = Base(code, invoiced, due, np.where(gone, NEVER, paid), np.full(code.size, 500.0), n)
    rows = decided(base)
    model = rows.default_model
    assert model.basis == "learned"
    assert set(model.metrics) == {"credit_scorecard", "credit_lightgbm"}
    then = CreditBase.of([base], DAY, POLICY, 365).then  # type: ignore[list-item]
    late_model = module.BetaBinomial.fit(then["late"].to_numpy(), then["judged"].to_numpy())
    found = model.probability(module.behaviour(then, late_model, pd.DataFrame(index=then.index)))
    error = np.sqrt(p.mean() * (1 - p.mean()) / n)
    assert abs(found.mean() - p.mean()) < 2 * error
    assert abs(found[weak].mean() - 0.3) < 0.06
    assert abs(found[~weak].mean() - 0.02) < 0.03
    in_default = rows.columns["impairment_stage"] == 3
    assert (rows.columns["pd"][in_default] == 1.0).all()
    assert set(COLUMNS) == set(then.columns)
    assert any(text for text in rows.columns["reasons"])


def test_a_table_that_breaks_its_invariants_is_refused():
    columns = dict(decided(simulated(30)).columns)
    columns["expected_loss"] = columns["expected_loss"] + 1.0
    columns["grade"] = np.full(30, "F", object)
    with pytest.raises(credit_table.CreditTableError, match=r"grade: one of A, B.*30 are none.*pd·lgd·ead: 30 rows"):
        credit_table.from_columns(columns)
