"""The command `lifecycle`: one verb a step, each taking a configuration file; options override the file.

Heavy libraries are imported inside the verbs, so that `--help` answers at once.
"""

import datetime as dt
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lifecycle.pipelines.config import Config

app = typer.Typer(
    name="lifecycle",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=(
        "From raw transactions to customer value, churn risk, lifecycle stage and a retention list.\n\n"
        "Start with [bold]lifecycle run --config FILE.toml[/]: it does all steps in order. The smallest file has two "
        'lines: \\[tables.transactions] and path = "your-log.csv".'
    ),
    rich_markup_mode="rich",
)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"lifecycle {version('lifecycle')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    """What holds for every verb."""


ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", help="The TOML file that says where the tables are.", show_default=False)
]
AsOfOption = Annotated[
    str | None,
    typer.Option(
        "--as-of", metavar="DATE", help="Last day that may be known, such as 1998-06-30 (default: the file's)."
    ),
]
HorizonOption = Annotated[
    int | None, typer.Option("--horizon-days", metavar="N", help="Days ahead to forecast (default: the file's).")
]
OutputOption = Annotated[
    Path | None, typer.Option("--output", metavar="DIR", help="Folder for all results (default: the file's).")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Any other key of the file, such as --set retention.budget=5000."),
]


def _load(
    config: Path, as_of: str | None, horizon_days: int | None, output: Path | None, assignments: list[str] | None
) -> "Config":
    from lifecycle.pipelines import config as configuration

    overrides: dict[str, object] = {}
    for assignment in assignments or []:
        key, equals, text = assignment.partition("=")
        if not equals or not key.strip():
            raise configuration.ConfigError(
                f"--set takes KEY=VALUE, such as retention.budget=5000; found {assignment!r}."
            )
        try:
            overrides[key.strip()] = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            overrides[key.strip()] = text
    if as_of is not None:
        overrides["time.as_of"] = as_of
    if horizon_days is not None:
        overrides["time.horizon_days"] = horizon_days
    if output is not None:
        overrides["output.directory"] = str(output.resolve())
    return configuration.load(config, overrides)


def _date(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"give a date as year-month-day, such as 1998-01-31; found {text!r}.") from None


@app.command()
def run(
    config: ConfigOption,
    as_of: AsOfOption = None,
    horizon_days: HorizonOption = None,
    output: OutputOption = None,
    assignments: SetOption = None,
) -> None:
    """Do everything: ingest, train, score, report. Ends with a summary and says where the results are."""
    from lifecycle.pipelines.steps import run_all

    run_all(_load(config, as_of, horizon_days, output, assignments))


DemoOption = Annotated[Path, typer.Option("--output", metavar="DIR", help="Folder for everything that is written.")]


@app.command()
def demo(output: DemoOption = Path("lifecycle-demo")) -> None:
    """Try it: the whole job on CDNOW, 23,570 customers of an online shop, from any folder."""
    from lifecycle.pipelines import config as configuration
    from lifecycle.pipelines.steps import run_all

    run_all(configuration.load(configuration.copy_of_shipped("cdnow", output)))


@app.command()
def ingest(
    config: ConfigOption,
    as_of: AsOfOption = None,
    output: OutputOption = None,
    assignments: SetOption = None,
) -> None:
    """Read the raw tables into a sorted history, and print the account: used, netted, later, quarantined."""
    from lifecycle.pipelines.steps import ingest_step

    ingest_step(_load(config, as_of, None, output, assignments))


@app.command()
def check(
    config: ConfigOption,
    as_of: AsOfOption = None,
    output: OutputOption = None,
    assignments: SetOption = None,
) -> None:
    """Read the raw tables, and say what an analyst would remark of them before anything is learned."""
    from lifecycle.pipelines.steps import check_step

    check_step(_load(config, as_of, None, output, assignments))


@app.command()
def train(
    config: ConfigOption,
    as_of: AsOfOption = None,
    horizon_days: HorizonOption = None,
    output: OutputOption = None,
    assignments: SetOption = None,
) -> None:
    """Fit all candidate models, compare them out of time in MLflow, and register the winner as champion."""
    from lifecycle.pipelines.steps import train_step

    train_step(_load(config, as_of, horizon_days, output, assignments))


@app.command()
def backtest(
    config: ConfigOption,
    as_of: AsOfOption = None,
    horizon_days: HorizonOption = None,
    output: OutputOption = None,
    assignments: SetOption = None,
) -> None:
    """Judge all candidates at several past dates (rolling origins), each fitted on what was known then."""
    from lifecycle.pipelines.steps import backtest_step

    backtest_step(_load(config, as_of, horizon_days, output, assignments))


@app.command()
def score(
    config: ConfigOption,
    as_of: AsOfOption = None,
    output: OutputOption = None,
    assignments: SetOption = None,
) -> None:
    """Score every customer with the registered champion: stage, value, risk, priority. Writes Parquet and CSV."""
    from lifecycle.pipelines.steps import score_step

    score_step(_load(config, as_of, None, output, assignments))


@app.command()
def credit(
    config: ConfigOption,
    as_of: AsOfOption = None,
    output: OutputOption = None,
    assignments: SetOption = None,
) -> None:
    """Decide on credit from invoices and the present scoring: risk, limit, terms, whom to review. Writes Parquet."""
    from lifecycle.pipelines.steps import credit_step

    credit_step(_load(config, as_of, None, output, assignments))


@app.command()
def measure(
    config: ConfigOption,
    as_of: AsOfOption = None,
    output: OutputOption = None,
    assignments: SetOption = None,
) -> None:
    """Measure campaigns against their control groups: effects, rates for the next list, and who responds."""
    from lifecycle.pipelines.steps import measure_step

    measure_step(_load(config, as_of, None, output, assignments))


@app.command()
def report(
    config: ConfigOption,
    as_of: AsOfOption = None,
    output: OutputOption = None,
    assignments: SetOption = None,
) -> None:
    """Write the latest scoring as one HTML page that needs nothing else."""
    from lifecycle.pipelines.steps import report_step

    report_step(_load(config, as_of, None, output, assignments))


@app.command()
def compare(
    config: ConfigOption,
    every: Annotated[bool, typer.Option("--all", help="Show every metric, not only the headline ones.")] = False,
    assignments: SetOption = None,
) -> None:
    """Show the candidates of the latest training side by side, with their noise."""
    from lifecycle.pipelines.tracking.compare_runs import compare as show

    show(_load(config, None, None, None, assignments), every_metric=every)


@app.command()
def promote(
    config: ConfigOption,
    version: Annotated[int, typer.Argument(help="Number of the registered version.")],
    reason: Annotated[str, typer.Option(help="Why; kept with the version.")],
    assignments: SetOption = None,
) -> None:
    """Make a registered version champion by hand, with a reason."""
    from lifecycle.pipelines.tracking.compare_runs import promote_by_hand

    promote_by_hand(_load(config, None, None, None, assignments), str(version), reason)


@app.command()
def explain(
    config: ConfigOption,
    customer_id: Annotated[str, typer.Argument(help="The customer's id as it stands in the scores.")],
    as_of: AsOfOption = None,
    output: OutputOption = None,
    assignments: SetOption = None,
) -> None:
    """Tell one customer's story: purchases, P(alive), stages, estimates, reasons, recommended action."""
    from lifecycle.pipelines.explain import explain as tell

    tell(_load(config, as_of, None, output, assignments), customer_id)


