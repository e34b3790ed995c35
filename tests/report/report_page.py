#!/usr/bin/python3
"""The page of `lipcl profile --html`, in headless Chromium: it renders without a word on the console and without the network, says
what its JSON says, sorts, explains, and suits light and dark screens, narrow ones and paper.

usage: report_page.py LIPCL DATA_FOLDER [--screenshots FOLDER]

Needs Debian's chromium, chromium-driver and python3-selenium. --screenshots keeps what was seen, to look at.
"""

import argparse
import base64
import copy
import json
import math
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

HOSTILE = (
    "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\"> <!-- \u2028 {{report.css}}"
)
PROBLEM = "ends before it starts"
TABLES = "kernel-table launch-table layer-table overhead-table transfer-table verification-table".split()
failures = []


def expect(condition, what):
    if not condition:
        failures.append(what)
        print("FAILED:", what)


def documents(folder):
    """Two saved profiles, to one of which happens what can: a device that failed, times that cannot be true, a wrong layer, names
    that are code."""
    first = json.loads((folder / "report.json").read_text())
    second = json.loads((folder / "profile.json").read_text())
    device = first["devices"][0]
    kernel = device["layers"][1]["kernels"][0]
    for key in ("queued_ms", "submitted_ms", "running_ms", "gflops", "gbps", "limit_share", "limited_by"):
        kernel[key] = None
    kernel.update(invalid=kernel["calls"], problem=PROBLEM)
    device["clock"]["invalid"] = kernel["calls"]
    event = next(each for each in device["timeline"] if each["layer"] == device["layers"][1]["layer"])
    event.update(queued_ns=None, submitted_ns=None, started_ns=None, ended_ns=None, problem=PROBLEM)
    wrong = device["verification"]["layers"][2]
    wrong.update(ok=False, bound_share=3.25, reason="the largest error is 3.25 times the bound")
    device["verification"].update(verdict="mismatch", ok=False, first_mismatch=wrong["layer"], layer_violations=1)
    device["device"]["name"] = HOSTILE
    first["devices"].append(
        {
            "device": None,
            "select": "9:9",
            "problem": "there is no device 9:9",
            "runs": 0,
            "phases": [],
            "peaks": {"fma_gflops": None, "copy_gbps": None},
            "memory": {},
            "clock": {},
            "verification": None,
        }
    )
    return [first, second]


def letters(docs):
    """(letter, device) of every device, in the page's order."""
    return [(chr(65 + i), device) for i, device in enumerate(device for doc in docs for device in doc["devices"])]


def measured(docs):
    return [(letter, device) for letter, device in letters(docs) if device["problem"] is None]


def median(times):
    return times["median"] if times else None


class Page:
    """A page in a browser. Numbers of tables come as the page sorts by them (`data-value`) and as they are read (`text`)."""

    def __init__(self, driver):
        self.driver = driver

    def js(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def table(self, name):
        return self.js(
            """
            const rows = [...document.querySelectorAll(`#${arguments[0]} tbody tr`)];
            return rows.map((row) => [...row.cells].map((cell) => ({
                value: cell.dataset.value, text: cell.textContent, invalid: cell.classList.contains("invalid")})));""",
            name,
        )

    def headings(self, name):
        return self.js(
            "return [...document.querySelectorAll(`#${arguments[0]} thead tr:last-child th`)].map((th) => "
            "[th.textContent, th.getAttribute('aria-sort')]);",
            name,
        )

    def resize(self, width, height=1000):
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride", {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        )

    def scheme(self, name):
        self.driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": name}]}
        )

    def screenshot(self, path):
        size = self.driver.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
        shot = self.driver.execute_cdp_cmd(
            "Page.captureScreenshot", {"captureBeyondViewport": True, "clip": {**size, "scale": 1}}
        )
        path.write_bytes(base64.b64decode(shot["data"]))


def expect_cell(cell, wanted, scale, what):
    """The sorting value is the JSON's, and what is read is that value, rounded."""
    if wanted is None:
        expect(cell["value"] == "" and cell["text"] in ("\u2013", "invalid"), f"{what}: {cell} for null")
        return
    expect(cell["value"] != "" and math.isclose(float(cell["value"]), wanted, rel_tol=1e-12), f"{what}: {cell} for {wanted}")
    read = re.fullmatch(r"(-?[\d,]+(?:\.(\d+))?)(?: %)?", cell["text"])
    if not read:
        expect(False, f"{what}: {cell} is no number")
        return
    unit = 10 ** -len(read.group(2) or "")
    expect(
        abs(float(read.group(1).replace(",", "")) - wanted * scale) <= 0.5001 * unit,
        f"{what}: {cell} reads otherwise than {wanted}",
    )


