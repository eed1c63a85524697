"""Who may see the page, who may change something by it, and what no answer leaves out."""

import pytest
from structlog.testing import capture_logs

from consumer.errors import SettingsError, SurroundingsError
from consumer.live_page.access import FORBIDDEN, MOST_BYTES
from consumer.live_page.app import SCRIPTS
from consumer.live_page.keys import Keys
from consumer.live_page.serve import address, bound, warn_of_plain
from consumer.settings import Page
from consumer.settings_sources import resolve
from tests.consumer.live_page.asking import HOST, ORIGIN, PORT, Desk, events

READ = ["/", "/page.css", "/api/stream", *(f"/{name}" for name in SCRIPTS)]
CHANGE = ["/api/try", "/api/corrections", "/api/standing"]
CORRECTION = {"event_id": "in/0/1/live", "decision": "urgent", "role": "agent"}


def told(path: str) -> dict:
    return {"/api/try": {"text": "help"}, "/api/corrections": CORRECTION, "/api/standing": {}}[path]


@pytest.mark.parametrize("path", READ)
def test_who_has_the_cookie_sees_it(path):
    """And is told by every answer what the browser shall forbid."""
    found = Desk().get(path)

    assert found.status == 200
    for name, value in FORBIDDEN.items():
        assert found.header(name) == value


def test_no_script_of_a_page_stands_in_it():
    """The policy lets none run but the page's own files."""
    desk = Desk()
    page = desk.get("/").body.decode()

    policy = desk.get("/").header("content-security-policy")
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert page.count("<script") == 1
    assert " style=" not in page
    assert "<style" not in page


@pytest.mark.parametrize("path", [*READ, "/no-such-page"])
@pytest.mark.parametrize("cookie", [None, "shikyu-page-9465=guessed", "shikyu-page-9465=", "other=1", "a=\x00;"])
def test_without_the_cookie_nothing_is_shown(path, cookie):
    """Not even which pages there are."""
    found = Desk().get(path, cookie=cookie)

    assert found.status == 403
    assert found.header("content-security-policy") == FORBIDDEN["content-security-policy"]
    assert b"shikyu page" in found.body


def test_the_token_becomes_a_cookie_that_is_another_secret():
    """Which no script may read, and no other site makes a browser send."""
    desk = Desk()

    found = desk.get(f"/enter?token={desk.keys.token}", cookie=None)

    assert found.status == 200
    cookie = found.header("set-cookie")
    assert cookie.startswith(f"shikyu-page-{PORT}={desk.keys.session};")
    assert f"Path=/{desk.keys.place}/;" in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Secure" not in cookie  # over http no browser would keep it
    assert desk.keys.token not in (cookie + found.body.decode())
    assert b"location" not in found.body.lower()
    assert f'url=/{desk.keys.place}/"' in found.body.decode()


@pytest.mark.parametrize("path", ["/", "/{place}", "/page.js", "/api/stream", "/guessed/", "/{place}x/", "//{place}/"])
def test_elsewhere_than_at_its_secret_path_there_is_nothing(path):
    """A browser sends the cookie to all ports of the host, but below that path alone."""
    desk = Desk()

    assert desk.ask("GET", path.format(place=desk.keys.place), {}).status == 403


def test_a_cookie_that_another_port_has_set_locks_nobody_out():
    desk = Desk()
    own = f"{desk.keys.cookie}={desk.keys.session}"

    assert desk.get("/", cookie=f"{own}; {desk.keys.cookie}=other").status == 200
    assert desk.get("/", cookie=f"{desk.keys.cookie}=other; a=1;{own}").status == 200


def test_a_token_of_one_s_own_opens_it_after_each_start():
    """And nothing else stays: neither the cookie's value nor where the page stands. It is not written out."""
    token = "b" * 32
    first, second = (Keys.of("127.0.0.1", PORT, None, token) for _ in range(2))

    assert (first.token, second.token) == (token, token)
    assert len({first.session, second.session, first.place, second.place, first.csrf, second.csrf}) == 6
    with bound(Page(port=0)) as listening:
        assert token not in address(Page(port=0, token=token), listening, first)
        assert address(Page(port=0), listening, first).endswith(f"/enter?token={token}")


