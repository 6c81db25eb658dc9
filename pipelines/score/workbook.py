"""The list as a workbook: whom to keep, whom to win back, and the control group, a sheet each."""

from pathlib import Path
from typing import Any

import pandas as pd
import xlsxwriter

from lifecycle.decisions.vocabulary import Language, strategy_name
from lifecycle.pipelines.atomic_files import replacing
from lifecycle.words import report_texts as texts

COLUMNS = (
    ("col_rank", "priority", 6),
    ("col_customer", "customer_id", 18),
    ("col_stage", "stage_name", 14),
    ("col_strategy", "strategy", 24),
    ("col_action", "action", 24),
    ("col_channel", "channel", 12),
    ("col_gain", "expected_gain", 14),
    ("col_at_risk", "value_at_risk", 14),
    ("col_winback", "winback_value", 14),
    ("col_silent", "days_since_last_purchase", 12),
    ("col_why", "reasons", 110),
)
"""Heading, column of the scores, width in characters."""
AMOUNTS = ("expected_gain", "value_at_risk", "winback_value")


def write_workbook(table: pd.DataFrame, path: Path, *, language: Language) -> Path:
    """Write the listed customers of a scores table, in the order of priority.

    Ids are written as text, so that leading zeros stay; nothing in a cell can execute.
    """
    churned = table["stage"] == "churned"
    sheets = {
        "sheet_keep": table[table["selected"] & ~churned],
        "sheet_win_back": table[table["selected"] & churned],
        "sheet_control": table[table["control"]],
    }
    settings = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with replacing(path, aside=path.resolve().parent) as partial, xlsxwriter.Workbook(partial, settings) as book:
        head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        cell = book.add_format({"valign": "top"})
        money = book.add_format({"num_format": "#,##0.00", "valign": "top"})
        long = book.add_format({"text_wrap": True, "valign": "top"})
        for key, rows in sheets.items():
            sheet = book.add_worksheet(texts.text(key, language))
            for place, (heading, column, width) in enumerate(COLUMNS):
                form = money if column in AMOUNTS else long if column == "reasons" else cell
                sheet.set_column(place, place, width, form)
                sheet.write_string(0, place, texts.text(heading, language), head)
                for line, value in enumerate(rows[column], start=1):
                    _write(sheet, line, place, _shown(column, value, language))
            sheet.freeze_panes(1, 2)
            sheet.autofilter(0, 0, max(len(rows), 1), len(COLUMNS) - 1)
    return path


def _shown(column: str, value: Any, language: Language) -> Any:
    """The value as a reader sees it: names for codes, text for ids, None for nothing."""
    if pd.isna(value):
        return None
    if column == "customer_id":
        return str(value)
    if column == "strategy":
        return strategy_name(value, language=language)
    key = f"{column}_{value}"
    return texts.text(key, language) if column in ("action", "channel") and texts.has(key) else value


def _write(sheet: Any, line: int, place: int, value: Any) -> None:
    if value is None:
        return
    if isinstance(value, str):
        sheet.write_string(line, place, value)
    else:
        sheet.write_number(line, place, float(value))