def check_renders(page, docs):
    expect(page.js("return document.documentElement.dataset.ready") == "true", "the page's script came to its end")
    embedded = page.js(
        "return [...document.querySelectorAll('script.profile')].map((script) => JSON.parse(script.textContent));"
    )
    expect(embedded == docs, "the page holds the documents, unchanged")
    expect(page.driver.title.startswith("lipcl profile:"), f"no code of a name runs: the title is {page.driver.title}")
    cards = [card.text for card in page.driver.find_elements(By.CSS_SELECTOR, ".card")]
    expect(len(cards) == len(letters(docs)), "a card a device")
    expect(HOSTILE.split()[0] in cards[0] and "wrong results" in cards[0], "a device's name is text, and its verdict is there")
    expect("there is no device 9:9" in "".join(cards), "a device that failed says why")
    for name in ("roofline-chart", "memory-chart", "timeline-charts"):
        expect(page.js("return document.querySelectorAll(`#${arguments[0]} svg path`).length", name) > 3, f"{name} is drawn")
    broken = page.js(
        "return [...document.querySelectorAll('svg *')].filter((node) => [...node.attributes].some("
        "(attribute) => /NaN|undefined|Infinity/.test(attribute.value))).map((node) => node.outerHTML)"
    )
    expect(broken == [], f"no number of a chart is missing: {broken[:3]}")
    text = page.js("return document.body.innerText")
    expect(not re.search(r"\b(NaN|undefined|null|Infinity|\[object)\b", text), "no number of the text is missing")


def check_roofline(page, docs):
    wanted = []
    for _, device in measured(docs):
        kernels = [kernel for layer in device["layers"] for kernel in layer["kernels"]]
        wanted += [
            each
            for each in (kernels + device["output_kernels"] if kernels else device["layers"])
            if each["gflops"] and each["intensity"]
        ]
    drawn = page.js(
        "return [...document.querySelectorAll('#roofline-chart .point')].map((p) => [+p.dataset.gflops, +p.dataset.intensity])"
    )
    expect(
        sorted(map(tuple, drawn)) == sorted((each["gflops"], each["intensity"]) for each in wanted),
        "a mark a kernel, where the JSON has it",
    )
    roofs = len(page.driver.find_elements(By.CSS_SELECTOR, "#roofline-chart .roof"))
    expect(roofs == sum(device["peaks"]["fma_gflops"] is not None for _, device in measured(docs)), f"{roofs} roofs")


def check_timelines(page, docs):
    charts = page.driver.find_elements(By.CSS_SELECTOR, "#timeline-charts figure")
    expect(len(charts) == len(measured(docs)), "a timeline a device")
    on_queue = ("kernel", "upload", "download", "reference")
    for chart, (letter, device) in zip(charts, measured(docs)):
        events = device["timeline"]
        queue = [each for each in events if each["kind"] in on_queue and each["started_ns"] is not None]
        calls = [each for each in events if each["kind"] in on_queue and each["kind"] != "reference"]
        stages = [each for each in events if each["kind"] == "stage"]
        expect(
            len(chart.find_elements(By.CSS_SELECTOR, ".span")) == len(queue) + len(calls) + len(stages),
            f"{letter}: the timeline's events",
        )
        invalid = [each for each in events if each["problem"]]
        expect(
            len(chart.find_elements(By.CSS_SELECTOR, ".span.invalid")) == len(invalid), f"{letter}: invalid events are marked"
        )
        expect((PROBLEM in chart.text) == bool(invalid), f"{letter}: why they are invalid")


def check_zooming(page):
    chart = page.driver.find_element(By.CSS_SELECTOR, "#timeline-charts figure")
    whole, button = chart.find_element(By.CSS_SELECTOR, ".axis").text, chart.find_element(By.CSS_SELECTOR, "button")
    page.js("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", chart)
    expect(not button.is_displayed(), "nothing is zoomed at first")
    ActionChains(page.driver, duration=0).double_click(chart.find_element(By.CSS_SELECTOR, "svg")).perform()
    WebDriverWait(page.driver, 10).until(lambda _: button.is_displayed())
    WebDriverWait(page.driver, 10).until(lambda _: chart.find_element(By.CSS_SELECTOR, ".axis").text != whole)
    page.js("return new Promise((done) => setTimeout(done, 400))")  # the zooming's own quarter of a second
    button.click()
    expect(
        chart.find_element(By.CSS_SELECTOR, ".axis").text == whole and not button.is_displayed(),
        "the button brings the whole run back",
    )