@pytest.mark.parametrize("token", ["short", "a" * 31, "a" * 32 + "/", "a" * 32 + "&b"])
def test_a_token_that_could_be_guessed_or_breaks_an_address_is_refused(token):
    with pytest.raises(SettingsError, match=r"page\.token.*openssl rand -hex 32") as refused:
        resolve(None, {"SHIKYU_PAGE_TOKEN": token}, {})
    assert token not in str(refused.value)


def test_a_token_is_no_flag():
    with pytest.raises(SettingsError, match="SHIKYU_PAGE_TOKEN"):
        resolve(None, {}, {"page.token": "a" * 32})


@pytest.mark.parametrize(
    ("host", "url", "warned"),
    [
        ("127.0.0.1", None, False),
        ("::1", None, False),
        ("localhost", None, False),
        ("0.0.0.0", None, True),
        ("10.0.0.5", "http://shikyu.example.com", True),
        ("support-1", None, True),
        ("0.0.0.0", "https://shikyu.example.com", False),
    ],
)
def test_who_lets_other_machines_in_without_tls_is_warned(host, url, warned):
    with capture_logs() as said:
        warn_of_plain(Page(host=host, url=url))

    assert [each["event"] for each in said] == ["page-without-tls"] * warned


@pytest.mark.parametrize("query", ["", "?token=", "?token=x", "?token=%ff", "?token"])
def test_a_wrong_token_opens_nothing(query):
    found = Desk().get(f"/enter{query}", cookie=None)

    assert (found.status, found.header("set-cookie")) == (403, "")
    assert b"`shikyu page` wrote" in found.body


@pytest.mark.parametrize(
    "host", [None, "evil.example", "evil.example:9465", "127.0.0.1", "127.0.0.1:80", "0.0.0.0:9465"]
)
def test_another_name_is_refused(host):
    """An attacker's own name may lead to this host (DNS rebinding): then the browser takes us for him."""
    desk = Desk()

    assert desk.get("/", host=host).status == 421
    assert desk.get(f"/enter?token={desk.keys.token}", host=host).status == 421
    assert desk.post("/api/corrections", CORRECTION, host=host).status == 421
    assert desk.given == []


def test_two_names_are_refused():
    from tests.consumer.live_page.asking import asked

    desk = Desk()
    cookie = ("cookie", f"{desk.keys.cookie}={desk.keys.session}")

    assert asked(desk.app, "GET", desk.keys.path, [("host", HOST), ("host", "evil.example"), cookie], b"").status == 421


@pytest.mark.parametrize("path", CHANGE)
def test_who_is_on_the_page_may_change(path):
    assert Desk().post(path, told(path)).status == 200


@pytest.mark.parametrize("path", CHANGE)
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": None}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:8080"}, 403),
        ({"origin": f"https://{HOST}"}, 403),
        ({"x-shikyu-csrf": None}, 403),
        ({"x-shikyu-csrf": "guessed"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"cookie": None}, 403),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
        ({"content-length": None}, 413),
        ({"content-length": str(MOST_BYTES + 1)}, 413),
        ({"content-length": "-1"}, 413),
    ],
)
def test_nobody_else_may_change(path, headers, status):
    """Each of them alone is enough to be refused."""
    desk = Desk()

    assert desk.post(path, told(path), **headers).status == status
    assert (desk.given, desk.words.asked, desk.standing.asked) == ([], [], 0)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"])
def test_other_methods_are_refused(method):
    assert Desk().ask(method, "/", {}).status == 405


def test_another_page_may_not_ask_for_the_stream():
    """A page of another port of this host gets our cookie sent with what it asks for."""
    assert Desk().get("/api/stream", sec_fetch_site="same-site").status == 403
    assert Desk().get("/page.js", sec_fetch_site="cross-site").status == 403


