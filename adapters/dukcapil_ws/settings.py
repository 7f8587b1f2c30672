"""`[adapters.dukcapil_ws]`: which programs call, as whom, and how they want to be answered."""

import re
import zoneinfo
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from adapters.dukcapil_ws.wording import AWAY_TEXT, MISLEADING, ErrorShape
from gateway.contract import CentreService, ExtensionConfig

Door = Literal["dukcapil", "ws_server"]
Numbers = Literal["as_given", "number", "string"]
MethodName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,60}$")]
_VILLAGE = re.compile(r"[0-9]{2}\.?[0-9]{2}\.?[0-9]{2}\.?[0-9]{4}")


def _village(code: str) -> str:
    if not _VILLAGE.fullmatch(code):
        raise ValueError("expected a village's Kemendagri code such as 35.27.03.2001")
    return code.replace(".", "")


def _honest(text: str) -> str:
    if any(word in text.casefold() for word in MISLEADING):
        raise ValueError("expected a text without the words of the centre's own answers, such as kuota or ditemukan")
    return text


def _zone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("expected the name of a time zone such as Asia/Jakarta") from None
    return name


class ClientConfig(ExtensionConfig):
    """One program that called the real service, and calls the gateway now.

    Its password and its caller's key are secrets: `SIAK_GATEWAY_SECRET_DUKCAPIL_WS_<NAME>_PASSWORD` and `…_KEY`.
    """

    path: Annotated[str, Field(pattern=r"^[A-Za-z0-9._~@:+-]+(/[A-Za-z0-9._~@:+-]+)?$", max_length=200)] = Field(
        description="Bagian alamat sebelum METHOD, seperti 35-27/dinas_3527. / Parts of the address before METHOD."
    )
    user_id: Annotated[str, Field(min_length=1, max_length=100)] = Field(
        description="user_id yang dikirim program itu. / The user id the program sends."
    )
    door: Door = Field(
        default="dukcapil",
        description="Layanan yang dipanggil: /dukcapil/get_json atau /ws_server/get_json. / Which service it calls.",
    )
    ips: tuple[Annotated[str, Field(min_length=1, max_length=60)], ...] = Field(
        default=(), description="IP yang boleh dinyatakan; kosong: semua. / IPs it may declare; empty: any."
    )
    daily_password: bool = Field(
        default=False,
        description="Yang dikirim md5(rahasia + ddmmyyyy). / It sends md5(secret + ddmmyyyy).",
    )
    error_shape: ErrorShape = Field(
        default="respon",
        description="Bentuk jawaban galat: RESPON saja; dengan RESPONSE_CODE; atau RESPONSE_CODE, RESPONSE_DESC, "
        "RESPONSE. / Form of its errors.",
    )
    numbers: Numbers = Field(
        default="as_given",
        description="Angka seperti dari pusat, atau selalu angka, atau selalu teks. / "
        "Numbers as the centre gives them, or always as numbers, or always as strings.",
    )
    quota_shown: bool = Field(
        default=False,
        description="Akunnya menampilkan sisa kuota (quotaLimiter), maka penolakan dari gerbang juga. / "
        "Its account shows what is left of the quota (quotaLimiter), so refusals of the gateway's own do too.",
    )
    refusal: Literal["text", "http_503"] = Field(
        default="text",
        description="Bila pusat tidak menjawab dan tidak ada jawaban tersimpan: teks dengan HTTP 200, atau HTTP 503. / "
        "While the centre is away and nothing is remembered: a text with HTTP 200, or HTTP 503.",
    )
    refusal_text: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_honest)] = Field(
        default=AWAY_TEXT, description="Bunyi teks itu. / What that text says."
    )
    purpose: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")] = Field(
        default="pelayanan", description="Tujuan semua pertanyaannya. / Purpose of all it asks."
    )
    village: Annotated[str, AfterValidator(_village)] | None = Field(
        default=None, description="Desa yang dilayani, bila satu. / The village it serves, where it is one."
    )
    waits: Annotated[float, Field(ge=0.5, le=120.0)] = Field(
        default=10.0,
        description="Detik program itu menunggu, paling lama centre.deadline_max. / "
        "Seconds the program waits, at most centre.deadline_max.",
    )
    methods: Mapping[MethodName, CentreService] = Field(
        default_factory=dict,
        description='Kelas METHOD lain yang dipanggilnya, seperti { CARI = "family_card" }. / '
        "Class of other METHODs it calls.",
    )


ClientName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


def _distinct(clients: dict[str, ClientConfig]) -> dict[str, ClientConfig]:
    seen: dict[tuple[str, str, str], str] = {}
    for name, client in clients.items():
        other = seen.setdefault((client.door, client.path, client.user_id), name)
        if other != name:
            raise ValueError(f"expected one client for a user_id at a path; {other} and {name} are the same")
    return clients


class DukcapilWsConfig(ExtensionConfig):
    """Settings of `[adapters.dukcapil_ws]`."""

    clients: Annotated[dict[ClientName, ClientConfig], AfterValidator(_distinct)] = Field(
        default_factory=dict, description="Program yang dilayani, menurut nama. / Programs that are served, by name."
    )
    zone: Annotated[str, AfterValidator(_zone)] = Field(
        default="Asia/Jakarta", description="Zona waktu kata sandi harian. / Time zone of daily passwords."
    )
    absorb: Annotated[float, Field(ge=0.0, le=3600.0)] = Field(
        default=30.0,
        description="Detik pertanyaan yang ditolak pusat tidak diulang ke pusat. / "
        "Seconds a question that the centre refused is not put to it again.",
    )

    def longest_waits(self) -> Iterable[tuple[tuple[str, ...], float]]:
        """What each program waits."""
        return [(("clients", name, "waits"), client.waits) for name, client in self.clients.items()]
