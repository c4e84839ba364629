"""E-mail addresses: syntax, typing errors of well-known domains, role and throw-away addresses. Never a network look-up."""

from __future__ import annotations

from functools import cache

from pyspark.sql import Column
from pyspark.sql import functions as F

from appetence.columns.grades import Grade
from appetence.columns.text import SPACE, blank_to_null, let, looked_up, null_if_empty, placeholder_pattern, to_ascii_upper
from appetence.data import rows

_SYNTAX = r"(?=.{6,254}$)(?=[^@]{1,64}@)[a-z0-9_+&'-]+(?:\.[a-z0-9_+&'-]+)*@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$"
_PLAIN = r"^[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}$"


@cache
def _typos() -> dict[str, str]:
    return {row["typo"]: row["domain"] for row in rows("email_typos")}


def _tidied(c: Column) -> Column:
    """Lower case, plain letters; what surrounds the address and what people type for ``@`` and ``.`` put right."""
    text = F.lower(to_ascii_upper(c))
    text = F.regexp_replace(text, rf"^[{SPACE}]*(?:[^<>]*<)?(?:mailto:)?|[{SPACE}]+|>.*$|[.,;:)\]]+$", "")
    text = F.regexp_replace(text, r"\(at\)|\[at\]|\(a\)|@+", "@")
    text = F.regexp_replace(text, r"[.,]*[.,](?=[^@]*$)|\.{2,}", ".")
    return F.replace(F.replace(text, F.lit(".@"), F.lit("@")), F.lit("@."), F.lit("@"))


def as_typed(c: Column) -> Column:
    """What may be an address, typing put right; its domain is looked at by :func:`checked`. The first half of :func:`normalise`."""
    return F.when(c.rlike(_PLAIN), c).otherwise(_tidied(c))


def checked(typed: Column) -> Column:
    """The address with well-known domains spelled right, null when it cannot be one. The second half of :func:`normalise`."""
    host = domain(typed)
    right = F.concat(local_part(typed), F.lit("@"), looked_up(_typos(), host))
    mended = F.when(host.isin(*_typos()), right).otherwise(typed)
    return null_if_empty(F.regexp_extract(mended, rf"^(?!{placeholder_pattern('email')}){_SYNTAX}", 0))


def normalise(c: Column) -> Column:
    """The address in lower case with usual typing errors repaired; null when it cannot be one, or is a placeholder.

    >>> row = spark.sql("SELECT 'mailto:Jean.Dupont@GMIAL.com' a, 'jean@@orange,fr' b")
    >>> row.select(normalise(F.col("a")), normalise(F.col("b"))).first()[:]
    ('jean.dupont@gmail.com', 'jean@orange.fr')
    """
    return let(as_typed(c), checked)


def local_part(c: Column) -> Column:
    """What stands before the ``@`` of a normalised address.

    >>> spark.sql("SELECT 'jean@free.fr' a").select(local_part(F.col("a")).alias("v")).first().v
    'jean'
    """
    return F.substring_index(c, "@", 1)


def domain(c: Column) -> Column:
    """What stands behind the ``@`` of a normalised address.

    >>> spark.sql("SELECT 'jean@free.fr' a").select(domain(F.col("a")).alias("v")).first().v
    'free.fr'
    """
    return F.substring_index(c, "@", -1)


def email_key(c: Column) -> Column:
    """A normalised address in comparison form: no ``+tag``; for Gmail no dots either, since it delivers all of these to one box.

    >>> spark.sql("SELECT 'j.dupont+promo@googlemail.com' a").select(email_key(F.col("a")).alias("v")).first().v
    'jdupont@gmail.com'
    """
    box, host = F.regexp_replace(local_part(c), r"(?<=.)\+.*$", ""), domain(c)
    gmail = F.concat(F.replace(box, F.lit("."), F.lit("")), F.lit("@gmail.com"))
    return F.when(host.isin("gmail.com", "googlemail.com"), gmail).otherwise(F.concat(box, F.lit("@"), host))


def is_role(c: Column) -> Column:
    """Whether a normalised address belongs to a function, not to a person (``contact@``, ``info@``).

    >>> spark.sql("SELECT 'contact@free.fr' a").select(is_role(F.col("a")).alias("v")).first().v
    True
    """
    return local_part(c).isin(*[row["local_part"] for row in rows("email_roles")])


def is_throwaway(c: Column) -> Column:
    """Whether a normalised address is on a throw-away service or on a domain nobody receives at.

    >>> spark.sql("SELECT 'x@yopmail.com' a").select(is_throwaway(F.col("a")).alias("v")).first().v
    True
    """
    return domain(c).isin(*[row["domain"] for row in rows("throwaway_domains")])


def email_grade(c: Column, address: Column | None = None) -> Column:
    """The grade of an address as delivered: A as written, B repaired, C role or throw-away, D unusable, absent.

    ``address`` is its normalised form when the caller has it already.

    >>> spark.sql("SELECT 'a.b@gmail.con' a, 'a.b@' b").select(email_grade(F.col("a")), email_grade(F.col("b"))).first()[:]
    ('B', 'D')
    """
    if address is None:
        return let(normalise(c), lambda a: email_grade(c, a))
    nothing = F.when(blank_to_null(c).isNull(), Grade.ABSENT.value).otherwise(Grade.UNUSABLE.value)
    return (
        F.when(address.isNull(), nothing)
        .when(is_role(address) | is_throwaway(address), Grade.DOUBTFUL.value)
        .when(F.lower(F.trim(c)) == address, Grade.GOOD.value)
        .otherwise(Grade.REPAIRED.value)
    )
