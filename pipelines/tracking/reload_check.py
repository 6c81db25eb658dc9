"""Does a logged model, loaded back in a fresh process, give the predictions that it was logged with?

A model whose load fails would be registered all the same; this is asked before an alias moves.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from lifecycle.pipelines.tracking.mlflow_store import Tracker

TOLERANCE = 1e-6
"""Relative and absolute: sums in another order over hundreds of purchase days differ by 1e-8; no user sees 1e-6."""

_PROGRAM = """
import sys, warnings
warnings.simplefilter("ignore")
import mlflow, pandas
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model(sys.argv[2])
model.predict(pandas.read_parquet(sys.argv[3])).to_parquet(sys.argv[4])
"""


def reproduces(
    tracker: Tracker,
    model_uri: str,
    given: pd.DataFrame,
    expected: pd.DataFrame,
    *,
    meanwhile: Callable[[], None],
) -> str | None:
    """Ask the question; None means yes, otherwise the answer says what is wrong.

    Parameters
    ----------
    tracker : Tracker
        the store that the model lies in.
    model_uri : str
        the logged or registered model.
    given : pd.DataFrame
        rows of input.
    expected : pd.DataFrame
        what the model returned for them when it was trained.
    meanwhile : Callable[[], None]
        what to do while the other process, which mostly imports, is busy.
    """
    with tempfile.TemporaryDirectory() as scratch:
        source, target = Path(scratch) / "given.parquet", Path(scratch) / "answer.parquet"
        given.to_parquet(source)
        command = [sys.executable, "-c", _PROGRAM, tracker.uri, model_uri, str(source), str(target)]
        environment = {
            **os.environ,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
            "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        }
        said = Path(scratch) / "said.txt"
        with said.open("w") as target_of_words:
            process = subprocess.Popen(
                command, stdout=target_of_words, stderr=subprocess.STDOUT, cwd=scratch, env=environment
            )
            try:
                meanwhile()
            finally:
                code = process.wait()
        if code:
            lines = said.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            return f"it cannot be loaded: {lines[-1] if lines else 'no message'}"
        answer = pd.read_parquet(target)
    if list(answer.columns) != list(expected.columns) or len(answer) != len(expected):
        return f"it answers with columns {list(answer.columns)}, expected {list(expected.columns)}"
    for column in expected.columns:
        found, wanted = answer[column].to_numpy(float), expected[column].to_numpy(float)
        if not np.allclose(found, wanted, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True):
            worst = float(np.nanmax(np.abs(found - wanted)))
            return f"its {column} differs by up to {worst:.3g} from what was trained"
    return None
