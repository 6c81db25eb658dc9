"""The MLflow UI on the store of a configuration."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress

from lifecycle.pipelines.config import Config
from lifecycle.pipelines.terminal import console
from lifecycle.pipelines.tracking.mlflow_store import open_tracker


def serve(config: Config, *, port: int) -> None:
    """Serve the UI on this machine until it is interrupted.

    The store is passed explicitly: `mlflow ui` ignores MLFLOW_TRACKING_URI and would open an empty one.
    """
    _require_free(port)
    tracker = open_tracker(config)
    address = f"http://127.0.0.1:{port}"
    page = f"{address}/#/experiments/{tracker.experiment_id}/runs?workflowType=machine_learning"
    console.print(f"MLflow UI: {page}  (Ctrl-C ends it)", soft_wrap=True)
    console.print("To compare: tick the runs below the newest training and press Compare.")
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", tracker.uri]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    environment = {
        **os.environ,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # its job workers are of no use here and outlive the server
    }
    server = subprocess.Popen(command, env=environment, start_new_session=True)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        code = server.wait()
    except KeyboardInterrupt:
        return
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        server.wait()
    if code:
        raise UiError(f"the MLflow UI ended with exit code {code}; its own words stand above.")


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise UiError(f"port {port} is taken by another program. Choose another with --port.") from None


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


class UiError(RuntimeError):
    """The MLflow UI could not be served."""
