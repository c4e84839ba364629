"""A second made population, on other assumptions than `appetence.synthetic`: lives first, then what clerks make of them.

Here: people who are born, marry, part, move out and move house, and how they can be reached at any date. `rough_records` writes them down.
Plain Python and NumPy, seeded; nothing here shares code or rates with the demonstration, so that what is fitted to one shows on the other.
"""

from __future__ import annotations

import bisect
import itertools
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from appetence import data

FIRST_YEAR, LAST_YEAR = 2014.0, 2026.8
_WAYS = ("rue",) * 9 + ("avenue", "avenue", "boulevard", "impasse", "chemin", "chemin", "allée", "place", "route", "square", "lotissement", "quai")
_OF = (
    "de la République", "Victor Hugo", "des Lilas", "du Général Leclerc", "de l'Église", "Jean Moulin", "du Moulin", "des Écoles", "Pasteur",
    "de la Gare", "du Stade", "de Verdun", "Jules Ferry", "des Acacias", "Saint-Michel", "Sainte-Anne", "du 8 Mai 1945", "de la Fontaine",
    "du Docteur Roux", "des Vieux Chênes", "Georges Brassens", "du Maréchal Foch", "des Frères Lumière", "de la Croix Blanche", "Émile Zola",
    "du Château", "des Peupliers", "du Président Kennedy", "de Bretagne", "des Tilleuls", "Notre-Dame", "du Bois Joli", "Marcel Pagnol",
    "de la Liberté", "des Hirondelles", "du Colonel Fabien", "Louis Aragon", "de l'Abbé Grégoire", "des Trois Rois", "du Four à Chaux",
)  # fmt: skip
_DOMAINS = ("gmail.com",) * 8 + ("orange.fr",) * 5 + ("hotmail.fr", "hotmail.com", "free.fr", "free.fr", "wanadoo.fr", "wanadoo.fr",
                                                     "laposte.net", "sfr.fr", "outlook.fr", "yahoo.fr", "bbox.fr", "neuf.fr")  # fmt: skip
_PSEUDO = ("loulou", "titi", "bibi", "papillon", "chaton", "soleil", "domi", "lulu", "choupi", "nounours", "mimi", "pat", "caro", "fred", "zaza")


class Names:
    """Surnames and first names by their frequency; a decade and a gender choose the first names."""

    def __init__(self) -> None:
        rows = data.rows("surnames")
        self._surnames = [r["spelling"] for r in rows]
        self._surname_sums = list(itertools.accumulate(float(r["per_million"]) for r in rows))
        self._first: dict[tuple[str, int], tuple[list[str], list[float]]] = {}
        for r in data.rows("first_names"):
            names, sums = self._first.setdefault((r["gender"], int(r["decade"])), ([], []))
            names.append(r["spelling"])
            sums.append((sums[-1] if sums else 0.0) + float(r["per_million"]))

    def surname(self, rng: np.random.Generator) -> str:
        """A surname; one in fifteen is of two words or hyphenated, as families join theirs."""
        one = self._drawn(rng, self._surnames, self._surname_sums)
        return f"{one}-{self._drawn(rng, self._surnames, self._surname_sums)}" if rng.random() < 0.02 else one

    def first(self, rng: np.random.Generator, gender: str, born: float) -> str:
        """A first name that was given in those years."""
        decades = sorted(d for g, d in self._first if g == gender)
        decade = decades[max(0, bisect.bisect_right(decades, born) - 1)]
        return self._drawn(rng, *self._first[gender, decade])

    @staticmethod
    def _drawn(rng: np.random.Generator, names: Sequence[str], sums: Sequence[float]) -> str:
        return names[min(bisect.bisect(sums, rng.random() * sums[-1]), len(names) - 1)]


@dataclass(frozen=True)
class Place:
    """A home: number, way, what stands before it (building, residence), postcode, town, department."""

    number: str
    way: str
    before: str
    postcode: str
    town: str


@dataclass
class Person:
    """One person: what does not change, and lists of (from, value) for what does; each list begins before FIRST_YEAR."""

    key: str
    gender: str
    first: str
    second: str
    born: tuple[int, int, int]
    surnames: list[tuple[float, str]]
    homes: list[tuple[float, Place, str]] = field(default_factory=list)  # from, place, household
    emails: list[tuple[float, str]] = field(default_factory=list)
    mobiles: list[tuple[float, str]] = field(default_factory=list)
    landlines: list[tuple[float, str]] = field(default_factory=list)


