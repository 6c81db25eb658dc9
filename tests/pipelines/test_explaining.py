"""One customer's story and the moves of all, as the terminal shows them, in both languages."""

import datetime as dt
import re
import shutil

import pyarrow.parquet as pq
import pytest

from lifecycle.decisions.vocabulary import LANGUAGES, stage_name
from lifecycle.pipelines import config as configuration
from lifecycle.pipelines.explain import explain
from lifecycle.pipelines.moves import show_moves
from lifecycle.pipelines.score.scoring import ScoringError
from lifecycle.pipelines.steps import score_step
from lifecycle.words.explain_texts import TEXTS

DAY = dt.date(1998, 6, 30)


@pytest.fixture(scope="module", params=LANGUAGES)
def scored(request, done, tmp_path_factory):
    """The sample scored in a language, with few enough customers explained that some are left to the rules.

    In Chinese the stages have the names of the five-stage theory.
    """
    folder = tmp_path_factory.mktemp(request.param)
    shutil.copytree(done.config.directory / "history", folder / "history")
    changes = {"output.directory": str(folder), "output.language": request.param, "output.explained_customers": 20}
    changes |= {"output.scheme": "five_stage"} if request.param == "zh" else {}
    same = {"tracking.uri": done.config.tracking_uri, "tracking.experiment": done.config.experiment}
    config = configuration.load(done.path, changes | same)
    score_step(config)
    rows = pq.read_table(folder / f"scores/{DAY}.parquet").to_pandas()
    return config, rows


def told(config, row, capsys) -> str:
    capsys.readouterr()
    explain(config, row.customer_id)
    return capsys.readouterr().out


def test_the_story_has_the_words_of_the_list_and_the_purchases_of_the_log(scored, capsys):
    config, rows = scored
    assert (rows["reasons_from"] == "model").sum() == 20
    for source in ("model", "rules"):
        row = rows[(rows["reasons_from"] == source) & (rows["frequency"] >= 1)].iloc[0]
        story = told(config, row, capsys)
        flat = re.sub(r"\s", "", story)
        assert re.sub(r"\s", "", row.reasons) in flat
        assert row.stage_name in story
        timeline = next(line for line in story.splitlines() if re.match(r"(purchases|购买次数)\s", line))
        counts = timeline.split()[-1]
        assert "+" in counts or sum(int(one) for one in counts if one != "·") == row.frequency + 1
        says = TEXTS["model_says"][LANGUAGES.index(config.output.language)].partition("{")[0]
        assert (re.sub(r"\s", "", says) in flat) == (source == "rules")


def test_stages_are_named_by_the_language_and_scheme(scored, capsys):
    config, rows = scored
    words = config.output
    names = {one: stage_name(one, language=words.language, scheme=words.scheme) for one in rows["stage"].unique()}
    assert names["mature"] == {"en": "Mature", "zh": "忠诚客户"}[words.language]
    assert (rows["stage_name"] == rows["stage"].map(names)).all()
    capsys.readouterr()
    score_step(config)
    assert names["mature"] in capsys.readouterr().out


def test_a_chinese_story_holds_no_english_word(scored, capsys):
    config, rows = scored
    if config.output.language == "zh":
        for _, row in rows.groupby("stage").head(1).iterrows():
            story = told(config, row, capsys)
            assert set(re.findall(r"[A-Za-z]{2,}", story)) <= {"USD"} | set(re.findall(r"[NGMDCP]{2,}", story))


def test_unknown_customers_and_dates_are_answered_in_words(scored):
    config, _ = scored
    with pytest.raises(ScoringError, match="is not among those scored"):
        explain(config, "999999")
    for pair in ((DAY, dt.date(1998, 1, 1)), (dt.date(1990, 1, 1), DAY)):
        with pytest.raises(ScoringError, match="two dates of the log"):
            show_moves(config, *pair)


def test_moves_between_two_dates_count_everybody(scored, capsys):
    config, rows = scored
    capsys.readouterr()
    show_moves(config, dt.date(1997, 12, 31), DAY)
    shown = capsys.readouterr().out
    matrix = shown[: shown.index("90")]
    numbers = [
        int(cell.replace(",", ""))
        for line in matrix.splitlines()[1:]
        for cell in line.split()[1:]
        if re.fullmatch(r"[\d,]+", cell)
    ]
    assert sum(numbers) == len(rows)
    assert shown.count("%") >= 3
    if config.output.language == "zh":
        assert not re.search("[A-Za-z]", shown)


def test_every_sentence_of_a_story_has_both_languages_with_the_same_holes():
    for key, (english, chinese) in TEXTS.items():
        assert english, key
        assert set(re.findall(r"\{(\w+)\}", english)) == set(re.findall(r"\{(\w+)\}", chinese)), key
