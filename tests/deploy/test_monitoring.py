"""Prometheus's configuration and Grafana's dashboard, against the live server's metrics."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import promql_parser
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from deploy.conftest import DEPLOY
from http_live import Live
from lsp.conftest import write_workspace
from lsp.editor import home_with_models
from nsllm.frontends.http.tokens import Tokens

DASHBOARD = json.loads((DEPLOY / "grafana/dashboards/nsllm.json").read_text(encoding="utf-8"))
QUERIES = [
    (f"{panel['title']} {target['refId']}", target["expr"])
    for panel in DASHBOARD["panels"]
    for target in panel["targets"]
]


@pytest.fixture(scope="module")
def exported(models_home: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The labels of every sample that the server exports to a token without scopes."""
    home = home_with_models(tmp_path_factory.mktemp("metrics-home"), models_home)
    server = Live(home, [write_workspace(tmp_path_factory.mktemp("metrics") / "harrow")]).ready()
    try:
        with server.client() as client:
            assert client.post("/api/search", json={"query": "relays"}).status_code == 200
            asked = {"question": "How long are readings kept?"}
            assert client.post("/api/hybrid-query", json=asked).status_code == 200
        token = Tokens(home / "server").add("prometheus", ())
        with server.client(token) as scraper:
            assert scraper.post("/api/search", json={"query": "x"}).status_code == 403
            text = scraper.get("/metrics").raise_for_status().text
    finally:
        server.stop()
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        if not family.samples:
            # A counter that has counted nothing yet has no samples, and so no labels to show.
            found[f"{family.name}_total"] = set()
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def selectors(node: Any) -> Iterator[Any]:
    """Return every selector of metrics within an expression."""
    if isinstance(node, promql_parser.VectorSelector):
        yield node
    for name in ("expr", "lhs", "rhs", "vector_selector", "param", "args"):
        inner = getattr(node, name, None)
        for one in inner if isinstance(inner, list) else [inner]:
            if one is not None:
                yield from selectors(one)


def parse(query: str) -> Any:
    return promql_parser.parse(query.replace("$__rate_interval", "1m"))


@pytest.mark.models
@pytest.mark.allow_hosts(["127.0.0.1"])
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("title", "query"), QUERIES, ids=[title for title, _ in QUERIES])
def test_every_query_is_of_metrics_that_the_server_exports(
    exported: dict[str, set[str]], title: str, query: str
) -> None:
    found = list(selectors(parse(query)))
    assert found, title
    labels = set(re.findall(r"by \(([^)]*)\)", query))
    named = {name.strip() for group in labels for name in group.split(",")}
    for selector in found:
        assert selector.name in exported, selector.name
        given = exported[selector.name]
        matched = {matcher.name for matcher in selector.matchers.matchers}
        assert not given or matched | named <= given, (selector.name, given)


def test_a_query_that_is_none_is_noticed() -> None:
    with pytest.raises(ValueError, match=r"\S"):
        parse("sum(rate(nsllm_answers_total[$__rate_interval])")


def test_panels_have_places_and_ids_of_their_own() -> None:
    cells: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        own = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & own, panel["title"]
        assert place["x"] + place["w"] <= 24
        cells |= own
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))


def test_prometheus_and_grafana_are_told_of_each_other(compose: Any) -> None:
    scraping = yaml.safe_load((DEPLOY / "prometheus.yml").read_text(encoding="utf-8"))
    [job] = scraping["scrape_configs"]
    [target] = job["static_configs"][0]["targets"]
    host, port = target.split(":")
    services = compose["services"]
    assert host in services
    assert services["server"]["ports"][0].endswith(f":{port}")
    # The server takes no other Host than those it was told of.
    assert host in services["server"]["environment"]["NSLLM_SERVER_ALLOWED_HOSTS"]
    secret = job["authorization"]["credentials_file"].removeprefix("/run/secrets/")
    assert secret in services["prometheus"]["secrets"]
    provisioning = DEPLOY / "grafana/provisioning"
    sources = yaml.safe_load((provisioning / "datasources/prometheus.yaml").read_text("utf-8"))
    [source] = sources["datasources"]
    assert httpx.URL(source["url"]).host in services
    used = {panel["datasource"]["uid"] for panel in DASHBOARD["panels"]}
    assert used == {source["uid"]}
    providers = yaml.safe_load((provisioning / "dashboards/nsllm.yaml").read_text("utf-8"))
    [provider] = providers["providers"]
    mounts = [mount.split(":")[1] for mount in services["grafana"]["volumes"]]
    assert provider["options"]["path"] in mounts
