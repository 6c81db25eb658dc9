"""Fitted candidates as bytes: JSON and LightGBM text, the same bytes for the same content, never a pickle."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

MODEL = "model.json"


def to_json(document: Mapping[str, Any]) -> bytes:
    """Write a document so that equal content gives equal bytes: sorted keys, shortest exact floats, no NaN.

    >>> to_json({"b": 0.1, "a": [1, None]})
    b'{\\n "a": [\\n  1,\\n  null\\n ],\\n "b": 0.1\\n}\\n'
    """
    return (json.dumps(document, sort_keys=True, indent=1, allow_nan=False, ensure_ascii=False) + "\n").encode()


def read_document(files: Mapping[str, bytes]) -> dict[str, Any]:
    """Read the document of a fitted candidate's files.

    Raises
    ------
    ValueError
        it is missing or not a JSON object with the name of its kind.
    """
    if MODEL not in files:
        raise ValueError(
            f"A fitted candidate has a file {MODEL!r}; found {sorted(files)}. Train again, or check the path."
        )
    try:
        document = json.loads(files[MODEL])
    except ValueError as error:
        raise ValueError(f"{MODEL} is not JSON ({error}): it was cut or edited. Train again.") from error
    if not isinstance(document, dict) or "kind" not in document:
        raise ValueError(f"{MODEL} has no 'kind', so it was not written by this project. Train again.")
    return document


def digest(files: Mapping[str, bytes]) -> str:
    """Digest names and contents: the model_version. The order of the mapping does not matter.

    >>> digest({"a": b"1", "b": b"2"}) == digest({"b": b"2", "a": b"1"}) != digest({"a": b"12", "b": b""})
    True
    """
    content = hashlib.sha256()
    for name in sorted(files):
        content.update(f"{name}\0{len(files[name])}\0".encode())
        content.update(files[name])
    return content.hexdigest()
