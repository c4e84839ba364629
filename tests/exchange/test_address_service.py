"""The adapter of an address service against a server on loopback that replays recorded answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from appetence.contracts.settings import AddressServiceSettings
from appetence.errors import EnvironmentError_
from appetence.exchange.address_service import ASKED, HttpAddressProvider
from tests.exchange.address_server import RECORDED, Service, running

pytestmark = pytest.mark.servers
QUESTIONS = [
    {"key": "k1", "address_1": "3 rue du Port", "address_2": None, "address_3": None, "postcode": "35000", "city": "RENNES"},
    {"key": "k2", "address_1": "1 rue Inconnue", "address_2": None, "address_3": None, "postcode": "35000", "city": "RENNES"},
]


@pytest.fixture
def service() -> Iterator[Service]:
    """The server."""
    with running() as made:
        yield made


def provider(service: Service, **changes: Any) -> HttpAddressProvider:
    """The adapter, impatient."""
    values = {"url": service.url, "credential_ref": "env:X", "timeout_seconds": 5, "tries": 3, "wait_seconds": 0.01, **changes}
    return HttpAddressProvider(AddressServiceSettings.model_validate(values), "s3cret")


def test_what_leaves_is_the_address_under_its_key_and_nothing_else(service: Service) -> None:
    answers = provider(service).ask(QUESTIONS)
    assert answers == {"k1": RECORDED["3 rue du Port"]}
    ((headers, body),) = service.asked
    assert headers["Authorization"] == "Bearer s3cret" and [tuple(a) for a in body["addresses"]] == [ASKED, ASKED]
    assert body["addresses"][1] == {n: v or "" for n, v in QUESTIONS[1].items()}
    assert "s3cret" not in repr(provider(service))


@pytest.mark.parametrize("failure", [(503, b""), (429, b""), (200, b"<html>"), (200, b'{"addresses": null}'), (200, b"[]")])
def test_what_may_pass_is_tried_again(service: Service, failure: tuple[int, bytes]) -> None:
    service.failures = [failure, failure]
    assert list(provider(service).ask(QUESTIONS)) == ["k1"] and len(service.asked) == 3


@pytest.mark.parametrize(("failures", "tries"), [([(401, b"")], 1), ([(302, b"")], 1), ([(500, b"")] * 9, 3)])
def test_a_service_that_does_not_answer_is_an_outage(service: Service, failures: list[tuple[int, bytes]], tries: int) -> None:
    service.failures = list(failures)
    with pytest.raises(EnvironmentError_, match=rf"127.0.0.1 does not answer \(HTTP {failures[0][0]}\)") as refused:
        provider(service).ask(QUESTIONS)
    assert len(service.asked) == tries and "s3cret" not in str(refused.value)


def test_no_server_at_all_is_an_outage(service: Service) -> None:
    with pytest.raises(EnvironmentError_, match="does not answer"):
        provider(service, url="http://127.0.0.1:1/").ask(QUESTIONS)


@pytest.mark.parametrize(
    "changes",
    [
        {"grade": "E"}, {"lines": []}, {"lines": ["x" * 39]}, {"lines": ["x"] * 6}, {"lines": "x"}, {"postcode": "3520"}, {"city": ""},
        {"way_name": 7}, {"way_name": "x" * 101}, {"is_deliverable": "yes"}, {"commune_code": "Rennes"}, {"key": "k9"},
    ],
)  # fmt: skip
def test_an_answer_that_is_not_sound_counts_as_none(service: Service, changes: dict[str, Any]) -> None:
    said = {"addresses": [{"key": "k1", **RECORDED["3 rue du Port"], **changes}, {"key": "k2", **RECORDED["99 rue Nulle"]}, "noise"]}
    service.failures = [(200, json.dumps(said).encode())]
    assert list(provider(service).ask(QUESTIONS)) == ["k2"]


@pytest.mark.parametrize("url", ["http://addresses.example/v1", "ftp://addresses.example", "file:///etc/passwd", "http://localhost.example/"])
def test_addresses_do_not_travel_in_the_clear(url: str) -> None:
    with pytest.raises(ValidationError, match="no https address"):
        AddressServiceSettings(url=url, credential_ref="env:X")
