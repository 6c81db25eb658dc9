"""MLflow: experiments, the registry, the model for others."""
