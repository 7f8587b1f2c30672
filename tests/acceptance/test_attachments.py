"""A file cut by SIGKILL while it is uploaded and while it is brought to the centre: whole, once, not in clear."""

from __future__ import annotations

import hashlib
import http.client
import random
import shutil
import signal
import threading
from typing import TYPE_CHECKING

from click.testing import CliRunner

from gateway.cli import main
from gateway.database.second_copy.place import memo_file
from gateway.http.submissions import PATH
from tests.acceptance.nursery import ForkedGateway
from tests.acceptance.test_submissions import AT_CENTRE, SOON, VILLAGES, effects, states
from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.testing.processes import GatewayProcess
    from tests.acceptance.nursery import Nursery
    from tests.acceptance.stage import Centre

SIZE = 6_000_000


def test_killed_while_it_takes_in_and_while_it_brings(nursery: Nursery, centre: Centre, tmp_path: Path) -> None:
    """What was told is there after the kill; the upload ends whole; the centre takes file and submission once.

    No byte of it lies in clear in the data folder.
    """
    centre.behave()
    nik = centre.niks(1)[0]
    content = b"%PDF-1.7\n" + random.Random(6).randbytes(SIZE)
    name = hashlib.sha256(content).hexdigest()
    address = f"/v1/attachments/{name}"
    gateway = ForkedGateway(nursery, tmp_path, centre.url, config=SOON)
    key = gateway.add_client("desk")
    with gateway:
        told = _kill_amid_upload(gateway, key, address, content)
        gateway.start()
        offset = int(gateway.request("HEAD", address, key=key)[1]["upload-offset"])
        assert told <= offset < len(content)
        headers = {"Upload-Offset": str(offset), "Upload-Length": str(len(content))}
        assert gateway.request("PUT", address, content[offset:], headers, key=key)[0] == 201
        centre.behave(faults=[{"kind": "latency", "rate": 1.0, "seconds": 0.15, "methods": ["PUT_BLOB"]}])
        body = {"service": "ktp", "version": 1, "village": VILLAGES[0], "subject": {"nik": nik}, "form": {"nik": nik}}
        body["attachments"] = [{"sha256": name, "kind": "photo"}]
        status, _, receipt = gateway.post(PATH, body, [("Idempotency-Key", "k")], key=key)
        assert status == 202, receipt
        eventually(lambda: centre.stats()["by_method"].get("PUT_BLOB", {}).get("arrived", 0) >= 2, 20.0, "pieces go")
        gateway.kill()
        assert effects(centre, [receipt["id"]]) == [None]
        assert not [
            path for path in tmp_path.rglob("*") if path.is_file() and content[50_000:50_040] in path.read_bytes()
        ]
        gateway.start()
        centre.behave()
        eventually(lambda: states(gateway, key) == {"delivered"}, 60.0, "it is delivered")
        assert effects(centre, [receipt["id"]]) == [1]


def _kill_amid_upload(gateway: GatewayProcess, key: str, address: str, content: bytes) -> int:
    """Kill it while it takes a file in; the last offset it told of."""
    sending = threading.Thread(target=_send, args=(gateway, key, address, content))
    sending.start()

    def offset() -> int:
        return int(gateway.request("HEAD", address, key=key)[1].get("upload-offset", "0"))

    told = eventually(offset, 20.0, "the upload is under way")
    gateway.signal(signal.SIGKILL)
    assert gateway.wait() == -signal.SIGKILL
    sending.join(20.0)
    return told


def _send(gateway: GatewayProcess, key: str, address: str, content: bytes) -> None:
    """Send all but the last byte, and see the line break."""
    place = gateway.url.removeprefix("http://")
    line = http.client.HTTPConnection(place, timeout=20)
    line.putrequest("PUT", address)
    line.putheader("Authorization", f"Bearer {key}")
    line.putheader("Content-Length", str(len(content)))
    line.endheaders()
    try:
        line.send(content[:-1])
        line.getresponse()
    except (OSError, http.client.HTTPException):
        return
    finally:
        line.close()


def test_burnt_with_files_that_wait(nursery: Nursery, centre: Centre, tmp_path: Path) -> None:
    """The machine burns while the centre is away; put back from the second copy, it brings submission and file once."""
    centre.behave(mode="refuse")
    nik = centre.niks(1)[0]
    content = b"%PDF-1.7\n" + random.Random(7).randbytes(400_000)
    name = hashlib.sha256(content).hexdigest()
    copy = tmp_path / "copy"
    copy.mkdir()
    config = f'{SOON}[replica]\npath = "{copy}"\nsame_device = true\npatience = 10.0\n'
    gateway = ForkedGateway(nursery, tmp_path / "machine", centre.url, config=config)
    key = gateway.add_client("desk")
    with gateway:
        eventually(lambda: b'"in_step"' in memo_file(gateway.data / "gateway.db").read_bytes(), 10.0, "a copy is there")
        headers = {"Upload-Offset": "0", "Upload-Length": str(len(content))}
        assert gateway.request("PUT", f"/v1/attachments/{name}", content, headers, key=key)[0] == 201
        body = {"service": "ktp", "version": 1, "village": VILLAGES[0], "subject": {"nik": nik}, "form": {"nik": nik}}
        body["attachments"] = [{"sha256": name, "kind": "photo"}]
        status, _, receipt = gateway.post(PATH, body, [("Idempotency-Key", "k")], key=key)
        assert (status, receipt["copies"]) == (202, 2), receipt
        for each in gateway.data.iterdir():  # while it still runs
            if each.name != "secrets":
                shutil.rmtree(each) if each.is_dir() else each.unlink(missing_ok=True)
        gateway.kill()
        for each in gateway.data.iterdir():
            if each.name != "secrets":
                each.unlink()
        arguments = ["restore", "--copy", str(copy), "--config", str(gateway.config_file)]
        restored = CliRunner().invoke(main, arguments, env=gateway.environ)
        assert restored.exit_code == 0, restored.output
        centre.behave()
        gateway.start()
        eventually(lambda: states(gateway, key) <= AT_CENTRE, 60.0, "it is delivered")
        assert effects(centre, [receipt["id"]]) == [1]
        assert centre.stats()["by_method"]["PUT_BLOB"]["arrived"] >= 1
