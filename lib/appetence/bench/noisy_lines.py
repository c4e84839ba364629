"""Lines for `appetence bench suppression`: people who asked to be left alone, the same people told wrongly, and everybody else.

The people and the errors are those of `rough_people` and `rough_records`: what the keys of a coordinate were made against (the errors of
`appetence.synthetic`) is not what they are measured with. A variant has one error, of one kind; a kind that leaves the line as it was
gives none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from appetence.bench import rough_records as rough
from appetence.bench.rough_people import LAST_YEAR, Names, People, Person, at

Rng = np.random.Generator
Line = dict[str, str]
NAMES_AND_ADDRESS = ("last_name", "first_name", "address_1", "postcode", "city")
WHOLE, POST, EMAIL, PHONE = "whole", "post", "email", "phone"
LISTED, VARIANT, OTHER = "listed", "variant", "other"
ABSENT = "absent"
"""Kinds that leave out what tells people apart: reported, and not part of the figure."""


@dataclass(frozen=True)
class Told:
    """One line: whose it is, the home, its role, and for a variant the shape and the kind of error."""

    person: str
    home: str
    role: str
    shape: str
    kind: str
    line: Line


def population(records: int, share: float, seed: int) -> Iterator[Told]:
    """About `records` persons, a `share` of them listed with their variants; nobody of a listed person's home stands among the others."""
    whole = People(seed, max(30, round(records / 2.3)))
    people = whole.persons
    rng = np.random.default_rng([seed, 3])
    homes = {p.key: _home(p) for p in people}
    chosen = [p for p in people if rng.random() < share]
    theirs = {homes[p.key] for p in chosen}
    for person in chosen:
        line, home = clean_line(person), homes[person.key]
        yield Told(person.key, home, LISTED, WHOLE, "", line)
        for shape, kind, wrong in variants(rng, line):
            yield Told(person.key, home, VARIANT, shape, kind, wrong)
    for person in people:
        if homes[person.key] not in theirs:
            yield Told(person.key, homes[person.key], OTHER, WHOLE, "", with_birth_name(rng, whole.names, person))


def _home(person: Person) -> str:
    return at([(since, home) for since, _, home in person.homes], LAST_YEAR)


def clean_line(person: Person) -> Line:
    """What a person would write of itself today."""
    place = person.homes[-1][1]
    address = f"{place.before}, {place.number} {place.way}".strip(" ,")
    told = {
        "last_name": at(person.surnames, LAST_YEAR), "first_name": person.first, "address_1": address,
        "postcode": place.postcode, "city": place.town, "email": at(person.emails, LAST_YEAR),
        "phone": at(person.mobiles, LAST_YEAR) or at(person.landlines, LAST_YEAR),
    }  # fmt: skip
    return {name: value.replace("  ", " ") for name, value in told.items()}


def with_birth_name(rng: Rng, names: Names, person: Person) -> Line:
    """The same with a name of birth behind the surname of each woman, her earlier one or any: as many coordinates to meet wrongly as can be."""
    line, born = clean_line(person), person.surnames[0][1]
    if person.gender != "F":
        return line
    return {**line, "last_name": f"{line['last_name']} née {born if born != line['last_name'] else names.surname(rng)}"}


def variants(rng: Rng, line: Line) -> Iterator[tuple[str, str, Line]]:
    """Shape, kind and line of each single error that changes something: of name and address as the whole line and as these alone, of
    e-mail and phone alone."""
    for kind, harm in {**_NAME_HARM, **_ADDRESS_HARM}.items():
        wrong = harm(rng, dict(line))
        if wrong != line:
            yield POST, kind, {**wrong, "email": "", "phone": ""}
            if line["email"] or line["phone"]:
                yield WHOLE, kind, wrong
    nothing = dict.fromkeys(line, "")
    for shape, kinds in ((EMAIL, _EMAIL_FORMS), (PHONE, _PHONE_FORMS)):
        for kind, form in kinds.items() if line[shape] else ():
            yield shape, kind, {**nothing, shape: form(line[shape])}


def _of(field: str, error: Callable[[Rng, str], str]) -> Callable[[Rng, Line], Line]:
    return lambda rng, line: {**line, field: error(rng, line[field])}


def _way(error: Callable[[Rng, str], str]) -> Callable[[Rng, Line], Line]:
    """An error in the way, not in the number or what stands before it."""

    def harm(rng: Rng, line: Line) -> Line:
        before, number, way = _parts(line["address_1"])
        return {**line, "address_1": f"{before}{number}{error(rng, way)}"}

    return harm


