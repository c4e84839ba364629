"""The delivery protocol over real PGP files and folders, without Spark: what is taken, in which order, and what is refused and how."""

from __future__ import annotations

import datetime as dt
import errno
import json
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from appetence.contracts.settings import ExchangeSettings
from appetence.errors import ConfigError
from appetence.exchange import receiving
from appetence.exchange.outcome import Fate, Result, delivery_rows, report
from appetence.exchange.pgp import Pgp
from appetence.exchange.reading import Unread
from appetence.exchange.receiving import Desk, find_deliveries, open_manifests, settle_early, settle_late, take_all, tell_unread
from tests.exchange.courier import CREATED, CUSTOMERS, Keys, customers, manifest_of, member, permissions, send, transactions

pytestmark = pytest.mark.servers
DAY = dt.timedelta(days=1)
MakeDesk = Callable[..., Desk]


def received(desk: Desk, known: Mapping[str, str] | None = None) -> dict[str, Result]:
    """One run without tables: results by delivery name."""
    found, _ = find_deliveries(desk.inbox.list())
    results = open_manifests(desk, found)
    take_all(desk, results, known or {}, lambda _: None)
    for result in results:
        assert settle_early(desk, result) is None
    for result in results:
        if result.fate in (Fate.ACCEPTED, Fate.QUARANTINED, Fate.REPEATED):
            settle_late(desk, result)
    return {r.incoming.delivery_ref: r for r in results}


def refused(desk: Desk, tmp_path: Path, keys: Keys) -> Result:
    """The one delivery of the inbox, refused: it lies in quarantine as it came, no plaintext is left, its member is told why."""
    arrived = {n: (tmp_path / "inbox" / n).read_bytes() for n in desk.inbox.list()}
    (result,) = received(desk).values()
    assert result.fate is Fate.QUARANTINED and result.sentence and result.sentence.endswith(".")
    assert desk.inbox.list() == []
    assert {n: (tmp_path / "quarantine" / n).read_bytes() for n in desk.quarantine.list()} == arrived
    assert [p for p in desk.scratch.rglob("*") if p.is_file()] == []
    (row,) = delivery_rows(desk.as_of, [result])
    assert (row["status"], row["reason_code"], row["rows_accepted"]) == ("quarantined", result.code, 0)
    assert row["rows_read"] == row["rows_rejected"]
    if result.incoming.member_id == "m01":
        told = told_to(keys, "m01", tmp_path / "outbox" / f"{result.incoming.folder}.report.json.pgp")
        assert (told["code"], told["sentence"]) == (result.code, result.sentence)
    else:
        assert desk.outbox.list() == []
    return result


def told_to(keys: Keys, party: str, file: Path) -> dict[str, object]:
    """What a report says to the member it is encrypted for."""
    with Pgp(keys.home(party)) as pgp:
        plain = file.with_suffix(".plain")
        pgp.decrypt_and_verify(file, plain, allowed=[keys.fingerprints["operator"]])
    found: dict[str, object] = json.loads(plain.read_text())
    plain.unlink()
    return found


def test_a_whole_delivery_is_accepted_and_leaves_the_inbox(make_desk: MakeDesk, tmp_path: Path, keys: Keys) -> None:
    files = {"customers.csv": customers(60), "transactions.csv": transactions(), "permissions.csv": permissions()}
    send(tmp_path / "inbox", keys, "d1", files)
    desk = make_desk()
    result = received(desk)["d1"]
    assert (result.fate, result.rows_read, result.rows_accepted, result.signer) == (Fate.ACCEPTED, 70, 70, keys.fingerprints["m01"])
    assert (desk.inbox.list(), desk.quarantine.list(), desk.outbox.list()) == ([], [], [])
    assert {p.suffix for p in desk.scratch.rglob("*") if p.is_file()} == {".parquet"}


