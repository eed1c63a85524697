"""What people do at `shikyu page`, in a real Chromium, with a real Kafka; and how it looks."""

import os
import re
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
from selenium.webdriver.common.keys import Keys as Press
from selenium.webdriver.support.ui import Select

from consumer.corrections.read import read
from consumer.schema_store import open_store
from consumer.settings import Corrections, Kafka, Settings
from tests.payloads import PAYLOADS
from tests.service.browser import Browser, chromium
from tests.service.process import ROOT, free_port
from tests.service.watched import PATIENCE_S, Page, groups, made, measured

pytestmark = pytest.mark.kafka

CANARY = "canary of the customer"
SAMPLE = ROOT / "artifacts" / "sample"  # whose manifest promises something
WIDTHS = (390, 1280)
# Of all text that is shown: how far it is from what it stands on (WCAG 2's contrast), and where that is too little.
CONTRAST = """
const channel = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
const over = (colours) => {
  canvas.clearRect(0, 0, 1, 1);
  for (const each of colours) { canvas.fillStyle = each; canvas.fillRect(0, 0, 1, 1); }
  return [...canvas.getImageData(0, 0, 1, 1).data];
};
const wrong = [];
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walk.nextNode()) {
  const element = walk.currentNode.parentElement;
  if (!walk.currentNode.data.trim() || !element.checkVisibility()) continue;
  if (element.closest(".unseen, .skip, noscript, option, button:disabled")) continue;
  const behind = [];
  for (let at = element; at; at = at.parentElement) behind.unshift(getComputedStyle(at).backgroundColor);
  const [front, back] = [light(over([...behind, getComputedStyle(element).color])), light(over(behind))];
  const ratio = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
  if (ratio < 4.5) wrong.push(`${walk.currentNode.data.trim().slice(0, 40)}: ${ratio.toFixed(2)}`);
}
return wrong;
"""
SMALL = """
return [...document.querySelectorAll("button, input, select, textarea, summary")]
  .filter((each) => each.checkVisibility())
  .map((each) => [each.id || each.textContent, each.getBoundingClientRect()])
  .filter(([, box]) => box.width < 20 || box.height < 20).map(([name]) => name);
"""


@pytest.fixture(scope="module")
def scene(cluster):
    scene = made(cluster, f"page-{os.getpid()}")
    scene.wait_in_line(9, 5)
    scene.answer([f"{CANARY} 1", f"{CANARY} 2"], urgent=True, satisfaction="very_unsatisfied")
    scene.die()
    return scene


@pytest.fixture(scope="module")
def consumer(scene):
    with measured(scene.topic("in")) as one:
        yield one


@pytest.fixture(scope="module")
def page(scene, consumer, tmp_path_factory):
    flags = [
        *scene.flags, "--corrections-topic", scene.topic("corrections"), "--metrics", consumer.url,
        "--model-artifact", str(SAMPLE), "--model-threads", "1", "--log-format", "json",
    ]  # fmt: skip
    page = Page(tmp_path_factory.mktemp("page"), *flags)
    yield page
    page.stop()


@pytest.fixture(scope="module")
def browser(page):
    with chromium() as browser:
        browser.look(1280, dark=False)
        browser.open(page.address)
        browser.shows("live", "#connection")
        yield browser


def test_the_address_opens_it_and_keeps_no_token(page, browser: Browser):
    """What the browser keeps instead no script can read; without it, nothing is shown."""
    base = page.address.partition("enter")[0]
    place = re.compile(re.escape(base) + r"[\w-]{43}/")
    browser.until(lambda: place.fullmatch(browser.driver.current_url), "the page's own address")
    [cookie] = browser.driver.get_cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert cookie["value"] != page.token
    assert browser.run("return document.cookie") == ""
    assert page.token not in browser.driver.page_source

    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(browser.driver.current_url, timeout=60)
    assert refused.value.code == 403
    refused.value.close()


def test_who_serves_another_port_gets_no_cookie(browser: Browser):
    """A browser tells a host's ports not apart; it sends the cookie below the page's path, which nobody else knows."""
    sent = []

    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            sent.append((self.path, self.headers.get("Cookie", "")))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    ours, path = browser.driver.current_window_handle, urlsplit(browser.driver.current_url).path
    with ThreadingHTTPServer(("127.0.0.1", 0), Other) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        browser.driver.switch_to.new_window("tab")
        for each in ("/", path):
            browser.open(f"http://127.0.0.1:{other.server_port}{each}")
        browser.driver.close()
        browser.driver.switch_to.window(ours)
        other.shutdown()

    cookies = dict(sent)
    assert cookies["/"] == ""
    assert cookies[path].startswith("shikyu-page-"), "else this test would not see what is sent"


