"""The web page as the server hands it out; what it does in a browser is tested in tests/web."""

import re
from pathlib import Path

import pytest

from http_live import Live
from nsllm.errors import NsllmError
from nsllm.frontends.http import webpage
from nsllm.frontends.http.gate import PUBLIC

FILES = Path(webpage.__file__).parent / "page"

pytestmark = [
    pytest.mark.models,
    pytest.mark.timeout(600),
    pytest.mark.allow_hosts(["127.0.0.1"]),
]


@pytest.mark.parametrize("path", webpage.FILES)
def test_each_file_is_there_for_everyone(live: Live, path: str) -> None:
    name, media_type = webpage.FILES[path]
    with live.client("") as client:
        response = client.get(path)
    assert response.status_code == 200
    assert response.headers["content-type"].partition(";")[0] == media_type
    assert response.content == (FILES / name).read_bytes()


def test_the_policy_allows_its_own_files_and_nothing_else(live: Live) -> None:
    with live.client("") as client:
        headers = client.get("/").headers
    policy = dict(
        part.partition(" ")[::2] for part in headers["content-security-policy"].split("; ")
    )
    assert policy.pop("trusted-types") == "'none'"
    assert policy.pop("require-trusted-types-for") == "'script'"
    assert policy["default-src"] == policy["frame-ancestors"] == "'none'"
    assert set(policy.values()) == {"'self'", "'none'"}
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"


def test_the_page_names_no_other_host_and_nothing_inline() -> None:
    html = (FILES / "index.html").read_text("utf-8")
    links = re.findall(r'(?:src|href)="([^"]*)"', html)
    assert sorted(links) == sorted(set(webpage.FILES) - {"/"})
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", html)
    for name in ("page.js", "page.css"):
        text = (FILES / name).read_text("utf-8")
        assert re.findall(r"https?://[\w.-]+|@import|url\(", text) == [], name


def test_another_host_or_site_gets_no_page(live: Live) -> None:
    with live.client("") as client:
        rebound = client.get("/", headers={"Host": "evil.example"})
        foreign = client.get("/", headers={"Sec-Fetch-Site": "cross-site"})
        origin = client.get("/page/page.js", headers={"Origin": "https://evil.example"})
        typed = client.get("/", headers={"Sec-Fetch-Site": "none"})
    assert [each.status_code for each in (rebound, foreign, origin, typed)] == [421, 403, 403, 200]


def test_only_get_is_taken(live: Live) -> None:
    with live.client() as client:
        response = client.post("/", json={})
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD, OPTIONS"


def test_only_the_pages_files_were_made_public() -> None:
    assert PUBLIC - set(webpage.FILES) == {"/healthz", "/readyz", "/openapi.json"}


def test_an_installation_without_the_page_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(NsllmError, match="not part of this installation") as caught:
        webpage._read(tmp_path / "page.js")
    assert "npm run build" in caught.value.hint
