"""Which group of sectors a member's events count in: with few members a sector *is* a member, so small ones are merged upward.

A sector that fewer than `least` readable members feed is merged into its family, a family that fewer feed into `autres`; and when
`autres` itself would be fed by fewer, the smallest other group joins it.
"""

from __future__ import annotations

from collections.abc import Mapping

from appetence.contracts.domain import MemberSector as S

OTHERS = "autres"

FAMILIES: Mapping[str, str] = {
    S.EQUIPEMENT_PERSONNE: "famille_equipement",
    S.EQUIPEMENT_MAISON: "famille_equipement",
    S.AUTOMOBILE: "famille_equipement",
    S.PRESSE_EDITION: "famille_culture",
    S.LOISIRS_VOYAGES: "famille_culture",
    S.OBJETS_COLLECTION: "famille_culture",
    S.GASTRONOMIE_SPIRITUEUX: "famille_plaisirs",
    S.SANTE_BIEN_ETRE: "famille_plaisirs",
    S.GADGETS_CADEAUX: "famille_plaisirs",
    S.SERVICES: OTHERS,
    S.ASSOCIATION_CARITATIVE: OTHERS,
}
"""The family a sector is merged into."""

GROUPS: tuple[str, ...] = (*(str(s) for s in S), *sorted({f for f in FAMILIES.values() if f != OTHERS}), OTHERS)
"""Every group there can be: the columns of a dataset are the same whoever takes part."""


def group_members(sector_of: Mapping[str, str], least: int) -> dict[str, str]:
    """Member -> group, for the members a model may read (`sector_of`: member -> sector).

    >>> members = {"a": "automobile", "b": "automobile", "c": "automobile", "d": "services", "e": "presse_edition"}
    >>> group_members(members, 3)["a"], group_members(members, 3)["d"]
    ('autres', 'autres')
    """
    groups = {member: str(sector) for member, sector in sector_of.items()}
    for merged in (FAMILIES, dict.fromkeys(GROUPS, OTHERS)):
        sizes = _sizes(groups)
        groups = {m: str(merged.get(g, OTHERS)) if sizes[g] < least else g for m, g in groups.items()}
    while 0 < _sizes(groups).get(OTHERS, 0) < least and len(set(groups.values())) > 1:
        sizes = _sizes(groups)
        smallest = min((g for g in sizes if g != OTHERS), key=lambda g: (sizes[g], g))
        groups = {m: OTHERS if g == smallest else g for m, g in groups.items()}
    return groups


def _sizes(groups: Mapping[str, str]) -> dict[str, int]:
    values = list(groups.values())
    return {g: values.count(g) for g in set(values)}