def test_a_text_is_tried_with_the_keyboard_alone(browser: Browser):
    """Five probabilities, the urgency beside its threshold, the words that mattered, and what that cost."""
    browser.one("#text").send_keys("Nobody calls back, and the parcel never came")
    browser.press(Press.TAB)
    assert browser.focused() == "words"
    browser.press(Press.TAB)
    assert browser.focused() == "try-button"
    browser.press(Press.ENTER)
    browser.until(lambda: browser.one("#tried").is_displayed(), "the answer")

    assert len(browser.all("#probabilities tr")) == 5
    shares = [float(each.text.removesuffix(" %")) for each in browser.all("#probabilities td:last-child")]
    assert sum(shares) == pytest.approx(100, abs=0.5)
    assert browser.text("#tried-decision") in ("urgent", "routine")
    assert "threshold" in browser.text("#tried-urgency")
    assert browser.text("#tried-text") == "Nobody calls back, and the parcel never came"
    assert browser.all("#tried-words li")
    assert "9 runs of the model" in browser.text("#tried-cost")
    assert browser.text("#tried-decision") in browser.one("#try-status").get_attribute("textContent")
    browser.shows("the stream is answered by demo 3 int8", "#tried-other")

    browser.one("#words").click()
    browser.one("#text").send_keys(Press.CONTROL, Press.ENTER)
    browser.shows("1 run of the model", "#tried-cost")
    assert not browser.one("#mattered").is_displayed()


def test_the_stream_comes_live_until_it_is_paused(scene, cluster, browser: Browser):
    """Newest first; what waits is counted, and shown when it goes on. No group knows of us."""
    browser.shows(f"{CANARY} 1", "#answers")
    browser.shows("dead-lettered", "#answers")
    scene.answer(["it came while we looked"], urgent=False)
    browser.shows("it came while we looked", "#answers li:first-child")

    browser.one("#pause").click()
    scene.answer(["it came while we paused", "and this too"], urgent=False)
    browser.shows("paused, 2 answers waiting", "#held")
    assert "while we paused" not in browser.text("#answers")
    browser.one("#pause").click()
    browser.shows("and this too", "#answers li:first-child")

    Select(browser.one("#filter")).select_by_visible_text("urgent")
    shown = {each.get_attribute("data-decision") for each in browser.all("#answers li") if each.is_displayed()}
    assert shown == {"urgent"}
    Select(browser.one("#filter")).select_by_visible_text("everything")
    assert "shikyu-watching" not in groups(cluster)


def corrections(scene) -> list[tuple[str, str, str, str | None]]:
    settings = Settings(
        corrections=Corrections(topic=scene.topic("corrections"), format="json"),
        kafka=Kafka(options={"bootstrap.servers": scene.bootstrap}),
    )
    with open_store(None, {}, ()) as store:
        found = read(settings, store).corrections
    return [(each.event_id, each.decision, each.role, each.satisfaction) for each in found]


def test_an_answer_is_corrected(scene, browser: Browser):
    """With the keyboard; Escape writes nothing, and the focus comes back to where it was."""
    answered = f"{scene.topic('in')}/0/1/live"
    button = browser.one(f"li[data-event='{answered}'] button")
    assert button.accessible_name == f"Correct {answered}, answered urgent"
    button.send_keys(Press.ENTER)
    assert browser.one("#correct").accessible_name == "What should it have been?"
    browser.press(Press.ESCAPE)
    assert not browser.one("#correct").is_displayed()
    assert browser.driver.switch_to.active_element == button

    button.send_keys(Press.ENTER)
    assert answered in browser.text("#correct-what")
    assert browser.one("input[value=routine]").is_selected()
    Select(browser.one("#satisfaction")).select_by_value("neutral")
    Select(browser.one("#role")).select_by_visible_text("supervisor")
    browser.one("#correct-button").send_keys(Press.ENTER)
    browser.shows("corrected to routine", f"li[data-event='{answered}']")
    assert corrections(scene) == [(answered, "routine", "supervisor", "neutral")]


def test_one_that_is_not_listed_is_corrected_by_its_event_id(scene, browser: Browser):
    """And what is none is told in the dialog."""
    browser.one("#other").send_keys("no event id", Press.ENTER)
    browser.one("input[value=urgent]").click()
    browser.one("#correct-button").click()
    browser.shows("it is an event_id of a classified message", "#correct-problem")
    [refused] = browser.complaints()
    assert "400" in refused
    browser.one("#correct-cancel").click()
    browser.one("#other").clear()
    browser.one("#other").send_keys("elsewhere/3/17/live", Press.ENTER)
    browser.one("input[value=urgent]").click()
    browser.one("#correct-button").click()
    browser.until(lambda: not browser.one("#correct").is_displayed(), "the dialog gone")

    assert corrections(scene)[-1][:2] == ("elsewhere/3/17/live", "urgent")


