"""What clerks, forms, scanners and old systems make of the people of `rough_people`: the columns of `appetence bench identity`.

Each record comes through one channel, and a channel errs in its own way: who listens spells by ear, who reads a coupon by machine takes one
sign for another, who types alone uses a nickname and the wrong field, an old system cuts, abbreviates and fills gaps with constants."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from appetence.bench.rough_people import FIRST_YEAR, LAST_YEAR, People, Person, Place, ascii_lower, at

Rng = np.random.Generator
Fields = dict[str, str | None]

_EAR = (
    ("ph", "f"), ("f", "ph"), ("eau", "ot"), ("eau", "aud"), ("au", "o"), ("ault", "aud"), ("et", "ay"), ("ier", "iez"), ("an", "en"), ("en", "an"),
    ("ain", "in"), ("in", "ain"), ("c", "k"), ("qu", "k"), ("k", "c"), ("y", "i"), ("i", "y"), ("ll", "l"), ("nn", "n"), ("tt", "t"), ("ss", "s"),
    ("ss", "c"), ("th", "t"), ("t", "th"), ("s", "z"), ("z", "s"), ("ge", "je"), ("h", ""), ("e", "é"), ("er", "é"), ("on", "om"), ("l", "ll"),
    ("n", "nn"), ("r", "rr"), ("x", "ks"), ("ez", "es"), ("d", "t"), ("oi", "oua"), ("gn", "ni"), ("ou", "oo"),
)  # fmt: skip
_EYE = {"O": "0", "0": "O", "I": "1", "1": "I", "L": "I", "B": "8", "8": "B", "S": "5", "5": "S", "Z": "2", "2": "Z", "G": "6", "6": "G", "M": "RN",
        "E": "F", "U": "V", "C": "G", "D": "O", "A": "R", "3": "8", "9": "4", "7": "1"}  # fmt: skip
_KEYS = {
    "a": "zq", "z": "ae", "e": "zr", "r": "et", "t": "ry", "y": "tu", "u": "yi", "i": "uo", "o": "ip", "p": "om", "q": "as", "s": "qd", "d": "sf",
    "f": "dg", "g": "fh", "h": "gj", "j": "hk", "k": "jl", "l": "km", "m": "l", "w": "wx", "x": "wc", "c": "xv", "v": "cb", "b": "vn", "n": "b",
}  # fmt: skip
PET = {
    "Catherine": "Cathy", "Christophe": "Chris", "Frédéric": "Fred", "Philippe": "Phil", "Patricia": "Pat", "Nathalie": "Nath", "Véronique": "Véro",
    "Isabelle": "Isa", "Stéphane": "Steph", "Stéphanie": "Steph", "Alexandre": "Alex", "Alexandra": "Alex", "Benjamin": "Ben", "Dominique": "Dom",
    "Thierry": "Titi", "Laurent": "Lolo", "Gérard": "Gégé", "Robert": "Bob", "Jacqueline": "Jacotte", "Michel": "Mich", "Michèle": "Mimi",
    "Maxime": "Max", "Nicolas": "Nico", "Sébastien": "Seb", "Valérie": "Val", "Emmanuel": "Manu", "Emmanuelle": "Manue", "Caroline": "Caro",
    "Antoine": "Tony", "Florence": "Flo", "Guillaume": "Guy", "Julien": "Ju", "Mathieu": "Mat", "Sandrine": "Sandra", "Élisabeth": "Babeth",
    "Christine": "Chris", "Françoise": "Fanfan", "Joseph": "Jo", "Daniel": "Dany", "Marguerite": "Margot", "Jonathan": "John", "Grégory": "Greg",
}  # fmt: skip
_SHORT = {
    "avenue": "av", "boulevard": "bd", "rue": "r", "impasse": "imp", "chemin": "ch", "place": "pl", "route": "rte", "allée": "all", "square": "sq",
    "lotissement": "lot", "Saint": "St", "Sainte": "Ste", "Général": "Gal", "Maréchal": "Mal", "Docteur": "Dr", "Président": "Pdt",
    "Colonel": "Col", "Frères": "Frs", "Notre": "N", "Georges": "G", "Jean": "J", "Victor": "V", "Marcel": "M", "Louis": "L",
}  # fmt: skip
_NOTHING = ("NULL", "null", "None", "n/a", "N/A", "-", "?", "INCONNU", "nc", "NR", "XXX", ".")


def population(records: int, seed: int = 1, roughness: float = 1.0) -> pd.DataFrame:
    """About `records` rows of the bench's columns with true_person and true_household, the same for the same arguments.

    `roughness` scales how often fields are spoiled (0: not at all; the lives stay as eventful)."""
    people = People(seed, max(30, int(records / 4.6)))
    rng = np.random.default_rng([seed, 2])
    rows: list[dict[str, Any]] = []
    for person in people.persons:
        moments = rng.uniform(FIRST_YEAR, LAST_YEAR, size=min(int(rng.geometric(0.42)), 10))
        # Who lives with whom is what the newest record could tell; what nobody was told is no fault of whoever reads the records.
        home = at([(since, household) for since, _, household in person.homes], float(moments.max()))
        rows += [_record(rng, person, float(when), f"{len(rows) + i:07d}", roughness) | {"true_household": home} for i, when in enumerate(moments)]
    table = pd.DataFrame(rows).iloc[rng.permutation(len(rows))].reset_index(drop=True)
    return table.astype("string").replace("", pd.NA)


def _record(rng: Rng, person: Person, when: float, reference: str, roughness: float) -> dict[str, Any]:
    channel = ("call", "coupon", "web", "legacy", "shop")[int(rng.choice(5, p=[0.18, 0.2, 0.3, 0.2, 0.12]))]
    place = _home(person, when)
    told: Fields = {
        "civility": "M." if person.gender == "M" else ("Mlle" if rng.random() < 0.1 else "Mme"),
        "first_name": person.first, "last_name": at(person.surnames, when),
        "birth_date": "{:02d}/{:02d}/{}".format(*reversed(person.born)),
        "address": f"{place.before}, {place.number} {place.way}".strip(" ,"), "postcode": place.postcode, "city": place.town,
        "email": at(person.emails, when), "phone": _phone(rng, person, when),
    }  # fmt: skip
    if person.second and rng.random() < 0.5:
        told["first_name"] = f"{person.first} {person.second}"
    for name, share in _SILENT[channel].items():
        if rng.random() < share:
            told[name] = ""
    _CHANNELS[channel](rng, told, place, roughness)
    member = f"{channel}{rng.integers(1, 4)}"
    return {"member_id": member, "customer_ref": reference, **told, "true_person": person.key}


def _home(person: Person, when: float) -> Place:
    lived = [h for h in person.homes if h[0] <= when] or person.homes[:1]
    return lived[-1][1]


def _phone(rng: Rng, person: Person, when: float) -> str:
    numbers = [n for n in (at(person.mobiles, when), at(person.landlines, when)) if n]
    return numbers[int(rng.integers(len(numbers)))] if numbers else ""


# How often a channel does not ask, or is not told.
_SILENT: Mapping[str, Mapping[str, float]] = {
    "call": {"birth_date": 0.75, "email": 0.6, "civility": 0.02, "phone": 0.1},
    "coupon": {"birth_date": 0.45, "email": 0.7, "phone": 0.5, "civility": 0.1, "address": 0.01},
    "web": {"birth_date": 0.3, "phone": 0.4, "civility": 0.15, "address": 0.12, "city": 0.05, "email": 0.02},
    "legacy": {"birth_date": 0.5, "email": 0.75, "phone": 0.35, "civility": 0.05},
    "shop": {"birth_date": 0.7, "email": 0.35, "phone": 0.35, "address": 0.5, "civility": 0.3, "city": 0.3},
}


def _call(rng: Rng, told: Fields, place: Place, rough: float) -> None:
    """By ear."""
    for name, share in (("last_name", 0.16), ("first_name", 0.07), ("address", 0.10), ("city", 0.05), ("email", 0.06)):
        if rng.random() < share * rough:
            told[name] = by_ear(rng, told[name] or "")
    if rng.random() < 0.03 * rough:
        told["phone"] = turned(rng, told["phone"] or "")
    shorten(rng, told, 0.3)


def _coupon(rng: Rng, told: Fields, place: Place, rough: float) -> None:
    """By machine, in capitals."""
    for name in ("first_name", "last_name", "address", "city"):
        told[name] = (told[name] or "").upper()
    shares = {"last_name": 0.09, "first_name": 0.07, "address": 0.12, "postcode": 0.05, "birth_date": 0.06, "phone": 0.06, "email": 0.1, "city": 0.06}
    for name, share in shares.items():
        if rng.random() < share * rough:
            told[name] = by_eye(rng, told[name] or "")
    if rng.random() < 0.12 * rough:
        told["first_name"] = (told["first_name"] or "")[:1]
    if rng.random() < 0.02 * rough:
        told["first_name"], told["last_name"] = told["last_name"], told["first_name"]


def _web(rng: Rng, told: Fields, place: Place, rough: float) -> None:
    """Alone, on a small keyboard."""
    if rng.random() < 0.4:
        told |= {name: (told[name] or "").lower() for name in ("first_name", "last_name", "address", "city")}
    first = told["first_name"] or ""
    if rng.random() < 0.10 * rough:
        told["first_name"] = PET.get(first.title(), first)
    if rng.random() < 0.04 * rough:
        told["first_name"], told["last_name"] = told["last_name"], told["first_name"]
    for name, share in (
        ("last_name", 0.05),
        ("first_name", 0.05),
        ("address", 0.06),
        ("city", 0.04),
        ("email", 0.04),
        ("postcode", 0.03),
        ("phone", 0.03),
    ):
        if rng.random() < share * rough:
            told[name] = mistyped(rng, told[name] or "")
    if told["birth_date"]:
        day, month, year = told["birth_date"].split("/")
        day, month = (month, day) if rng.random() < 0.03 * rough else (day, month)
        told["birth_date"] = f"{year}-{month}-{day}"
        if rng.random() < 0.03 * rough:
            told["birth_date"] = f"{year}-01-01"
    shorten(rng, told, 0.2)


def _legacy(rng: Rng, told: Fields, place: Place, rough: float) -> None:
    """Capitals without accents, fixed widths, abbreviations, constants for gaps."""
    for name, width in (("first_name", 12), ("last_name", 15), ("address", 32), ("city", 20)):
        told[name] = re.sub(r"[^A-Z0-9 ]", " ", _plain(told[name] or "").upper())[:width].strip()
    shorten(rng, told, 0.7)
    if told["birth_date"]:
        told["birth_date"] = "".join(reversed(told["birth_date"].split("/")))
    elif rng.random() < 0.4 * rough:
        told["birth_date"] = "19000101"
    for name in ("email", "phone", "civility", "city"):
        if not told[name] and rng.random() < 0.5 * rough:
            told[name] = "0000000000" if name == "phone" and rng.random() < 0.5 else _NOTHING[int(rng.integers(len(_NOTHING)))]
    draw = rng.random()
    if draw < 0.03 * rough:
        told["first_name"] = f"{told['civility'] or 'M'} {told['first_name']}".strip()
    elif draw < 0.05 * rough:
        told["last_name"], told["first_name"] = f"{told['last_name']} {told['first_name']}", ""
    elif draw < 0.06 * rough:
        told["first_name"] = told["city"]
    if rng.random() < 0.05 * rough:
        told["postcode"] = (told["postcode"] or "")[:2] + "000"
    if rng.random() < 0.04 * rough:
        told["city"] = f"{told['city']} CEDEX {rng.integers(1, 20)}"


def _shop(rng: Rng, told: Fields, place: Place, rough: float) -> None:
    """At the till, in haste."""
    if rng.random() < 0.25 * rough:
        told["first_name"] = (told["first_name"] or "")[:1]
    for name, share in (("last_name", 0.07), ("first_name", 0.05), ("phone", 0.04), ("email", 0.05)):
        if rng.random() < share * rough:
            told[name] = mistyped(rng, told[name] or "") if rng.random() < 0.5 else by_ear(rng, told[name] or "")
    told["last_name"] = (told["last_name"] or "").upper()
    if told["phone"] and len(told["phone"]) == 10:
        told["phone"] = " ".join(re.findall("..", told["phone"])) if rng.random() < 0.5 else "+33" + told["phone"][1:]


_CHANNELS: Mapping[str, Callable[[Rng, Fields, Place, float], None]] = {
    "call": _call,
    "coupon": _coupon,
    "web": _web,
    "legacy": _legacy,
    "shop": _shop,
}


# -- single errors ------------------------------------------------------------------------------------------------------------


def _plain(text: str) -> str:
    return " ".join(ascii_lower(word) for word in re.split(r"[ '’-]+", text))


def by_ear(rng: Rng, text: str) -> str:
    lower = text.lower()
    fit = [(s, t) for s, t in _EAR if s in lower[1:] or (s in lower and s not in ("h",))]
    if not fit:
        return text
    said, heard = fit[int(rng.integers(len(fit)))]
    places = [m.start() for m in re.finditer(re.escape(said), lower)]
    i = places[int(rng.integers(len(places)))]
    return text[:i] + heard + text[i + len(said) :]


def by_eye(rng: Rng, text: str) -> str:
    out, places = text, [i for i, c in enumerate(text.upper()) if c in _EYE]
    for i in sorted(rng.permutation(places)[: 1 + int(rng.random() < 0.25)].tolist() if places else [], reverse=True):
        out = out[:i] + _EYE[out[i].upper()] + out[i + 1 :]
    return out


def mistyped(rng: Rng, text: str) -> str:
    if len(text) < 3:
        return text
    i, kind = int(rng.integers(1, len(text))), rng.random()
    if kind < 0.3:
        return text[:i] + text[i + 1 :]
    if kind < 0.5:
        return text[: i - 1] + text[i] + text[i - 1] + text[i + 1 :]
    if kind < 0.65:
        return text[:i] + text[i - 1] + text[i:]
    near = str(rng.integers(10)) if text[i].isdigit() else _KEYS.get(text[i].lower(), "e")
    return text[:i] + near[int(rng.integers(len(near)))] + text[i + 1 :]


def turned(rng: Rng, number: str) -> str:
    """Two figures in turned order, as people say numbers by pairs."""
    if len(number) < 4:
        return number
    i = 2 * int(rng.integers(1, len(number) // 2))
    return number[:i] + number[i : i + 2][::-1] + number[i + 2 :]


def shorten(rng: Rng, told: Fields, share: float) -> None:
    words = (told["address"] or "").split(" ")
    if rng.random() < share:
        words = [
            _SHORT.get(w, _SHORT.get(w.lower(), w)) if not w.isupper() else _SHORT.get(w.lower(), _SHORT.get(w.title(), w)).upper() for w in words
        ]
    if rng.random() < share / 4:
        words = [w for w in words if w.lower() not in ("de", "du", "des", "la", "le")]
    told["address"] = " ".join(words)
