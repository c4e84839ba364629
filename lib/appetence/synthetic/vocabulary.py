"""Words the demonstration writes with, from the shipped table `demo_words`: ways, hamlets, residences, nicknames, e-mail words."""

from __future__ import annotations

from functools import cache

from appetence import data


@cache
def words(kind: str) -> tuple[str, ...]:
    """The words of one kind: way, hamlet, residence, student_residence, elderly_home, email_word.

    >>> words("way")[0], len(words("hamlet")) > 20
    ("rue de l'Église", True)
    """
    return tuple(row["value"] for row in data.rows("demo_words") if row["kind"] == kind)


@cache
def way_weights() -> tuple[float, ...]:
    """How common each way name is, in the order of `words("way")`."""
    return tuple(float(row["weight"]) for row in data.rows("demo_words") if row["kind"] == "way")


@cache
def nicknames() -> dict[str, str]:
    """Upper-case first name without accents -> short form.

    >>> nicknames()["CATHERINE"]
    'Cathy'
    """
    return dict(word.split("=", 1) for word in words("nickname"))
