"""What is wrong with a configuration file, said in one sentence: file, field, what was found and what to write instead."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

_FORMS = {
    "string_type": "must be text",
    "int_type": "must be a whole number", "int_parsing": "must be a whole number, in digits only",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number", "float_parsing": "must be a number with a decimal point, e.g. 0.62",
    "bool_type": "must be true or false", "bool_parsing": "must be true or false",
    "date_type": "must be a day, as yyyy-MM-dd", "date_parsing": "must be a day, as yyyy-MM-dd",
    "date_from_datetime_parsing": "must be a day that exists, as yyyy-MM-dd",
    "date_from_datetime_inexact": "must be a day, as yyyy-MM-dd",
    "tuple_type": "must be a list: put a hyphen before each item, or [square brackets] around them",
    "dict_type": "must hold keys and values", "model_type": "must hold keys and values", "model_attributes_type": "must hold keys and values",
}  # fmt: skip
_NAMED = 5
"""Further mistakes of a file that are named."""
_BOUNDS = {"greater_than": "more than {gt}", "greater_than_equal": "at least {ge}", "less_than": "less than {lt}", "less_than_equal": "at most {le}"}
_PATTERNS = {
    "^[a-z][a-z0-9_]{1,39}$": "small letters, digits and underscores, a letter first, 2 to 40 in all",
    "^([0-9]{2}|2[AB]|9[78][0-9])$": 'the code of a department in quotes, as "05", "2A" or "974"',
    "^[0-9]{5}$": 'five digits in quotes, as "05000"',
    "^([0-9]{5}|2[AB][0-9]{3})$": 'the INSEE code of a commune in quotes, as "59350"',
    "^[A-Z]{2}$": "the two capitals of a country, as FR",
}


def sentence_of(refused: ValidationError, where: str, model: type[BaseModel] | None = None) -> str:
    """The first mistake of a validation as one sentence with its remedy, and where else one is; `model` lets it name the key that was probably
    meant."""
    errors = refused.errors()
    first, more = errors[0], _further([_place(e["loc"]) for e in errors])
    place = _place(first["loc"])
    if first["type"] == "extra_forbidden":
        return f"{where}: {place} is not a known key; remove it or correct its spelling{_meant(first['loc'], model)}{more}."
    if first["type"] == "missing":
        return f"{where}: {place} is missing; add it{more}."
    what = _what(first)
    if not place:
        # A rule over several fields says itself which ones.
        field, sign, rest = what.partition(": ")
        place, what = (field, rest) if sign and re.fullmatch(r"[a-z_0-9.]+", field) else ("the file", what)
    return f"{where}: {place} cannot be used: {what}{more}."


def _further(places: list[str]) -> str:
    """Where the mistakes after the first are."""
    others = [p for p in dict.fromkeys(places) if p and p != places[0]]
    if not others:
        return ""
    rest = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
    return f" (also wrong: {', '.join(others[:_NAMED])}{rest})"


def _place(loc: tuple[int | str, ...]) -> str:
    named = "".join(
        f", item {p + 1}," if isinstance(p, int) else f" {p}" if i and isinstance(loc[i - 1], int) else f".{p}" for i, p in enumerate(loc)
    )
    return named.strip(".,")


def _what(error: Mapping[str, Any]) -> str:
    kind, ctx, found = str(error["type"]), error.get("ctx", {}), error.get("input")
    if found is None:
        return "it is empty; write a value, or remove the line"
    if kind in ("enum", "literal_error"):
        return f"{_shown(found)} is none of its values; use {_choices(str(ctx['expected']))}"
    if kind in _BOUNDS:
        return f"{_shown(found)} is out of its range; it must be {_BOUNDS[kind].format(**ctx)}"
    if kind == "string_type" and isinstance(found, int | float):
        return 'it is read as a number, which loses leading zeros; write it in quotes, as "01"'
    if kind in _FORMS:
        return f"{_shown(found)} is not what it holds; it {_FORMS[kind]}"
    if kind == "too_short":
        return f"it holds {ctx.get('actual_length', 0)} items; it must hold at least {ctx.get('min_length', 1)}"
    if kind == "string_pattern_mismatch":
        return f"{_shown(found)} has not the form of one; use {_PATTERNS.get(ctx['pattern'], ctx['pattern'])}"
    message = str(error["msg"]).removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _shown(found: Any) -> str:
    if isinstance(found, Mapping | list | tuple):
        return "a group of keys" if isinstance(found, Mapping) else "a list"
    return repr(found) if isinstance(found, str) else str(found)


def _choices(expected: str) -> str:
    return re.sub(r"<[^:>]*: ('[^']*')>", r"\1", expected).replace("'", "")


def _meant(loc: tuple[int | str, ...], model: type[BaseModel] | None) -> str:
    known = _known_keys(loc[:-1], model)
    near = difflib.get_close_matches(str(loc[-1]), known, 1)
    if near:
        return f" (did you mean {near[0]}?)"
    return f" (known are {', '.join(known)})" if 0 < len(known) <= 12 else ""


def _known_keys(path: tuple[int | str, ...], model: type[BaseModel] | None) -> list[str]:
    for part in path:
        if model is None:
            return []
        if isinstance(part, str) and part in model.model_fields:
            model = _model_in(model.model_fields[part].annotation)
        elif isinstance(part, str):  # a key of a mapping of models
            continue
    return sorted(model.model_fields) if model else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for argument in get_args(annotation) if (found := _model_in(argument))), None)


class OnceLoader(yaml.SafeLoader):
    """Reads YAML and refuses a key that stands twice in one group: plain YAML would drop the first without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """The mapping, once its keys are known to differ."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key.value} stands twice", key.start_mark)
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else "")
        return super().construct_mapping(node, deep)
