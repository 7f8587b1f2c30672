"""The webhook against a real receiver: signed, without personal data, repeated with the same id, within its reach."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import subprocess
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from gateway.contract import NotDelivered, Notification, SubmissionState
from gateway.http.submissions import PATH
from gateway.testing.processes import demo_rights
from plugins.webhook import Endpoint, Webhook, WebhookConfig, _judge, body_of
from plugins.webhook.signing import BadSecret, headers_of, secret_of
from plugins.webhook.verifying.verify import verify
from tests.http.rig import VILLAGE, Rig
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.plugins.conftest import Desk

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
OLD = "whsec_" + base64.b64encode(b"fedcba9876543210fedcba9876543210").decode()
PHP = Path(__file__).resolve().parents[2] / "plugins/webhook/verifying/verify.php"
TOLD = Notification(
    "msg_0192f0c4_3", "c1", "desk", "0192f0c4", 3, "ktp", VILLAGE,
    SubmissionState.SENDING, SubmissionState.DELIVERED, "", 1_795_000_000.0,
)  # fmt: skip


class Receiver:
    """A server that keeps what it hears.

    Attributes:
        heard: Header fields and body of each message.
        answers: Status and header fields of the next answers; 204 once there are none.
    """

    def __init__(self) -> None:
        self.heard: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            """One message."""

            def do_POST(self) -> None:
                """Keep it and answer."""
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.heard.append(({name.lower(): value for name, value in self.headers.items()}, body))
                status, fields = outer.answers.pop(0) if outer.answers else (204, {})
                self.send_response(status)
                for name, value in fields.items():
                    self.send_header(name, value)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # the base's own name
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/siak"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def until(self, count: int) -> list[tuple[dict[str, str], bytes]]:
        """What it heard once there is so much."""
        eventually(lambda: len(self.heard) >= count)
        return self.heard

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A server on this machine."""
    made = Receiver()
    yield made
    made.close()


def config(receiver: Receiver, allow: str = '["127.0.0.0/8"]') -> str:
    """A gateway that tells the receiver."""
    return f"""
[server]
port = 0
operator_port = 0
[follow]
every = 0.05
[notify]
first_pause = 0.1
longest_pause = 1
[outbound]
allow = {allow}
[plugins]
enabled = ["webhook"]
[plugins.webhook.endpoints.office]
caller = "desk"
url = "{receiver.url}"
insecure_http = true
"""


def started(tmp_path: Path, receiver: Receiver, **more: str) -> Rig:
    """A gateway with that config, not started yet."""
    rig = Rig(tmp_path, config=config(receiver, **more), rights=demo_rights())
    rig.environ["SIAK_GATEWAY_SECRET_WEBHOOK_OFFICE"] = SECRET
    return rig


def hand_in(rig: Rig, name: str, place: int) -> str:
    """A request for an identity card, of a client of that name."""
    key, nik = rig.add_client(name), rig.nik(place=place)
    body = {"service": "ktp", "version": 1, "village": VILLAGE, "subject": {"nik": nik}, "form": {"nik": nik}}
    return str(rig.post(PATH, body, {"Idempotency-Key": "one"}, key=key).json["id"])


def test_a_callers_own_server_hears_what_moved(tmp_path: Path, receiver: Receiver) -> None:
    """Each state once, signed, from a refused first try on with the same id; strangers' submissions are not told."""
    receiver.answers = [(500, {}), (302, {"location": "http://127.0.0.1:9/"})]
    with started(tmp_path, receiver) as rig:
        rig.behave(mode="up", workers=8, mean_seconds=0.0, office_seconds=0.0)
        hand_in(rig, "stranger", 1)
        id_ = hand_in(rig, "desk", 2)
        heard = receiver.until(4)
        nik = rig.nik(place=2)
    messages = [verify(SECRET, headers, body) for headers, body in heard]
    assert {one["data"]["submission"] for one in messages} == {id_}
    assert len({one["id"] for one in messages}) == 2
    assert sorted({one["type"] for one in messages}) == ["submission.delivered", "submission.issued"]
    assert all(nik.encode() not in body for _, body in heard)
    assert heard[0][0]["user-agent"] == "siak-gateway-webhook/1"
    assert messages[-1]["data"].keys() == {
        "submission", "sequence", "service", "village", "before", "state", "reason",
    }  # fmt: skip


def test_no_address_inside_is_connected_to_unless_it_is_allowed(tmp_path: Path, receiver: Receiver) -> None:
    """Without its network in the config nothing is sent; it is told in the log, and waits."""
    with started(tmp_path, receiver, allow="[]") as rig:
        rig.behave(mode="up", workers=8, mean_seconds=0.0, office_seconds=0.0)
        hand_in(rig, "desk", 3)
        eventually(lambda: rig.log("outbound.address.refused") and rig.log("notify.delivery.failed"))
        assert receiver.heard == []
        assert {line["code"] for line in rig.log("notify.delivery.failed")} == {"connect_error"}
        assert rig.run(rig.gateway.news.status()).pending >= 1


@pytest.mark.parametrize(
    ("status", "retry_after", "code", "for_good", "wait"),
    [
        (301, "", "redirected", False, None),
        (410, "", "http_410", True, None),
        (429, "120", "http_429", False, 120.0),
        (503, "99999", "http_503", False, 86_400.0),
        (500, "soon", "http_500", False, None),
    ],
)
def test_every_answer_but_a_good_one_is_told_apart(
    status: int, retry_after: str, code: str, *, for_good: bool, wait: float | None
) -> None:
    """A redirect is not followed, 410 ends it, Retry-After is kept within a day."""
    with pytest.raises(NotDelivered) as caught:
        _judge(status, retry_after)
    assert (caught.value.code, caught.value.for_good, caught.value.retry_after) == (code, for_good, wait)
    _judge(204, "")


