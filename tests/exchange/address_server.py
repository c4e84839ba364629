"""A licensed address service on loopback that replays recorded answers, and fails on demand."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

RECORDED: dict[str, dict[str, Any]] = {
    "3 rue du Port": {
        "lines": ["Bâtiment 2", "3 ter rue du Port", "35200 Rennes"], "way_number": "3", "way_repetition": "TER", "way_name": "rue du Port",
        "address_extra": "bâtiment 2", "postcode": "35200", "city": "Rennes", "commune_code": "35238", "grade": "A", "is_deliverable": True,
    },
    "99 rue Nulle": {
        "lines": ["99 rue Nulle", "35000 Rennes"], "way_number": "99", "way_repetition": None, "way_name": "rue Nulle", "address_extra": None,
        "postcode": "35000", "city": "Rennes", "commune_code": "35238", "grade": "C", "is_deliverable": False,
    },
}  # fmt: skip
"""By the way line asked for, as the service answered it."""


@dataclass
class Service:
    """What it was asked (path, headers, body), and what it does next: status codes and bodies to give before the recorded answer."""

    url: str = ""
    asked: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)
    failures: list[tuple[int, bytes]] = field(default_factory=list)
    is_down: bool = False

    def answer(self, body: dict[str, Any]) -> tuple[int, bytes]:
        """Status and body."""
        if self.is_down:
            return 503, b""
        if self.failures:
            return self.failures.pop(0)
        known = [{"key": a["key"], **RECORDED[a["address_1"]]} for a in body["addresses"] if a["address_1"] in RECORDED]
        return 200, json.dumps({"addresses": known}, ensure_ascii=False).encode()


@contextmanager
def running() -> Iterator[Service]:
    """The service while it runs."""
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            service.asked.append((dict(self.headers), body))
            status, content = service.answer(body)
            self.send_response(status)
            if status == 302:
                self.send_header("Location", service.url)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.url = f"http://127.0.0.1:{server.server_port}/v1/addresses"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
