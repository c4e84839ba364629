"""Malformed campaign files: each is refused with one sentence that names the file, the field and the remedy."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from appetence.errors import ConfigError
from appetence.runtime.config import load

CONF = Path(__file__).resolve().parents[2] / "conf"
GOOD = (CONF / "campaigns" / "noel_vad.yaml").read_text(encoding="utf-8")
LISTS = "lists:\n  - list_id: acheteurs_recents\n    recency_days_max: 365\n  - list_id: autres\n"


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, f"{old!r} stands {GOOD.count(old)} times in the good file"
    return GOOD.replace(old, new)


def listed(line: str) -> str:
    return changed("    recency_days_max: 365\n", f"    {line}\n")


FILES: dict[str, tuple[str, str, str]] = {
    # what is wrong: (the file, the field it must name, the remedy it must say)
    "a key is missing": (changed("client: r_vad\n", ""), "client", "is missing; add it"),
    "two keys are missing": (changed("client: r_vad\nproduct: prospect\n", ""), "client", "(also wrong: product)"),
    "a key is misspelt": (changed("quantity: 1500", "quantiti: 1500"), "quantiti", "did you mean quantity?"),
    "a key of a list is misspelt": (listed("recency_day_max: 365"), "lists, item 1, recency_day_max", "did you mean recency_days_max?"),
    "a key stands twice": (changed("quantity: 1500", "quantity: 1500\nquantity: 15"), "quantity stands twice", "line 11"),
    "a bracket is open": (changed("[post]", "[post"), "line", "not valid YAML"),
    "it holds no keys": ("- noel_vad\n", "keys and values", "not a list"),
    "the purpose is none": (changed("purpose: commercial", "purpose: vente"), "purpose", "use commercial, caritative or etude"),
    "the programme has a capital": (changed("programme: alliance", "programme: Alliance"), "programme", "use alliance, conex_plus or conex_partner"),
    "improve is no product": (changed("product: prospect", "product: improve"), "product", "use prospect, house or enrich"),
    "the channel is in French": (changed("[post]", "[courrier]"), "channels, item 1", "use post, email, phone or sms"),
    "one channel, not a list": (changed("[post]", "post"), "channels", "put a hyphen before each item"),
    "no channel": (changed("[post]", "[]"), "channels", "at least 1"),
    "a channel twice": (changed("[post]", "[post, post]"), "channels", "name each channel once"),
    "the day is written as in a letter": (changed("2026-11-17\n", "17/11/2026\n"), "drop_date", "as yyyy-MM-dd"),
    "the day does not exist": (changed("2026-11-17\n", '"2026-02-30"\n'), "drop_date", "a day that exists"),
    "the day is empty": (changed("2026-11-17\n", "\n"), "drop_date", "write a value, or remove the line"),
    "the quantity has a space": (changed("1500", "1 500"), "quantity", "a whole number, in digits only"),
    "the quantity is nothing": (changed("1500", "0"), "quantity", "at least 1"),
    "half a piece": (changed("1500", "1500.5"), "quantity", "a whole number"),
    "the cost has a comma": (changed("0.62", "0,62"), "cost_per_piece_eur", "with a decimal point"),
    "the piece costs nothing": (changed("0.62", "0"), "cost_per_piece_eur", "more than 0"),
    "the hold-out is a percentage": (changed("holdout_share: 0.1", "holdout_share: 10"), "holdout_share", "less than 0.5"),
    "the ranking is none": (changed("ranking: model", "ranking: score"), "ranking", "use model, expected_amount, recency or value"),
    "the merge level is in French": (changed("family", "foyer"), "merge_level", "use person, family or address"),
    "the name has an accent": (changed("campaign_id: noel_vad", "campaign_id: Noël"), "campaign_id", "small letters, digits and underscores"),
    "the name is another file's": (changed("campaign_id: noel_vad", "campaign_id: noel_bis"), "campaign_id", "make them the same"),
    "no list": (changed(LISTS, "lists: []\n"), "lists", "at least 1"),
    "a list, not a list of lists": (changed(LISTS, "lists:\n  list_id: autres\n"), "lists", "put a hyphen"),
    "a list twice": (changed("list_id: acheteurs_recents", "list_id: autres"), "lists", "autres stands twice"),
    "a department as a number": (listed("departments: [59]"), "lists, item 1, departments, item 1", "write it in quotes"),
    "a department that is none": (listed('departments: ["5"]'), "departments", "the code of a department in quotes"),
    "a postcode of four digits": (listed('postcodes: ["5900"]'), "postcodes", "five digits in quotes"),
    "children": (listed("age_min: 16"), "age_min", "at least 18"),
    "older than the oldest": (listed("age_min: 60\n    age_max: 40"), "age_min is 60", "exchange or correct them"),
    "too recent for itself": (listed("recency_days_max: 30\n    recency_days_min: 90"), "recency_days_min is 90", "exchange or correct them"),
    "a recipient's sector": (listed("sectors: [vente_a_distance]"), "sectors, item 1", "gadgets_cadeaux"),
    "a store nowhere": (listed("catchment: {km: 20, stores: [{store: lille}]}"), "catchment.stores, item 1", "commune: (its INSEE code)"),
    "a store in two places": (
        listed("catchment: {km: 20, stores: [{store: lille, commune: '59350', latitude: 50.6, longitude: 3.0}]}"),
        "catchment.stores, item 1", "or latitude: and longitude:",
    ),
    "half a point": (listed("catchment: {km: 20, stores: [{store: lille, latitude: 50.6}]}"), "catchment.stores", "or latitude: and longitude:"),
    "no distance": (listed("catchment: {stores: [{store: lille, commune: '59350'}]}"), "catchment.km", "add it"),
    "a distance of nothing": (listed("catchment: {km: 0, stores: [{store: lille, commune: '59350'}]}"), "catchment.km", "more than 0"),
    "a cell too large": (changed("share: 0.1\nseeds", "share: 1.0\nseeds"), "cells, item 1, share", "less than 1"),
    "cells larger than the whole": (
        changed("    share: 0.1\nseeds", "    share: 0.6\n  - cell: c2\n    share: 0.5\nseeds"), "cells", "lower them"),
    "a cell named as the rest": (changed("cell: couverture_b", "cell: mail"), "cells", "choose another"),
    "too many traps": (changed("seeds: 5", "seeds: 500"), "seeds", "at most 50"),
    "no window": (changed("response_window_days: 60", "response_window_days: 0"), "response_window_days", "at least 1"),
    "kept for ever": (changed("destroy_after_days: 90", "destroy_after_days: 9000"), "destroy_after_days", "at most 365"),
    "an enrichment of nothing": (changed("product: prospect", "product: enrich"), "attributes", "name at least one attribute"),
    "an attribute that is none": (changed("product: prospect", "product: enrich\nattributes: [age]"), "attributes, item 1", "use age_band"),
    "attributes of prospects": (changed("product: prospect", "product: prospect\nattributes: [age_band]"), "attributes", "remove the line"),
    "a router of another channel": (changed("router: routeur_postal", "router: routeur_postal\nrouters: {email: routeur_email}"), "routers",
        "add it to channels"),
    "nobody is excluded": (changed("router: routeur_postal", "router: routeur_postal\nexclude: {}"), "exclude", "or remove the key"),
    "it excludes itself": (changed("router: routeur_postal", "router: routeur_postal\nexclude: {campaigns: [noel_vad]}"), "exclude.campaigns",
        "remove it"),
    "the allocation is none": (changed("router: routeur_postal", "router: routeur_postal\nlist_allocation: share"), "list_allocation",
        "use priority or seeded"),
    "a house campaign of two sources": (changed("product: prospect", "product: house"), "min_sources", "set min_sources: 1"),
}  # fmt: skip


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    return Path(shutil.copytree(CONF, tmp_path / "conf"))


@pytest.mark.parametrize("fault", FILES)
def test_a_malformed_campaign_file_is_refused_in_one_sentence(conf: Path, fault: str) -> None:
    text, field, remedy = FILES[fault]
    (conf / "campaigns" / "noel_vad.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        load("demo", [], str(conf))
    sentence = str(refused.value)
    assert sentence.startswith(f"{conf}/campaigns/noel_vad.yaml") and sentence.endswith(".") and "\n" not in sentence
    said = sentence.removeprefix(str(conf))
    assert field in said and remedy in said, sentence
    assert not re.search(r"<|Input|Value error|validation|tuple|NoneType|\^", said), f"not a sentence for people: {sentence}"


def test_the_file_that_each_fault_is_made_of_is_good(conf: Path) -> None:
    assert load("demo", [], str(conf)).campaigns["noel_vad"].quantity == 1500


def test_a_file_that_is_not_utf8_says_so(conf: Path) -> None:
    (conf / "campaigns" / "noel_vad.yaml").write_bytes(GOOD.encode("iso-8859-15"))
    with pytest.raises(ConfigError, match=r"noel_vad.yaml is not UTF-8; save it as UTF-8."):
        load("demo", [], str(conf))


def test_a_key_added_later_and_not_used_leaves_the_frozen_hash_as_it_was(conf: Path) -> None:
    """What is frozen at the cut is the JSON of the specification: an unused new key would make every old campaign look changed."""
    said = load("demo", [], str(conf)).campaigns["noel_vad"].model_dump_json()
    assert '"catchment"' not in said and '"postcodes":[]' in said
    assert not any(f'"{key}"' in said for key in ("exclude", "routers", "list_allocation", "attributes"))
