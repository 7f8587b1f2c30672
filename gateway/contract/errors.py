"""Every refusal the gateway can give, as one tree.

```
GatewayError
├── CallerError            the caller can mend it; nothing was sent
│   ├── Unauthenticated 401   ├── SignInNeeded 401     ├── WrongCredentials 401
│   ├── Denied 403            ├── RoleMissing 403      ├── NotFromHere 403
│   ├── NotFound 404          ├── TooManyGuesses 429
│   ├── MethodNotAllowed 405  ├── Conflict 409         ├── TooLarge 413
│   ├── Unsupported 415       ├── Invalid 422          ├── IdempotencyMismatch 422
│   ├── IdempotencyKeyMissing 428                      └── TooManyRequests 429
├── CentreError            the way to the centre
│   ├── QuotaExhausted 429    ├── CentreMisanswered 502
│   ├── CentreUnreachable 503 ├── CentreUnavailable 503 ├── Maintenance 503
│   ├── OutsideHours 503      ├── CentreRefusedUs 503   └── CentreTimeout 504
└── OwnError               the gateway itself
    ├── Internal 500          ├── Overloaded 503        └── StorageUnavailable 503
```

A leaf's docstring is its default English text; `text_id` is the Indonesian one. `code` is stable for
callers. `executed` says whether the centre may have acted on the request. Texts never hold personal data.
"""

from __future__ import annotations

import inspect
from typing import ClassVar, Literal

import msgspec

Executed = Literal["no", "unknown", "yes"]


class FieldFault(msgspec.Struct, frozen=True):
    """One wrong field of a request.

    Attributes:
        field: JSON pointer into the body (`/nik`), or `header:<name>` / `query:<name>`.
        code: Stable word for the kind of fault, such as `pattern` or `required`.
        message: English text without the value that was sent.
        message_id: The same in Indonesian.
    """

    field: str
    code: str
    message: str
    message_id: str


class GatewayError(Exception):
    """The gateway could not do this.

    Args:
        detail: English text instead of the default one; never with personal data.
        retry_after: Seconds after which it is worth trying again, where that is known; callers are told the leaf's
            default otherwise.
        executed: Whether the centre may have acted, where it differs from the leaf's default.
        faults: Each wrong field.
        headers: Further response header fields, such as `RateLimit`.
        said: What the centre said of the number asked for, or of its hours, to the byte; empty where it said neither.
    """

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False
    default_executed: ClassVar[Executed] = "no"
    also_executed: ClassVar[tuple[Executed, ...]] = ()
    default_retry_after: ClassVar[float | None] = None
    text_id: ClassVar[str] = "Gerbang tidak dapat melakukannya."
    _text: ClassVar[str] = "The gateway could not do this."

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._text = (inspect.getdoc(cls) or cls.__name__).partition("\n")[0]

    def __init__(
        self,
        detail: str | None = None,
        *,
        retry_after: float | None = None,
        executed: Executed | None = None,
        faults: tuple[FieldFault, ...] = (),
        headers: tuple[tuple[str, str], ...] = (),
        said: bytes = b"",
    ) -> None:
        self.detail = detail if detail is not None else self.text()
        self.retry_after = retry_after
        self.executed: Executed = executed if executed is not None else self.default_executed
        self.faults = faults
        self.headers = headers
        self.said = said
        super().__init__(self.detail)

    @classmethod
    def executed_words(cls) -> tuple[Executed, ...]:
        """What `executed` may say with this code, the usual word first."""
        return (cls.default_executed, *cls.also_executed)

    @classmethod
    def text(cls) -> str:
        """The default English text: the first line of the docstring."""
        return cls._text


class CallerError(GatewayError):
    """The request cannot be served as it is."""


class Unauthenticated(CallerError):
    """A valid key is needed: unknown, expired or revoked keys are refused."""

    code, status = "unauthenticated", 401
    text_id = "Diperlukan kunci yang sah: kunci tak dikenal, kedaluwarsa, atau dicabut ditolak."


class SignInNeeded(CallerError):
    """Sign in first: there is no session, or it has ended."""

    code, status = "sign_in_needed", 401
    text_id = "Masuk dahulu: belum ada sesi, atau sesi sudah berakhir."


class WrongCredentials(CallerError):
    """Name, password or code is wrong, or may not be used any more."""

    code, status = "wrong_credentials", 401
    text_id = "Nama, kata sandi, atau kode salah, atau tidak berlaku lagi."


class Denied(CallerError):
    """This key does not carry the right to do this."""

    code, status = "denied", 403
    text_id = "Kunci ini tidak memiliki hak untuk melakukannya."


class RoleMissing(CallerError):
    """Your account does not have the role or the programme this needs."""

    code, status = "role_missing", 403
    text_id = "Akun Anda tidak memiliki peran atau aplikasi yang diperlukan."


class NotFromHere(CallerError):
    """This did not come from a page of the gateway; load the page again, then send it again."""

    code, status = "not_from_here", 403
    text_id = "Kiriman ini bukan dari halaman gerbang; muat ulang halaman, lalu kirim lagi."


class NotFound(CallerError):
    """There is nothing here under that number or address."""

    code, status, also_executed = "not_found", 404, ("yes",)
    text_id = "Tidak ditemukan."


