"""What every store must do; run against folder, Azurite and SFTP."""

from __future__ import annotations

from pathlib import Path

import pytest

from appetence.errors import AppetenceError
from appetence.exchange.stores import Store


def check_store(store: Store, scratch: Path) -> None:
    """Puts, lists, fetches, moves and deletes; the store must be empty before and is empty after."""
    scratch.mkdir(parents=True, exist_ok=True)
    small, large, back = scratch / "small", scratch / "large", scratch / "deep" / "back"
    small.write_bytes(b"x" * 10)
    large.write_bytes(bytes(range(256)) * 40_000)  # past the size a server takes in one piece
    assert store.list() == [] and store.list("m01") == []

    store.put(small, "m02/d1/b.pgp")
    store.put(large, "m01/d1/z.pgp")
    store.put(small, "m01/d1/a b é.pgp")
    store.put(small, "m010/d1/a.pgp")
    assert store.list() == ["m01/d1/a b é.pgp", "m01/d1/z.pgp", "m010/d1/a.pgp", "m02/d1/b.pgp"]
    assert store.list("m01") == ["m01/d1/a b é.pgp", "m01/d1/z.pgp"]
    assert store.list("m01/d1") == store.list("m01")
    assert store.exists("m01/d1/z.pgp") and not store.exists("m01/d1/y.pgp") and not store.exists("m01/d1")

    store.fetch("m01/d1/z.pgp", back)
    assert back.read_bytes() == large.read_bytes()
    store.put(small, "m01/d1/z.pgp")
    store.fetch("m01/d1/z.pgp", back)
    assert back.read_bytes() == small.read_bytes()

    store.move("m01/d1/z.pgp", "other/place/z.pgp")
    assert not store.exists("m01/d1/z.pgp") and store.list("other") == ["other/place/z.pgp"]
    with pytest.raises((AppetenceError, FileNotFoundError)):
        store.fetch("m01/d1/z.pgp", back)

    store.put(small, "m01/d1/half.pgp.part")
    assert "m01/d1/half.pgp.part" not in store.list()
    for name in (*store.list(), "m01/d1/half.pgp.part", "never/was"):
        store.delete(name)
    assert store.list() == []
