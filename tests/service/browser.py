"""A real Chromium, of Debian's package, driven by Debian's own driver."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from tests.system_packages import required

PATIENCE_S = 60


@contextmanager
def chromium() -> Iterator["Browser"]:
    """Skips the test where there is none, and fails it in CI."""
    options = webdriver.ChromeOptions()
    options.binary_location = required("chromium")
    # No sandbox within a container's own, and no /dev/shm to speak of; nothing asks the network for anything.
    for each in (
        "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-proxy-server",
    ):  # fmt: skip
        options.add_argument(each)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(required("chromedriver"), log_output=os.devnull)
    driver = webdriver.Chrome(options, service)
    try:
        yield Browser(driver)
    finally:
        driver.quit()


class Browser:
    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, address: str) -> None:
        self.driver.get(address)

    def look(self, width: int, *, dark: bool, height: int = 900) -> None:
        """As on a screen so wide, in these colours."""
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600},
        )
        features = {"prefers-color-scheme": "dark" if dark else "light", "prefers-reduced-motion": "reduce"}
        told = [{"name": name, "value": value} for name, value in features.items()]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": told})

    def one(self, css: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def all(self, css: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def text(self, css: str) -> str:
        return self.one(css).text

    def run(self, script: str, *arguments: object) -> Any:
        return self.driver.execute_script(script, *arguments)

    def press(self, *keys: str) -> None:
        self.driver.switch_to.active_element.send_keys(*keys)

    def focused(self) -> str:
        return self.run("return document.activeElement.id")

    def until(self, holds: Callable[[], Any], what: str) -> Any:
        """What `holds` returns, once it is something."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            try:
                if found := holds():
                    return found
            except StaleElementReferenceException:
                pass
            time.sleep(0.05)
        raise AssertionError(f"not within {PATIENCE_S} s: {what}\n{self.text('body')}\n{self.complaints()}")

    def shows(self, words: str, css: str = "body") -> None:
        self.until(lambda: words in self.text(css), f"{words!r} in {css}")

    def complaints(self) -> list[str]:
        """What the browser wrote of scripts that failed and of what the policy forbids, since it was asked last."""
        return [each["message"] for each in self.driver.get_log("browser") if each["level"] in ("SEVERE", "WARNING")]
