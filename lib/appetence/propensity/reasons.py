"""Leading reasons: what raises a person's score above that of a typical person, told by theme in words a campaign team reads.

For each theme, the columns of that theme are set to their typical values (medians of the training rows) and the drop in log odds is what
the theme contributes. One prediction per theme; the same for every family of model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from appetence.propensity.models import Propensity

Floats = NDArray[np.float64]

LEAST = 0.05
"""Contributions under this (log odds) are not worth a word."""

NOTHING = "profil dans la moyenne"

SECTOR_WORDS = {
    "equipement_personne": "en équipement de la personne", "equipement_maison": "en équipement de la maison", "automobile": "en automobile",
    "presse_edition": "en presse et édition", "loisirs_voyages": "en loisirs et voyages", "services": "en services",
    "gastronomie_spiritueux": "en gastronomie", "sante_bien_etre": "en bien-être", "association_caritative": "auprès d'associations",
    "objets_collection": "en objets de collection", "gadgets_cadeaux": "en gadgets et cadeaux",
    "famille_equipement": "en équipement", "famille_culture": "en presse, loisirs et collections",
    "famille_plaisirs": "en gastronomie, bien-être et cadeaux", "autres": "dans les autres secteurs",
}  # fmt: skip

WORDS: dict[str, tuple[str, str]] = {
    "recence": ("activité récente", "activité ancienne"),
    "frequence": ("commandes fréquentes", "peu de commandes"),
    "montant": ("montants élevés", "petits montants"),
    "anciennete": ("client de longue date dans la coopérative", "arrivé récemment dans la coopérative"),
    "saison": ("commandes à la même saison les années passées", "peu de commandes à cette saison"),
    "regularite": ("commandes espacées", "commandes rapprochées"),
    "dons": ("dons", "peu de dons"),
    "retours": ("retours", "peu de retours"),
    "diversite": ("achats dans plusieurs secteurs", "achats concentrés"),
    "foyer": ("foyer acheteur", "foyer peu acheteur"),
    "age": ("âge plus élevé", "âge plus jeune"),
    "profil": ("profil proche des acheteurs", "profil proche des acheteurs"),
    "lieu": ("grande commune", "petite commune"),
    "joignabilite": ("joignable par plusieurs canaux", "peu de canaux connus"),
    "client_recence": ("achats récents chez vous", "achats anciens chez vous"),
    "client_frequence": ("achats fréquents chez vous", "peu d'achats chez vous"),
    "client_montant": ("montants élevés chez vous", "petits montants chez vous"),
    "client_anciennete": ("client de longue date chez vous", "client récent chez vous"),
    "client_saison": ("achats à la même saison chez vous", "peu d'achats à cette saison chez vous"),
    "client_regularite": ("achats espacés chez vous", "achats rapprochés chez vous"),
    "client_dons": ("dons chez vous", "peu de dons chez vous"),
    "client_retours": ("retours chez vous", "peu de retours chez vous"),
}
"""Theme -> words when the person stands above the typical value, and below it."""

LESS_IS_MORE = ("recency_days", "overdue_ratio")
"""Columns where a lower value means more of the theme."""


def words_for(theme: str) -> tuple[str, str]:
    """The two wordings of a theme; an unknown one is told by its own name."""
    if theme in SECTOR_WORDS:
        return f"achats {SECTOR_WORDS[theme]}", f"peu d'achats {SECTOR_WORDS[theme]}"
    return WORDS.get(theme, (f"{theme} élevé", f"{theme} faible"))


def themes(propensity: Propensity, theme_of: Mapping[str, str]) -> dict[str, list[int]]:
    """Theme -> positions of its columns, in a fixed order."""
    found: dict[str, list[int]] = {}
    for position, name in enumerate(propensity.columns):
        found.setdefault(theme_of.get(name, name), []).append(position)
    return dict(sorted(found.items()))


def contributions(propensity: Propensity, values: Floats, groups: dict[str, list[int]]) -> Floats:
    """Log odds each theme adds against a typical person: one row per person, one column per theme."""
    whole = propensity.margin(values)
    typical = np.array(propensity.typical)
    result = np.empty((len(values), len(groups)))
    for place, columns in enumerate(groups.values()):
        neutral = values.copy()
        neutral[:, columns] = typical[columns]
        result[:, place] = whole - propensity.margin(neutral)
    return np.asarray(result.round(6))


def reasons(propensity: Propensity, values: Floats, theme_of: Mapping[str, str], count: int) -> list[list[str]]:
    """Up to `count` reasons per row, strongest first; always at least one text."""
    groups = themes(propensity, theme_of)
    added = contributions(propensity, values, groups)
    wordings = [words_for(t) for t in groups]
    above = np.column_stack([_is_above(propensity, values, columns) for columns in groups.values()])
    strongest = np.argsort(-added, axis=1, kind="stable")[:, :count]
    return [[wordings[t][0 if above[row, t] else 1] for t in picks if added[row, t] >= LEAST] or [NOTHING] for row, picks in enumerate(strongest)]


def _is_above(propensity: Propensity, values: Floats, columns: Sequence[int]) -> NDArray[np.bool_]:
    """Whether most of a theme's columns stand above their typical values."""
    names = [propensity.columns[c] for c in columns]
    signs = np.array([-1.0 if n.endswith(LESS_IS_MORE) else 1.0 for n in names])
    typical = np.array(propensity.typical)[list(columns)]
    distance = np.sign(np.nan_to_num(values[:, list(columns)], nan=np.inf) - typical) * signs
    return np.asarray(distance.sum(axis=1) >= 0)