def test_inv_29_wrong_key(make_desk: MakeDesk, tmp_path: Path, keys: Keys) -> None:
    send(tmp_path / "inbox", keys, "d1", {"customers.csv": customers()}, signer="stranger", recipient="stranger")
    result = refused(make_desk(), tmp_path, keys)
    assert result.code == "PGP" and "encrypted for another key" in str(result.sentence)


def test_inv_29_signed_by_another_member(make_desk: MakeDesk, tmp_path: Path, keys: Keys) -> None:
    send(tmp_path / "inbox", keys, "d1", {"customers.csv": customers()}, signer="m02")
    assert "not one of its sender's allowed keys" in str(refused(make_desk(), tmp_path, keys).sentence)


def test_inv_29_unsigned(make_desk: MakeDesk, tmp_path: Path, keys: Keys) -> None:
    send(tmp_path / "inbox", keys, "d1", {"customers.csv": customers()}, sign=False)
    assert "is not signed" in str(refused(make_desk(), tmp_path, keys).sentence)


@pytest.mark.parametrize("name", ["customers.csv.pgp", "manifest.json.pgp"])
@pytest.mark.parametrize("harm", ["tampered", "truncated", "emptied"])
def test_inv_29_harmed_on_its_way(make_desk: MakeDesk, tmp_path: Path, keys: Keys, name: str, harm: str) -> None:
    file = send(tmp_path / "inbox", keys, "d1", {"customers.csv": customers(200), "transactions.csv": transactions()}) / name
    whole = file.read_bytes()
    place = random.Random(7).randrange(130, len(whole))
    file.write_bytes({"tampered": whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :], "truncated": whole[:-25], "emptied": b""}[harm])
    result = refused(make_desk(), tmp_path, keys)
    assert result.code == "PGP" and "send it again" in str(result.sentence)


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        ({"layout_version": "2"}, "LAYOUT_VERSION", "use layout 1"),
        ({"member_id": "m02"}, "MANIFEST_MEMBER", "names another member than m01"),
        ({"delivery_ref": "d9"}, "MANIFEST_REF", "names another delivery than the folder d1"),
        ({"mode": "partial"}, "MANIFEST", "mode: input should be 'full' or 'incremental'"),
        ({"created_at": "2026-10-01T03:00:00"}, "MANIFEST", "created_at: has no time zone"),
        ({"files": []}, "MANIFEST", "files"),
        ({"note": "x"}, "MANIFEST", "note"),
    ],
)
def test_inv_29_manifest_that_does_not_fit(make_desk: MakeDesk, tmp_path: Path, keys: Keys, changes: dict[str, object], code: str, says: str) -> None:
    files = {"customers.csv": customers()}
    send(tmp_path / "inbox", keys, "d1", files, manifest={**manifest_of("m01", "d1", files), **changes})
    result = refused(make_desk(), tmp_path, keys)
    assert result.code == code and says in str(result.sentence)


def test_inv_29_files_and_manifest_disagree(make_desk: MakeDesk, tmp_path: Path, keys: Keys) -> None:
    files = {"customers.csv": customers(), "transactions.csv": transactions()}

    def outcome(manifest: Mapping[str, object]) -> tuple[str | None, str]:
        send(tmp_path / "inbox", keys, "d1", files, manifest=manifest)
        result = refused(make_desk(), tmp_path, keys)
        for name in ("quarantine", "outbox"):
            for file in (tmp_path / name).rglob("*.pgp"):
                file.unlink()
        return result.code, str(result.sentence)

    whole = manifest_of("m01", "d1", files)
    code, says = outcome({**whole, "files": whole["files"][:1]})
    assert code == "EXTRA_FILE" and "transactions.csv.pgp" in says
    code, says = outcome({**whole, "files": [*whole["files"], {**whole["files"][1], "name": "permissions.csv", "block": "permissions"}]})
    assert code == "MISSING_FILE" and "permissions.csv.pgp" in says
    code, says = outcome({**whole, "files": [{**whole["files"][0], "sha256": "0" * 64}, whole["files"][1]]})
    assert code == "HASH" and "customers.csv is not the file the manifest describes" in says
    code, says = outcome({**whole, "files": [whole["files"][0], {**whole["files"][1], "rows": 6}]})
    assert code == "ROW_COUNT" and "transactions.csv holds 5 rows and the manifest states 6" in says