def test_an_endpoint_hears_its_own_caller_and_states_only(desk: Desk) -> None:
    """By the key's name; a caller that is gone has none, so nothing is told of it."""
    endpoint = Endpoint(caller="desk", url="https://app.example.go.id/siak", states=("issued",))
    webhook = Webhook(WebhookConfig(endpoints={"office": endpoint}), desk)
    assert webhook.targets(TOLD) == []
    issued = replace(TOLD, after=SubmissionState.ISSUED)
    assert webhook.targets(issued) == ["office"]
    assert webhook.targets(replace(issued, caller_name="")) == []
    with pytest.raises(NotDelivered, match="no_endpoint"):
        asyncio.run(webhook.deliver(issued, "gone"))


def test_an_endpoint_without_its_secret_does_not_open(desk: Desk) -> None:
    """The variable is named; plain http needs to be allowed."""
    endpoint = Endpoint(caller="desk", url="https://app.example.go.id/siak")
    with pytest.raises(LookupError):
        asyncio.run(Webhook(WebhookConfig(endpoints={"office": endpoint}), desk).open())
    plain = Endpoint(caller="desk", url="http://app.example.go.id/siak")
    with pytest.raises(ValueError, match="plain http"):
        asyncio.run(Webhook(WebhookConfig(endpoints={"office": plain}), desk).open())


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x.id/", "https://u:p@x.id/", "https://u@x.id/", "https://@x.id/", "https://:p@x.id/", "https:///x",
        "x.id", "https://x.id/#a", "https://x.id/ y", "https://x.id/\r\nX-Evil: 1", "https://x.id/\ty", "https://x.id:0/",
        "https://x.id:99999/", "https://good.id\\@10.0.0.1/", "https://x.id/\x00", "HTTPS://x.id/", "https://ｘ.id/",
    ],
)  # fmt: skip
def test_an_address_is_an_address(url: str) -> None:
    """Anything else is a fault of the config."""
    with pytest.raises(ValidationError):
        Endpoint(caller="desk", url=url)
    with pytest.raises(ValidationError):
        Endpoint(caller="desk", url="https://x.id/", states=("gone",))


@pytest.mark.parametrize(
    "text", ["", "whsec_", "whsec_short", OLD.removeprefix("whsec_"), "whsec_" + "A" * 200, "whsec_é"]
)
def test_a_secret_is_a_secret(text: str) -> None:
    """Too short, too long, unmarked or not base64: refused without being told."""
    with pytest.raises(BadSecret) as caught:
        secret_of(text)
    assert text in {"", "whsec_"} or text not in str(caught.value)


def test_the_signature_is_that_of_standard_webhooks() -> None:
    """The test vector of the specification's own libraries."""
    secret = secret_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = headers_of([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_python_sample_takes_what_is_genuine_only() -> None:
    """Either secret while one is replaced by another; not another's, not changed, not old, not without a field."""
    body = body_of(TOLD)
    headers = headers_of([secret_of(SECRET), secret_of(OLD)], TOLD.id, 1_795_000_000, body)
    for secret in (SECRET, OLD):
        assert verify(secret, headers, body, now=1_795_000_100)["data"]["submission"] == TOLD.submission
    other = "whsec_" + base64.b64encode(b"x" * 32).decode()
    for secret, fields, content, now in (
        (other, headers, body, 1_795_000_000),
        (SECRET, headers, body + b" ", 1_795_000_000),
        (SECRET, headers | {"webhook-id": "msg_2"}, body, 1_795_000_000),
        (SECRET, headers, body, 1_795_000_301),
        (SECRET, headers, body, 1_794_999_699),
        (SECRET, {}, body, 1_795_000_000),
    ):
        with pytest.raises(ValueError, match="webhook"):
            verify(secret, fields, content, now=now)


@pytest.mark.skipif(shutil.which("php") is None, reason="the Debian package php-cli is not installed")
def test_the_php_sample_takes_what_is_genuine_only() -> None:
    """The same, in PHP."""
    body = body_of(TOLD)
    headers = headers_of([secret_of(OLD), secret_of(SECRET)], TOLD.id, 1_795_000_000, body)
    wrong = "whsec_" + base64.b64encode(b"x" * 32).decode()
    cases = [
        [SECRET, headers, body.decode(), 1_795_000_100],
        [wrong, headers, body.decode(), 1_795_000_000],
        [SECRET, headers, body.decode() + " ", 1_795_000_000],
        [SECRET, headers, body.decode(), 1_795_000_301],
        [SECRET, {}, body.decode(), 1_795_000_000],
    ]
    script = f"""require '{PHP}';
    foreach (json_decode(stream_get_contents(STDIN), true) as [$secret, $headers, $body, $now]) {{
        try {{ echo siak_verify($secret, $headers, $body, $now)['data']['submission'], "\\n"; }}
        catch (InvalidArgumentException $e) {{ echo "refused\\n"; }}
    }}"""
    said = subprocess.run(["php", "-r", script], input=json.dumps(cases), capture_output=True, text=True, check=True)
    assert said.stdout.split() == [TOLD.submission, *["refused"] * 4]
