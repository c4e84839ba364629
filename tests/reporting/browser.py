"""A real browser for the tests: Chromium without a window, spoken to through two pipes as its DevTools do.

Protocol: https://chromedevtools.github.io/devtools-protocol; each message is JSON and ends with a null byte.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_PATIENCE = 60
_COMPLAINTS = {"Runtime.exceptionThrown", "Network.loadingFailed"}


def find_browser() -> str | None:
    """The first browser of this machine, or None."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Browser:
    """One tab. `complaints` are the errors of the page that is open: of its console, its scripts and what it could not load."""

    def __init__(self, write: IO[bytes], read: IO[bytes]) -> None:
        self._write, self._read = write, read
        self._sent = 0
        self._buffer = b""
        self._events: list[dict[str, Any]] = []
        self.complaints: list[str] = []
        target = self._call("Target.createTarget", None, url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", None, targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """One command to the tab, and its answer."""
        return self._call(method, self._session, **params)

    def open(self, page: Path, width: int, height: int, *, is_phone: bool) -> None:
        """Opens a file at this size and waits until all of it is there."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2 if is_phone else 1, mobile=is_phone)
        self.complaints, self._events = [], []
        refused = self.call("Page.navigate", url=page.as_uri()).get("errorText")
        assert not refused, refused
        while not any(event["method"] == "Page.loadEventFired" for event in self._events):
            self._receive()

    def value(self, script: str) -> Any:
        """What an expression is on the page."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def _call(self, method: str, session: str | None, **params: Any) -> dict[str, Any]:
        self._sent += 1
        message = {"id": self._sent, "method": method, "params": params, **({"sessionId": session} if session else {})}
        self._write.write(json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._sent:
                assert "error" not in answer, (method, answer["error"])
                return dict(answer["result"])

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            assert select.select([self._read], [], [], _PATIENCE)[0], f"the browser has said nothing for {_PATIENCE} seconds"
            piece = os.read(self._read.fileno(), 1 << 16)
            assert piece, "the browser has closed its end"
            self._buffer += piece
        message, _, self._buffer = self._buffer.partition(b"\0")
        said: dict[str, Any] = json.loads(message)
        if "method" in said:
            self._events.append(said)
            self._note(said["method"], said["params"])
        return said

    def _note(self, method: str, params: dict[str, Any]) -> None:
        level = params.get("entry", {}).get("level") if method == "Log.entryAdded" else params.get("type")
        is_error = method in ("Log.entryAdded", "Runtime.consoleAPICalled") and level == "error"
        if is_error or method in _COMPLAINTS:
            self.complaints.append(f"{method}: {json.dumps(params)[:300]}")


@contextmanager
def started(program: str, profile: Path) -> Iterator[Browser]:
    """The browser with a profile of its own and no way to the network; it is gone afterwards."""
    to_read, to_write = os.pipe()
    from_read, from_write = os.pipe()
    flags = ["--headless=new", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update"]
    flags += ["--host-resolver-rules=MAP * ~NOTFOUND", "--remote-debugging-pipe", f"--user-data-dir={profile}"]
    flags += ["--no-sandbox"] if os.geteuid() == 0 else []
    # The browser reads commands on descriptor 3 and answers on 4, whatever ours are called.
    shell = f'exec "$0" "$@" 3<&{to_read} 4>&{from_write}'
    process = subprocess.Popen(
        ["bash", "-c", shell, program, *flags], pass_fds=(to_read, from_write), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    os.close(to_read)
    os.close(from_write)
    with open(to_write, "wb", buffering=0) as write, open(from_read, "rb", buffering=0) as read:
        try:
            yield Browser(write, read)
        finally:
            process.terminate()
            process.wait(timeout=20)
