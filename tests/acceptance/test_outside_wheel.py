"""Somebody else's wheel, installed beside the gateway's into a clean environment: found, configured, used, removed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gateway.testing.processes import GatewayProcess
from tests.acceptance.stage import ask
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.acceptance.stage import Centre

ROOT = Path(__file__).parents[2]
OUTSIDE = Path(__file__).parent / "outside_extension"
PACKAGE = "siak-outside-desk"
FAILING = ("fails_at_import", "fails_at_start", "fails_at_request", "fails_at_close")
VISITS = "/apps/outside_desk/visits"


def done(*command: str | Path, cwd: Path | None = None) -> str:
    """Standard output of a command that must succeed."""
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100, cwd=cwd)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


class CleanEnvironment:
    """A virtual environment with both wheels; only what they depend on comes from outside.

    Args:
        folder: Where it is made.
    """

    def __init__(self, folder: Path) -> None:
        self.python = folder / "venv" / "bin" / "python"
        self.command = self.python.with_name("siak-gateway")
        venv.create(folder / "venv", with_pip=False, symlinks=True)
        site = done(self.python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
        (Path(site) / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
        build = (sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--quiet")
        done(*build, "--wheel-dir", folder, ROOT, OUTSIDE)
        self.wheels = sorted(folder.glob("*.whl"))
        self.install(*self.wheels)

    def install(self, *wheels: Path) -> None:
        """Install wheels, from nowhere but their files."""
        options = ("--no-deps", "--no-index", "--quiet", "--no-compile")
        done(sys.executable, "-m", "pip", "--python", self.python, "install", *options, *wheels)

    def serve(self, files: GatewayProcess) -> list[str]:
        """The command that serves with a gateway's files."""
        return [str(self.command), "serve", "--config", str(files.config_file)]

    def remove(self) -> None:
        """Take the outside package away."""
        done(sys.executable, "-m", "pip", "--python", self.python, "uninstall", "--yes", "--quiet", PACKAGE)


class Installed:
    """`serve` of the installed gateway, with some adapters.

    Args:
        place: The environment it is installed in.
        folder: Where it keeps everything.
        centre: The centre.
        adapters: TOML about adapters.
    """

    def __init__(self, place: CleanEnvironment, folder: Path, centre: Centre, adapters: str) -> None:
        self.files = GatewayProcess(folder, centre.url, config=adapters)
        self._command = place.serve(self.files)
        self.native = self.files.add_client("native")
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> GatewayProcess:
        addresses = self.files.data / "addresses.json"
        with self.files.log_file.open("ab") as log:
            files = self.files
            child = self._child = subprocess.Popen(
                self._command, env=files.environ, stdout=log, stderr=log, cwd=files.folder
            )
        eventually(lambda: addresses.exists() or child.poll() is not None, 20.0, "it listens")
        assert child.poll() is None, self.files.log()
        self.files.url = json.loads(addresses.read_text())["gateway"]
        return self.files

    def __exit__(self, *_: object) -> None:
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()
            self._child.wait(10)

    @property
    def code(self) -> int | None:
        """Exit code, once it ended."""
        return None if self._child is None else self._child.returncode


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> CleanEnvironment:
    """Both wheels in a clean environment, shared by the tests of this module."""
    return CleanEnvironment(tmp_path_factory.mktemp("clean"))


def refused(place: CleanEnvironment, files: GatewayProcess) -> subprocess.CompletedProcess[str]:
    """Run `serve`, which is expected to end by itself."""
    command = place.serve(files)
    return subprocess.run(command, env=files.environ, capture_output=True, text=True, check=False, timeout=100)


def visit(gateway: GatewayProcess, key: str, nik: str) -> tuple[int, Any]:
    """Status and body of a visit to the outside desk."""
    status, _headers, body = gateway.post(VISITS, {"nik": nik}, key=key)
    return status, body


def test_the_gateway_and_the_adapter_come_from_their_wheels(place: CleanEnvironment) -> None:
    """In the clean environment the gateway is the installed one, and lists the outside adapter as not enabled."""
    where = done(
        place.python,
        "-c",
        "import gateway, outside_desk; print(gateway.__file__, outside_desk.__file__)",
        cwd=place.python.parent,
    )
    assert all(str(place.python.parents[1]) in path for path in where.split())
    rows = json.loads(done(place.command, "adapters", "list", "--json", cwd=place.python.parent))
    row = next(row for row in rows if row["name"] == "outside_desk")
    assert (row["state"], row["package"]) == ("disabled", f"{PACKAGE} 1.0.0")


