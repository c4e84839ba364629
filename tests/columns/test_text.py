from __future__ import annotations

import re

import pytest

from appetence.columns import text

pytestmark = pytest.mark.spark


def test_planted_cases(check) -> None:
    check(
        {
            "fold": (
                text.fold,
                [
                    ("Élodie", "ELODIE"),
                    ("E\u0301lodie", "ELODIE"),  # combining accent
                    ("cœur", "COEUR"),
                    ("Straße", "STRASSE"),
                    ("Łukasz Þ", "LUKASZ"),
                    ("L’Haÿ-les-Roses", "L HAY LES ROSES"),
                    ("O'Brien", "O BRIEN"),
                    ("a  b\tc\u00a0d", "A B C D"),
                    ("N° 12, rue", "N 12 RUE"),
                    ("--", None),
                    ("", None),
                    (None, None),
                    ("ÇA ÑANDÚ Žižek", "CA NANDU ZIZEK"),
                    ("- a - b -", "A B"),
                ],
            ),
            "squeeze": (text.squeeze, [("  a \u200b b ", "a b"), ("\u00a0", None), ("é", "é")]),
            "blank": (text.blank_to_null, [(" \t\u00a0", None), (" a ", " a "), ("", None)]),
            "shape": (text.shape, [("Éa-12 B", "aa-99 a"), (None, None), ("x" * 50, "a" * 40)]),
            "placeholders": (
                text.drop_placeholders,
                [
                    *[(v, None) for v in ("NULL", "none", "N/A", "n.a.", "NA", "-", ".", "", " ", "XXX", "xxxxxxx", "Inconnu", "INCONNUE")],
                    *[(v, None) for v in ("test", "TEST TEST", "Non renseigné", "néant", "0", "0000", "(aucun)", "? ?", "NaN", "sans nom")],
                    *[(v, v) for v in ("Naudin", "Testard", "Nonette", "Xavier", "X", "Noneau", "Nam", "10", "Lenoir", "Nulle part")],
                ],
            ),
            "date_placeholders": (lambda c: text.drop_placeholders(c, "date"), [("1900-01-01", None), ("1985-01-01", "1985-01-01")]),
        }
    )


def test_any_of_matches_its_words_and_no_others() -> None:
    words = ["A", "AV", "AVE", "AVENUE", "BD", "ROND POINT", "R.P"]
    pattern = re.compile(text.any_of(words))
    assert all(pattern.fullmatch(word) for word in words)
    assert not any(pattern.fullmatch(word) for word in ["", "AVEN", "B", "ROND", "RXP"])
