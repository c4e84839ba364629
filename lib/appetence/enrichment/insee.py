"""INSEE's files as published: which columns are read, and what each may hold. Lines come in, values go out; no file is opened here.

Sources, all under Licence Ouverte: *Populations de référence* (formerly *légales*), `donnees_communes.csv` of `ensemble.zip`; *Filosofi*, key
figures by commune (`cc_filosofi_<year>_COM.csv`) and by IRIS (`CODGEO;…;MED21;TP6021;…`, or `IRIS;DISP_TP6021;…;DISP_MED21;…`); *Filosofi*,
squares of 200 m (`idcar_200m;ind;men;men_pauv;ind_snv;…`, with a comma between the fields in the editions of 2015 to 2021).
Column names carry the year, and capitals differ from edition to edition: they are matched without either. Labels are not read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from appetence.errors import ConfigError

SECRETS = frozenset({"", "s", "nd", "ns", "na"})
"""What INSEE writes where it keeps a value secret (*secret*) or has none (*non disponible*, *non significatif*)."""

_COMMUNE, _NUMBER = r"(?:[0-9]{2}|2[AB])[0-9]{3}", r"[0-9]+(?:[.,][0-9]+)?(?:[eE][+-]?[0-9]+)?"


class Kind(StrEnum):
    """What a field holds."""

    COMMUNE = "commune"
    IRIS = "iris"
    SQUARE = "square"
    DEPARTMENT = "department"
    NUMBER_IN_DEPARTMENT = "number_in_department"
    COUNT = "count"
    AMOUNT = "amount"
    OPEN_COUNT = "open_count"
    OPEN_AMOUNT = "open_amount"
    OPEN_PERCENT = "open_percent"


_FORMS: dict[Kind, tuple[str, str]] = {
    Kind.COMMUNE: (_COMMUNE, "must be a commune's code of five characters, leading zero included"),
    Kind.IRIS: (_COMMUNE + r"[0-9]{4}", "must be an IRIS code of nine characters, leading zero included"),
    Kind.SQUARE: (r"CRS[0-9]+RES200mN-?[0-9]+E-?[0-9]+", "must be the id of a square of 200 m, as CRS3035RES200mN2893400E3763200"),
    Kind.DEPARTMENT: (r"[0-9]{2}|2[AB]|9[78][0-9]", "must be a department's code, leading zero included"),
    Kind.NUMBER_IN_DEPARTMENT: (r"[0-9]{2,3}", "must be a commune's number in its department, leading zeros included"),
    Kind.COUNT: (r"[0-9]+", "must be a whole number"),
    Kind.AMOUNT: (_NUMBER, "must be a number of nought or more"),
    Kind.OPEN_COUNT: (_NUMBER, "must be a number, s or nd"),
    Kind.OPEN_AMOUNT: (_NUMBER, "must be a number, s or nd"),
    Kind.OPEN_PERCENT: (_NUMBER, "must be a percentage from 0 to 100, s or nd"),
}
_MAY_BE_SECRET = {Kind.OPEN_COUNT, Kind.OPEN_AMOUNT, Kind.OPEN_PERCENT}


def _number(text: str) -> float:
    return float(text.replace(",", "."))


_READ: dict[Kind, Callable[[str], Any]] = {
    Kind.COUNT: int,
    Kind.AMOUNT: _number,
    Kind.OPEN_COUNT: lambda text: int(_number(text) + 0.5),
    Kind.OPEN_AMOUNT: lambda text: int(_number(text) + 0.5),
    Kind.OPEN_PERCENT: lambda text: round(_number(text) / 100.0, 4),
}


@dataclass(frozen=True)
class Wanted:
    """A column to read: the header's form (capitals do not matter), its name as published for messages, and what it holds."""

    header: str
    published: str
    kind: Kind
    is_required: bool = True


@dataclass(frozen=True)
class Source:
    """One kind of file: the setting that names it, the layouts it was published in, and how its CSV is called inside a zip."""

    setting: str
    layouts: tuple[tuple[Wanted, ...], ...]
    member: str
    remedy: str
    takes_all_members: bool = False

    def layout(self, header: Sequence[str]) -> tuple[Wanted, ...] | None:
        """The first layout whose columns `header` has, each once."""
        return next((w for w in self.layouts if not _misfit(w, header)), None)


_POPULATION = Wanted(r"PMUN(?:[0-9]{2}|[0-9]{4})?", "PMUN", Kind.COUNT)
_OF_COMMUNE, _OF_IRIS = "by commune", "by IRIS"


def _incomes(code: Wanted, setting: str, member: str, what: str) -> Source:
    values = (
        Wanted(r"NBMENFISC[0-9]{2}", "NBMENFISC21", Kind.OPEN_COUNT, is_required=False),
        Wanted(r"(?:DISP_)?MED[0-9]{2}", "MED21", Kind.OPEN_AMOUNT),
        Wanted(r"(?:DISP_)?TP60[0-9]{2}", "TP6021", Kind.OPEN_PERCENT),
    )
    remedy = f"take the file of Filosofi {what} as INSEE publishes it (CSV, or zip of it) and point `paths.{setting}` at it"
    return Source(setting, ((code, *values),), member, remedy)


