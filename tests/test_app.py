"""The wiring: every route under every prefix, and settings that reach the parts they are for."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import requests
from starlette.testclient import TestClient

from imagegate.adapters import registry
from imagegate.api.auth import HashedKeys
from imagegate.app import DEPLOYMENT_PREFIXES, PREFIXES, adapter_facts, create_app
from imagegate.domain.keys import Caller
from imagegate.settings.model import Settings
from tests.support import pictures
from tests.support.gateway import KEY, SANDBOX, Gateway, gateway_settings

ORIGIN = "https://shop.example"
BEARER = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    settings = gateway_settings(tmp_path_factory.mktemp("app"), server={"cors_origins": [ORIGIN]})
    with Gateway(settings) as gateway:
        yield gateway


def client(settings: Settings, **given: Any) -> TestClient:
    """The app without a socket."""
    return TestClient(create_app(settings, **given))


def ask(client: TestClient, key: str | None = KEY, path: str = "/v1/images/generations", **fields: Any) -> Any:
    """A small picture."""
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    return client.post(path, json={"prompt": "a cat", "size": "64x64", **fields}, headers=headers)


class TestRoutes:
    def test_images_are_made_under_every_prefix(self, gateway: Gateway) -> None:
        prefixes = [*PREFIXES, *(prefix.format(deployment="sandbox") for prefix in DEPLOYMENT_PREFIXES)]
        assert {"/v1", "/api/v1", "", "/openai/deployments/sandbox"} <= set(prefixes)
        for prefix in prefixes:
            url = f"{gateway.url}{prefix}/images/generations"
            answer = requests.post(url, json={"prompt": "a cat", "size": "64x64"}, headers=BEARER, timeout=10)
            assert answer.status_code == 200, prefix

    @pytest.mark.parametrize("path", ["/v1/models", "/models", "/healthz", "/readyz"])
    def test_the_other_routes_are_there(self, gateway: Gateway, path: str) -> None:
        assert requests.get(gateway.url + path, headers=BEARER, timeout=10).status_code == 200

    @pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/v1/", "/v1/models/"])
    def test_and_no_others(self, gateway: Gateway, path: str) -> None:
        answer = requests.get(gateway.url + path, headers=BEARER, allow_redirects=False, timeout=10)
        assert (answer.status_code, answer.json()["error"]["type"]) == (404, "invalid_request_error")


class TestCors:
    def preflight(self, gateway: Gateway, origin: str) -> requests.Response:
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
        return requests.options(f"{gateway.base_url}/images/generations", headers=asked, timeout=10)

    def test_a_page_of_an_allowed_origin_may_call(self, gateway: Gateway) -> None:
        allowed = self.preflight(gateway, ORIGIN)
        assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, ORIGIN)
        answer = requests.get(f"{gateway.base_url}/models", headers={**BEARER, "Origin": ORIGIN}, timeout=10)
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert "x-request-id" in answer.headers["access-control-expose-headers"]

    def test_a_page_of_another_may_not(self, gateway: Gateway) -> None:
        assert self.preflight(gateway, "https://evil.example").status_code == 400
        answer = requests.get(f"{gateway.base_url}/models", headers={**BEARER, "Origin": "https://evil.example"}, timeout=10)
        assert "access-control-allow-origin" not in answer.headers

    def test_by_default_no_page_may(self, tmp_path: Path) -> None:
        with client(gateway_settings(tmp_path)) as web:
            answer = web.get("/v1/models", headers={**BEARER, "Origin": ORIGIN})
        assert answer.status_code == 200
        assert not [name for name in answer.headers if name.startswith("access-control")]


class TestSettings:
    def test_further_key_stores_count_beside_the_files_own(self, tmp_path: Path) -> None:
        other = "another-key-0123456789"
        store = HashedKeys([(sha256(other.encode()).hexdigest(), Caller("other"))])
        with client(gateway_settings(tmp_path), keys=[store]) as web:
            assert ask(web).status_code == ask(web, other).status_code == 200
            assert ask(web, "wrong-key").status_code == ask(web, None).status_code == 401

    def test_nobody_needs_a_key_where_none_is_required(self, tmp_path: Path) -> None:
        with client(gateway_settings(tmp_path, auth={"required": False})) as web:
            assert ask(web, None).status_code == 200

    def test_readiness_is_what_the_server_says(self, tmp_path: Path) -> None:
        with client(gateway_settings(tmp_path), ready=lambda: False) as web:
            assert (web.get("/readyz").status_code, web.get("/healthz").status_code) == (503, 200)

    def test_upload_limits_hold(self, tmp_path: Path) -> None:
        limits = {"max_images": 1, "max_image_bytes": 2000, "max_pixels": 100, "max_json_bytes": 5000, "formats": ["jpeg"]}
        refusals: dict[str, dict[str, Any]] = {
            "too_many_images": {"images": [pictures.data_url(pictures.jpeg((8, 8)), "image/jpeg")] * 2},
            "image_too_large": {"image": pictures.data_url(pictures.noise_png(2500))},
            "image_too_many_pixels": {"image": pictures.data_url(pictures.jpeg((32, 32)), "image/jpeg")},
            "request_too_large": {"prompt": "x" * 6000},
            "unsupported_image": {"image": pictures.data_url(pictures.png((8, 8)))},
        }
        with client(gateway_settings(tmp_path, uploads=limits)) as web:
            for code, fields in refusals.items():
                assert ask(web, path="/v1/images/edits", **fields).json()["error"]["code"] == code

    @pytest.mark.parametrize("status", [400, 403])
    def test_the_status_of_refused_content_is_the_operators_choice(self, tmp_path: Path, status: int) -> None:
        with client(gateway_settings(tmp_path, errors={"content_policy_status": status})) as web:
            assert ask(web, prompt="sandbox:refuse").status_code == status

    def test_picture_urls_live_as_long_as_the_operator_says_and_in_his_folder(self, tmp_path: Path) -> None:
        with client(gateway_settings(tmp_path, storage={"url_ttl": 77})) as web:
            url = ask(web, response_format="url").json()["data"][0]["url"]
            answer = web.get(url)
        assert answer.headers["cache-control"] in {"private, max-age=77", "private, max-age=76"}
        assert [path.suffix for path in (tmp_path / "files").rglob("*.png")] == [".png"]

    def test_a_link_outlives_the_process(self, tmp_path: Path) -> None:
        settings = gateway_settings(tmp_path)
        with client(settings) as web:
            url = ask(web, response_format="url").json()["data"][0]["url"]
        with client(settings) as web:
            assert web.get(url).status_code == 200


class TestFacts:
    def test_each_adapter_is_described(self) -> None:
        facts = adapter_facts()
        assert list(facts) == list(registry.ENTRIES)
        assert len(facts) == len(registry.ENTRIES)
        assert facts["sandbox"].name == SANDBOX["adapter"]
        assert not facts["sandbox"].needs_key
        assert facts["openai"].default_base_url == "https://api.openai.com/v1"
        assert not facts["openai"].needs_base_url
        assert facts.get("nobody") is None
