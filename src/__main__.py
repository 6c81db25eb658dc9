"""`python -m lifecycle` is the same as the command `lifecycle`."""

from lifecycle.pipelines.cli import main

if __name__ == "__main__":
    main()
