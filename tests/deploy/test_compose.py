"""compose.yaml: by its schema, and against the settings and files that it names."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from deploy.conftest import DEPLOY, REPOSITORY
from nsllm import settings

DCLINT = REPOSITORY / "node_modules" / "dclint" / "bin" / "dclint.cjs"
OURS = ("models", "server")


def lint(*paths: Path) -> "subprocess.CompletedProcess[str]":
    node = shutil.which("node")
    if node is None or not DCLINT.exists():
        pytest.skip("npm ci has not been run: there is no dclint")
    command = [node, str(DCLINT), "--config", str(DEPLOY / ".dclintrc.yaml"), "--max-warnings", "0"]
    return subprocess.run(
        [*command, *map(str, paths)], capture_output=True, text=True, check=False, cwd=DEPLOY
    )


def test_the_files_fit_the_schema_of_compose() -> None:
    done = lint(DEPLOY / "compose.yaml", DEPLOY / "compose.cuda.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_schema_would_find_a_mistake(tmp_path: Path) -> None:
    path = tmp_path / "compose.yaml"
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    path.write_text(text.replace("read_only: true", "readonly: true"), encoding="utf-8")
    assert lint(path).returncode != 0


def test_nothing_is_reachable_from_outside_and_nothing_runs_with_rights(compose: Any) -> None:
    for name, service in compose["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name


def test_the_servers_variables_are_settings(compose: Any) -> None:
    environment = compose["services"]["server"]["environment"]
    given = {
        name: str(value).replace("${NSLLM_ALLOWED_HOSTS:-server}", "server")
        for name, value in environment.items()
    }
    loaded = settings.load(environment=given)
    assert loaded.server.token_file == "/run/secrets/nsllm_token"
    assert loaded.server.allowed_hosts == ("server",)
    assert loaded.models.download is False
    # Each is known: one that is not would change nothing.
    keys = {
        f"NSLLM_{section}_{key}".upper()
        for section, table in settings_table().items()
        for key in table
    }
    assert given.keys() <= keys


def settings_table() -> dict[str, list[str]]:
    import msgspec

    return {
        section.name: [field.name for field in msgspec.structs.fields(section.type)]
        for section in msgspec.structs.fields(settings.Settings)
    }


def test_what_is_stopped_has_the_time_to_finish(compose: Any) -> None:
    grace_s = int(compose["services"]["server"]["stop_grace_period"].removesuffix("s"))
    assert grace_s > settings.Server().shutdown_timeout_s


def test_what_is_mounted_is_there(compose: Any) -> None:
    mounts = [
        mount.split(":")
        for service in compose["services"].values()
        for mount in service.get("volumes", [])
        if mount.startswith("./")
    ]
    assert len(mounts) >= 3
    for source, _, mode in mounts:
        assert (DEPLOY / source).exists(), source
        assert mode == "ro"


def test_secrets_are_not_in_the_repository(compose: Any) -> None:
    ignored = (REPOSITORY / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert "deploy/secrets/" in ignored
    for secret in compose["secrets"].values():
        assert secret["file"].startswith("./secrets/")


def test_monitoring_is_only_there_when_asked_for(compose: Any) -> None:
    for name, service in compose["services"].items():
        assert ("profiles" in service) == (name not in OURS)
