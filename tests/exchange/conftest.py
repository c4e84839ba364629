"""Keys, a desk to receive at without Spark, and a context over a root of the test's own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appetence.contracts.settings import ExchangeSettings
from appetence.contracts.specs import MemberSpec
from appetence.exchange.pgp import Pgp
from appetence.exchange.receiving import Desk
from appetence.exchange.stores import FolderStore
from tests.exchange.courier import Keys, make_keys, member


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """Keyrings of operator, m01, m02 and a stranger; tests that change one make their own."""
    return make_keys(tmp_path_factory.mktemp("gnupg"))


@pytest.fixture
def make_desk(tmp_path: Path, keys: Keys) -> Iterator[Callable[..., Desk]]:
    """A factory of desks over `tmp_path`: `make_desk(members=..., as_of=..., settings=...)`."""
    opened: list[Pgp] = []

    def make(members: dict[str, MemberSpec] | None = None, as_of: dt.date = dt.date(2026, 10, 31), settings: ExchangeSettings | None = None) -> Desk:
        scratch = tmp_path / "scratch"
        scratch.mkdir(exist_ok=True)
        opened.append(Pgp(keys.home("operator")))
        known = members if members is not None else {"m01": member(keys), "m02": member(keys, "m02")}
        return Desk(
            FolderStore(tmp_path / "inbox"), FolderStore(tmp_path / "outbox"), FolderStore(tmp_path / "quarantine"), opened[-1],
            keys.fingerprints["operator"], known, str, settings or ExchangeSettings(), as_of, scratch,
        )  # fmt: skip

    yield make
    for pgp in opened:
        pgp.close()
