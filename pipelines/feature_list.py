"""The dictionary of features in the terminal; `docs/features.md` is made from the same registry."""

from rich.text import Text

from lifecycle.features import registry
from lifecycle.pipelines.terminal import console, show_table


def show(*, describe: bool) -> None:
    """Print names by family, or with `describe` every feature's unit and meaning."""
    for name, family in registry.FAMILIES.items():
        if describe:
            rows = [(one.name, one.unit, one.meaning) for one in family.features]
            show_table(name, ("feature", "unit", "meaning"), rows, left=("feature", "unit", "meaning"))
        else:
            console.print(Text.assemble((name, "bold"), f": {', '.join(one.name for one in family.features)}"))
