"""What is wrong with a configuration, in words that name the key, what is allowed, what was found and the remedy."""

import difflib
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

Location = tuple[str | int, ...]


def section_at(location: Location, model: type[BaseModel]) -> type[BaseModel] | None:
    """The section class that a location lies in."""
    for part in location:
        field = model.model_fields.get(str(part))
        if field is None:
            return None
        options = [field.annotation, *getattr(field.annotation, "__args__", ())]
        classes = [o for o in options if isinstance(o, type) and issubclass(o, BaseModel)]
        if not classes:
            return None
        model = classes[0]
    return model


def unknown_key(location: Location, root: type[BaseModel]) -> str:
    """The remedy for a key that its section does not know: the nearest known one, or all of them."""
    model = section_at(location[:-1], root)
    if model is None:
        return "Remove it."
    known = [key for key, field in model.model_fields.items() if not field.exclude]
    close = difflib.get_close_matches(str(location[-1]), known, n=1)
    hint = f"Did you mean {close[0]!r}? " if close else "Remove it. "
    return f"{hint}Allowed here: {', '.join(known)}."


def explain(item: Mapping[str, Any], root: type[BaseModel]) -> str:
    """One of pydantic's errors as a sentence: key, what is allowed, what was found, what the key means."""
    location = tuple(part for part in item["loc"] if not str(part).startswith(("constrained", "function", "tuple[")))
    while location and _is_union_tag(location):
        location = location[:-1]
    key = ".".join(str(part) for part in location)
    kind, found = item["type"], item["input"]
    if kind == "extra_forbidden":
        return f"{key}: unknown key. {unknown_key(location, root)}"
    if kind == "missing":
        if key in ("tables", "tables.transactions"):
            return f'{key}: required, but not set. Add [tables.transactions] with path = "your-log.csv".'
        return f"{key}: required, but not set. Add it under [{'.'.join(str(p) for p in location[:-1])}]."
    message = (
        item["msg"]
        .replace("valid tuple", "text or a list of texts")
        .removeprefix("Value error, ")
        .removeprefix("Input should be ")
    )
    allowed = message if kind == "value_error" else f"must be {message}"
    shown = "" if isinstance(found, Mapping) else f"; found {found!r}"
    return f"{key}: {allowed}{shown}. {_described(location, root)}".rstrip()


def _is_union_tag(location: Location) -> bool:
    """Pydantic appends the name of the type tried to a location; that is no key."""
    return location[-1] in ("str", "date", "int", "float", "bool") or str(location[-1]).startswith("tuple")


def _described(location: Location, root: type[BaseModel]) -> str:
    model = section_at(location[:-1], root)
    field = model.model_fields.get(str(location[-1])) if model else None
    return f"Meaning: {field.description}." if field and field.description else ""