def test_inv_29_member_and_block_that_are_not_agreed(make_desk: MakeDesk, tmp_path: Path, keys: Keys) -> None:
    send(tmp_path / "inbox", keys, "d1", {"customers.csv": customers()}, member_id="stranger")
    result = refused(make_desk(), tmp_path, keys)
    assert result.code == "UNKNOWN_MEMBER" and "conf/members/stranger.yaml" in str(result.sentence)
    (tmp_path / "quarantine/stranger/d1/customers.csv.pgp").unlink()
    (tmp_path / "quarantine/stranger/d1/manifest.json.pgp").unlink()

    send(tmp_path / "inbox", keys, "d2", {"transactions.csv": transactions()})
    result = refused(make_desk({"m01": member(keys, blocks={"customers": CUSTOMERS})}), tmp_path, keys)
    assert result.code == "UNKNOWN_BLOCK" and "no agreed layout for transactions" in str(result.sentence)

    send(tmp_path / "inbox", keys, "d3", {"customers.csv": customers()})
    assert received(make_desk({"m01": member(keys, is_active=False)}))["d3"].code == "INACTIVE_MEMBER"
    send(tmp_path / "inbox", keys, "d4", {"customers.csv": customers()})
    with pytest.raises(ConfigError, match="blocks.customers maps to 'nom'"):
        received(make_desk({"m01": member(keys, blocks={"customers": CUSTOMERS.model_copy(update={"columns": {"NOM": "nom"}})})}))


def test_inv_29_refused_lines_over_all_files_count_together(make_desk: MakeDesk, tmp_path: Path, keys: Keys) -> None:
    files = {
        "customers.csv": customers(60).replace(b"\n7;", b"\n;").replace(b"\n9;", b"\n;"),
        "transactions.csv": transactions(40).replace(b"12,50\n", b"\n", 1),
    }
    settings = ExchangeSettings(max_reject_share=0.03)
    send(tmp_path / "inbox", keys, "d1", files)
    kept = received(make_desk(settings=settings))["d1"]
    assert (kept.fate, kept.rows_read, kept.rows_accepted) == (Fate.ACCEPTED, 100, 97)
    told = told_to(keys, "m01", tmp_path / "outbox/m01/d1.report.json.pgp")
    assert told["status"] == "accepted"
    assert told["lines"] == [
        {
            "file": f,
            "line": n,
            "column": c,
            "source": source,
            "code": "MISSING_VALUE",
            "sentence": f"{c} is empty; it must be filled on each line.",
            "shape": None,
        }
        for f, n, c, source in (
            ("customers.csv", 8, "customer_ref", "NUM"),
            ("customers.csv", 10, "customer_ref", "NUM"),
            ("transactions.csv", 2, "amount", "MT"),
        )
    ]
    (tmp_path / "outbox/m01/d1.report.json.pgp").unlink()
    send(tmp_path / "inbox", keys, "d1", files)
    result = refused(make_desk(settings=ExchangeSettings(max_reject_share=0.029)), tmp_path, keys)
    assert result.code == "TOO_MANY_REJECTS"
    assert [line["line"] for line in report(dt.date(2026, 10, 31), result)["lines"]] == [8, 10, 2]