def test_it_is_configured_and_used(place: CleanEnvironment, centre: Centre, tmp_path: Path) -> None:
    """Enabled and configured, it answers under its mount, for keys bound to it, through the gateway's own chain."""
    centre.behave()
    nik = centre.niks(1)[0]
    config = '[adapters]\nenabled = ["outside_desk"]\n[adapters.outside_desk]\ngreeting = "Selamat datang"\n'
    installed = Installed(place, tmp_path, centre, config)
    key = installed.files.add_client("outside", adapter="outside_desk")
    with installed as gateway:
        assert gateway.get("/health/ready")[0] == 200
        name = ask(gateway, installed.native, nik).body["resident"]["NAMA_LGKP"]
        assert visit(gateway, key, nik) == (200, {"greeting": f"Selamat datang, {name}", "source": "cache"})
        assert visit(gateway, installed.native, nik)[0] == 403
        assert gateway.get(VISITS)[0] == 405
        assert VISITS in json.loads(gateway.get("/openapi/outside_desk.json")[2])["paths"]
    assert installed.code == 0


def test_its_wrong_config_is_told_like_our_own(place: CleanEnvironment, centre: Centre, tmp_path: Path) -> None:
    """An unknown key in its table ends the start with file, line and key, and exit code 2."""
    config = '[adapters]\nenabled = ["outside_desk"]\n[adapters.outside_desk]\ngreting = "x"\n'
    files = GatewayProcess(tmp_path, centre.url, config=config)
    ended = refused(place, files)
    line = files.config_file.read_text().splitlines().index('greting = "x"') + 1
    assert ended.returncode == 2
    assert f"{files.config_file}:{line}: adapters.outside_desk.greting" in ended.stderr


def test_those_that_fail_harm_nobody(place: CleanEnvironment, centre: Centre, tmp_path: Path) -> None:
    """Adapters that raise at import, start, request or close are told by health and log; the others serve as before.

    The gateway still ends with exit code 0.
    """
    centre.behave()
    nik = centre.niks(1)[0]
    names = ", ".join(f'"{name}"' for name in (*FAILING, "outside_desk"))
    installed = Installed(place, tmp_path, centre, f"[adapters]\nenabled = [{names}]\n")
    key = installed.files.add_client("outside", adapter="outside_desk")
    doomed = installed.files.add_client("doomed", adapter="fails_at_request")
    with installed as gateway:
        checks = json.loads(gateway.get("/health/ready")[2])["checks"]
        failing = {name for name, said in checks.items() if said != "ok"}
        assert failing == {"extension:fails_at_import", "extension:fails_at_start"}
        assert ask(gateway, installed.native, nik).status == 200
        for _ in range(3):
            status, headers, body = gateway.request("GET", "/apps/fails_at_request/fail", key=doomed)
            problem = json.loads(body)
            assert (status, problem["code"]) == (500, "internal")
            assert problem["request_id"] == headers["x-request-id"]
            assert visit(gateway, key, nik)[0] == 200
    assert installed.code == 0
    log = installed.files.log()
    stages = set(re.findall(r'"extension":"(fails_at_\w+)"[^\n]*"stage":"(\w+)"', log))
    assert {("fails_at_start", "open"), ("fails_at_close", "close")} <= stages
    assert "3527010101900001" not in log


def test_it_is_removed(place: CleanEnvironment, centre: Centre, tmp_path: Path) -> None:
    """Once its package is gone, a config that names it is refused with exit code 2, and one that does not serves."""
    place.remove()
    try:
        centre.behave()
        enabled = GatewayProcess(tmp_path / "enabled", centre.url, config='[adapters]\nenabled = ["outside_desk"]\n')
        ended = refused(place, enabled)
        assert (ended.returncode, "outside_desk" in ended.stderr) == (2, True), ended.stderr
        left = Installed(place, tmp_path / "left", centre, "[adapters.outside_desk]\ngreeting = 'x'\n")
        with left as gateway:
            assert ask(gateway, left.native, centre.niks(1)[0]).status == 200
            assert gateway.get(VISITS)[0] == 404
        assert "registry.table.unused" in left.files.log()
    finally:
        place.install(*(wheel for wheel in place.wheels if "outside_desk" in wheel.name))
