"""`python -m pipelines` is the same as the command `lifecycle`."""

from pipelines.cli import main

main()
