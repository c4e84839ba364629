"""Few members make a sector: it is merged upward until at least three feed each group."""

from __future__ import annotations

import random

from appetence.contracts.domain import MemberSector
from appetence.features.catalogue import inputs, theme_of
from appetence.features.sectors import GROUPS, OTHERS, group_members
from appetence.propensity.reasons import NOTHING, words_for

DEMO = {
    "m01": "equipement_personne", "m02": "equipement_maison", "m03": "equipement_maison", "m04": "presse_edition", "m05": "loisirs_voyages",
    "m06": "gastronomie_spiritueux", "m07": "sante_bien_etre", "m08": "gadgets_cadeaux", "m09": "association_caritative",
    "m10": "objets_collection", "m11": "services", "m12": "automobile",
}  # fmt: skip


def test_small_sectors_join_their_family_and_small_families_the_rest() -> None:
    groups = group_members(DEMO, 3)
    assert {groups[m] for m in ("m01", "m02", "m03", "m12")} == {"famille_equipement"}
    assert groups["m09"] == groups["m11"] == OTHERS


def test_no_group_is_fed_by_fewer_members_than_the_rule_wants() -> None:
    draw = random.Random(3)
    for _ in range(300):
        members = {f"m{n}": draw.choice(list(MemberSector)) for n in range(draw.randrange(3, 25))}
        least = draw.randrange(1, 5)
        groups = list(group_members(members, least).values())
        assert set(groups) <= set(GROUPS)
        if len(members) >= least:
            assert min(groups.count(g) for g in set(groups)) >= least, (members, least, groups)


def test_a_sector_with_enough_members_keeps_its_name() -> None:
    assert set(group_members({f"m{n}": "services" for n in range(3)}, 3).values()) == {"services"}


def test_every_column_has_a_theme_and_every_theme_has_words() -> None:
    for column in inputs(with_own=True):
        higher, lower = words_for(theme_of(column.name))
        assert higher != NOTHING
        assert not higher.endswith("élevé") or "_" not in higher, column
        assert "_" not in higher + lower, column
