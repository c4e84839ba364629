"""PGP in and out, over the system's `gpg` through python-gnupg.

`gpg` writes plaintext before it knows whether the message is whole, so a file is decrypted to a private directory and promoted only when
the integrity check and the signature hold and the signing key is allowed. What gpg says is read from its status lines, each of which must
be there: a message that only lacks a complaint is not accepted.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import logging
import os
import shutil
import subprocess
import tempfile
import weakref
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gnupg

from appetence.errors import CryptoError, DeliveryError, EnvironmentError_, SecretError

_SHORT_TEMP = "/tmp"
_OPTIONS = ["--pinentry-mode", "loopback", "--no-auto-check-trustdb", "--no-options"]
_KEY_TEMPLATE = """Key-Type: eddsa
Key-Curve: ed25519
Key-Usage: sign
Subkey-Type: ecdh
Subkey-Curve: cv25519
Subkey-Usage: encrypt
Name-Real: {name}
Name-Email: {email}
Expire-Date: {expires}
{protection}
%commit
"""


@dataclass(frozen=True)
class Signature:
    """A signature that holds: the primary key's fingerprint and when it was made (UTC)."""

    fingerprint: str
    signed_at: dt.datetime


class Pgp:
    """One keyring. Use as a context manager, or call `close()`: it stops the key agent that gpg started for this keyring.

    gpg reaches its agent through a socket beside the keys, whose path may hold 108 bytes: the keyring is addressed through a short link."""

    def __init__(self, home: Path, passphrase: bytes | None = None) -> None:
        if not home.is_dir():
            raise CryptoError(f"There is no keyring at {home}; create it, or correct `paths.gnupg` in the configuration.")
        base = tempfile.gettempdir() if len(tempfile.gettempdir()) < 40 else _SHORT_TEMP
        short = Path(tempfile.mkdtemp(prefix="ag", dir=base))
        (short / "h").symlink_to(home.resolve(), target_is_directory=True)
        self.home = home
        self._passphrase = passphrase.decode("utf-8") if passphrase else None
        self._close = weakref.finalize(self, _stop_agent, short)
        self._gpg = self._start(str(short / "h"))

    @staticmethod
    def _start(home: str) -> Any:
        try:
            gpg = gnupg.GPG(gnupghome=home, options=_OPTIONS, env={**os.environ, "LC_ALL": "C"})
        except (OSError, ValueError) as error:
            raise EnvironmentError_("gpg is not installed or does not start; install it (Debian: `apt-get install gnupg`).") from error
        logging.getLogger("gnupg").setLevel(logging.CRITICAL)  # it repeats what gpg says, names of key owners included
        return gpg

    def close(self) -> None:
        """Stop the agent and remove the link."""
        self._close()

    def __enter__(self) -> Pgp:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def check_own_key(self, fingerprint: str) -> None:
        """Write and read one message with our own key; SecretError when key or passphrase do not serve.

        Done once before other people's files: what fails later is then theirs."""
        with tempfile.TemporaryDirectory() as folder:
            plain, cipher = Path(folder) / "plain", Path(folder) / "cipher"
            plain.write_bytes(b"check")
            try:
                self.encrypt_and_sign(plain, cipher, recipient=fingerprint, signer=fingerprint)
                self.decrypt_and_verify(cipher, plain, allowed=[fingerprint])
            except CryptoError as error:
                raise SecretError(
                    f"Our own PGP key {fingerprint} cannot be used with the keyring {self.home}: check that its secret key is there, has "
                    "not expired, and that `exchange.operator_passphrase_ref` gives its passphrase."
                ) from error

    def encrypt_and_sign(
        self, source: Path, target: Path, *, recipient: str, signer: str, armor: bool = False, compress: bool = True, sign: bool = True
    ) -> None:
        """Encrypt `source` for the key `recipient`, signed by `signer`; `target` appears only when whole. Streams: memory does not grow."""
        extra = ["--cipher-algo", "AES256", "--set-filename", "", *([] if compress else ["--compress-algo", "none"])]
        if sign:
            extra += ["--local-user", signer]
        with _private_part(target) as part, _no_input() as nothing:
            result = self._gpg.encrypt_file(
                nothing, [recipient], sign=sign, always_trust=True, passphrase=self._passphrase, armor=armor, output=str(part),
                extra_args=[*extra, str(source.resolve())],
            )  # fmt: skip
            says = _status(result)
            if result.returncode != 0 or "END_ENCRYPTION" not in says or (sign and "SIG_CREATED" not in says):
                raise CryptoError(self._why_not_encrypted(target.name, says, recipient, signer))
            os.replace(part, target)

    def _why_not_encrypted(self, name: str, says: dict[str, list[str]], recipient: str, signer: str) -> str:
        if "INV_RECP" in says:
            found = self._gpg.list_keys(keys=[recipient])
            reason = {"r": "is revoked", "e": "has expired"}.get(found[0]["trust"] if found else "", "is not in the keyring or cannot encrypt")
            return f"{name} was not written: the recipient's key {recipient} {reason}; import the recipient's current key."
        if "INV_SGNR" in says or "SIG_CREATED" not in says:
            return (
                f"{name} was not written: our key {signer} cannot sign; check that its secret key is in the keyring and has not expired, "
                "and that its passphrase is right."
            )
        return f"{name} was not written: gpg stopped before the end; check the free space of the disk."

    def decrypt_and_verify(self, source: Path, target: Path, *, allowed: Collection[str], max_bytes: int | None = None) -> Signature:
        """Decrypt `source` to `target`, which appears only when the message is whole and signed by a live key of `allowed` (fingerprints).

        Raises CryptoError with one sentence otherwise; DeliveryError `ARCHIVE_BOMB` when more than `max_bytes` would come out: whoever can
        write where `source` lies needs no key to make it, for the signature comes last."""
        if not allowed:
            raise CryptoError(
                f"{source.name} cannot be checked: no signing key is allowed for its sender; add its fingerprint to `pgp.fingerprints`."
            )
        limit = [] if max_bytes is None else ["--max-output", str(max_bytes)]
        with _private_part(target) as part, _no_input() as nothing:
            result = self._gpg.decrypt_file(
                nothing, always_trust=True, passphrase=self._passphrase, output=str(part), extra_args=[*limit, str(source.resolve())]
            )
            if "exceeded --max-output limit" in str(getattr(result, "stderr", "")):
                raise DeliveryError("ARCHIVE_BOMB", f"{source.name} decrypts to far more than its size allows; send it less tightly packed.")
            if "No space left on device" in str(getattr(result, "stderr", "")):
                raise EnvironmentError_(f"The disk that holds {target.parent} is full; free some space and start again.")
            signature = _accepted_signature(source.name, _status(result), result.returncode, allowed)
            part.touch(mode=0o600)  # gpg leaves no file for an empty message
            part.chmod(0o600)
            os.replace(part, target)
        return signature


