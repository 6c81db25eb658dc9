"""The documentation page of the features, made from the registry."""

from itertools import groupby

from lifecycle.features.registry import FAMILIES, Feature, features

_HEAD = """# Features

One row a customer as of a date. This page is made from the registry by `features.describe.page()`; a test keeps it
current.

- A **purchase day** is a day with at least one line that was not returned by the as-of date; amounts are net of the
  returns known by then. A window of *w* days ends with the as-of date and includes it.
- **Missing is not zero**: a feature is missing where the log has no such table or column (no amounts, no products, no
  invoices), and where it is not defined (a mean of nothing, a ratio to nothing).
- Units: *days* may count purchase days or measure time, as the meaning says; *money* is the currency of the log.
- Columns of the customers table beyond the contract's own become `attribute_<name>`.
"""


def page() -> str:
    """The documentation page, as Markdown."""
    parts = [_HEAD]
    for family, members in _by_family():
        parts.append(f"\n## {family.replace('_', ' ').capitalize()}\n")
        if doc := (FAMILIES[family].compute.__doc__ or "").strip().splitlines():
            parts.append(f"{doc[0]}\n")
        parts.append("| feature | unit | meaning |\n|---|---|---|")
        parts += [f"| `{f.name}` | {f.unit} | {f.meaning} |" for f in members]
    return "\n".join(parts) + "\n"


def _by_family() -> list[tuple[str, list[Feature]]]:
    return [(family, list(members)) for family, members in groupby(features(), key=lambda f: f.family)]