def at(history: Sequence[tuple[float, str]], when: float) -> str:
    """What a history says at a date: the last entry not later."""
    value = history[0][1] if history else ""
    for since, entry in history:
        if since <= when:
            value = entry
    return value


def ascii_lower(text: str) -> str:
    """Lower case without accents, spaces and signs."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return "".join(c for c in plain if c.isalnum())


class Town:
    """Where people live: communes by population, in each a few ways, on some of them buildings that many share."""

    def __init__(self, rng: np.random.Generator, communes: int) -> None:
        rows = [r for r in data.rows("communes") if r["postcodes"] and r["status"] == "current" and float(r["population"] or 0) > 300]
        size = np.array([float(r["population"]) for r in rows])
        chosen = rng.choice(len(rows), size=communes, replace=False, p=size / size.sum())
        self._rows = [rows[i] for i in chosen]
        share = size[chosen] ** 0.8
        self._sums = list(itertools.accumulate((share / share.sum()).tolist()))

    def place(self, rng: np.random.Generator) -> Place:
        """A home: a quarter of them in a building of forty homes."""
        row = self._rows[min(bisect.bisect(self._sums, rng.random()), len(self._rows) - 1)]
        postcodes = row["postcodes"].split("|") if "|" in row["postcodes"] else row["postcodes"].split(" ")
        postcode = postcodes[int(rng.integers(len(postcodes)))]
        local = np.random.default_rng([int(row["code"].replace("A", "1").replace("B", "2")), int(rng.integers(40))])
        way = f"{_WAYS[int(local.integers(len(_WAYS)))]} {_OF[int(local.integers(len(_OF)))]}"
        if rng.random() < 0.25:
            before = [
                "",
                f"bâtiment {'ABCD'[int(rng.integers(4))]}",
                f"résidence {_OF[int(local.integers(len(_OF)))].split(' ')[-1]}",
                f"appt {rng.integers(1, 60)}",
            ]
            return Place(str(local.integers(1, 30)), way, before[int(rng.integers(4))], postcode, row["name"])
        number = str(rng.integers(1, 140)) + ("", "", "", "", "", "", "", " bis", " ter")[int(rng.integers(9))]
        return Place("" if rng.random() < 0.06 else number, way, "", postcode, row["name"])


class People:
    """Makes households and the lives of their members."""

    def __init__(self, seed: int, households: int) -> None:
        self.rng = np.random.default_rng([seed, 1])
        self.names = Names()
        self.town = Town(self.rng, max(20, households // 60))
        self.persons: list[Person] = []
        self._homes = 0
        for _ in range(households):
            self._household()
        for _ in range(max(1, households // 700)):
            self._home_for_the_elderly()

    def _person(self, surname: str, gender: str, year: int, born: tuple[int, int, int] | None = None) -> Person:
        rng = self.rng
        day = born or (year, int(rng.integers(1, 13)), int(rng.integers(1, 29)))
        second = self.names.first(rng, gender, year) if rng.random() < 0.1 else ""
        person = Person(f"p{len(self.persons)}", gender, self.names.first(rng, gender, year), second, day, [(0.0, surname)])
        self.persons.append(person)
        return person

    def _new_home(self) -> str:
        self._homes += 1
        return f"h{self._homes}"

    def _when(self) -> float:
        return float(self.rng.uniform(FIRST_YEAR, LAST_YEAR))

    def _household(self) -> None:
        rng, place, home = self.rng, self.town.place(self.rng), self._new_home()
        kind, year, name = rng.random(), int(rng.integers(1935, 2003)), self.names.surname(rng)
        adults = [self._person(name, "MF"[int(rng.integers(2))], year)]
        if kind > 0.36:
            adults.append(self._partner(adults[0], year + int(rng.normal(0, 3))))
        children: list[Person] = []
        if kind > 0.66 and 1945 <= year <= 1990:
            children = self._children(adults, max(year, adults[-1].born[0]) + int(rng.integers(20, 34)))
        for member in (*adults, *children):
            member.homes = [(0.0, place, home)]
        self._move([*adults, *children], children, adults)
        self._reach(adults, children)

    def _partner(self, first: Person, year: int) -> Person:
        rng = self.rng
        partner = self._person(self.names.surname(rng), "M" if first.gender == "F" else "F", year)
        wife, husband = (partner, first) if partner.gender == "F" else (first, partner)
        taken = husband.surnames[0][1]
        draw = rng.random()
        if draw < 0.62:
            wife.surnames = [(0.0, taken)]
        elif draw < 0.74:
            wife.surnames.append((self._when(), taken))
        elif draw < 0.80:
            wife.surnames = [(0.0, f"{wife.surnames[0][1]}-{taken}")]
        return partner

    def _children(self, adults: Sequence[Person], year: int) -> list[Person]:
        rng = self.rng
        father = next((a for a in adults if a.gender == "M"), adults[0])
        name = father.surnames[-1][1]
        out: list[Person] = []
        for _ in range(int(rng.choice([1, 2, 2, 3]))):
            gender = "MF"[int(rng.integers(2))]
            child = self._person(name, gender, min(year, 2012))
            year += int(rng.integers(1, 5))
            if out and rng.random() < 0.04:
                child.born = out[-1].born  # a twin
            if gender == father.gender and rng.random() < 0.03:
                child.first = father.first  # called after the father
            if child.born[0] <= 2008:
                out.append(child)
            else:
                self.persons.remove(child)
        return out

    def _move(self, family: Sequence[Person], children: Sequence[Person], adults: Sequence[Person]) -> None:
        rng = self.rng
        if rng.random() < 0.22:
            when, place = self._when(), self.town.place(rng)
            for member in family:
                member.homes.append((when, place, member.homes[0][2]))
        for child in children:
            leaves = child.born[0] + float(rng.uniform(18, 27))
            if leaves < LAST_YEAR:
                child.homes.append((leaves, self.town.place(rng), self._new_home()))
                child.homes.sort(key=lambda h: h[0])
                child.homes = [h for h in child.homes if h[0] <= leaves]
        if len(adults) > 1 and rng.random() < 0.06:
            adults[-1].homes.append((max(self._when(), adults[-1].homes[-1][0] + 0.1), self.town.place(rng), self._new_home()))

    def _reach(self, adults: Sequence[Person], children: Sequence[Person]) -> None:
        rng = self.rng
        line = f"0{rng.integers(1, 6)}{rng.integers(10**7, 10**8 - 1)}" if rng.random() < 0.55 else ""
        shared = self._address(adults[0], family=True) if rng.random() < 0.14 else ""
        number = self._mobile()
        for i, person in enumerate((*adults, *children)):
            draw, minor = rng.random(), i >= len(adults)
            if shared and draw < 0.7:
                person.emails = [(0.0, shared)]
            elif draw < 0.85:
                person.emails = [(0.0, self._address(person))]
                if rng.random() < 0.25:
                    person.emails.append((self._when(), self._address(person)))
            person.landlines = [(0.0, line)] + [(h[0], line if h[2] == adults[0].homes[0][2] else "") for h in person.homes[1:]] if line else []
            if rng.random() < 0.08 or (minor and person.born[0] > 2004):
                person.mobiles = [(0.0, number)]
            elif rng.random() < 0.75:
                person.mobiles = [(0.0, self._mobile())]
                if rng.random() < 0.2:
                    person.mobiles.append((self._when(), self._mobile()))

    def _mobile(self) -> str:
        return f"0{self.rng.integers(6, 8)}{self.rng.integers(10**7, 10**8 - 1)}"

    def _address(self, person: Person, *, family: bool = False) -> str:
        rng, first, last = self.rng, ascii_lower(person.first), ascii_lower(person.surnames[-1][1])
        year = str(person.born[0])
        pseudo, few, many = _PSEUDO[int(rng.integers(len(_PSEUDO)))], rng.integers(1, 99), rng.integers(1, 999)
        forms = (
            f"{first}.{last}", f"{first[:1]}{last}", f"{last}.{first}", f"{first}{many}", f"{first}{year[2:]}", f"{last}{few}",
            f"{pseudo}{few}", f"{first}.{last}{few}", f"{first}_{last}", f"{first}{last}",
        )  # fmt: skip
        local = f"{'famille' if rng.random() < 0.4 else 'les'}{last}{rng.integers(1, 90)}" if family else forms[int(rng.integers(len(forms)))]
        return f"{local}@{_DOMAINS[int(rng.integers(len(_DOMAINS)))]}"

    def _home_for_the_elderly(self) -> None:
        rng, place = self.rng, self.town.place(self.rng)
        place = Place(place.number or "3", place.way, "EHPAD les Tilleuls", place.postcode, place.town)
        for _ in range(int(rng.integers(25, 70))):
            person = self._person(self.names.surname(rng), "MFFF"[int(rng.integers(4))], int(rng.integers(1925, 1945)))
            person.homes = [(0.0, place, self._new_home())]
            if rng.random() < 0.3:
                person.homes.insert(0, (-1.0, self.town.place(rng), person.homes[0][2]))
                person.homes[1] = (self._when(), *person.homes[1][1:])
