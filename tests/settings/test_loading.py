"""Reading the config: defaults, the environment's overrides, where faults of the environment are told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gateway.contract.messages import CentreService, Priority
from gateway.settings import ConfigFaults, Settings, config_path, load, schema

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "config" / "examples").glob("*.toml"))
RIGHT = """
[rights.dinas]
title = "Dinas Dukcapil"
user_id = "dinas"
fields = ["NIK", "NAMA_LGKP"]
purposes = ["pelayanan"]
services = { biodata = "dinas/CALL_NIK" }
"""


def written(folder: Path, text: str) -> Path:
    """A config file with a text."""
    file = folder / "gateway.toml"
    file.write_text(text, encoding="utf-8")
    return file


def faults_of(path: Path | None, environ: dict[str, str]) -> list[str]:
    """The faults of a config that must not load."""
    with pytest.raises(ConfigFaults) as caught:
        load(path, environ)
    return [str(fault) for fault in caught.value.faults]


@pytest.mark.parametrize("example", [ROOT / "config" / "gateway.toml", *EXAMPLES], ids=lambda file: file.stem)
def test_each_good_example_loads(example: Path) -> None:
    """The default config and each example are right."""
    assert load(example, {}).rights


def test_there_are_examples_for_seven_situations() -> None:
    """The examples cover what admins meet."""
    assert len(EXAMPLES) >= 7


def test_without_a_file_the_defaults_are_in_force() -> None:
    """No file is a valid config: SQLite under var, loopback, three purposes, nobody has a right."""
    settings = load(None, {})
    assert (settings.server.host, settings.server.port, settings.server.operator_port) == ("127.0.0.1", 8080, 8081)
    assert settings.database_url({}) == "sqlite:///var/gateway.db"
    assert settings.secrets_folder == Path("var/secrets")
    assert list(settings.purposes) == ["pelayanan", "verifikasi", "statistik"]
    assert settings.priority_of("pelayanan") is Priority.COUNTER
    assert settings.rights == {}
    assert settings.zone.key == "Asia/Jakarta"


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    """Ports, data folder and the centre's address come from the environment where it names them."""
    file = written(tmp_path, "[server]\nport = 1\n[data]\nfolder = 'x'\n")
    environ = {
        "SIAK_GATEWAY_PORT": "9000",
        "SIAK_GATEWAY_OPERATOR_PORT": "9001",
        "SIAK_GATEWAY_VAR": "/srv/siak",
        "SIAK_GATEWAY_CENTRE_URL": "http://10.0.0.1:8000",
    }
    settings = load(file, environ)
    assert (settings.server.port, settings.server.operator_port) == (9000, 9001)
    assert settings.data.folder == "/srv/siak"
    assert settings.centre.url == "http://10.0.0.1:8000"


def test_an_empty_variable_overrides_nothing() -> None:
    """An empty variable counts as unset."""
    assert load(None, {"SIAK_GATEWAY_PORT": ""}).server.port == 8080


@pytest.mark.parametrize("value", ["http", "-1", "70000", "1.5", "٨٠٨٠"])
def test_a_wrong_variable_is_named(value: str) -> None:
    """A fault that comes from the environment names the variable, not a line of the file."""
    (fault,) = faults_of(None, {"SIAK_GATEWAY_PORT": value})
    assert fault.startswith("environment: SIAK_GATEWAY_PORT: expected")


def test_an_override_cannot_stand_in_a_value(tmp_path: Path) -> None:
    """Where the file has a value in the place of a table, that is the fault told."""
    (fault,) = faults_of(written(tmp_path, "server = 1\n"), {"SIAK_GATEWAY_PORT": "9000"})
    assert "server: expected a table, got a number" in fault


def test_a_file_that_cannot_be_read_is_one_fault(tmp_path: Path) -> None:
    """A missing file and a folder are told with the reason."""
    assert "cannot be read: No such file" in faults_of(tmp_path / "absent.toml", {})[0]
    assert "cannot be read: Is a directory" in faults_of(tmp_path, {})[0]


