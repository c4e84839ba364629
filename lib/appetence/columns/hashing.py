"""Ids, tie-breaks, content hashes and HMAC, composed from Spark's own SHA-256.

Every text is length-prefixed before hashing, so that no two different lists of values hash alike by running together.
"""

from __future__ import annotations

import hashlib

from pyspark.sql import Column
from pyspark.sql import functions as F

_BLOCK = 64  # bytes: the block of SHA-256, RFC 2104's B


def _packed(*cols: Column) -> Column:
    """The values as one unambiguous string: ``length:value`` each, ``-`` for null."""
    texts = [c.cast("string") for c in cols]
    return F.concat(*[F.coalesce(F.concat(F.length(t).cast("string"), F.lit(":"), t), F.lit("-")) for t in texts])


def record_id(member_id: Column, customer_ref: Column) -> Column:
    """The id of a member's customer: 32 hexadecimal digits that depend on these two values only.

    >>> spark.sql("SELECT 'm1' m, '42' r").select(record_id(F.col("m"), F.col("r")).alias("v")).first().v
    '7173d4c7379ce96087cce0640d91600a'
    """
    return F.substring(F.sha2(_packed(member_id, customer_ref), 256), 1, 32)


def stable_order(*cols: Column, seed: str | int) -> Column:
    """A tie-break: 16 hexadecimal digits, evenly spread, the same for the same values and seed wherever and whenever computed.

    >>> a, b = spark.sql("SELECT 'x' k").select(stable_order(F.col("k"), seed=1), stable_order(F.col("k"), seed=2)).first()
    >>> a != b and len(a)
    16
    """
    return F.substring(F.sha2(_packed(F.lit(str(seed)), *cols), 256), 1, 16)


def content_hash(*cols: Column) -> Column:
    """SHA-256, in hexadecimal, of the values in this order; null, empty and absent differ. Maps have no order: do not hash them.

    >>> spark.sql("SELECT 'a' x, CAST(NULL AS STRING) y").select(content_hash(F.col("x"), F.col("y")).alias("v")).first().v[:8]
    '90f1254f'
    """
    return F.sha2(_packed(*cols), 256)


def pads(key: bytes) -> tuple[bytes, bytes]:
    """The inner and outer padded key of RFC 2104, to travel in a one-row DataFrame instead of a literal in a plan.

    >>> [len(p) for p in pads(b"secret")]
    [64, 64]
    """
    block = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
    return bytes(b ^ 0x36 for b in block), bytes(b ^ 0x5C for b in block)


def hmac_sha256(message: Column, inner_pad: Column, outer_pad: Column) -> Column:
    """HMAC-SHA-256 (RFC 2104) in hexadecimal; the message is text (its UTF-8 bytes) or binary, the pads come from :func:`pads`.

    >>> row = spark.createDataFrame([("hello", *map(bytearray, pads(b"key")))], "m string, i binary, o binary")
    >>> row.select(hmac_sha256(F.col("m"), F.col("i"), F.col("o")).alias("v")).first().v[:16]
    '9307b3b915efb517'
    """
    inner = F.unhex(F.sha2(F.concat(inner_pad, message.cast("binary")), 256))
    return F.sha2(F.concat(outer_pad, inner), 256)
