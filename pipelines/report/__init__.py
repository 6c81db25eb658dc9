"""The report that people read: one self-contained HTML file, English or Chinese."""

from lifecycle.pipelines.report.render import render
from lifecycle.pipelines.report.report_input import ReportInput
from lifecycle.words.notes import Choice, Note

__all__ = ["Choice", "Note", "ReportInput", "render"]
