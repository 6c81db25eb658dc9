"""Training in a notebook: every candidate judged out of time, the winner ready to score, as the nightly run does it."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa

from lifecycle.features.history import History
from lifecycle.features.horizon_choice import default_horizon
from lifecycle.features.ragged import pieces
from lifecycle.features.window import Window, to_date, to_day
from lifecycle.models import evaluation, forecasting
from lifecycle.models.forecasting import Snapshot
from lifecycle.scores_frame import Estimates, Scores
from lifecycle.scoring.champion import Bundle
from lifecycle.scoring.estimates import estimate
from lifecycle.scoring.fitting import refit
from lifecycle.scoring.holdout import Learning, Trial, judge
from lifecycle.scoring.money_terms import MoneyTerms
from lifecycle.scoring.whole_base import whole_base

BATCH = 32_768
"""Customers estimated at a time."""

Day = dt.date | dt.datetime | str


def train(
    history: History,
    as_of: Day | None = None,
    horizon_days: int | None = None,
    *,
    candidates: Sequence[str] = (),
    tuning_trials: int = 0,
    seed: int = 7,
    progress: Callable[[str], None] = lambda _: None,
) -> "Model":
    """Fit every candidate on the past, judge all out of time, and fit the winner again on all that is known.

    Parameters
    ----------
    history : History
        what the customers did; later than `as_of` is not seen.
    as_of : date, Timestamp or text
        the last day that is known; by default the last day of the log.
    horizon_days : int
        days ahead that are forecast; by default chosen from the log's rhythm.
    candidates : Sequence[str]
        names of `lifecycle.models.forecasting.NAMES`; by default all of them.
    tuning_trials : int
        settings of the trees that are tried (Optuna); 0 keeps the defaults.
    seed : int
        of everything that is drawn: the same seed, log and software give the same model.
    progress : Callable[[str], None]
        called with a few words on what is being done.

    Returns
    -------
    Model
        the winner, with what all candidates were worth.

    Raises
    ------
    ValueError
        the log is too short for the horizon, or nobody has bought by `as_of`.
    """
    day = to_date(history.last_day if as_of is None else to_day(as_of))
    horizon = default_horizon(history, day).days if horizon_days is None else horizon_days
    learning = Learning(tuple(candidates), tuning_trials, seed=seed)
    origins = forecasting.origins(history.first_day, horizon, day - dt.timedelta(days=horizon))
    trial = judge(history, origins, horizon, learning, progress)
    winner, why = evaluation.winner({name: one.evaluation for name, one in trial.judged.items()})
    progress(f"refitting {winner} on all that is known")
    now = Snapshot.of(history, Window(day, horizon), with_outcome=False)
    return Model(history, trial, winner, why, refit(history, now, trial, winner, seed=seed), learning)


@dataclass(frozen=True, eq=False, repr=False)
class Model:
    """A trained model, and how it and its rivals did on customers and days that they had not seen.

    Attributes
    ----------
    history : History
        what it learned from.
    trial : Trial
        the candidates at the test date, a horizon before `as_of`.
    winner, why : str
        the candidate that scores, and why it was preferred.
    bundle : Bundle
        the fitted models and the stage policy; `bundle.files()` are what the registry keeps.
    learning : Learning
        how they were judged.
    """

    history: History
    trial: Trial
    winner: str
    why: str
    bundle: Bundle
    learning: Learning

    def __repr__(self) -> str:
        """The winner and why."""
        span = f"as of {self.bundle.as_of}, {self.bundle.horizon} days ahead"
        return f"Model({self.winner}, {span}; {self.why})"

    @property
    def plot(self) -> "ModelFigures":
        """Figures of the winner, or of any candidate by its name: `model.plot.calibration()`."""
        return ModelFigures(self)

    def compare(self, *, every_metric: bool = False) -> pd.DataFrame:
        """Return what each candidate was worth on the test window, the best by the mean of its losses first.

        Parameters
        ----------
        every_metric : bool
            all metrics in place of those that decide and those that people read first.

        Returns
        -------
        DataFrame
            one row a candidate; `winner` marks who scores, `mean_loss` orders them, then a column a metric.
        """
        found = {name: one.evaluation for name, one in self.trial.judged.items()}
        shown = list(next(iter(found.values())).metrics) if every_metric else list(evaluation.HEADLINE)
        table = pd.DataFrame(
            {name: {"mean_loss": evaluation.mean_loss(one), **one.metrics} for name, one in found.items()}
        ).T[["mean_loss", *shown]]
        table.insert(0, "winner", table.index == self.winner)
        return table.sort_values("mean_loss").rename_axis(index="candidate")

    def score(
        self,
        as_of: Day | None = None,
        *,
        margin: float = 1.0,
        discount_rate_per_year: float = 0.1,
        value_horizon_days: int = 365,
        currency: str = "",
    ) -> "Scores":
        """Estimate every customer known by a date.

        Parameters
        ----------
        as_of : date, Timestamp or text
            the last day that is known; by default that of the training.
        margin : float
            share of an amount that is margin, in (0, 1].
        discount_rate_per_year : float
            by which later margin counts less.
        value_horizon_days : int
            days over which the value of acting is counted.
        currency : str
            of the amounts, for texts.

        Returns
        -------
        Scores
            a pandas frame, one row a customer, the id as index, columns as in `lifecycle.decisions.scores.COLUMNS`.
        """
        window = Window(self.bundle.as_of if as_of is None else to_date(to_day(as_of)), self.bundle.horizon)
        money = MoneyTerms.yearly(margin, discount_rate_per_year, value_horizon_days)
        base = whole_base([self.history], self.bundle, window, money, days=[self.history])
        parts = pieces(self.history, BATCH) if self.history.n_customers else [self.history]
        found = pa.concat_tables(estimate(part, self.bundle, window, base, money) for part in parts)
        return Scores.of(Estimates(self, window, money, discount_rate_per_year, currency, found))


@dataclass(frozen=True)
class ModelFigures:
    """Figures of a model's forecast of the test window, from `lifecycle.models.evaluation`."""

    model: Model

    def names(self) -> list[str]:
        """Names of the figures that :meth:`show` draws."""
        return sorted(self._drawn(self.model.winner))

    def show(self, figure: str, candidate: str | None = None) -> Any:
        """Return a figure by its name; of the winner, or of another candidate."""
        drawn = self._drawn(candidate or self.model.winner)
        if figure not in drawn:
            raise ValueError(f"model.plot: no figure {figure!r}; there are {', '.join(sorted(drawn))}.")
        return drawn[figure]

    def calibration(self, candidate: str | None = None) -> Any:
        """Forecast probability of no purchase against the share that did not buy, in ten bins."""
        return self.show("calibration", candidate)

    def gains(self, candidate: str | None = None) -> Any:
        """Share of the churned value that is reached by how many are contacted."""
        return self.show("gains", candidate)

    def comparison(self) -> Any:
        """Every candidate's metrics with their noise."""
        found = {name: one.evaluation for name, one in self.model.trial.judged.items()}
        return evaluation.compare(found, winner=self.model.winner)

    def _drawn(self, candidate: str) -> dict[str, Any]:
        judged = self.model.trial.judged
        if candidate not in judged:
            raise ValueError(f"model.plot: no candidate {candidate!r}; there are {', '.join(judged)}.")
        one = judged[candidate]
        campaign = self.model.learning.campaign
        return dict(
            evaluation.figures(candidate, one.forecast, self.model.trial.test, campaign=campaign, fitted=one.fitted)
        )