def check_layers(page, docs):
    devices, rows = measured(docs), page.table("layer-table")
    headings = [heading for heading, _ in page.headings("layer-table")]
    names = list(dict.fromkeys(layer["layer"] for _, device in devices for layer in device["layers"]))
    expect([row[0]["value"] for row in rows] == names, "a row a layer")
    for row in rows:
        at = 2
        medians = {
            letter: median(layer["running_ms"])
            for letter, device in devices
            for layer in device["layers"]
            if layer["layer"] == row[0]["value"]
        }
        for letter, device in devices:
            layer = next(each for each in device["layers"] if each["layer"] == row[0]["value"])
            what = f"{letter} {layer['layer']}"
            expect(headings[at].startswith("ms"), f"{what}: {headings}")
            expect_cell(row[at], medians[letter], 1, what)
            expect_cell(row[at + 1], medians[letter] / min(medians.values()), 1, f"{what} over the best")
            if device["peaks"]["fma_gflops"]:
                expect_cell(row[at + 2], layer.get("actual_limit_share", layer["limit_share"]), 100, f"{what} of limit")
                at += 1
            at += 2
    for parts, (letter, device) in zip(page.driver.find_elements(By.CSS_SELECTOR, ".parts"), devices):
        shares = page.js(
            "return [...arguments[0].children].map((part) => [+part.dataset.share, part.getBoundingClientRect().width])", parts
        )
        expect(abs(sum(share for share, _ in shares) - 1) < 1e-6, f"{letter}: the parts are the whole run")
        whole = sum(width for _, width in shares)
        expect(
            all(abs(width / whole - share) < 0.02 for share, width in shares), f"{letter}: parts are as wide as their shares"
        )


def check_kernels(page, docs):
    rows = {(row[0]["value"], row[1]["value"], row[2]["value"]): row for row in page.table("kernel-table")}
    launches = {(row[0]["value"], row[1]["value"], row[2]["value"]): row for row in page.table("launch-table")}
    invalid = 0
    for letter, device in measured(docs):
        for layer in device["layers"]:
            for kernel in layer["kernels"]:
                key = (letter, layer["layer"], kernel["kernel"])
                launch = launches[key]
                expect_cell(launch[11], kernel["private_bytes"], 1, f"{key} private bytes")
                expect(launch[4]["value"] == (kernel["tuning"] or ""), f"{key} tuning")
                if key not in rows:
                    expect(
                        kernel["running_ms"]["mean"] < 0.01 * device["run_ms"]["mean"],
                        f"{key} is a slow kernel, and not listed",
                    )
                    continue
                row = rows[key]
                times = kernel["running_ms"]
                expect_cell(row[3], times and times["mean"] / device["run_ms"]["mean"], 100, f"{key} share")
                expect_cell(row[4], median(times), 1, f"{key} ms")
                expect_cell(row[5], times and times["p95"], 1, f"{key} p95")
                expect(row[6]["value"] == (kernel.get("limited_by") or kernel["bound"] or ""), f"{key} limited by: {row[6]}")
                expect_cell(row[7], kernel["limit_share"], 100, f"{key} of limit")
                above = None if times is None else times["median"] * max(0, 1 - kernel["limit_share"])
                expect_cell(row[8], above, 1, f"{key} above")
                for column, name in ((9, "gflops"), (10, "gbps"), (11, "intensity"), (12, "calls"), (13, "invalid")):
                    expect_cell(row[column], kernel[name], 1, f"{key} {name}")
                expect(row[4]["invalid"] == bool(kernel["invalid"]), f"{key}: invalid times are marked")
                invalid += row[4]["text"] == "invalid"
    expect(invalid == 1, f"{invalid} kernels without a valid time")


