"""Headless Chromium, by the W3C WebDriver protocol spoken with chromedriver. https://www.w3.org/TR/webdriver2/"""
import base64
import http.client
import json
import os
import shutil
import signal
import subprocess
import tempfile

from served import Lines

PATIENCE = 120  # seconds: a browser on a machine that does other things too
FLAGS = ["--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars",
         "--no-sandbox"]  # a container may not have what it needs, and it shows nothing but our own pages
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


def missing():
    return [name for name in ("chromium", "chromedriver") if not shutil.which(name)]


class Browser:
    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.downloads = os.path.join(self.folder.name, "downloads")
        os.mkdir(self.downloads)
        self.base = self.driver = None
        try:
            # Asked for any port, it finds one for IPv6 that IPv4 may not have.
            for _ in range(10):
                m, said = self.drive()
                if m:
                    break
            else:
                raise AssertionError(said)
            self.address = ("127.0.0.1", int(m.group(1)))
            self.base = "/session/" + self.call("POST", "/session", self.wanted())["sessionId"]
        except BaseException:
            self.close()
            raise

    def drive(self):
        """Start chromedriver; answers the match that holds its port, or None, and what it said."""
        self.end()
        # A group of its own: whatever becomes of chromedriver, its browser can be ended.
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                       start_new_session=True, env=dict(os.environ, HOME=self.folder.name))
        said = Lines(self.driver.stdout)
        return said.wait(r"started successfully on port (\d+)", PATIENCE), said.all

    def end(self):
        if self.driver:
            try:
                os.killpg(self.driver.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.driver.wait()

    def wanted(self):
        args = FLAGS + ["--user-data-dir=" + os.path.join(self.folder.name, "profile")]
        options = {"binary": shutil.which("chromium"), "args": args,
                   "prefs": {"download.default_directory": self.downloads, "download.prompt_for_download": False}}
        return {"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options,
                                                 "goog:loggingPrefs": {"browser": "ALL"}}}}

    def close(self):
        try:
            if self.base:
                self.call("DELETE", self.base)
        finally:
            self.end()
            self.folder.cleanup()

    def call(self, method, path, body=None):
        c = http.client.HTTPConnection(*self.address, timeout=PATIENCE)
        try:
            c.request(method, path, None if body is None and method != "POST" else json.dumps(body or {}),
                      {"Content-Type": "application/json"})
            value = json.loads(c.getresponse().read())["value"]
        finally:
            c.close()
        if isinstance(value, dict) and "error" in value:
            raise AssertionError(f"{method} {path}: {value['error']}: {value['message']}")
        return value

    def get(self, path):
        return self.call("GET", self.base + path)

    def post(self, path, **body):
        return self.call("POST", self.base + path, body)

    def devtools(self, command, **params):
        return self.post("/goog/cdp/execute", cmd=command, params=params)

    # ---- what a person does ----

    def go(self, url):
        self.post("/url", url=url)

    def url(self):
        return self.get("/url")

    def title(self):
        return self.get("/title")

    def find(self, css):
        return self.post("/element", using="css selector", value=css)[ELEMENT]

    def follow(self, text):
        """Clicks on the link of that text."""
        element = self.post("/element", using="partial link text", value=text)[ELEMENT]
        self.post(f"/element/{element}/click")

    def text(self, css):
        return self.get(f"/element/{self.find(css)}/text")

    def run(self, script, *args):
        """The value of a JavaScript function's body."""
        return self.post("/execute/sync", script=script, args=list(args))

    def screen(self, width, height=800, phone=False):
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                      mobile=phone)

    def prefer(self, scheme):
        self.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def screenshot(self, path):
        with open(path, "wb") as f:
            f.write(base64.b64decode(self.get("/screenshot")))

    def console(self):
        """What it has complained of since the last look."""
        return [e for e in self.post("/se/log", type="browser") if e["level"] in ("SEVERE", "WARNING")]
