"""The Postman collection: true to the API, and green against the live server."""

import importlib.util
import json
import shutil
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from http_live import Live
from nsllm.frontends.http.catalogue import OPERATIONS

ROOT = Path(__file__).resolve().parents[2]
NEWMAN = ROOT / "node_modules" / "newman" / "bin" / "newman.js"


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    path = ROOT / "scripts" / "generate_postman.py"
    spec = importlib.util.spec_from_file_location("generate_postman", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def collection(generator: ModuleType) -> Any:
    return json.loads((ROOT / generator.COLLECTION).read_text(encoding="utf-8"))


def requests_of(collection: Any) -> list[Any]:
    return [request for folder in collection["item"] for request in folder["item"]]


def newman(live: Live, collection: Path, report: Path) -> tuple[int, Any, str]:
    node = shutil.which("node")
    if node is None or not NEWMAN.exists():
        pytest.skip("npm ci has not been run: there is no newman")
    done = subprocess.run(
        [
            *(node, str(NEWMAN), "run", str(collection), "--color", "off"),
            *("--env-var", f"baseUrl={live.url}", "--env-var", f"token={live.token}"),
            *("--reporters", "cli,json", "--reporter-json-export", str(report)),
        ],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=500,
        check=False,
    )
    assert report.exists(), done.stdout + done.stderr
    return done.returncode, json.loads(report.read_text(encoding="utf-8"))["run"], done.stdout


def test_it_is_what_the_document_makes(generator: ModuleType) -> None:
    assert generator.stale() == [], "run: python scripts/generate_postman.py"


def test_every_operation_is_in_it(collection: Any) -> None:
    asked = {
        (each["request"]["method"], each["request"]["url"]["raw"].removeprefix("{{baseUrl}}"))
        for each in requests_of(collection)
    }
    for operation in OPERATIONS:
        path = operation.path.replace("{model:str}", "nsllm")
        assert (operation.method, path) in asked


@pytest.mark.models
@pytest.mark.allow_hosts(["127.0.0.1"])
@pytest.mark.timeout(600)
def test_the_whole_collection_is_green(
    live: Live, generator: ModuleType, collection: Any, tmp_path: Path
) -> None:
    status, run, printed = newman(live, ROOT / generator.COLLECTION, tmp_path / "report.json")
    assert status == 0, printed
    count = len(requests_of(collection))
    assert run["stats"]["requests"] == {"total": count, "pending": 0, "failed": 0}
    assert run["stats"]["assertions"]["failed"] == 0
    # Status, media type, request id, and what the body is: of every request.
    assert run["stats"]["assertions"]["total"] >= 4 * count


@pytest.mark.models
@pytest.mark.allow_hosts(["127.0.0.1"])
@pytest.mark.timeout(600)
def test_it_would_notice_another_schema(live: Live, collection: Any, tmp_path: Path) -> None:
    """An answer's `verdict` that were a number would fail, and nothing else."""
    variables = {each["key"]: each for each in collection["variable"]}
    schemas = json.loads(variables["schemas"]["value"])
    schemas["WireAnswer"]["properties"]["verdict"] = {"type": "number"}
    changed = {**collection, "item": collection["item"][:1]}
    changed["variable"] = [
        {**each, "value": json.dumps(schemas)} if each["key"] == "schemas" else each
        for each in collection["variable"]
    ]
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(changed), encoding="utf-8")
    status, run, _ = newman(live, path, tmp_path / "report.json")
    assert status == 1
    [failure] = run["failures"]
    assert "schema of WireAnswer" in failure["error"]["test"]