@app.command()
def moves(
    config: ConfigOption,
    first: Annotated[str, typer.Argument(metavar="FIRST", help="A date of the log, such as 1998-01-31.")],
    second: Annotated[str, typer.Argument(metavar="SECOND", help="A later one; nothing after it is seen.")],
    output: OutputOption = None,
    assignments: SetOption = None,
) -> None:
    """Show who moved from which stage to which between two dates, and what share of each stage bought again."""
    from lifecycle.pipelines.moves import show_moves

    dates = [_date(text) for text in (first, second)]
    show_moves(_load(config, None, None, output, assignments), dates[0], dates[1])


@app.command()
def features(
    describe: Annotated[
        bool, typer.Option("--describe", help="Print the whole dictionary, not only the names.")
    ] = False,
) -> None:
    """List the features that models learn from, with unit and meaning."""
    from lifecycle.pipelines.feature_list import show

    show(describe=describe)


@app.command()
def ui(
    config: ConfigOption,
    port: Annotated[int, typer.Option(help="Port on this machine.", min=1, max=65535)] = 5000,
    assignments: SetOption = None,
) -> None:
    """Open the MLflow UI on this configuration's experiments; ends with Ctrl-C."""
    from lifecycle.pipelines.tracking.mlflow_ui import serve

    serve(_load(config, None, None, None, assignments), port=port)


OURS = "lifecycle."


def main() -> None:
    """Run the command; errors that a user can mend are one paragraph, not a traceback.

    Exit codes: 0 done; 1 a fault of this software; 2 an input, a setting or a state that can be mended; 3 the disk or
    its rights.
    """
    try:
        app()
    except Exception as error:
        from lifecycle.pipelines.terminal import errors

        if isinstance(error, OSError) and not _for_users(error) and error.strerror:
            place = f" ({error.filename})" if error.filename else ""
            errors.print("Error:", style="bold red", end=" ")
            errors.print(
                f"{error.strerror}{place}. Is there room on the disk, and may this user write there? Mend it and run "
                "again: what was finished is kept.",
                soft_wrap=True,
            )
            sys.exit(3)
        if not _for_users(error):
            raise

        kind = "Error" if type(error) is ValueError else type(error).__name__
        errors.print(f"{kind}:", style="bold red", end=" ")
        errors.print(str(error), soft_wrap=True)
        sys.exit(2)


def _for_users(error: Exception) -> bool:
    """Whether the project itself raised the error to say what is wrong with its input: by its type or its place."""
    if type(error).__module__.startswith(OURS):
        return True
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = trace.tb_frame.f_globals.get("__name__", "") if trace is not None else ""
    return isinstance(error, ValueError) and str(place).startswith(OURS)
