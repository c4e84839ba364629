"""Real gpg: what is accepted, and each way in which a file is refused with its sentence and without leaving plaintext."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from appetence.errors import CryptoError, DeliveryError, SecretError
from appetence.exchange.pgp import Pgp, export_public, generate_key, import_public
from tests.exchange.courier import Keys, make_keys

pytestmark = pytest.mark.servers
TEXT = b"NUM;NOM\n1;D\xc3\xa9jeuner\n" * 400


@pytest.fixture
def letter(tmp_path: Path, keys: Keys) -> Callable[..., Path]:
    """A factory of encrypted files: `letter(signer=, recipient=, sign=, armor=, compress=)`."""

    def write(signer: str = "m01", recipient: str = "operator", used: Keys = keys, **how: bool) -> Path:
        source = tmp_path / "customers.csv"
        source.write_bytes(TEXT)
        with Pgp(used.home(signer)) as pgp:
            target = tmp_path / "customers.csv.pgp"
            pgp.encrypt_and_sign(source, target, recipient=used.fingerprints[recipient], signer=used.fingerprints[signer], **how)
        source.unlink()
        return target

    return write


def refusal(home: Path, file: Path, allowed: list[str]) -> str:
    """The sentence a file is refused with; nothing but the file is left in its folder."""
    with Pgp(home) as pgp, pytest.raises(CryptoError) as refused:
        pgp.decrypt_and_verify(file, file.parent / "plain.csv", allowed=allowed)
    assert [p.name for p in file.parent.iterdir()] == [file.name]
    return str(refused.value)


@pytest.mark.parametrize("how", [{}, {"armor": True}, {"compress": False}], ids=["default", "armoured", "not compressed"])
def test_a_signed_file_comes_back_as_it_was(letter: Callable[..., Path], keys: Keys, how: dict[str, bool]) -> None:
    file = letter(**how)
    assert file.read_bytes().startswith(b"-----BEGIN PGP") is how.get("armor", False)
    assert b"NUM" not in file.read_bytes()
    with Pgp(keys.home("operator")) as pgp:
        signature = pgp.decrypt_and_verify(file, file.parent / "plain.csv", allowed=[keys.fingerprints["m02"], keys.fingerprints["m01"].lower()])
    assert signature.fingerprint == keys.fingerprints["m01"]
    assert (file.parent / "plain.csv").read_bytes() == TEXT
    assert (file.parent / "plain.csv").stat().st_mode & 0o077 == 0


def test_wrong_recipient_key(letter: Callable[..., Path], keys: Keys) -> None:
    assert "encrypted for another key" in refusal(keys.home("m02"), letter(), [keys.fingerprints["m01"]])


@pytest.mark.parametrize(
    ("cut", "says"),
    [(-30, "cut short or changed"), (100, "cut short or changed"), (20, "not a whole PGP file"), (0, "not a whole PGP file")],
)
def test_truncated(letter: Callable[..., Path], keys: Keys, cut: int, says: str) -> None:
    file = letter()
    file.write_bytes(file.read_bytes()[:cut])
    assert says in refusal(keys.home("operator"), file, [keys.fingerprints["m01"]])


def test_tampered_anywhere_in_the_body(letter: Callable[..., Path], keys: Keys) -> None:
    file = letter(compress=False)
    whole = file.read_bytes()
    for place in range(120, len(whole), len(whole) // 12):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 0x41]) + whole[place + 1 :])
        assert refusal(keys.home("operator"), file, [keys.fingerprints["m01"]])


def test_unsigned_and_foreign_signatures(letter: Callable[..., Path], keys: Keys) -> None:
    assert "is not signed" in refusal(keys.home("operator"), letter(sign=False), [keys.fingerprints["m01"]])
    assert "not one of its sender's allowed keys" in refusal(keys.home("operator"), letter(signer="m02"), [keys.fingerprints["m01"]])
    assert "not in our keyring" in refusal(keys.home("operator"), letter(signer="stranger"), [keys.fingerprints["m01"]])
    assert "no signing key is allowed" in refusal(keys.home("operator"), letter(), [])


def test_a_message_that_grows_too_much_is_cut_off(tmp_path: Path, keys: Keys) -> None:
    """Anyone who has our public key can make it: it is refused before its signature is reached, and no more than allowed is written."""
    with (tmp_path / "zeros").open("wb") as zeros:
        zeros.truncate(60 << 20)
    with Pgp(keys.home("stranger")) as pgp:
        recipient, signer = keys.fingerprints["operator"], keys.fingerprints["stranger"]
        pgp.encrypt_and_sign(tmp_path / "zeros", tmp_path / "f.pgp", recipient=recipient, signer=signer, sign=False)
    (tmp_path / "zeros").unlink()
    assert (tmp_path / "f.pgp").stat().st_size < 200_000
    with Pgp(keys.home("operator")) as pgp:
        with pytest.raises(DeliveryError, match="decrypts to far more than its size allows") as refused:
            pgp.decrypt_and_verify(tmp_path / "f.pgp", tmp_path / "plain", allowed=[keys.fingerprints["m01"]], max_bytes=(60 << 20) - 1)
        with pytest.raises(CryptoError, match="is not signed"):
            pgp.decrypt_and_verify(tmp_path / "f.pgp", tmp_path / "plain", allowed=[keys.fingerprints["m01"]], max_bytes=60 << 20)
    assert refused.value.code == "ARCHIVE_BOMB"
    assert [p.name for p in tmp_path.iterdir()] == ["f.pgp"]


def test_signed_but_not_encrypted(tmp_path: Path, keys: Keys) -> None:
    (tmp_path / "plain").write_bytes(TEXT)
    with Pgp(keys.home("m01")) as pgp:
        signed = pgp._gpg.sign_file(str(tmp_path / "plain"), keyid=keys.fingerprints["m01"], clearsign=False, binary=True)
    (tmp_path / "plain").unlink()
    file = tmp_path / "customers.csv.pgp"
    file.write_bytes(signed.data)
    assert "is not encrypted" in refusal(keys.home("operator"), file, [keys.fingerprints["m01"]])


def test_expired_and_revoked_keys(tmp_path: Path, letter: Callable[..., Path]) -> None:
    own = make_keys(tmp_path / "keys" / "gnupg", ("m01", "m02"))
    sent = letter(used=own)
    operator, fingerprint = own.home("operator"), own.fingerprints["m01"]
    revocation = (own.home("m01") / "openpgp-revocs.d" / f"{fingerprint}.rev").read_text().replace(":-----BEGIN", "-----BEGIN")
    import_public(operator, revocation)
    folder = tmp_path / "apart"
    folder.mkdir()
    assert "revoked key" in refusal(operator, sent.rename(folder / "customers.csv.pgp"), [fingerprint])
    (folder / "customers.csv.pgp").unlink()

    second = letter(signer="m02", used=own).rename(folder / "customers.csv.pgp")
    _expire(own, "m02")
    assert "expired key" in refusal(operator, second, [own.fingerprints["m02"]])
    (tmp_path / "plain").write_bytes(TEXT)
    with Pgp(operator) as pgp:
        for member, reason in (("m01", "is revoked"), ("m02", "has expired")):
            with pytest.raises(CryptoError, match=reason):
                pgp.encrypt_and_sign(tmp_path / "plain", tmp_path / "out", recipient=own.fingerprints[member], signer=own.fingerprints["operator"])
    assert not (tmp_path / "out").exists()


def _expire(keys: Keys, party: str) -> None:
    """The party's key ends now; the operator learns of it."""
    home, fingerprint = keys.home(party), keys.fingerprints[party]
    time.sleep(1.1)  # the newer self-signature counts, and its time is in whole seconds
    with Pgp(home) as pgp:
        command = ["gpg", "--homedir", pgp._gpg.gnupghome, "--batch", "--quick-set-expire", fingerprint, "seconds=1"]
        subprocess.run(command, check=True, capture_output=True)
    time.sleep(2.1)  # until it is over
    import_public(keys.home("operator"), export_public(home, fingerprint))


