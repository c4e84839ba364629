"""The hash chain shows every link that was removed, altered, doubled or put elsewhere."""

import dataclasses
import datetime as dt

import pytest

from appetence.errors import ContractError
from appetence.privacy.audit import Entry, Link, faults, next_links, unanchored, verify

AT = dt.datetime(2026, 10, 31, 3, 30, 0, 123456)


def chain(length: int = 6) -> list[Link]:
    first = next_links(None, [Entry("receive_deliveries", "received", f"d{i}", {"rows": i, "b": 1}) for i in range(length - 2)], AT)
    return first + next_links(first[-1], [Entry("export_selection", "exported", f"e{i}", {}) for i in range(2)], AT)


def test_inv_27_an_untouched_chain_verifies_in_any_order_of_rows() -> None:
    verify(list(reversed(chain())), expected_length=6)
    verify([])


@pytest.mark.parametrize("removed", [0, 1, 3])
def test_inv_27_a_removed_link_shows(removed: int) -> None:
    broken = [link for i, link in enumerate(chain()) if i != removed]
    assert faults(broken) == [f"Links {removed + 1} to {removed + 1} are missing."]


def test_inv_27_links_cut_off_at_the_end_show_against_the_ledger() -> None:
    assert faults(chain()[:-2]) == []
    assert faults(chain()[:-2], expected_length=6) == ["Links 5 to 6 are missing at the end."]


@pytest.mark.parametrize(
    "change",
    [
        {"details": '{"rows":99}'},
        {"actor": "somebody"},
        {"object_id": "other"},
        {"at": AT + dt.timedelta(microseconds=1)},
        {"action": "erased"},
    ],
)
def test_inv_27_an_altered_link_shows(change: dict[str, object]) -> None:
    links = chain()
    links[2] = dataclasses.replace(links[2], **change)  # type: ignore[arg-type]  # each change fits its field
    assert faults(links) == ["Link 3 was altered: its content does not give its hash."]


def test_inv_27_a_link_forged_with_its_own_hash_breaks_the_next() -> None:
    links = chain()
    forged = next_links(links[1], [Entry("nobody", "erased", "x", {})], AT)[0]
    links[2] = forged
    assert faults(links) == ["Link 4 does not follow link 3: one of the two was replaced."]
    with pytest.raises(ContractError, match=r"does not follow.*Restore ops\.audit"):
        verify(links)


def test_inv_27_a_forger_who_also_makes_the_next_link_follow_shows() -> None:
    links = chain()
    links[2] = next_links(links[1], [Entry("nobody", "erased", "x", {})], AT)[0]
    links[3] = dataclasses.replace(links[3], previous_hash=links[2].link_hash)
    assert faults(links) == ["Link 4 was altered: its content does not give its hash."], "what came before is part of each hash"


def test_a_doubled_link_shows() -> None:
    links = chain()
    assert "Link 3 is there twice." in faults([*links, links[2]])


def test_inv_27_the_ledgers_show_a_trail_cut_short_or_written_anew_as_a_whole() -> None:
    links = chain()
    anchors = [("run-1", 4, links[3].link_hash), ("run-2", 6, links[5].link_hash)]
    assert unanchored(links, anchors) == []
    assert unanchored(links[:5], anchors) == ["Link 6 is missing, which the run run-2 wrote."]
    anew = next_links(None, [Entry("a", "b", str(i), {}) for i in range(6)], AT)
    assert faults(anew) == [], "a chain written anew holds in itself"
    assert unanchored(anew, anchors)[0] == "Link 4 is not the one the run run-1 wrote: the chain was written anew."