class MethodNotAllowed(CallerError):
    """This address does not answer that method."""

    code, status = "method_not_allowed", 405
    text_id = "Alamat ini tidak melayani metode tersebut."


class Conflict(CallerError):
    """The present state does not allow this."""

    code, status = "conflict", 409
    text_id = "Keadaan saat ini tidak mengizinkannya."


class TooLarge(CallerError):
    """The request is larger than the gateway accepts."""

    code, status = "too_large", 413
    text_id = "Permintaan melebihi ukuran yang diterima."


class Unsupported(CallerError):
    """The body's type or encoding is not one the gateway reads; send application/json."""

    code, status = "unsupported", 415
    text_id = "Jenis isi tidak didukung; kirim application/json."


class Invalid(CallerError):
    """Some fields are wrong; each is named in `errors`."""

    code, status = "invalid", 422
    text_id = "Ada isian yang salah; setiap isian disebut dalam `errors`."


class IdempotencyMismatch(CallerError):
    """This Idempotency-Key was used before with another body."""

    code, status = "idempotency_mismatch", 422
    text_id = "Idempotency-Key ini sudah dipakai untuk isi yang berbeda."


class IdempotencyKeyMissing(CallerError):
    """An Idempotency-Key header is needed here."""

    code, status = "idempotency_key_missing", 428
    text_id = "Diperlukan header Idempotency-Key."


class TooManyRequests(CallerError):
    """This key has used up its own share for now."""

    code, status, retryable = "too_many_requests", 429, True
    default_retry_after = 60.0
    text_id = "Jatah kunci ini habis untuk sementara."


class TooManyGuesses(CallerError):
    """There were too many wrong tries; wait a while."""

    code, status, retryable = "too_many_guesses", 429, True
    default_retry_after = 60.0
    text_id = "Terlalu banyak percobaan yang salah; tunggu sebentar."


class CentreError(GatewayError):
    """The centre did not give a usable answer."""

    default_retry_after: ClassVar[float | None] = 5.0


class QuotaExhausted(CentreError):
    """The right's daily allowance at the centre is used up; it says nothing about the resident."""

    code, status, retryable = "quota_exhausted", 429, True
    default_retry_after = 900.0
    text_id = "Kuota harian hak akses di pusat habis; ini tidak berarti data tidak ada."


class CentreMisanswered(CentreError):
    """The centre's reply could not be understood."""

    code, status, retryable, default_executed = "centre_misanswered", 502, True, "yes"
    also_executed = ("unknown",)
    text_id = "Jawaban pusat tidak dapat dipahami."


class CentreUnreachable(CentreError):
    """The centre cannot be reached."""

    code, status, retryable = "centre_unreachable", 503, True
    text_id = "Pusat tidak dapat dihubungi."


class CentreUnavailable(CentreError):
    """The centre is failing; calls are held back until it recovers."""

    code, status, retryable = "centre_unavailable", 503, True
    text_id = "Pusat sedang bermasalah; panggilan ditahan sampai pulih."


class Maintenance(CentreError):
    """The centre says it is under maintenance."""

    code, status, retryable = "maintenance", 503, True
    also_executed = ("unknown",)
    text_id = "Pusat sedang dalam pemeliharaan."


class OutsideHours(CentreError):
    """The centre does not serve this right at this hour."""

    code, status, retryable = "outside_hours", 503, True
    default_retry_after = 900.0
    text_id = "Pusat tidak melayani hak akses ini pada jam ini."


class CentreRefusedUs(CentreError):
    """The centre refuses the gateway's own credentials; the regency's admin has been alarmed."""

    code, status = "centre_refused_us", 503
    default_retry_after = None
    text_id = "Pusat menolak akun gerbang; admin kabupaten sudah diberi tahu."


class CentreTimeout(CentreError):
    """The centre did not answer in time."""

    code, status, retryable, default_executed = "centre_timeout", 504, True, "unknown"
    also_executed = ("no",)
    text_id = "Pusat tidak menjawab pada waktunya."


class OwnError(GatewayError):
    """The gateway itself cannot serve now."""


class Internal(OwnError):
    """Something went wrong in the gateway; quote the request id to its operators."""

    code, status, default_executed = "internal", 500, "unknown"
    also_executed = ("no",)
    text_id = "Terjadi kesalahan di gerbang; sebutkan request id kepada petugas."


class Overloaded(OwnError):
    """More is being asked than can be answered in time."""

    code, status, retryable = "overloaded", 503, True
    default_retry_after = 2.0
    text_id = "Permintaan terlalu banyak untuk dijawab tepat waktu."


class StorageUnavailable(OwnError):
    """The gateway's own storage cannot be written; nothing was accepted."""

    code, status, retryable = "storage_unavailable", 503, True
    also_executed = ("unknown",)
    default_retry_after = 5.0
    text_id = "Penyimpanan gerbang tidak dapat ditulis; tidak ada yang diterima."


def every_error() -> tuple[type[GatewayError], ...]:
    """All leaves of the tree, in the order of the contract."""
    found: list[type[GatewayError]] = []
    for branch in GatewayError.__subclasses__():
        found.extend(branch.__subclasses__())
    return tuple(found)
