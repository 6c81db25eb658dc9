"""Train, score, plan, explain and report from a frame: what a notebook calls agrees with itself and with the rules."""

import re
import zipfile

import numpy as np
import pandas as pd
import pytest
from python_calamine import CalamineWorkbook

import lifecycle as lc


@pytest.fixture(scope="module")
def model():
    log = lc.datasets.cdnow_sample()
    history = lc.History.from_frame(log, customer_id="customer_id", timestamp="date", amount="amount")
    return lc.train(history, as_of="1998-03-31", horizon_days=90, candidates=["naive", "bgnbd", "mbgnbd"])


@pytest.fixture(scope="module")
def scores(model):
    return model.score(margin=0.3, currency="USD")


@pytest.fixture(scope="module")
def plan(scores):
    return lc.plan(scores, budget=40, contact_cost=1.0)


def test_candidates_are_judged_on_days_that_the_model_has_not_seen(model):
    table = model.compare()
    assert set(table.index) == {"naive", "bgnbd", "mbgnbd"}
    assert table.index[table["winner"]].tolist() == [model.winner] != ["naive"]
    assert table["mean_loss"].is_monotonic_increasing
    assert str(model.trial.test.as_of) == "1997-12-31" and str(model.trial.test.end) == "1998-03-31"
    assert len(model.compare(every_metric=True).columns) > len(table.columns)
    assert model.plot.calibration().axes and "gains" in model.plot.names()
    with pytest.raises(ValueError, match="no candidate 'lightgbm'; there are naive, bgnbd, mbgnbd"):
        model.plot.calibration("lightgbm")


def test_a_score_a_customer_and_later_purchases_change_none(model, scores):
    assert len(scores) == scores.index.nunique() == 2_357
    assert scores["churn_probability"].between(0, 1).all()
    known = lc.summarise(model.history, "1998-03-31")
    pd.testing.assert_series_equal(scores["frequency"].astype(float), known["frequency"])
    log = lc.datasets.cdnow_sample()
    cut = lc.History.from_frame(log[log["date"] <= "1998-03-31"], timestamp="date")
    again = lc.train(cut, horizon_days=90, candidates=["naive", "bgnbd", "mbgnbd"]).score(margin=0.3, currency="USD")
    pd.testing.assert_frame_equal(pd.DataFrame(again), pd.DataFrame(scores))


def test_a_plan_keeps_the_budget_and_can_be_made_of_any_rows(scores, plan):
    assert plan.summary.spent <= 40
    assert (plan.table["priority"].to_numpy() == np.arange(1, 2_358)).all()
    assert len(plan.list) + plan.table["control"].sum() == plan.summary.targeted
    few = scores[scores["stage"].isin(["decline", "churned"])].sample(200, random_state=1)
    part = lc.plan(few, budget=10)
    assert set(part.table.index) == set(few.index)
    assert part.summary.spent <= 10
    pd.testing.assert_series_equal(
        part.table["value_at_risk"].sort_index(), pd.Series(few["value_at_risk"]).sort_index()
    )
    with pytest.raises(TypeError, match=r"give the scores that model\.score\(\) returned"):
        lc.plan(scores.groupby("stage").sum(numeric_only=True))


def test_the_workbook_keeps_ids_as_text_and_holds_the_list(plan, tmp_path):
    path = plan.to_excel(tmp_path / "list.xlsx")
    book = CalamineWorkbook.from_path(str(path))
    assert book.sheet_names == ["Keep", "Win back", "Control"]
    rows = [row for name in book.sheet_names for row in book.get_sheet_by_name(name).to_python()[1:]]
    listed = plan.table[plan.table["selected"] | plan.table["control"]]
    assert {row[1] for row in rows} == set(listed.index)
    assert all(isinstance(row[1], str) and len(row[1]) == 4 for row in rows), "0123 is not the number 123"
    assert sum(row[6] for row in rows) == pytest.approx(plan.summary.gain)
    with zipfile.ZipFile(path) as parts:
        for sheet in ("sheet1", "sheet2", "sheet3"):
            drawn = parts.read(f"xl/worksheets/{sheet}.xml").decode()
            assert 'state="frozen"' in drawn and "<autoFilter" in drawn
    assert not list(tmp_path.glob(".partial*"))


def test_a_story_and_a_report_say_what_was_scored(scores, plan, tmp_path, capsys):
    first = plan.list.index[0]
    lc.explain(scores, first)
    story = capsys.readouterr().out
    assert f"Customer {first} as of 1998-03-31" in story and "Strategy" not in story
    lc.explain(plan, first)
    advice = capsys.readouterr().out
    assert "priority 1." in advice
    with pytest.raises(KeyError, match="no customer 'nobody' among the 2,357 scored"):
        lc.explain(plan, "nobody")
    for language, title in (("en", "Customer lifecycle"), ("zh", "客户生命周期报告")):
        page = lc.report(plan, tmp_path / f"{language}.html", language=language).read_text("utf-8")
        assert title in page and str(first) in page
        assert not re.search(r"""(src|href)=["']https?:""", page)
