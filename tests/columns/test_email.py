from __future__ import annotations

import pytest

from appetence.columns import email
from appetence.data import rows

pytestmark = pytest.mark.spark

VALID = [
    ("jean.dupont@orange.fr", "jean.dupont@orange.fr"),
    ("Jean.Dupont@Orange.FR", "jean.dupont@orange.fr"),
    (" jean@free.fr ", "jean@free.fr"),
    ("mailto:jean@free.fr", "jean@free.fr"),
    ("Jean Dupont <jean@free.fr>", "jean@free.fr"),
    ("jean@gmial.com", "jean@gmail.com"),
    ("jean@gmail.con", "jean@gmail.com"),
    ("jean@hotmial.fr", "jean@hotmail.fr"),
    ("jean@wanado.fr", "jean@wanadoo.fr"),
    ("jean@orange", "jean@orange.fr"),
    ("jean@laposte.fr", "jean@laposte.net"),
    ("jean@yaho.fr", "jean@yahoo.fr"),
    ("jean@@free.fr", "jean@free.fr"),
    ("jean@free,fr", "jean@free.fr"),
    ("jean.@free.fr", "jean@free.fr"),
    ("jean..dupont@free.fr", "jean.dupont@free.fr"),
    ("jean@free..fr", "jean@free.fr"),
    ("jean@free.fr;", "jean@free.fr"),
    ("jean (at) free.fr", "jean@free.fr"),
    ("hélène@free.fr", "helene@free.fr"),
    ("jean @free.fr", "jean@free.fr"),
    ("a+b_c-d@sub.domaine.fr", "a+b_c-d@sub.domaine.fr"),
    ("jean@.free.fr", "jean@free.fr"),
    ("o'brien@free.fr", "o'brien@free.fr"),
    ("jean@gmailcom", "jean@gmail.com"),
]
INVALID = [
    "",
    None,
    "-",
    "jean",
    "jean@",
    "@free.fr",
    "jean.free.fr",
    "a@b@c.fr",
    "test@test.com",
    "nomail@nomail.com",
    "jean@-.fr",
    "n/a",
    "jean@domaine.f",
    "a@a.fr",
]


def test_planted_cases(check) -> None:
    check(
        {
            "normalise": (email.normalise, [*VALID, *[(v, None) for v in INVALID]]),
            "again": (lambda c: email.normalise(email.normalise(c)), VALID),
            "grade": (
                email.email_grade,
                [
                    ("jean@free.fr", "A"),
                    ("JEAN@free.fr", "A"),
                    ("jean@gmial.com", "B"),
                    ("contact@free.fr", "C"),
                    ("x@yopmail.com", "C"),
                    ("jean@exemple.fr", "C"),
                    ("jean@", "D"),
                    ("", "absent"),
                    (None, "absent"),
                ],
            ),
            "key": (email.email_key, [("j.d+x@gmail.com", "jd@gmail.com"), ("j.d+x@free.fr", "j.d@free.fr"), (None, None)]),
        }
    )


def test_every_listed_typing_error_is_mended(check) -> None:
    pairs = [(f"jean@{row['typo']}", f"jean@{row['domain']}") for row in rows("email_typos")]
    check({"typo": (email.normalise, pairs), "right": (email.normalise, [(f"jean@{r['domain']}",) * 2 for r in rows("email_domains")])})
