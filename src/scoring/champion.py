"""A trained whole as it lies in the registry: the forecaster, the value models, the stage policy and what they assume.

All of it is JSON and LightGBM text; the digest of the files is the model version. The forecaster lies by itself in
`forecast/`, where the pyfunc script for others finds it, the rest in `bundle/`. Two forecasters are kept: the one
that scores, refitted on all that was known at `as_of`, and its twin that was judged out of time, so that a later
challenger is compared with a champion that has not seen the window's outcomes.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from lifecycle.decisions.stage_policy import StagePolicy
from lifecycle.features import registry
from lifecycle.models import forecasting
from lifecycle.models.btyd import GammaGamma, MbgNbd

FORMAT = 1
HEAD = "bundle/bundle.json"
JUDGED = "bundle/judged/"
FORECAST = "forecast/"
VALUE = "bundle/purchases.json"
SPEND = "bundle/spend.json"
STAGES = "bundle/stages.json"


class BundleError(ValueError):
    """The registered model cannot be used with this software or this data; the message names the remedy."""


@dataclass(frozen=True)
class Bundle:
    """What scoring needs, and what tells whether it may be used.

    Attributes
    ----------
    candidate : str
        name of the candidate that won.
    as_of : dt.date
        last day that training knew.
    horizon : int
        days ahead that are forecast.
    has_money : bool
        whether the log had amounts.
    features : str
        digest of the registered features' names, units and meanings.
    forecaster : forecasting.Fitted
        the fitted candidate that scores.
    judged : forecasting.Fitted
        the fitted candidate that was judged out of time.
    value : MbgNbd
        purchases of the value horizon and the far future, and the p_alive that people see. MBG/NBD, because BG/NBD
        holds every one-time buyer for alive.
    spend : GammaGamma | None
        money a purchase; None for a log without amounts.
    stages : StagePolicy
        the stage policy, fixed at training.
    """

    candidate: str
    as_of: dt.date
    horizon: int
    has_money: bool
    features: str
    forecaster: forecasting.Fitted
    judged: forecasting.Fitted
    value: MbgNbd
    spend: GammaGamma | None
    stages: StagePolicy

    def files(self) -> dict[str, bytes]:
        """The bundle as files, the same bytes for the same content."""
        head = {
            "format": FORMAT,
            "candidate": self.candidate,
            "as_of": self.as_of.isoformat(),
            "horizon": self.horizon,
            "has_money": self.has_money,
            "features": self.features,
        }
        files = {HEAD: _to_json(head), VALUE: self.value.to_json().encode(), STAGES: _to_json(asdict(self.stages))}
        if self.spend is not None:
            files[SPEND] = self.spend.to_json().encode()
        for prefix, fitted in ((FORECAST, self.forecaster), (JUDGED, self.judged)):
            files |= {prefix + name: content for name, content in fitted.files().items()}
        return dict(sorted(files.items()))

    @property
    def version(self) -> str:
        """The model version: a digest of all files."""
        return forecasting.digest(self.files())

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        """Read a bundle back.

        Raises
        ------
        BundleError
            files are missing, or were written by another format or for other features.
        """
        if HEAD not in files:
            raise BundleError(f"the registered model has no {HEAD}; found {sorted(files)}. Train again.")
        head: dict[str, Any] = json.loads(files[HEAD])
        if head.get("format") != FORMAT:
            raise BundleError(
                f"the registered model has format {head.get('format')}, this software reads {FORMAT}. Train again."
            )
        if head["features"] != features_digest():
            raise BundleError(
                f"the registered model was trained on other features (digest {head['features']}, this software has "
                f"{features_digest()}). Train again, or score with the version that trained it."
            )
        return cls(
            candidate=head["candidate"],
            as_of=dt.date.fromisoformat(head["as_of"]),
            horizon=head["horizon"],
            has_money=head["has_money"],
            features=head["features"],
            forecaster=forecasting.load(_below(files, FORECAST)),
            judged=forecasting.load(_below(files, JUDGED)),
            value=MbgNbd.from_json(files[VALUE].decode()),
            spend=GammaGamma.from_json(files[SPEND].decode()) if SPEND in files else None,
            stages=StagePolicy(**json.loads(files[STAGES])),
        )


def features_digest() -> str:
    """16 hexadecimal digits over names, units and meanings of the registered features."""
    content = json.dumps([[f.name, f.family, f.unit, f.meaning] for f in registry.features()], ensure_ascii=False)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _to_json(document: Mapping[str, Any]) -> bytes:
    return (json.dumps(document, sort_keys=True, indent=1, allow_nan=False) + "\n").encode()


def _below(files: Mapping[str, bytes], prefix: str) -> dict[str, bytes]:
    return {name.removeprefix(prefix): content for name, content in files.items() if name.startswith(prefix)}
