"""A secret that is destroyed is gone from its file, or its own store is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from appetence.errors import SecretError
from appetence.runtime.secrets import destroy


def test_a_key_in_a_file_is_destroyed_and_one_elsewhere_is_its_administrators(tmp_path: Path) -> None:
    file = tmp_path / "m05.key"
    file.write_text("secret", encoding="ascii")
    names = {"folder": str(tmp_path), "member_id": "m05"}
    assert destroy("file:{folder}/{member_id}.key", names) and not file.exists()
    assert not destroy("file:{folder}/{member_id}.key", names), "gone before"
    with pytest.raises(SecretError, match="destroy it in its own store"):
        destroy("keyvault:vault/m05", names)
