"""The report that people read: one self-contained HTML file, English or Chinese."""

from pipelines.report.input import ReportInput
from pipelines.report.notes import Choice, Note
from pipelines.report.render import render

__all__ = ["Choice", "Note", "ReportInput", "render"]
