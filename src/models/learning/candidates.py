"""All candidates by name, and fitted ones read back from their files."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from models.learning.boosted import Boosted, FittedBoosted
from models.learning.boosting import Settings
from models.learning.candidate import Candidate, Fitted
from models.learning.challenger import FittedLifetimes, Lifetimes
from models.learning.combined import MEMBERS, Combined, FittedCombined
from models.learning.files import read_document
from models.learning.naive import FittedNaive, Naive
from models.learning.purchasing import FittedPurchasing, Purchasing
from models.learning.snapshot import Snapshot

NAMES = ("naive", "bgnbd", "mbgnbd", "paretonbd", "lifetimes", "lightgbm", "combined")


def candidates(names: Iterable[str] | None = None, *, settings: Settings | None = None) -> dict[str, Candidate]:
    """Return candidates by name, all of them by default, in the order asked for.

    settings: of the trees, for example tuned ones (models.learning.tune); by default those that need no tuning.

    Raises:
        ValueError: a name is unknown.

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

    Raises:
        ValueError: the files were not written by this project, or are not whole.
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
