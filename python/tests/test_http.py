"""What the worker asks a server before it sends a token to it."""

import httpx
import pytest
from mistralai.workflows.core.config.config import config

from sirocco_worker import http


@pytest.mark.parametrize(
    ("answer", "is_refused"),
    [
        (httpx.Response(200, json={"info": {"title": "Sirocco"}}), True),
        (httpx.Response(200, json={"info": {"title": "Another"}}), False),
        (httpx.Response(200, json=["no description"]), False),
        (httpx.Response(404, text="no such page"), False),
    ],
)
async def test_a_token_file_is_refused_for_a_sirocco_alone(
    answer: httpx.Response, is_refused: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[httpx.Request] = []

    def take(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return answer

    monkeypatch.setattr(http, "_real_transport", lambda client_class: httpx.MockTransport(take))
    await http._refuse_token_file(config)
    assert not asked, "without the setting nothing is asked"
    monkeypatch.setitem(config.common.__dict__, "mistral_sa_token_path", "/nowhere/token")
    if is_refused:
        with pytest.raises(SystemExit):
            await http._refuse_token_file(config)
        assert "set MISTRAL_API_KEY to a key of the server" in caplog.text
    else:
        await http._refuse_token_file(config)
    assert [(request.url.path, "authorization" in request.headers) for request in asked] == [("/openapi.json", False)]