def generate_key(home: Path, name: str, email: str, expires: str | dt.date | None = None, passphrase: bytes | None = None) -> str:
    """Make an ed25519 signing key with a cv25519 encryption subkey in `home` (created when absent); its fingerprint.

    `expires` is a date, or what gpg takes (`2y`, `seconds=60`); None means never."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    until = "0" if expires is None else expires.isoformat() if isinstance(expires, dt.date) else expires
    protection = f"Passphrase: {passphrase.decode()}" if passphrase else "%no-protection"
    with Pgp(home, passphrase) as pgp:
        pgp._gpg.encoding = "utf-8"
        made = pgp._gpg.gen_key(_KEY_TEMPLATE.format(name=name, email=email, expires=until, protection=protection))
    if not made.fingerprint:
        raise CryptoError(f"gpg could not make a key in {home}; check that the folder can be written.")
    return str(made.fingerprint)


def import_public(home: Path, armored: bytes | str) -> tuple[str, ...]:
    """Add public keys (or revocations) to the keyring in `home` (created when absent); their fingerprints."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with Pgp(home) as pgp:
        result = pgp._gpg.import_keys(armored)
    says = _status(result)
    told = [line.split(" ")[-1] for line in says.get("IMPORT_OK", [])] + [line.split(" ")[0] for line in says.get("KEY_CONSIDERED", [])]
    found = tuple(dict.fromkeys(told))
    if not found:
        raise CryptoError(f"No PGP key was found in what was to be added to {home}; give an exported public key.")
    return found


def export_public(home: Path, fingerprint: str) -> bytes:
    """The public key `fingerprint` of `home`, armoured."""
    with Pgp(home) as pgp:
        armored = pgp._gpg.export_keys(fingerprint)
    if not armored:
        raise CryptoError(f"The keyring {home} has no key {fingerprint}.")
    return str(armored).encode("ascii")


