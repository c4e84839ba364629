"""`appetence bench exchange`: what a file of some size costs on its way in: encrypted by a member, received by us, no Spark.

The peak of Python's memory is the kernel's high-water mark (`VmHWM`), set back before each step; gpg's is read from its processes while they
run. Both are to stay where they are when the file grows. The keys are made for the measurement and gone afterwards.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from appetence.bench.measuring import peak_of, write
from appetence.contracts.domain import Block
from appetence.contracts.settings import ExchangeSettings
from appetence.contracts.specs import MemberSpec
from appetence.errors import EnvironmentError_
from appetence.exchange.manifest import MANIFEST, canonical_json, sha256_of
from appetence.exchange.outcome import Fate
from appetence.exchange.pgp import Pgp, export_public, generate_key, import_public
from appetence.exchange.receiving import Desk, find_deliveries, open_manifests, take_all
from appetence.exchange.stores import FolderStore
from appetence.runtime import clock, console
from appetence.runtime.config import Config

_SENT = dt.datetime(2026, 10, 1, 3, tzinfo=dt.UTC)
_LINES = 20_000
_EVERY = 0.02
_FIELDS = {"NUM": "customer_ref", "NOM": "last_name", "VOIE": "address_1", "CP": "postcode", "VILLE": "city", "MEL": "email"}


def bench_exchange(config: Config, size: int, target: Path) -> int:
    """The command: a made-up customers file of about `size` bytes there and back, figures into `target`."""
    scratch = Path(config.paths.scratch)
    scratch.mkdir(parents=True, exist_ok=True)
    answer = run(size, scratch)
    write(answer, target)
    console.say(json.dumps(answer))
    return 0


def run(size: int, scratch: Path) -> dict[str, Any]:
    """Seconds and peaks in megabytes of each step, and what the file was. Nothing is kept; three times the size is needed on the disk."""
    with tempfile.TemporaryDirectory(prefix="bench-exchange-", dir=scratch) as folder:
        home = Path(folder)
        prints = _keys(home)
        plain = home / "customers.csv"
        rows = made_up_file(plain, size)
        answer: dict[str, Any] = {"bytes": plain.stat().st_size, "rows": rows, "python_start_mb": _megabytes(Path("/proc/self"))}
        inbox = home / "inbox" / "m01" / "d1"
        inbox.mkdir(parents=True)
        with Pgp(home / "m01") as pgp:
            to, by = prints["operator"], prints["m01"]
            _manifest(plain, rows, inbox, lambda source, cipher: pgp.encrypt_and_sign(source, cipher, recipient=to, signer=by))
            with _measured(answer, "encrypt"):
                pgp.encrypt_and_sign(plain, inbox / "customers.csv.pgp", recipient=to, signer=by)
        answer["cipher_bytes"] = (inbox / "customers.csv.pgp").stat().st_size
        plain.unlink()
        with Pgp(home / "operator") as pgp, _measured(answer, "receive"):
            _receive(home, pgp, prints, rows)
        return answer


def made_up_file(path: Path, size: int) -> int:
    """A customers file of at least `size` bytes, written in pieces; its rows. The texts hold enough chance not to shrink to nothing."""
    rows = written = 0
    with path.open("w", encoding="utf-8", newline="") as out:
        out.write(";".join(_FIELDS) + "\n")
        while written < size:
            piece = "".join(_line(number) for number in range(rows, rows + _LINES))
            out.write(piece)
            rows, written = rows + _LINES, written + len(piece)
    return rows


def _line(number: int) -> str:
    drawn = hashlib.blake2b(number.to_bytes(8), digest_size=8).hexdigest()
    return f"{number};NOM{drawn[:6]};{number % 300} RUE DE LA {drawn[6:12]};{10000 + number % 80000};VILLE{drawn[12:]};{drawn}@exemple.example\n"


def _keys(home: Path) -> dict[str, str]:
    prints = {party: generate_key(home / party, party, f"{party}@exemple.example") for party in ("operator", "m01")}
    for party, other in (("operator", "m01"), ("m01", "operator")):
        import_public(home / party, export_public(home / other, prints[other]))
    return prints


def _manifest(plain: Path, rows: int, inbox: Path, encrypt: Callable[[Path, Path], None]) -> None:
    said = {
        "layout_version": "1", "member_id": "m01", "delivery_ref": "d1", "mode": "full", "created_at": _SENT.isoformat(),
        "files": [{"name": plain.name, "block": str(Block.CUSTOMERS), "rows": rows, "sha256": sha256_of(plain)}],
    }  # fmt: skip
    source = inbox / "manifest.json"
    source.write_bytes(canonical_json(said))
    encrypt(source, inbox / MANIFEST)
    source.unlink()


def _receive(home: Path, pgp: Pgp, prints: dict[str, str], rows: int) -> None:
    member = MemberSpec.model_validate(
        {"member_id": "m01", "label": "m01", "sector": "presse_edition", "programmes": ["alliance"], "pgp": {"fingerprints": [prints["m01"]]},
         "blocks": {Block.CUSTOMERS: {"columns": _FIELDS}}}
    )  # fmt: skip
    (home / "scratch").mkdir()
    inbox, outbox, quarantine = (FolderStore(home / place) for place in ("inbox", "outbox", "quarantine"))
    desk = Desk(
        inbox, outbox, quarantine, pgp, prints["operator"], {"m01": member}, str, ExchangeSettings(), _SENT.date(), home / "scratch",
    )  # fmt: skip
    found, _ = find_deliveries(desk.inbox.list())
    results = open_manifests(desk, found)
    take_all(desk, results, {}, lambda _: None)
    if [(r.fate, r.rows_accepted) for r in results] != [(Fate.ACCEPTED, rows)]:
        raise EnvironmentError_(f"The delivery made for the measurement was not taken: {results[0].sentence}")


@contextlib.contextmanager
def _measured(answer: dict[str, Any], step: str) -> Iterator[None]:
    """Seconds of a step, and its peaks."""
    with contextlib.suppress(OSError):  # where the mark cannot be set back, the peak is that of the process so far
        Path("/proc/self/clear_refs").write_text("5")
    peak, is_over = [0.0], threading.Event()
    watcher = threading.Thread(target=_watch, args=(peak, is_over), daemon=True)
    watcher.start()
    begun = clock.seconds()
    try:
        yield
    finally:
        is_over.set()
        watcher.join()
    answer[step] = {
        "seconds": round(clock.seconds() - begun, 2), "python_peak_mb": _megabytes(Path("/proc/self")), "gpg_peak_mb": round(peak[0], 1),
    }  # fmt: skip


def _watch(peak: list[float], is_over: threading.Event) -> None:
    while not is_over.wait(_EVERY):
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if (folder / "comm").read_text().strip() == "gpg":
                    peak[0] = max(peak[0], _megabytes(folder))


def _megabytes(process: Path) -> float:
    return round(peak_of(process) / (1 << 20), 1)