def check_verification(page, docs):
    verified = [(letter, device["verification"]) for letter, device in measured(docs) if device.get("verification")]
    expect(len(verified) >= 2, "there is something to check")
    for row in page.table("verification-table"):
        for i, (letter, verification) in enumerate(verified):
            layer = next(each for each in verification["layers"] if each["layer"] == row[0]["value"])
            expect_cell(row[1 + 3 * i], layer["bound_share"], 100, f"{letter} {layer['layer']} of bound")
            expect_cell(row[2 + 3 * i], layer["rho"], 1, f"{letter} {layer['layer']} rho")
            expect(row[1 + 3 * i]["invalid"] == (not layer["ok"]), f"{letter} {layer['layer']}: a wrong layer is marked")
    summary = page.driver.find_element(By.ID, "verification-summary").text
    for words in ("wrong results", "verified", "the reference", "not verified", "did not run"):
        expect(words in summary, f"verification says '{words}': {summary}")


def check_sorting(page):
    button = page.driver.find_elements(By.CSS_SELECTOR, "#kernel-table thead button")[4]
    page.js("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", button)
    button.click()
    expect(page.headings("kernel-table")[4][1] == "descending", "a click sorts")
    page.js("document.getElementById('launches').open = true")
    for name in TABLES:
        # Each heading twice, in the browser: what it says then, and the column's values from top to bottom.
        sorted_ways = page.js(
            """
            const table = document.querySelector(`#${arguments[0]} table`), headings = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
            return headings.map((heading, column) => [0, 1].map(() => {
                heading.querySelector("button").click();
                return {way: heading.ariaSort, sorting: headings.filter((each) => each.ariaSort !== "none").length,
                        values: [...table.tBodies[0].rows].map((row) => row.cells[column].dataset.value)};
            }));""",
            name,
        )
        for column, twice in enumerate(sorted_ways):
            expect(
                {each["way"] for each in twice} == {"ascending", "descending"},
                f"{name} {column}: {twice[0]['way']}, then {twice[1]['way']}",
            )
            for each in twice:
                listed, way = each["values"], each["way"]
                expect(each["sorting"] == 1, f"{name}: one column sorts")
                known = [value for value in listed if value != ""]
                expect(listed[: len(known)] == known, f"{name} {column}: unknown values are last")
                try:
                    known = [float(value) for value in known]
                except ValueError:
                    known = []  # text in the browser's order of a language; numbers are what counts
                expect(known == sorted(known, reverse=way == "descending"), f"{name} {column} is not {way}: {known}")


def check_explanations(page):
    terms = page.driver.find_elements(By.CSS_SELECTOR, "#glossary dt")
    expect(
        {term.text for term in terms} >= {"Queued", "Submitted", "Running", "Roofline", "Useful FLOPs", "Actual FLOPs"}, "terms"
    )
    tip = page.driver.find_element(By.ID, "tip")
    expect(not tip.is_displayed(), "no tooltip unasked")
    for selector, words in (
        ("#kernel-table th:nth-child(7) button", "latency: below 25 %"),
        ("#kernel-table tbody tr:last-child td:nth-child(3)", "tuning"),
        ("#roofline-chart .point", "FLOP/byte"),
        ("#timeline-charts .span.odd", "submitted"),
    ):
        target = page.driver.find_element(By.CSS_SELECTOR, selector)
        page.js("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", target)
        ActionChains(page.driver, duration=0).move_to_element(target).perform()
        expect(tip.is_displayed() and words in tip.text, f"hovering {selector} explains: '{tip.text}'")
    page.js("document.querySelector('#kernel-table th:nth-child(8) button').focus({preventScroll: true})")
    expect(tip.is_displayed() and "nearer of the two peaks" in tip.text, f"the keyboard reaches explanations: '{tip.text}'")
    page.js("document.activeElement.blur()")


def luminance(colour):
    channels = [int(each) / 255 for each in re.findall(r"\d+", colour)[:3]]
    return sum(
        weight * (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4)
        for weight, c in zip((0.2126, 0.7152, 0.0722), channels)
    )


def contrast(a, b):
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def check_schemes(page, folder):
    papers = {}
    for scheme in ("light", "dark"):
        page.scheme(scheme)
        paper, ink, muted = page.js(
            "const of = (s) => getComputedStyle(document.querySelector(s)); return [of('body').backgroundColor, of('body').color, of('.lead').color]"
        )
        papers[scheme] = luminance(paper)
        expect(contrast(paper, ink) >= 7 and contrast(paper, muted) >= 4.5, f"{scheme}: text is legible")
        badges = page.js(
            "return [...document.querySelectorAll('.card .badge')].map((b) => [getComputedStyle(b).backgroundColor, getComputedStyle(b).color])"
        )
        for back, front in badges:
            expect(
                contrast(back, front) >= 3 and contrast(back, paper) >= 2.8, f"{scheme}: a device's colour {back} stands out"
            )
        if folder:
            page.screenshot(folder / f"{scheme}.png")
    expect(papers["light"] > 0.8 and papers["dark"] < 0.1, f"light and dark: {papers}")
    page.scheme("light")


