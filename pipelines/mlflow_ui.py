"""The MLflow UI on the store of a configuration."""

import os
import subprocess
import sys

from pipelines.config import Config
from pipelines.console import console
from pipelines.tracking import open_tracker


def serve(config: Config, *, port: int) -> None:
    """Serve the UI on this machine until it is interrupted.

    The store is passed explicitly: `mlflow ui` ignores MLFLOW_TRACKING_URI and would open an empty one.
    """
    tracker = open_tracker(config)
    address = f"http://127.0.0.1:{port}"
    console.print(f"MLflow UI: [bold]{address}/#/experiments/{tracker.experiment_id}[/]  (Ctrl-C ends it)")
    console.print("To compare: tick the runs below the newest training and press Compare.")
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", tracker.uri]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    with subprocess.Popen(command, env=environment) as server:
        try:
            code = server.wait()
        except KeyboardInterrupt:
            server.terminate()
            return
    if code:
        raise UiError(f"the MLflow UI ended with exit code {code}; is port {port} taken? Try another with --port.")


class UiError(RuntimeError):
    """The MLflow UI could not be served."""