def test_inv_29_more_unreadable_values_than_the_member_may_send_refuse_the_whole(make_desk: MakeDesk, tmp_path: Path, keys: Keys) -> None:
    """Five of ten amounts: taken and told by default, refused whole where less is agreed, with every copy that came in the same run."""
    files = {"customers.csv": customers(3), "transactions.csv": transactions(10)}

    def taken(gate: float | None) -> tuple[Desk, list[Result]]:
        send(tmp_path / "inbox", keys, "d1", files)
        send(tmp_path / "inbox", keys, "d1-again", files)
        desk = make_desk({"m01": member(keys, max_unread_share=gate)})
        results = open_manifests(desk, find_deliveries(desk.inbox.list())[0])
        take_all(desk, results, {}, lambda _: None)
        examples = tuple((line, "aaaaa") for line in range(2, 7))
        found = [Unread("amount", "BAD_AMOUNT", "amount is not an amount in euros.", 5, 10, examples)]
        told = tell_unread(desk, results, {(results[0].delivery_id, "transactions"): found})
        for result in results:
            settle_early(desk, result)
        assert told == ([] if results[0].fate is Fate.ACCEPTED else results)
        return desk, results

    desk, (kept, copy) = taken(None)
    assert (kept.fate, copy.fate, kept.rows_accepted, kept.unread) == (Fate.ACCEPTED, Fate.REPEATED, 13, {"amount": 5})
    assert desk.outbox.list() == ["m01/d1.report.json.pgp"] and desk.quarantine.list() == []
    told = told_to(keys, "m01", tmp_path / "outbox/m01/d1.report.json.pgp")
    assert told["status"] == "accepted" and told["lines"] == []
    files_told: Any = told["files"]
    assert files_told[1]["unread"] == [{"column": "amount", "code": "BAD_AMOUNT", "count": 5, "of": 10}]
    first: Any = told["values"]
    assert len(first) == 5 and first[0] == {
        "file": "transactions.csv", "line": 2, "column": "amount", "source": "MT", "code": "BAD_AMOUNT",
        "sentence": "amount is not an amount in euros.", "shape": "aaaaa",
    }  # fmt: skip

    desk, (refused_one, copy) = taken(0.49)
    assert (refused_one.fate, copy.fate, refused_one.code, copy.code) == (*[Fate.QUARANTINED] * 2, *["TOO_MANY_UNREAD"] * 2)
    assert "5 of the 10 values of MT in transactions.csv cannot be read as amount, more than the 49% that may" in str(refused_one.sentence)
    assert len(desk.quarantine.list()) == 6 and len(desk.outbox.list()) == 2
    assert [p for p in desk.scratch.rglob("*") if p.is_file()] == []
    (row,) = delivery_rows(desk.as_of, [refused_one, copy])
    assert (row["rows_read"], row["rows_accepted"], row["values_unread"]) == (13, 0, 5)


def test_inv_29_bombs_are_cut_off(make_desk: MakeDesk, tmp_path: Path, keys: Keys) -> None:
    """A manifest of more than a megabyte and a file that grows by more than the configured factor, both by a stranger to the member."""
    files = {"customers.csv": customers()}
    send(tmp_path / "inbox", keys, "d1", files, manifest={"x": "0" * (1 << 20)}, signer="stranger")
    send(tmp_path / "inbox", keys, "d2", files)
    with Pgp(keys.home("stranger")) as pgp:
        (tmp_path / "zeros").write_bytes(bytes(24 << 20))
        bomb = tmp_path / "inbox/m01/d2/customers.csv.pgp"
        pgp.encrypt_and_sign(tmp_path / "zeros", bomb, recipient=keys.fingerprints["operator"], signer=keys.fingerprints["stranger"])
    results = received(make_desk(settings=ExchangeSettings(max_expansion=50)))
    assert {r: x.code for r, x in results.items()} == {"d1": "ARCHIVE_BOMB", "d2": "ARCHIVE_BOMB"}
    assert all("decrypts to far more" in str(r.sentence) for r in results.values())