def test_behind_a_proxy_its_address_is_the_page_s():
    """Whose cookie goes over TLS alone."""
    desk = Desk(url="https://shikyu.example.com")
    there = {"host": "shikyu.example.com"}

    assert "Secure" in desk.get(f"/enter?token={desk.keys.token}", **there).header("set-cookie")
    assert desk.get("/", **there).status == 200
    assert desk.post("/api/standing", {}, origin="https://shikyu.example.com", **there).status == 200
    assert desk.post("/api/standing", {}, origin="http://shikyu.example.com", **there).status == 403
    assert desk.post("/api/standing", {}, origin=ORIGIN, **there).status == 403


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://a.example", "a.example"),
        ("https://A.example:443/", "a.example"),
        ("http://a.example:8080", "a.example:8080"),
        ("http://[fd00::1]:80", "[fd00::1]"),
    ],
)
def test_a_browser_leaves_the_usual_port_out(url, host):
    assert host in Keys.of("::1", PORT, url).origins


@pytest.mark.parametrize("url", ["https://a.example/shikyu", "https://u:p@a.example", "https://a:99999", "https://"])
def test_an_address_with_more_is_refused(url):
    """In words that hold no password."""
    with pytest.raises(SettingsError, match=r"page\.url") as refused:
        Keys.of("127.0.0.1", PORT, url)
    assert "u:p" not in str(refused.value)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"\xff"', b'{"text": "\\ud800"}'])
@pytest.mark.parametrize("path", ["/api/try", "/api/corrections"])
def test_what_is_no_json_object_is_refused(path, body):
    found = Desk().post(path, body)

    assert found.status == 400
    assert found.header("content-security-policy") == FORBIDDEN["content-security-policy"]


def test_faults_are_told_in_their_own_words():
    """With a status that says who must act."""

    def refuses(error: Exception) -> Desk:
        def correct(_fields: object) -> None:
            raise error

        return Desk(correct=correct)

    for error, status in ((SettingsError("the correction lacks role"), 400), (SurroundingsError("no broker"), 503)):
        found = refuses(error).post("/api/corrections", CORRECTION)
        assert (found.status, found.json) == (status, {"problem": str(error)})


def test_a_bug_says_nothing_of_a_text(capsys):
    """Neither to the browser nor to the log, which says where it is."""
    from consumer import logs
    from consumer.settings import Log

    logs.configure(Log(format="json", level="debug"))

    def correct(fields: dict) -> None:
        raise ValueError(f"canary {fields['event_id']}")

    found = Desk(correct=correct).post("/api/corrections", CORRECTION)

    said = capsys.readouterr()
    assert found.status == 500
    assert found.body == b"This is a bug; shikyu's log says where.\n"
    assert ("page-failed" in said.err, "ValueError" in said.err) == (True, True)
    assert "canary" not in said.out + said.err
    assert "in/0/1/live" not in said.out + said.err


def test_the_stream_tells_what_came_and_how_it_stands():
    """Its answers once, and where some came too fast how many."""
    desk = Desk()
    for number in range(120):
        desk.tail.put(text=f"text {number}")

    found = dict(events(desk.get("/api/stream", last_event_id="10").body))

    assert len(found["answers"]["answers"]) == 50
    assert found["answers"]["answers"][-1]["text"] == "text 119"
    assert found["answers"]["passed_over"] == 60
    assert found["standing"]["state"] == "reading"
    assert b"id: 120\n" in Desk.get(again(desk), "/api/stream").body
    assert [name for name, _ in events(again(desk).get("/api/stream", last_event_id="120").body)] == ["standing"]


def again(desk: Desk) -> Desk:
    desk.looks = 2
    return desk


def test_no_text_is_told_where_the_setting_says_so():
    desk = Desk(include_text=False)
    desk.tail.put(text="canary")

    assert b"canary" not in desk.get("/api/stream").body
    assert b"page.include_text" in desk.get("/").body


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_where_everything_is_listened_to_nothing_more_is_answered(host):
    """0.0.0.0 leads to this host from a page of anybody's."""
    assert {name.rsplit(":", 1)[0] for name in Keys.of(host, PORT, None).origins} == {"127.0.0.1", "localhost", "[::1]"}
