"""The built-in accounts: synthetic institutions of three regions, one for every way the centre answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from gateway.mock_siak.accounts import EXTRA_FIELDS, FIELDS, Account, demo_password
from gateway.mock_siak.cases import RECORDING
from gateway.mock_siak.forms import FORMS

if TYPE_CHECKING:
    from gateway.mock_siak.accounts import Kind

LOOPBACK = ("127.0.0.1", "localhost", "x")
"""What sloppy clients declare as their IP."""

_EVERY_KIND: tuple[Kind, ...] = ("biodata", "kk", "verify")
_EVERYTHING = (*FORMS, RECORDING)
_METHODS = ("CALL_NIK", "CALL_NIK_GET_KK", "NIK_VERIFBY_ELEMEN")
_FEW = ("NIK", "NAMA_LGKP", "TMPT_LHR", "TGL_LHR", "NO_KK", "ALAMAT", "NO_RT", "NO_RW", "KEL_NAME", "KEC_NAME")


_EVERYDAY = (
    Account(
        path="35-27/dukcapil_sampang_3527",
        user_id="dukcapil_sampang",
        password="",
        title="Dinas Dukcapil Sampang",
        kinds=_EVERY_KIND,
        methods=_METHODS,
        ips=(*LOOPBACK, "10.35.27.1"),
        daily_allowance=1_000_000,
        error_shape="response_desc",
        quota_shown=True,
        writes=_EVERYTHING,
    ),
    Account(
        path="35-27/uji_beban_3527",
        user_id="uji_beban",
        password="",
        title="Uji beban (load tests)",
        kinds=_EVERY_KIND,
        ips=LOOPBACK,
        daily_allowance=1_000_000_000,
        error_shape="response_desc",
        writes=_EVERYTHING,
    ),
    Account(
        path="dpmptsp_sampang",
        user_id="dpmptsp",
        password="",
        title="DPMPTSP Sampang",
        ips=(*LOOPBACK, "10.35.27.2"),
        fields=_FEW,
        error_shape="respon",
    ),
    Account(
        path="36-73/dinkes_serang_3673",
        user_id="dinkes_serang",
        password="",
        title="Dinas Kesehatan Kota Serang",
        kinds=_EVERY_KIND,
        ips=LOOPBACK,
        error_shape="respon_code",
        dialect="string",
        quirks=True,
        writes=("birth", "stillbirth", "death"),
    ),
    Account(
        path="33-20/dinsos_jepara_3320",
        user_id="dinsos_jepara",
        password="",
        title="Dinas Sosial Jepara",
        kinds=("verify",),
        ips=("127.0.0.1", "10.33.20.1"),
        error_shape="response_desc",
        quota_shown=True,
    ),
    Account(
        path="350000000003527",
        user_id="bank_daerah",
        password="",
        title="Bank Daerah (nomor pelanggan)",
        ips=("10.35.27.9",),
        fields=(*FIELDS, *EXTRA_FIELDS),
        error_shape="response_desc",
        quota_shown=True,
    ),
    Account(
        path="rsud_sampang",
        user_id="rsud_sampang",
        password="",
        title="RSUD Sampang (layanan lama)",
        door="ws_server",
        error_shape="respon",
        dialect="string",
        daily_password=True,
    ),
)
_CLOSED = Account(path="demo_tolak", user_id="", password="", kinds=_EVERY_KIND, ips=LOOPBACK)
_REFUSING = (
    replace(_CLOSED, user_id="kuota_habis", title="Kuota kecil", daily_allowance=3, error_shape="respon"),
    replace(
        _CLOSED, user_id="di_luar_jam", title="Tidak pernah buka", hours=("03:00", "03:00"), error_shape="respon_code"
    ),
    replace(_CLOSED, user_id="pengguna_nonaktif", title="Pengguna nonaktif", user_active=False),
    replace(_CLOSED, user_id="instansi_nonaktif", title="Instansi nonaktif", institution_active=False),
)


def demo_accounts(seed: int) -> tuple[Account, ...]:
    """The demonstration accounts with the passwords that belong to `seed`.

    First comes Dinas Dukcapil Sampang (all kinds, all 33 fields); the last four refuse in one way each: a tiny
    allowance, hours that never come, an inactive user, an inactive institution.
    """
    accounts = (*_EVERYDAY, *_REFUSING)
    return tuple(replace(account, password=demo_password(seed, account.user_id)) for account in accounts)