def test_the_config_is_found_by_option_then_variable_then_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--config` wins over `SIAK_GATEWAY_CONFIG`, which wins over ./config/gateway.toml."""
    monkeypatch.chdir(tmp_path)
    assert config_path(None, {}) is None
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "gateway.toml").touch()
    assert config_path(None, {}) == Path("config/gateway.toml")
    assert config_path(None, {"SIAK_GATEWAY_CONFIG": "/x.toml"}) == Path("/x.toml")
    assert config_path(Path("y.toml"), {"SIAK_GATEWAY_CONFIG": "/x.toml"}) == Path("y.toml")


def test_a_right_becomes_what_the_rest_of_the_gateway_knows(tmp_path: Path) -> None:
    """A right carries services, fields, purposes and allowance, and none of its credentials."""
    right = load(written(tmp_path, RIGHT), {}).rights["dinas"].right("dinas")
    assert right.services == {CentreService.BIODATA}
    assert right.fields == {"NIK", "NAMA_LGKP"}
    assert right.purposes == {"pelayanan"}
    assert right.daily_allowance is None


def test_all_fields_are_all_the_catalogue_knows(tmp_path: Path) -> None:
    """`fields = "all"` grants every wire name, the photograph included."""
    text = RIGHT.replace('["NIK", "NAMA_LGKP"]', '"all"')
    assert load(written(tmp_path, text), {}).rights["dinas"].granted() >= {"NIK", "FOTO", "NAMA_LGKP_IBU"}


def test_purposes_of_the_file_replace_the_default_set(tmp_path: Path) -> None:
    """Who names purposes has exactly those."""
    text = '[purposes.darurat]\ntitle = "Emergency"\ntitle_id = "Darurat"\npriority = "urgent"\n'
    settings = load(written(tmp_path, text), {})
    assert list(settings.purposes) == ["darurat"]
    assert settings.priority_of("darurat") is Priority.URGENT


def test_a_wildcard_address_shares_its_port_with_every_other(tmp_path: Path) -> None:
    """0.0.0.0 and 127.0.0.1 cannot have the same port, two plain addresses can."""
    same = '[server]\nport = 9000\noperator_port = 9000\nhost = "{}"\noperator_host = "{}"\n'
    assert "9000 is also server.port" in faults_of(written(tmp_path, same.format("0.0.0.0", "10.0.0.1")), {})[0]
    assert load(written(tmp_path, same.format("10.0.0.2", "10.0.0.1")), {}).server.port == 9000
    assert load(written(tmp_path, same.format("localhost", "10.0.0.1")), {}).server.port == 9000


def test_tables_of_extensions_are_kept_as_they_are(tmp_path: Path) -> None:
    """The settings of an extension are handed on unchecked; the registry knows its Config."""
    settings = load(written(tmp_path, "[plugins]\nenabled = []\n[plugins.x]\na = 1\n[adapters.y]\n"), {})
    assert settings.plugins.table("x") == {"a": 1}
    assert settings.plugins.table("none") == {}
    assert settings.adapters.tables() == ("y",)


def test_a_later_fault_can_be_placed(tmp_path: Path) -> None:
    """Settings know the file and line of each key for faults that are found later."""
    file = written(tmp_path, "\n[plugins.x]\na = 1\n")
    fault = load(file, {}).source.fault(("plugins", "x", "a"), "is wrong", "mend it")
    assert (fault.file, fault.line, fault.key) == (str(file), 3, "plugins.x.a")
    assert load(None, {}).source.fault(("log",), "is wrong", "mend it").line == 0


def test_the_schema_file_is_up_to_date() -> None:
    """config/schema.json is what `siak-gateway config schema` prints."""
    kept = json.loads((ROOT / "config" / "schema.json").read_text(encoding="utf-8"))
    assert kept == json.loads(json.dumps(schema()))


def keys_of(node: dict[str, Any], definitions: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every key of a JSON schema with its own schema."""
    for name, each in node.get("properties", {}).items():
        yield f"{path}.{name}", each
        reference = each.get("$ref", "").rpartition("/")[2]
        if reference:
            yield from keys_of(definitions[reference], definitions, f"{path}.{name}")


def test_every_setting_is_described() -> None:
    """Each key has a description; each table a docstring."""
    whole = Settings.model_json_schema()
    bare = [
        path
        for path, each in keys_of(whole, whole["$defs"])
        if "description" not in each
        and "description" not in whole["$defs"].get(each.get("$ref", "").split("/")[-1], {})
    ]
    assert bare == []