def _stop_agent(short: Path) -> None:
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        subprocess.run(["gpgconf", "--homedir", str(short / "h"), "--kill", "gpg-agent"], capture_output=True, timeout=20, check=False)
    with contextlib.suppress(OSError):
        (short / "h").unlink()
        short.rmdir()


@contextlib.contextmanager
def _no_input() -> Iterator[io.BytesIO]:
    """gpg opens the file itself (its path is the last argument): standard input carries the passphrase and nothing else."""
    try:
        yield io.BytesIO()
    except BrokenPipeError as error:
        raise CryptoError("gpg stopped before it took its passphrase; run `appetence doctor`.") from error


@contextlib.contextmanager
def _private_part(target: Path) -> Iterator[Path]:
    """A path in a new 0700 directory beside `target`, gone afterwards."""
    target.parent.mkdir(parents=True, exist_ok=True)
    private = Path(tempfile.mkdtemp(prefix=".pgp-", dir=target.parent))
    try:
        yield private / "part"
    finally:
        shutil.rmtree(private, ignore_errors=True)


def _status(result: Any) -> dict[str, list[str]]:
    """gpg's status lines: keyword -> the arguments of each time it was said."""
    says: dict[str, list[str]] = {}
    for line in str(getattr(result, "stderr", "")).splitlines():
        if line.startswith("[GNUPG:] "):
            keyword, _, rest = line[9:].partition(" ")
            says.setdefault(keyword, []).append(rest)
    return says


def _accepted_signature(name: str, says: dict[str, list[str]], returncode: int, allowed: Collection[str]) -> Signature:
    _check_whole(name, says)
    _check_signed(name, says)
    fields = says["VALIDSIG"][0].split(" ")
    fingerprint = fields[-1] if len(fields) >= 10 else fields[0]
    wanted = {_plain(a) for a in allowed}
    if fingerprint not in wanted and fields[0] not in wanted:
        raise CryptoError(
            f"{name} is signed by the key {fingerprint}, which is not one of its sender's allowed keys; sign it with an announced key, "
            "or add this fingerprint to `pgp.fingerprints`."
        )
    if returncode != 0:
        raise CryptoError(f"{name} was refused by gpg; send it again.")
    return Signature(fingerprint, dt.datetime.fromtimestamp(int(fields[2]), tz=dt.UTC))


def _check_whole(name: str, says: dict[str, list[str]]) -> None:
    if "NO_SECKEY" in says and "DECRYPTION_OKAY" not in says:
        raise CryptoError(f"{name} is encrypted for another key than ours; encrypt it for the operator's current key.")
    if "BEGIN_DECRYPTION" not in says and "DECRYPTION_FAILED" not in says:
        if "PLAINTEXT" in says:
            raise CryptoError(f"{name} is not encrypted; encrypt it for the operator's key.")
        raise CryptoError(f"{name} is not a whole PGP file; send it again, encrypted and signed.")
    if "DECRYPTION_OKAY" not in says or "GOODMDC" not in says or "BADMDC" in says or "DECRYPTION_FAILED" in says:
        raise CryptoError(f"{name} was cut short or changed on its way: its integrity check fails; send it again.")
    if len(says.get("PLAINTEXT", ())) != 1:
        raise CryptoError(f"{name} does not hold exactly one message; send one encrypted and signed file.")


def _check_signed(name: str, says: dict[str, list[str]]) -> None:
    if "BADSIG" in says:
        raise CryptoError(f"{name} carries a signature that does not fit its content; sign and send it again.")
    if "REVKEYSIG" in says:
        raise CryptoError(f"{name} is signed by a revoked key; sign it with the sender's current key.")
    if "EXPKEYSIG" in says or "EXPSIG" in says:
        raise CryptoError(f"{name} is signed by an expired key; sign it with the sender's current key, or send us the key with its new date.")
    if "ERRSIG" in says:
        raise CryptoError(f"{name} is signed by a key that is not in our keyring; send us the public key first.")
    if "GOODSIG" not in says or "VALIDSIG" not in says:
        raise CryptoError(f"{name} is not signed; sign it with the sender's key.")
    if len(says["GOODSIG"]) != 1 or len(says["VALIDSIG"]) != 1:
        raise CryptoError(f"{name} carries more than one signature; sign it once.")


def _plain(fingerprint: str) -> str:
    return "".join(fingerprint.split()).upper()
