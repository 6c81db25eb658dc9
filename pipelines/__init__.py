"""Configuration, files, MLflow, engines and progress: the steps that users run."""
