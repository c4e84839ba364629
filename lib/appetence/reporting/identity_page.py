"""The identity audit: how many persons, how sure, on what it rests, and where it may be wrong. Aggregates only, for the operator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import log2
from typing import Any

from appetence.contracts.identity import CandidateStatistic, Edge, IdentityEvent, MatchModel
from appetence.reporting import charts, numbers, words
from appetence.reporting.aggregates import BIN, LARGEST_SIZE, WEIGHT_STEP, N
from appetence.reporting.parts import Fact, Page, Part, Picture, Section, Sheet, Words

Row = Mapping[str, Any]
LevelWords = Callable[[str, str], str]
LEAST_PROBABILITY = 1e-9
ALL_RULES = "all"
LATEST_EVENTS = 20
IN_DOUBT = "appetence why-linked A B gives the weight of each field for two records; notebooks/02_identity_audit.py looks further."


def level_as_written(_field: str, level: str) -> str:
    """A level by its own name."""
    return words.readable(level)


@dataclass(frozen=True)
class IdentityRows:
    """What the audit tells. `truth` holds figures against a known truth, where there is one: level -> measure -> value."""

    records: int
    persons: int
    households: int
    person_sizes: Sequence[Row]
    household_sizes: Sequence[Row]
    edges: Sequence[Row]
    candidates: Sequence[Row]
    model: Sequence[Row]
    members: Sequence[Row]
    member_labels: Mapping[str, str]
    events: Sequence[Row]
    link_weight: float
    review_weight: float
    source: str
    truth: Mapping[str, Any] = field(default_factory=dict)
    level_words: LevelWords = level_as_written
    expected: Sequence[Row] = ()
    """What the model expected of its links on each of the last days on which everything was compared, the newest first: `as_of`, and the
    `expected_...` details of the run."""


def build_identity(found: IdentityRows) -> Page:
    """The page `identity.html`."""
    return Page(
        title="Identity audit",
        subtitle="Which records are one person, how sure that is, and on what it rests. For the operator; counts are exact.",
        facts=_facts(found),
        sections=[
            *_truth(found),
            *_expected(found),
            _sizes(found),
            *_weights(found),
            *_model(found),
            *_blocks(found),
            *_members(found),
            *_events(found),
        ],
        source=found.source,
    )


def _facts(found: IdentityRows) -> list[Fact]:
    alone = sum(r[N] for r in found.person_sizes if r[BIN] == 1)
    facts = [
        Fact("Records", numbers.count(found.records)),
        Fact(
            "Persons",
            numbers.count(found.persons),
            f"{numbers.percent(alone / found.persons)} with a single record" if found.persons else "",
        ),
        Fact("Households", numbers.count(found.households)),
    ]
    for level in ("person", "household"):
        figures = found.truth.get(level)
        if isinstance(figures, Mapping) and figures.get("f1") is not None:
            facts.append(Fact(f"F1 of {level}s", numbers.decimal(figures["f1"]), "against the known truth"))
    return facts


def _truth(found: IdentityRows) -> list[Section]:
    levels = {k: v for k, v in found.truth.items() if isinstance(v, Mapping)}
    if not levels:
        return []
    measures = list(dict.fromkeys(m for figures in levels.values() for m, v in figures.items() if isinstance(v, float)))
    rows = [[words.readable(level), *(numbers.decimal(figures.get(m)) for m in measures)] for level, figures in levels.items()]
    lead = "Of the pairs held to be one, precision is the share that are; recall is the share found of those that are. F1 balances both."
    sheet = Sheet(
        ["Level", *(words.readable(m).replace("f1", "F1").capitalize() if m != "f1" else "F1" for m in measures)],
        rows,
        tuple(range(1, len(measures) + 1)),
    )
    return [Section("Against the truth", lead, [sheet])]


def _expected(found: IdentityRows) -> list[Section]:
    if not found.expected:
        return []
    measures = {"precision": "Precision", "recall": "Recall", "pair_recall": "Pairs that blocking brought"}
    rows = [[str(r["as_of"]), *(_with_interval(r, m) for m in measures)] for r in found.expected]
    lead = (
        "Without any truth: each link is one person with the probability that its weight states, and pairs that share one kind of key only tell "
        "of those that share none (at most so many were brought). The intervals hold while the model is right; `appetence identity sample` draws "
        "pairs for a review that also tells when it is not."
    )
    return [Section("What the model expects of its links", lead, [Sheet(["Everything compared on", *measures.values()], rows, (1, 2, 3))])]


def _with_interval(row: Row, measure: str) -> str:
    low, high = row.get(f"expected_{measure}_interval") or (None, None)
    said = numbers.decimal(row.get(f"expected_{measure}"))
    return said if low is None else f"{said} ({numbers.decimal(low)} to {numbers.decimal(high)})"


def _sizes(found: IdentityRows) -> Section:
    parts: list[Part] = []
    for rows, title, unit in (
        (found.person_sizes, "Records a person", "persons"),
        (found.household_sizes, "Persons a household", "households"),
    ):
        if rows:
            parts.append(size_picture(rows, title, unit))
    return Section("How large they are", "A long tail would mean that strangers were tied together: look there first.", parts)


def size_picture(rows: Sequence[Row], title: str, unit: str) -> Picture:
    """Counts by size (`bin`, `n`), the largest sizes together."""
    labels = [f"{r[BIN]} or more" if r[BIN] >= LARGEST_SIZE else str(r[BIN]) for r in rows]
    values: list[float | None] = [float(r[N]) for r in rows]
    return Picture(
        title,
        lambda narrow: charts.bars(labels, [(unit, values)], unit=unit, narrow=narrow),
        f"{title}: {', '.join(f'{a}: {numbers.count(b)}' for a, b in zip(labels, values, strict=True))}.",
    )


def weight_series(edges: Sequence[Row]) -> tuple[list[float], list[float], list[float]]:
    """Bin edges, pairs linked and pairs not linked, from `aggregates.edge_weights`."""
    low, high = min(r[BIN] for r in edges), max(r[BIN] for r in edges)
    starts = [low + i * WEIGHT_STEP for i in range(int((high - low) / WEIGHT_STEP) + 1)]
    by = {(r[BIN], r[Edge.is_link]): float(r[N]) for r in edges}
    linked, left = ([by.get((s, is_link), 0.0) for s in starts] for is_link in (True, False))
    return [*starts, high + WEIGHT_STEP], linked, left


def weight_picture(edges: Sequence[Row], link_weight: float) -> Picture:
    """Compared pairs by match weight, those linked apart from those left for review, with the threshold."""
    bins, linked, left = weight_series(edges)
    return Picture(
        "Compared pairs by match weight",
        lambda narrow: charts.histogram(
            bins, [("linked", linked), ("not linked", left)], label="match weight (log2 odds of one person)", unit="pairs",
            marks=[(link_weight, "threshold")], narrow=narrow,
        ),
        f"{numbers.count(sum(linked))} pairs are linked and {numbers.count(sum(left))} are not; the threshold is {link_weight:g}.",
        "The ends are open. A weight of 0 means that one person is as likely as not; 10 means a thousand to one.",
    )  # fmt: skip


def _weights(found: IdentityRows) -> list[Section]:
    if not found.edges:
        return []
    _, linked, left = weight_series(found.edges)
    unsure = sum(r[N] for r in found.edges if abs(r[BIN] + WEIGHT_STEP / 2 - found.link_weight) <= 2 * WEIGHT_STEP)
    lead = (
        f"Pairs above {numbers.decimal(found.review_weight, 0)} are kept, those above {numbers.decimal(found.link_weight, 0)} are links. "
        f"{numbers.count(unsure)} of {numbers.count(sum(linked) + sum(left))} lie within four doublings of the threshold: "
        "those are worth a person's look."
    )
    return [Section("How sure the links are", lead, [weight_picture(found.edges, found.link_weight)])]


def level_weights(model: Sequence[Row], level_words: LevelWords = level_as_written) -> list[tuple[str, str, float, float]]:
    """Field, level in words, weight as one person and as one household (against unrelated, in doublings), strongest first."""
    made = []
    for r in model:
        if r[MatchModel.comparison] != "prior":
            unrelated = max(r[MatchModel.p_unrelated], LEAST_PROBABILITY)
            person, home = (log2(max(r[c], LEAST_PROBABILITY) / unrelated) for c in (MatchModel.p_person, MatchModel.p_household))
            made.append((words.readable(r[MatchModel.comparison]), level_words(r[MatchModel.comparison], r[MatchModel.level]), person, home))
    return sorted(made, key=lambda m: (m[0], -m[2], m[1]))


def model_picture(levels: Sequence[tuple[str, str, float, float]]) -> Picture:
    """The strongest agreement and the strongest contradiction of each field."""
    ends: list[tuple[str, float]] = []
    for name in dict.fromkeys(f for f, *_ in levels):
        own = [(f"{name}: {level}", weight) for f, level, weight, _ in levels if f == name]
        ends += [own[0], own[-1]] if len(own) > 1 else own
    ends.sort(key=lambda e: -e[1])
    return Picture(
        "What a field can prove, for and against",
        lambda narrow: charts.weights(ends, narrow=narrow),
        "The strongest agreement and the strongest disagreement of each compared field, as match weights.",
    )


def _model(found: IdentityRows) -> list[Section]:
    levels = level_weights(found.model, found.level_words)
    if not levels:
        return []
    rows = [[name, level, _weight(person), _weight(home), in_words(person, home)] for name, level, person, home in levels]
    lead = "Learnt from the pairs themselves, without labels. What a family shares proves a household and not a person: compare the two columns."
    sheet = Sheet(["Field", "Agreement", "As one person", "As one household", "In words"], rows, (2, 3))
    return [Section("What each field says", lead, [model_picture(levels), sheet])]


def _weight(value: float) -> str:
    return f"+{value:.1f}" if value >= 0 else numbers.decimal(value, 1)


def in_words(person: float, household: float) -> str:
    """What a level says, as a sentence of few words.

    >>> in_words(12.0, 1.0), in_words(9.0, 8.8), in_words(-6.0, -1.0)
    ('strong proof of one person', 'strong proof of one home, not of which person', 'speaks strongly against one person')
    """
    strength = "strong" if abs(person) >= 6 else "fair" if abs(person) >= 2 else "weak"
    if person >= 0.5:
        return f"{strength} proof of one home, not of which person" if household >= person - 1.0 else f"{strength} proof of one person"
    return {"strong": "speaks strongly against one person", "fair": "speaks against one person"}.get(
        strength if person < 0 else "weak", "says little"
    )


def _blocks(found: IdentityRows) -> list[Section]:
    rows = [
        [
            words.readable(c[CandidateStatistic.rule]),
            *(numbers.count(c[f]) for f in (CandidateStatistic.blocks, CandidateStatistic.pairs, CandidateStatistic.largest_block)),
            numbers.percent(c[CandidateStatistic.largest_share]),
        ]
        for c in sorted(found.candidates, key=lambda c: (c[CandidateStatistic.rule] == ALL_RULES, -c[CandidateStatistic.pairs]))
    ]
    if not rows:
        return []
    lead = "Only records that share a key are compared. Pairs are counted before they are made; each is compared once."
    columns = ["Key", "Blocks", "Pairs", "Largest block (records)", "Its share of pairs"]
    return [Section("Which pairs were compared", lead, [Sheet(columns, rows, (1, 2, 3, 4))])]


def _members(found: IdentityRows) -> list[Section]:
    rows = [
        [
            found.member_labels.get(m["member_id"], m["member_id"]), numbers.count(m["records"]), numbers.count(m["persons"]),
            *(numbers.percent(m[part] / m["records"] if m["records"] else None) for part in ("repeated", "shared")),
        ]
        for m in found.members
    ]  # fmt: skip
    if not rows:
        return []
    lead = "A member whose share of common persons is far from the others' either has other customers, or data that match badly."
    columns = ["Member", "Records", "Persons", "Repeats of its own", "Known to others"]
    return [Section("Member by member", lead, [Sheet(columns, rows, (1, 2, 3, 4))])]


def _events(found: IdentityRows) -> list[Section]:
    rows = [[str(e[IdentityEvent.as_of]), e[IdentityEvent.kind], numbers.count(e[N])] for e in found.events][-LATEST_EVENTS:]
    if not rows:
        return []
    lead = "Ids persist: each change of a record's person is an event. Many merges or splits on one day deserve a look."
    return [
        Section("What changed", lead, [Sheet(["Day", "Change", "Records"], rows, (2,))]),
        Section("In doubt", "", [Words([IN_DOUBT])]),
    ]
