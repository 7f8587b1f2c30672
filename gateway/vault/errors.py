"""What can go wrong with keys and sealed bytes.

VaultError
├── KeyMissingError      no such key here
├── KeyUnreadableError   it is there, but must not or cannot be used
├── KeyForeignError      it is there, but another one than the data were written with
├── KeyUnwritableError   the secrets cannot be made
└── TamperedError        sealed bytes that are not what was sealed, or not for this context

The docstring of each is its message; details name files and key ids, never key material or personal data.
"""

from typing import ClassVar


class VaultError(Exception):
    """The vault cannot do this.

    Attributes:
        code: Stable name for programs.
        detail: Which key or file, and the cure where there is one; may be empty.
    """

    code: ClassVar[str] = "vault"

    def __init__(self, detail: str = "") -> None:
        summary = (type(self).__doc__ or "").partition("\n")[0]
        super().__init__(f"{summary} {detail}".rstrip())
        self.detail = detail


class KeyMissingError(VaultError):
    """The key is not in the key ring."""

    code = "key_missing"


class KeyUnreadableError(VaultError):
    """The key is there but cannot be used."""

    code = "key_unreadable"


class KeyForeignError(VaultError):
    """The key is another one than the data were written with."""

    code = "key_foreign"


class KeyUnwritableError(VaultError):
    """The secrets cannot be written."""

    code = "key_unwritable"


class TamperedError(VaultError):
    """The sealed bytes were changed, cut or moved, or belong to another context."""

    code = "tampered"
