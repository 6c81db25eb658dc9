"""From a `ReportInput` to one HTML file: formatting happens in the views, the template only places what it is given."""

from jinja2 import Environment, PackageLoader, StrictUndefined

from lifecycle.decisions.vocabulary import Language
from lifecycle.pipelines.report import charts
from lifecycle.pipelines.report.base_view import BaseView
from lifecycle.pipelines.report.experiments_view import ExperimentsView
from lifecycle.pipelines.report.list_view import ListView
from lifecycle.pipelines.report.pictures import Pictures
from lifecycle.pipelines.report.report_input import ReportInput


class View(ListView, BaseView, ExperimentsView):
    """The report's numbers as strings of one language; methods return rows for tables."""


def render(report: ReportInput, *, language: Language = "en") -> str:
    """Return one self-contained HTML page: style and pictures inside, no script, no request to anywhere.

    Parameters
    ----------
    report : ReportInput
        what to show.
    language : Language
        "en" or "zh".
    """
    environment = Environment(
        loader=PackageLoader("lifecycle.pipelines.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    view = View(report, language)
    return environment.get_template("report.html.j2").render(
        r=report,
        language=language,
        t=view.t,
        v=view,
        pictures=Pictures(report, language),
        style=environment.get_template("report.css").render(colours=charts.COLOURS),
    )