def test_a_passphrase_that_is_wrong_or_lacking(tmp_path: Path, keys: Keys) -> None:
    home = tmp_path / "h" / "gnupg"
    own = generate_key(home, "Locked", "locked@example.org", passphrase=b"secret")
    file = tmp_path / "f"
    file.write_bytes(TEXT)
    with Pgp(home, b"secret") as pgp:
        pgp.check_own_key(own)
    for passphrase in (b"wrong", None):
        with Pgp(home, passphrase) as pgp:
            with pytest.raises(CryptoError, match="passphrase is right"):
                pgp.encrypt_and_sign(file, tmp_path / "h.pgp", recipient=own, signer=own)
            with pytest.raises(SecretError, match="operator_passphrase_ref"):
                pgp.check_own_key(own)
    assert not (tmp_path / "h.pgp").exists()


def test_a_keyring_at_a_path_longer_than_a_socket_may_have(tmp_path: Path) -> None:
    home = tmp_path / ("x" * 100) / ("y" * 100) / "gnupg"
    own = generate_key(home, "Far", "far@example.org")
    (tmp_path / "f").write_bytes(TEXT)
    with Pgp(home) as pgp:
        pgp.encrypt_and_sign(tmp_path / "f", tmp_path / "f.pgp", recipient=own, signer=own)
        pgp.decrypt_and_verify(tmp_path / "f.pgp", tmp_path / "g", allowed=[own])
    assert (tmp_path / "g").read_bytes() == TEXT


def test_a_new_key_is_accepted_beside_the_old_one(letter: Callable[..., Path], keys: Keys) -> None:
    """Rotation: both fingerprints are allowed while they overlap."""
    allowed = [keys.fingerprints["m01"], keys.fingerprints["m02"]]
    for signer in ("m01", "m02"):
        with Pgp(keys.home("operator")) as pgp:
            file = letter(signer=signer)
            assert pgp.decrypt_and_verify(file, file.parent / "p", allowed=allowed).fingerprint == keys.fingerprints[signer]