def test_how_it_stands_is_shown(consumer, browser: Browser):
    """Throughput, share, lag, windows and dead letters by the consumer's /metrics; promise, drift and corrections."""
    consumer.answered(urgent=10, routine=30)
    browser.shows("25.0 %", "#urgent-share")
    browser.until(lambda: float(browser.text("#a-second")) > 0, "a rate")
    assert browser.text("#lag") == "4"
    assert "oldest for 3.5 s" in browser.text("#lag-of")
    browser.shows("ms", "#window")
    assert "invalid-json 1" in browser.text("#dead-of")
    assert browser.text("#promised").endswith(" %")
    browser.one("#more summary").click()
    assert "DRIFT" in browser.text("#drifts")
    assert browser.text("#lags").endswith("4 3.5 s")

    browser.one("#again").click()
    browser.shows("1 stand", "#standing-figures")
    assert "promised, live estimate" in browser.text("#promise-line")
    assert "invalid-json: 1" in browser.text("#dead-codes")
    assert browser.text("#drift-verdict")
    assert CANARY not in browser.text("#standing")


def test_whatever_a_customer_writes_stays_words(scene, browser: Browser):
    """In the stream and in a trial: no element comes of it, and no script runs."""
    count = "return [...document.querySelectorAll('body *')].map((each) => each.tagName)"
    texts = [each.encode("utf-8", "replace").decode() for each in PAYLOADS.values()]
    scene.answer(texts, urgent=True)
    scene.answer(["the last"], urgent=True, channel=PAYLOADS["a script"])
    browser.shows("the last", "#answers li:first-child")
    script = PAYLOADS["a script"]
    browser.until(lambda: script in browser.text("#answers"), "the script as words")
    known = {
        "A", "BDI", "BUTTON", "DD", "DETAILS", "DIALOG", "DIV", "DL", "DT", "FIELDSET", "FORM", "H1", "H2", "H3",
        "HEADER", "INPUT", "LABEL", "LEGEND", "LI", "MAIN", "MARK", "NAV", "NOSCRIPT", "OL", "OPTION", "P", "SECTION",
        "SELECT", "SMALL", "SPAN", "STRONG", "SUMMARY", "TABLE", "CAPTION", "TBODY", "TD", "TEXTAREA", "TH", "THEAD",
        "TR", "UL",
    }  # fmt: skip

    browser.one("#text").clear()
    browser.run("document.getElementById('text').value = arguments[0]", "".join(texts)[:20_000])
    browser.run("document.getElementById('words').checked = true")  # whatever the tests before it have left
    browser.one("#try-button").click()
    browser.shows("runs of the model", "#tried-cost")

    found = Counter(browser.run(count))
    assert set(found) <= known
    assert found["BUTTON"] == len(browser.all("#answers button")) + 6
    assert script in browser.text("#tried-text")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", WIDTHS)
def test_it_can_be_read_and_used(browser: Browser, width, dark):
    """Nothing stands beyond the screen's side, words stand out, controls can be hit."""
    browser.look(width, dark=dark)

    assert browser.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    assert browser.run(CONTRAST) == []
    assert browser.run(SMALL) == []


def test_a_screen_reader_finds_its_way(browser: Browser):
    """Every control has a name, every section a heading, and what changes by itself is told only where it matters."""
    browser.look(1280, dark=False)
    tree = browser.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    named = [
        (each["role"]["value"], each.get("name", {}).get("value", "").strip()) for each in tree if not each["ignored"]
    ]

    controls = {"button", "textbox", "combobox", "checkbox", "radio", "link", "region", "dialog"}
    assert [role for role, name in named if role in controls and not name] == []
    assert {"Now", "Try a text", "The stream", "The promise, and what is so"} <= {
        name for role, name in named if role == "region"
    }
    assert {"banner", "main", "navigation"} <= {role for role, _ in named}
    assert browser.run("return document.getElementById('answers').closest('[aria-live]')") is None
    assert browser.run("return document.documentElement.lang") == "en"


def test_a_kafka_that_does_not_answer_is_told_behind_the_address(tmp_path):
    """The address comes at once, for the page says it too; who has not opened it yet finds it in the log."""
    flags = ["--kafka", f"bootstrap.servers=127.0.0.1:{free_port()}", "--output-format", "json", "--metrics", ""]
    page = Page(tmp_path, *flags)
    try:
        until = time.monotonic() + PATIENCE_S
        while "no broker answered at 127.0.0.1" not in page.log:
            assert time.monotonic() < until, page.log
            time.sleep(0.05)
        assert "check kafka bootstrap.servers" in page.log
    finally:
        page.process.kill()  # told to leave it would wait for what it has asked
        page.stop()


def test_when_it_is_told_to_leave_it_leaves_and_the_page_says_so(page, browser: Browser):
    """Its log holds no text, and not what opens it. Until then no script failed, and none did what is forbidden."""
    assert browser.complaints() == []
    assert page.stop() == 0
    browser.shows("connection lost, trying again", "#connection")

    assert CANARY not in page.log
    assert page.token not in page.log
