"""What goes wrong with signatures: a paper is refused for one of a few stable reasons, or an authority does not sign.

```
PaperRefused(Fault)      a PDF nobody may print: every exception of every library below becomes one of these
SigningFailed
├─ AuthorityAway         could not be reached, or says it cannot now; the same may be asked again
├─ AuthorityRefuses      says no: wrong passphrase, certificate expired or revoked, account unknown; a person must act
└─ AuthorityMisanswers   what came back is no answer of its protocol, or no valid signature over what was handed in
```
"""

from __future__ import annotations

from enum import StrEnum


class Fault(StrEnum):
    """Why a PDF is refused; stable words, shown to operators and written down.

    Attributes:
        UNREADABLE: It is no PDF, or a damaged one.
        TOO_LARGE: It has more bytes than is allowed.
        UNSIGNED: It bears no signature.
        SEVERAL_SIGNATURES: It bears more than one signature or time stamp.
        NOT_WHOLE: The signature does not cover every byte: something was put behind, or between.
        CHANGED: Signed bytes were changed, or the signature is not one over them.
        UNTRUSTED: The signer's certificate does not lead to a pinned root, or is not valid now.
        TOO_COSTLY: Looking at it took more time or memory than is allowed.
        ANOTHER: Its SHA-256 is not the one pinned when it was received.
        DAMAGED: What was stored cannot be opened any more.
        UNKNOWN: The centre knows no such document.
    """

    UNREADABLE = "unreadable"
    TOO_LARGE = "too_large"
    UNSIGNED = "unsigned"
    SEVERAL_SIGNATURES = "several_signatures"
    NOT_WHOLE = "not_whole"
    CHANGED = "changed"
    UNTRUSTED = "untrusted"
    TOO_COSTLY = "too_costly"
    ANOTHER = "another"
    DAMAGED = "damaged"
    UNKNOWN = "unknown_at_centre"


class PaperRefused(Exception):
    """A PDF must not be printed.

    Attributes:
        fault: Why.
    """

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.value)
        self.fault = fault

    def __reduce__(self) -> tuple[type[PaperRefused], tuple[Fault]]:
        """Travel between processes."""
        return PaperRefused, (self.fault,)


class SigningFailed(Exception):
    """An authority did not sign."""


class AuthorityAway(SigningFailed):
    """The authority cannot be reached, or cannot sign now."""


class AuthorityRefuses(SigningFailed):
    """The authority says no.

    Attributes:
        code: Its own number of the reason; 0 where it gave none.
    """

    def __init__(self, code: int = 0) -> None:
        super().__init__(f"the authority refuses ({code})")
        self.code = code


class AuthorityMisanswers(SigningFailed):
    """What the authority sent back is not what it was asked for."""