def check_sizes(page, folder):
    page.resize(400)
    page.js("return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    wide = page.js(
        """return document.documentElement.scrollWidth <= 400 ? [] : [...document.querySelectorAll("main *, header *")].filter((node) =>
        !node.closest(".scroll") && node.getBoundingClientRect().right > 400).map((node) => node.outerHTML.slice(0, 120));"""
    )
    expect(wide == [], f"a narrow screen does not scroll sideways: {wide[:5]}")
    widths = page.js("return [...document.querySelectorAll('svg')].map((svg) => svg.getBoundingClientRect().width)")
    expect(max(widths) <= 400, f"charts fit: {widths}")
    if folder:
        page.screenshot(folder / "narrow.png")
    page.resize(1280)
    pdf = base64.b64decode(page.driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})["data"])
    expect(pdf.startswith(b"%PDF") and 2 <= pdf.count(b"/Type /Page\n") + pdf.count(b"/Type/Page/") <= 30, "it prints")
    if folder:
        (folder / "print.pdf").write_bytes(pdf)


def check_silence(page, path):
    console = page.driver.get_log("browser")
    expect(console == [], f"nothing on the console: {console}")
    urls = set()
    for entry in page.driver.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            urls.add(message["params"]["request"]["url"].split(",")[0])
    urls = {url for url in urls if not url.startswith("data:")}
    expect(urls == {path.as_uri()}, f"nothing but the file is asked for: {urls}")
    size = path.stat().st_size
    expect(size < 1_500_000, f"the page is {size} bytes")
    expect(not re.search(r"(src|href)\s*=\s*[\"']?(https?:)?//", path.read_text()), "the file refers to nothing outside")


def check_damaged(page, make, docs):
    """A document from which somebody took something: the rest is shown, and what cannot be says so."""
    damaged = copy.deepcopy(docs[1])
    del damaged["devices"][0]["timeline"]
    page.driver.get(make("damaged", [damaged]).as_uri())
    expect("cannot be drawn" in page.driver.find_element(By.ID, "timeline").text, "a section without its numbers says so")
    for name in ("layer-table", "kernel-table", "transfer-table"):
        expect(len(page.table(name)) > 0, f"{name} is there all the same")


def browser(profile):
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
        "--no-first-run",
        "--disable-background-networking",
        "--force-color-profile=srgb",
        f"--user-data-dir={profile}",
        "--window-size=1280,1000",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(service=Service(shutil.which("chromedriver")), options=options)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("lipcl")
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--screenshots", type=pathlib.Path)
    arguments = parser.parse_args()
    if not shutil.which("chromium") or not shutil.which("chromedriver"):
        sys.exit("report_page: needs chromium and chromedriver: tools/setup.sh --tests installs them")
    docs = documents(arguments.data)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)

        def make(name, of):
            files = [folder / f"{name}{i}.json" for i in range(len(of))]
            for file, doc in zip(files, of):
                file.write_text(json.dumps(doc))
            subprocess.run([arguments.lipcl, "profile", "--html", folder / f"{name}.html", "--from", *files], check=True)
            return folder / f"{name}.html"

        path = make("page", docs)
        driver = browser(folder / "browser")
        try:
            page = Page(driver)
            page.resize(1280)
            page.scheme("light")
            driver.get_log("performance")  # of the browser's own first page
            driver.get(path.as_uri())
            check_renders(page, copy.deepcopy(docs))
            check_roofline(page, docs)
            check_timelines(page, docs)
            check_zooming(page)
            check_layers(page, docs)
            check_kernels(page, docs)
            check_verification(page, docs)
            check_explanations(page)
            check_schemes(page, arguments.screenshots)
            check_sizes(page, arguments.screenshots)
            check_sorting(page)
            check_silence(page, path)
            check_damaged(page, make, docs)
        finally:
            driver.quit()
    print("report_page:", f"{len(failures)} failures" if failures else "ok")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
