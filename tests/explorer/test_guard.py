"""The page is read by its own browser alone."""

import json

import pytest

from gprplus.explorer.guard import Guard


def test_the_address_sets_a_cookie_and_leaves_itself(server):
    token = server.guard.token
    status, headers, _ = server.send(f"/?token={token}", Cookie="")
    assert (status, headers["location"]) == (303, "/")
    assert headers["set-cookie"].startswith(f"{server.guard.cookie}={token};")
    assert "HttpOnly" in headers["set-cookie"]
    assert "SameSite=strict" in headers["set-cookie"]


@pytest.mark.parametrize(
    "path", ["/", "/?token=guess", "/api/workspace", "/page/main.js", "/image/0/1"]
)
def test_nothing_is_read_without_the_token(server, path):
    status, _, body = server.send(path, Cookie="")
    assert status == 403
    assert server.guard.token.encode() not in body


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:80"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_a_foreign_page_reads_nothing_even_with_the_cookie(server, headers):
    assert server.send("/api/workspace")[0] == 200
    assert server.send("/api/workspace", **headers)[0] == 403


@pytest.mark.parametrize(
    "headers", [{"Origin": ""}, {"Origin": "http://127.0.0.1:1"}, {"Content_Type": "text/plain"}]
)
def test_a_foreign_page_changes_nothing(server, headers):
    body = {"s": "0", "uids": ["1"], "state": "excluded"}
    assert server.send("/change/review", body, **headers)[0] == 403


def test_the_page_runs_no_script_but_its_own(server):
    _, headers, body = server.send("/")
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert not any(inline in body for inline in (b"onclick", b"style=", b"<script>"))


@pytest.mark.parametrize(
    "path",
    [
        "/page/..%2f__init__.py",
        "/page/server.py",
        "/image/0/..%2f..%2fetc",
        "/image/9/1",
        "/etc/hosts",
    ],
)
def test_no_address_is_a_path(server, path):
    assert server.send(path)[0] == 404


def test_two_servers_have_two_tokens():
    assert Guard(1).token != Guard(1).token


def test_a_wrong_request_is_one_sentence(server):
    status, _, body = server.send("/api/facets?s=0&where=wether%20=%20sunny")
    assert status == 400
    assert "did you mean" in json.loads(body)["error"].lower()