LEGAL_POPULATIONS = Source(
    "legal_populations",
    (
        (
            Wanted("CODDEP", "CODDEP", Kind.DEPARTMENT),
            Wanted("CODCOM", "CODCOM", Kind.NUMBER_IN_DEPARTMENT),
            _POPULATION,
        ),
        (Wanted("COM|CODGEO", "COM", Kind.COMMUNE), _POPULATION),
    ),
    r"(?:.*_)?communes",
    "take donnees_communes.csv of INSEE's reference populations, or ensemble.zip, and point `paths.legal_populations` at it",
)
COMMUNE_INCOMES = _incomes(Wanted("CODGEO|COM", "CODGEO", Kind.COMMUNE), "commune_incomes", r"(?:.*_)?com(?:munes)?", _OF_COMMUNE)
IRIS_INCOMES = _incomes(Wanted("CODGEO|IRIS", "CODGEO", Kind.IRIS), "iris_incomes", r".*iris.*", _OF_IRIS)
SQUARES = Source(
    "squares",
    (
        (
            Wanted("IDCAR_200M|IDINSPIRE", "idcar_200m", Kind.SQUARE),
            Wanted("IND", "ind", Kind.AMOUNT),
            Wanted("MEN", "men", Kind.AMOUNT),
            Wanted("MEN_PAUV", "men_pauv", Kind.AMOUNT),
            Wanted("IND_SNV", "ind_snv", Kind.AMOUNT),
        ),
    ),
    r".*200m.*",
    "take the squares of 200 m of Filosofi as INSEE publishes them (CSV, or zip of it) and point `paths.squares` at them",
    takes_all_members=True,
)


def separator(first_line: str) -> str:
    """The mark between the fields of a file with this header: the comma only where there is no semicolon."""
    return "," if ";" not in first_line and "," in first_line else ";"


def read_lines(lines: Iterable[Sequence[str]], source: Source, where: str, seen: set[str]) -> Iterator[tuple[Any, ...]]:
    """The values of each line, code first: `lines` begins with the header, `where` names the file, `seen` collects the codes.

    A secret value, or a column that is not required and not there, is None. ConfigError names file, line and column that do not fit."""
    rows = iter(lines)
    header = [name.strip().lstrip("\ufeff") for name in next(rows, [])]
    layout = source.layout(header)
    if layout is None:
        raise ConfigError(f"{where}, line 1, {_misfit(source.layouts[-1], header)}; {source.remedy}.")
    places = [(wanted, _at(wanted, header)) for wanted in layout]
    found_any = False
    for number, line in enumerate(rows, start=2):
        if not line:
            continue
        if len(line) != len(header):
            raise ConfigError(f"{where}, line {number}: it has {len(line)} columns and the header has {len(header)}; {source.remedy}.")
        values = [_checked(line[at], wanted, header[at], f"{where}, line {number}", source) if at is not None else None for wanted, at in places]
        whole = _with_code(values, layout)
        if whole[0] in seen:
            raise ConfigError(f"{where}, line {number}, column {header[places[0][1] or 0]}: its code stood in an earlier line; {source.remedy}.")
        seen.add(whole[0])
        found_any = True
        yield whole
    if not found_any:
        raise ConfigError(f"{where}, line 2: there is no line below the header; {source.remedy}.")


def _at(wanted: Wanted, header: Sequence[str]) -> int | None:
    return next((i for i, name in enumerate(header) if re.fullmatch(wanted.header, name.upper())), None)


def _misfit(layout: Sequence[Wanted], header: Sequence[str]) -> str:
    """What is wrong with a header, in words; empty when it fits."""
    for wanted in layout:
        times = sum(bool(re.fullmatch(wanted.header, name.upper())) for name in header)
        if times > 1:
            return f"column {wanted.published}: it is there {times} times"
        if times == 0 and wanted.is_required:
            return f"column {wanted.published}: it is not there"
    return ""


def _checked(text: str, wanted: Wanted, name: str, where: str, source: Source) -> Any:
    kind, bare = wanted.kind, text.strip()
    if kind in _MAY_BE_SECRET and bare.lower() in SECRETS:
        return None
    form, says = _FORMS[kind]
    if re.fullmatch(form, bare):
        value: Any = _READ.get(kind, str)(bare)
        if kind != Kind.OPEN_PERCENT or value <= 1.0:
            return value
    raise ConfigError(f"{where}, column {name}: it {says}; {source.remedy}.")


def _with_code(values: list[Any], layout: Sequence[Wanted]) -> tuple[Any, ...]:
    """Department and number become the commune's code: overseas the number may repeat the department's last digit."""
    if layout[0].kind != Kind.DEPARTMENT:
        return tuple(values)
    department, number, *rest = values
    return (f"{department[:2]}{number}" if len(number) == 3 else f"{department}{number}", *rest)
