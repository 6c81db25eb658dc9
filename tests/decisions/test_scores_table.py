"""The scores table says what deviates, and its CSV cannot execute."""

import datetime as dt
import io

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from lifecycle.decisions.scores import COLUMNS, ScoresError, check, csv_safe, from_columns, schema
from lifecycle.decisions.vocabulary import STAGES

N = 4


def columns() -> dict:
    rows = {
        "customer_id": pa.array(["00001", "b", "c", "d"]),
        "as_of": [dt.date(2024, 6, 30)] * N,
        "horizon_days": np.full(N, 90),
        "priority": np.arange(1, N + 1),
        "stage": ["decline", "mature", "new", "prospect"],
        "stage_name": ["Decline", "Mature", "New", "Prospect"],
        "previous_stage": ["mature", "growth", None, None],
        "stage_since": [dt.date(2024, 6, 1), dt.date(2023, 6, 1), dt.date(2024, 6, 2), None],
        "returned_after_churn": np.zeros(N, bool),
        "second_purchase_overdue": np.zeros(N, bool),
        "days_since_last_purchase": np.array([60.0, 3.0, 28.0, np.nan]),
        "frequency": np.array([9.0, 20.0, 0.0, np.nan]),
        "expected_next_purchase": [dt.date(2024, 7, 9), dt.date(2024, 7, 4), None, None],
        "expected_next_purchase_low": [dt.date(2024, 7, 1), dt.date(2024, 7, 1), None, None],
        "expected_next_purchase_high": [dt.date(2024, 9, 1), dt.date(2024, 8, 1), None, None],
        "strategy": ["rescue", "retain", "activate", "convert"],
        "cause": ["silence", None, None, None],
        "action": ["offer", None, None, None],
        "channel": ["email", None, None, None],
        "gain_basis": ["assumed", None, None, None],
        "targeted": np.array([True, True, False, False]),
        "control": np.array([False, True, False, False]),
        "selected": np.array([True, False, False, False]),
        "reasons": ["silent", "", "", "no purchase yet"],
        "reasons_from": ["model", "rules", "rules", "rules"],
        "model_version": ["m"] * N,
        "policy_version": ["p"] * N,
    }
    numbers = np.array([0.5, 0.25, 0.1, np.nan])
    return {column.name: rows.get(column.name, numbers) for column in COLUMNS}


def changed(**new) -> pa.Table:
    return from_columns(columns() | new)


def test_a_right_table_passes_and_has_the_schema():
    table = check(changed())
    assert table.schema.equals(schema(), check_metadata=True)
    assert table["churn_probability"].to_pylist() == [0.5, 0.25, 0.1, None]
    assert table["frequency"].to_pylist() == [9, 20, 0, None]


def test_whole_number_ids_keep_their_type():
    table = check(changed(customer_id=np.array([7, 8, 9, 10])))
    assert table.schema.field("customer_id").type == pa.int64()


def test_every_column_of_the_contract_is_there_with_meaning():
    names = {column.name for column in COLUMNS}
    first = """customer_id as_of horizon_days stage days_since_last_purchase frequency p_alive expected_purchases
        expected_spend residual_value clv churn_probability decline_probability value_at_risk winback_value strategy
        priority
        selected control
        reasons reasons_from model_version"""
    later = """previous_stage stage_since second_purchase_overdue usual_gap_days expected_next_purchase
        expected_next_purchase_low expected_next_purchase_high
        loss_probability cause action channel expected_gain break_even_save_rate targeted expected_purchases_low
        expected_purchases_high expected_spend_low expected_spend_high residual_value_low residual_value_high"""
    assert set(f"{first} {later}".split()) <= names
    assert all(field.metadata[b"meaning"] for field in schema())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"priority": np.array([1, 2, 2, 4])}, "priority: must be 1..4"),
        ({"customer_id": pa.array(["a", "a", "b", "c"])}, "customer_id: must be unique, 1 rows"),
        ({"churn_probability": np.array([0.5, 1.2, 0.1, np.nan])}, "churn_probability: at most 1 allowed, 1 are above"),
        (
            {"expected_purchases": np.array([-1.0, 1.0, 0.1, np.nan])},
            "expected_purchases: at least 0 allowed, 1 are below",
        ),
        ({"expected_spend": np.array([np.inf, 1.0, 0.1, np.nan])}, "expected_spend: 1 values are NaN or infinite"),
        ({"stage": ["gone", *STAGES[1:3], "prospect"]}, "stage: one of prospect, new, growth"),
        ({"strategy": ["rescue", None, "retain", "convert"]}, "strategy: no null allowed, found 1"),
        ({"selected": np.array([True, True, False, False])}, "selected: must be targeted without control, 1 rows"),
        ({"control": np.array([False, True, True, False])}, "control: drawn among targeted only, 1 rows"),
        ({"expected_spend_low": np.array([9.0, 0.0, 0.0, np.nan])}, "expected_spend_low: must not exceed"),
        ({"frequency": np.array([1.0, 2.0, 3.0, 4.0])}, "frequency: prospects have bought nothing, 1 have"),
    ],
)
def test_each_deviation_is_named_with_what_was_found(change, said):
    with pytest.raises(ScoresError) as error:
        check(changed(**change))
    assert said in str(error.value)


def test_missing_and_unknown_columns_are_named():
    with pytest.raises(ScoresError, match=r"missing columns \['cause'\]"):
        from_columns({name: values for name, values in columns().items() if name != "cause"})
    with pytest.raises(ScoresError, match=r"unknown columns \['size'\]"):
        changed(size=np.zeros(N))
    with pytest.raises(ScoresError, match="missing columns"):
        check(changed().drop_columns(["stage"]))


def test_a_column_that_cannot_have_its_type_is_named():
    with pytest.raises(ScoresError, match="horizon_days cannot be int32"):
        changed(horizon_days=["soon"] * N)


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", " =1", "\t=1", "\r1", "\n-1", "＝1", "=cmd|' /C calc'!A0"])
def test_no_text_cell_of_the_csv_can_execute(cell):
    out = io.BytesIO()
    pyarrow.csv.write_csv(csv_safe(pa.table({"id": [cell, "00001"], "money": [-1.5, 2.0]})), out)
    back = pyarrow.csv.read_csv(
        io.BytesIO(out.getvalue()),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(column_types={"id": pa.string()}),
    )
    assert back["id"].to_pylist() == ["'" + cell, "00001"]
    assert back["money"].to_pylist() == [-1.5, 2.0]
