from __future__ import annotations

import pytest
from pyspark.sql import functions as F

from appetence.columns import names

pytestmark = pytest.mark.spark


def test_planted_cases(check) -> None:
    men = ["M", "M.", "m", "Mr", "MR.", "Monsieur", "monsieur", "H", "Homme", "M. le Docteur", "Mr Dr"]
    women = ["Mme", "MME.", "Madame", "Mlle", "Mademoiselle", "Melle", "F", "Femme", "Mrs", "Mme Vve"]
    neither = ["M. et Mme", "M ou Mme", "MM", "Dr", "Me", "", None, "SARL", "1", "Famille"]
    companies = [
        "SARL DUPONT",
        "SCI LES PINS",
        "GARAGE DU PONT",
        "MAIRIE",
        "ASSOCIATION SPORTIVE",
        "HOTEL DE LA GARE",
        "STE MARTIN",
        "DUPONT SA",
    ]
    persons = ["GARAGE", "HOTEL", "BAR", "SA", "MARTIN", "DE LA TOUR", "CAFE", "LEGROUPE", "BARBIER", "CHATEAU", None]
    check(
        {
            "civility": (names.civility, [*[(v, "M") for v in men], *[(v, "MME") for v in women], *[(v, None) for v in neither]]),
            "first": (
                names.clean_first_name,
                [
                    ("Jean-Pierre", "JEAN PIERRE"),
                    ("JEAN  PIERRE", "JEAN PIERRE"),
                    ("Zoé", "ZOE"),
                    ("J.", "J"),
                    ("J.-P.", "J P"),
                    ("M. Jean", "JEAN"),
                    ("Mme Anne", "ANNE"),
                    ("XXX", None),
                    ("inconnu", None),
                    ("Test", None),
                    ("Jean2", "JEAN"),
                    ("12", None),
                    ("", None),
                    (None, None),
                    ("Maëlys", "MAELYS"),
                    ("M", "M"),
                    ("Jean et Marie", "JEAN ET MARIE"),
                ],
            ),
            "last": (
                names.clean_last_name,
                [
                    ("Dupont", "DUPONT"),
                    ("de La Tour", "DE LA TOUR"),
                    ("D'Artagnan", "D ARTAGNAN"),
                    ("Dupont-Martin", "DUPONT MARTIN"),
                    ("DURAND née PETIT", "DURAND"),
                    ("Petit épouse Durand", "DURAND"),
                    ("Petit ep. Durand", "DURAND"),
                    ("Mme Dupont", "DUPONT"),
                    ("M et Mme Dupont", "DUPONT"),
                    ("NULL", None),
                    ("-", None),
                    ("Lœuil", "LOEUIL"),
                    ("Durand veuve Petit", "PETIT"),
                    ("Neel", "NEEL"),
                    ("Épinay", "EPINAY"),
                    ("Le Née", "LE NEE"),
                ],
            ),
            "birth": (
                names.birth_name_within,
                [("Durand née Petit", "PETIT"), ("Petit épouse Durand", "PETIT"), ("Durand", None), (None, None)],
            ),
            "initial": (names.is_initial, [("J", True), ("J P", True), ("JO", False), (None, None)]),
            "company": (names.is_company, [*[(v, True) for v in companies], *[(v, False) for v in persons]]),
            "grade": (
                names.name_grade,
                [
                    (("JEAN", "DUPONT"), "A"),
                    (("J", "DUPONT"), "B"),
                    ((None, "DUPONT"), "C"),
                    (("JEAN", "SARL DUPONT"), "C"),
                    (("DUPONT", "DUPONT"), "C"),
                    (("JEAN", "DDDD"), "C"),
                    (("JEAN", "BCDF"), "C"),
                    (("JEAN", None), "D"),
                    (("JEAN", "D"), "D"),
                    ((None, None), "absent"),
                    (("ANNE MARIE", "LE GALL"), "A"),
                    (("JEAN", "LY"), "A"),
                ],
            ),
            "inverted": (
                lambda a, b: names.is_inverted(a.cast("double"), b.cast("double")),
                [
                    (("0.001", "0.01"), True),
                    (("100", "0.01"), False),
                    ((None, None), False),
                    (("0.5", "0.5"), False),
                    (("0.0001", None), True),
                ],
            ),
        }
    )


def test_cleaning_twice_changes_nothing(check) -> None:
    given = ["Jean-Pierre", "M. Jean", "de La Tour", "Durand née Petit", "Petit ep. Durand", "J.-P.", "Mme Anne", "D'Artagnan"]
    for clean in (names.clean_first_name, names.clean_last_name):
        check({"same": (lambda c, f=clean: F.coalesce(f(f(c)) == f(c), F.lit(True)), [(v, True) for v in given])})