def test_what_nobody_thought_of_stops_one_delivery_only(
    make_desk: MakeDesk, tmp_path: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    raised: list[BaseException] = [KeyError("DUPONT")]
    real = receiving.stage_file

    def stage_file(path: Path, *how: Any) -> None:
        if b"MARTIN2;" not in path.read_bytes():
            raise raised[0]
        real(path, *how)

    monkeypatch.setattr(receiving, "stage_file", stage_file)
    send(tmp_path / "inbox", keys, "d1", {"customers.csv": customers(1)})
    send(tmp_path / "inbox", keys, "d2", {"customers.csv": customers(3)}, created_at=CREATED + DAY)
    results = received(make_desk())
    assert {r: (x.fate, x.code) for r, x in results.items()} == {"d1": (Fate.QUARANTINED, "UNREADABLE"), "d2": (Fate.ACCEPTED, None)}
    assert "customers.csv cannot be read (KeyError)" in str(results["d1"].sentence) and "DUPONT" not in str(results["d1"].sentence)
    send(tmp_path / "inbox", keys, "d3", {"customers.csv": customers(2)})
    for stops in (OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()):
        raised[0] = stops
        with pytest.raises(type(stops)):
            received(make_desk())
        assert "m01/d3/manifest.json.pgp" in make_desk().inbox.list()


def test_taken_by_time_made_and_only_up_to_the_as_of_date(make_desk: MakeDesk, tmp_path: Path, keys: Keys) -> None:
    inbox = tmp_path / "inbox"
    for ref, day in (("z-first", 0), ("a-second", 1), ("later", 2)):
        send(inbox, keys, ref, {"customers.csv": customers(3 + day)}, created_at=CREATED + day * DAY)
    (send(inbox, keys, "unfinished", {"customers.csv": customers()}) / "manifest.json.pgp").rename(tmp_path / "held-back")
    (inbox / "m01/unfinished/transactions.csv.pgp.part").write_bytes(b"half")
    (inbox / "read me.txt").write_bytes(b"")
    desk = make_desk(as_of=(CREATED + DAY).date())
    found, stray = find_deliveries(desk.inbox.list())
    assert stray == ["read me.txt"]
    assert [r.incoming.delivery_ref for r in open_manifests(desk, found)] == ["unfinished", "z-first", "a-second", "later"]
    fates = {ref: r.fate for ref, r in received(desk).items()}
    assert fates == {"z-first": Fate.ACCEPTED, "a-second": Fate.ACCEPTED, "later": Fate.LATER, "unfinished": Fate.UNFINISHED}
    assert desk.inbox.list() == [
        "m01/later/customers.csv.pgp",
        "m01/later/manifest.json.pgp",
        "m01/unfinished/customers.csv.pgp",
        "read me.txt",
    ]


def test_inv_15_redelivery_is_known_by_content_whatever_its_name_and_order(make_desk: MakeDesk, tmp_path: Path, keys: Keys) -> None:
    inbox, files = tmp_path / "inbox", {"customers.csv": customers(8), "transactions.csv": transactions()}
    backwards = dict(reversed(files.items()))
    send(inbox, keys, "d1", files)
    send(inbox, keys, "d1-again", backwards)
    results = received(make_desk())
    assert {r: x.fate for r, x in results.items()} == {"d1": Fate.ACCEPTED, "d1-again": Fate.REPEATED}
    known = {results["d1"].delivery_id: "accepted"}

    send(inbox, keys, "d2", files)
    send(inbox, keys, "d3", {**files, "customers.csv": customers(9)})
    send(inbox, keys, "d4", files, created_at=CREATED + DAY)  # says it again, as of a later day: news
    assert {r: x.fate for r, x in received(make_desk(), known).items()} == {
        "d2": Fate.REPEATED, "d3": Fate.ACCEPTED, "d4": Fate.ACCEPTED
    }  # fmt: skip
    assert make_desk().inbox.list() == []


def test_a_whole_copy_makes_up_for_a_broken_one(make_desk: MakeDesk, tmp_path: Path, keys: Keys) -> None:
    files = {"customers.csv": customers(8)}
    broken = send(tmp_path / "inbox", keys, "d1", files) / "customers.csv.pgp"
    broken.write_bytes(broken.read_bytes()[:-10])
    send(tmp_path / "inbox", keys, "d1-again", files)
    desk = make_desk()
    results = received(desk)
    assert {r: x.fate for r, x in results.items()} == {"d1": Fate.QUARANTINED, "d1-again": Fate.ACCEPTED}
    (row,) = delivery_rows(desk.as_of, results.values())
    assert (row["status"], row["delivery_ref"], row["rows_accepted"]) == ("accepted", "d1-again", 8)


def test_late_and_reordered_deliveries_are_staged_alike(make_desk: MakeDesk, tmp_path: Path, keys: Keys) -> None:
    """Three deliveries in one run, or one by one in another order: the same ids and the same rows."""

    def sent(number: int) -> None:
        send(tmp_path / "inbox", keys, f"d{number}", {"customers.csv": customers(3 + number)}, created_at=CREATED + number * DAY)

    def rows(results: Mapping[str, Result]) -> dict[str, list[dict[str, object]]]:
        return {r: pq.read_table(x.staged[0].accepted_path).to_pylist() for r, x in results.items()}

    for number in (0, 1, 2):
        sent(number)
    together = rows(received(make_desk()))
    apart: dict[str, list[dict[str, object]]] = {}
    for number in (2, 0, 1):
        sent(number)
        apart |= rows(received(make_desk()))
    assert apart == together and len(together["d2"]) == 5


def test_inv_28_deletion_cut_short_is_completed(make_desk: MakeDesk, tmp_path: Path, keys: Keys) -> None:
    """Accepted and quarantined deliveries of which only the manifest is left in the inbox: it goes too, and nothing is judged again."""
    inbox, files = tmp_path / "inbox", {"customers.csv": customers(), "transactions.csv": transactions()}
    send(inbox, keys, "good", files)
    send(inbox, keys, "bad", {**files, "customers.csv": b"x;y\n"})
    send(inbox, keys, "unreadable", files)
    (inbox / "m01/unreadable/manifest.json.pgp").write_bytes(b"no PGP")
    kept = {n: (inbox / n).read_bytes() for n in make_desk().inbox.list()}
    first = received(make_desk())
    known = {r.delivery_id: str(r.fate) for r in first.values()}
    quarantined = make_desk().quarantine.list()
    for name, content in kept.items():
        if not name.endswith("customers.csv.pgp"):
            (inbox / name).parent.mkdir(parents=True, exist_ok=True)
            (inbox / name).write_bytes(content)
    desk = make_desk()
    assert {r: x.fate for r, x in received(desk, known).items()} == dict.fromkeys(("good", "bad", "unreadable"), Fate.REPEATED)
    assert desk.inbox.list() == [] and desk.quarantine.list() == quarantined


def test_a_refused_delivery_sent_again_whole_is_judged_again(make_desk: MakeDesk, tmp_path: Path, keys: Keys) -> None:
    files = {"customers.csv": customers().replace(b"PRENOM", b"PRENOM2")}
    send(tmp_path / "inbox", keys, "d1", files)
    first = received(make_desk())["d1"]
    assert first.code == "UNKNOWN_COLUMN"
    columns = {("PRENOM2" if k == "PRENOM" else k): v for k, v in CUSTOMERS.columns.items()}
    fixed = member(keys, blocks={"customers": CUSTOMERS.model_copy(update={"columns": columns})})
    send(tmp_path / "inbox", keys, "d1", files)
    again = received(make_desk({"m01": fixed}), {first.delivery_id: "quarantined"})["d1"]
    assert (again.fate, again.delivery_id) == (Fate.ACCEPTED, first.delivery_id)


def test_a_member_whose_key_is_not_there_gets_no_report_but_the_run_goes_on(make_desk: MakeDesk, tmp_path: Path, keys: Keys) -> None:
    unknown_key = {"fingerprints": [keys.fingerprints["m01"]], "encrypt_to": keys.fingerprints["stranger"]}
    desk = make_desk({"m01": member(keys, pgp=unknown_key)})
    send(tmp_path / "inbox", keys, "d1", {"customers.csv": b"x\n"})
    found, _ = find_deliveries(desk.inbox.list())
    (result,) = open_manifests(desk, found)
    take_all(desk, [result], {}, lambda _: None)
    assert "is not in the keyring" in str(settle_early(desk, result))
    assert desk.outbox.list() == [] and len(desk.quarantine.list()) == 2
