"""All candidates by name, and fitted ones read back from their files."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from lifecycle.models.forecasting.base_rates import FittedNaive, Naive
from lifecycle.models.forecasting.candidate import Candidate, Fitted
from lifecycle.models.forecasting.combination import MEMBERS, Combined, FittedCombined
from lifecycle.models.forecasting.lifetimes_candidate import FittedLifetimes, Lifetimes
from lifecycle.models.forecasting.lightgbm_candidate import Boosted, FittedBoosted
from lifecycle.models.forecasting.lightgbm_training import Settings
from lifecycle.models.forecasting.purchase_models import FittedPurchasing, Purchasing
from lifecycle.models.forecasting.serialization import read_document
from lifecycle.models.forecasting.snapshot import Snapshot

NAMES = ("naive", "bgnbd", "mbgnbd", "paretonbd", "lifetimes", "lightgbm", "combined")

WITHOUT_OUTCOME = ("bgnbd", "mbgnbd", "paretonbd", "combined")
"""Those that can be fitted where the log holds no complete horizon to learn from."""


def candidates(names: Iterable[str] | None = None, *, settings: Settings | None = None) -> dict[str, Candidate]:
    """Return candidates by name, all of them by default, in the order asked for.

    settings: of the trees, for example tuned ones (forecasting.tuning); by default those that need no tuning.

    Raises
    ------
    ValueError
        a name is unknown.

    >>> list(candidates(["naive", "combined"]))
    ['naive', 'combined']
    """
    boosted = Boosted(settings or Settings())
    every: dict[str, Candidate] = {
        "naive": Naive(),
        "bgnbd": Purchasing("bgnbd"),
        "mbgnbd": Purchasing("mbgnbd"),
        "paretonbd": Purchasing("paretonbd"),
        "lifetimes": Lifetimes(),
        "lightgbm": boosted,
        "combined": Combined(boosted),
    }
    wanted = list(NAMES if names is None else names)
    unknown = [name for name in wanted if name not in every]
    if unknown:
        raise ValueError(f"Unknown candidates {unknown}; known are {list(NAMES)}.")
    return {name: every[name] for name in wanted}


def fit_all(
    chosen: Mapping[str, Candidate],
    snapshots: Sequence[Snapshot],
    *,
    seed: int,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Fitted]:
    """Fit candidates on the same snapshots; members of the combination are taken from it, not fitted twice.

    progress is called with the name of each candidate before its work begins.
    """
    fitted: dict[str, Fitted] = {}
    if "combined" in chosen:
        if progress:
            progress("combined")
        whole = chosen["combined"].fit(snapshots, seed=seed)
        fitted["combined"] = whole
        if isinstance(whole, FittedCombined):
            fitted |= {name: whole.member(name) for name in MEMBERS if name in chosen}
    for name, candidate in chosen.items():
        if name not in fitted:
            if progress:
                progress(name)
            fitted[name] = candidate.fit(snapshots, seed=seed)
    return {name: fitted[name] for name in chosen}


def load(files: Mapping[str, bytes]) -> Fitted:
    """Read a fitted candidate from its files; its forecasts are the same to the last bit.

    Raises
    ------
    ValueError
        the files were not written by this project, or are not whole.
    """
    document = read_document(files)
    kind = document["kind"]
    if kind == "naive":
        return FittedNaive.from_document(document)
    if kind == "purchasing":
        return FittedPurchasing.from_document(document)
    if kind == "lifetimes":
        return FittedLifetimes.from_document(document)
    if kind == "boosted":
        return FittedBoosted.from_document(document, files)
    if kind == "combined":
        return FittedCombined.from_document(document, files)
    raise ValueError(f"Unknown kind of model {kind!r}; known are naive, purchasing, lifetimes, boosted, combined.")