def _parts(address: str) -> tuple[str, str, str]:
    found = re.match(r"^(.*?, )?(\d+ (?:(?:bis|ter) )?)?(.*)$", address)
    assert found is not None
    return found[1] or "", found[2] or "", found[3]


def _number(wanted: Callable[[Rng, str], str]) -> Callable[[Rng, Line], Line]:
    def harm(rng: Rng, line: Line) -> Line:
        before, number, way = _parts(line["address_1"])
        return {**line, "address_1": f"{before}{wanted(rng, number)}{way}"} if number else line

    return harm


def _swapped(rng: Rng, line: Line) -> Line:
    return {**line, "first_name": line["last_name"], "last_name": line["first_name"]}


def _shortened(rng: Rng, line: Line) -> Line:
    told: rough.Fields = {"address": line["address_1"]}
    rough.shorten(rng, told, 1.0)
    return {**line, "address_1": told["address"] or ""}


def _without_flat(rng: Rng, line: Line) -> Line:
    before, number, way = _parts(line["address_1"])
    return {**line, "address_1": f"{number}{way}"} if before else line


def _digit(rng: Rng, code: str) -> str:
    place = int(rng.integers(2, 5))
    return code[:place] + str((int(code[place]) + int(rng.integers(1, 10))) % 10) + code[place + 1 :]


_NAME_HARM: Mapping[str, Callable[[Rng, Line], Line]] = {
    "last_name by ear": _of("last_name", rough.by_ear),
    "last_name by eye": _of("last_name", lambda rng, name: rough.by_eye(rng, name.upper())),
    "last_name mistyped": _of("last_name", rough.mistyped),
    "last_name cut": _of("last_name", lambda _, name: name[:9].strip()),
    "last_name half of two": _of("last_name", lambda rng, name: name.split("-")[int(rng.integers(2))] if "-" in name else name),
    "last_name by marriage": _of("last_name", lambda _, name: f"Bernard née {name}"),
    "last_name and another": _of("last_name", lambda rng, name: f"Martin-{name}" if rng.random() < 0.5 else f"{name}-Bernard"),
    "first_name by ear": _of("first_name", rough.by_ear),
    "first_name by eye": _of("first_name", lambda rng, name: rough.by_eye(rng, name.upper())),
    "first_name mistyped": _of("first_name", rough.mistyped),
    "first_name pet": _of("first_name", lambda _, name: rough.PET.get(name.title(), name)),
    "first_name initial": _of("first_name", lambda _, name: name[:1] + "."),
    "first_name half of two": _of("first_name", lambda _, name: name.split("-")[0]),
    "first_name missing": _of("first_name", lambda *_: ""),
    "names swapped": _swapped,
}  # fmt: skip
_ADDRESS_HARM: Mapping[str, Callable[[Rng, Line], Line]] = {
    "way by ear": _way(rough.by_ear),
    "way by eye": _way(lambda rng, way: rough.by_eye(rng, way.upper())),
    "way mistyped": _way(rough.mistyped),
    "way shortened": _shortened,
    "way without link words": _way(lambda _, way: re.sub(r" (?:de la|de l'|du|des|de|d') ?", " ", way, flags=re.IGNORECASE)),
    "number missing": _number(lambda *_: ""),
    "number wrong": _number(lambda rng, _: f"{rng.integers(1, 140)} "),
    "flat missing": _without_flat,
    "postcode wrong": _of("postcode", _digit),
    "postcode of the department": _of("postcode", lambda _, code: code[:2] + "000"),
    "city by ear": _of("city", rough.by_ear),
    "city mistyped": _of("city", rough.mistyped),
    "city cedex": _of("city", lambda rng, city: f"{city} CEDEX {rng.integers(1, 20)}"),
    "city missing": _of("city", lambda *_: ""),
}
_EMAIL_FORMS: Mapping[str, Callable[[str], str]] = {
    "email in capitals": str.upper,
    "email with a tag": lambda a: a.replace("@", "+promo@"),
    "email in a mail link": lambda a: f"mailto:{a} ",
    "email with a comma": lambda a: ",".join(a.rsplit(".", 1)),
}
_PHONE_FORMS: Mapping[str, Callable[[str], str]] = {
    "phone in pairs": lambda n: " ".join(re.findall("..", n)),
    "phone with dots": lambda n: ".".join(re.findall("..", n)),
    "phone with +33": lambda n: "+33" + n[1:],
    "phone with 0033": lambda n: "0033 (0)" + n[1:],
}
