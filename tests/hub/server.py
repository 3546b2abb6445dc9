"""A hub on 127.0.0.1 that answers as huggingface.co does, and misbehaves where its repositories' names say so.

    server.py [--model FILE] [--tls CERTIFICATE KEY]

Prints its addresses as one line of JSON, then a line for each request it gets. Reads commands, one a line, from its
standard input, and ends with it:

    mark TEXT       prints {"mark": TEXT}: all requests before it were printed
    go              lets answers go on that have stalled
    down / up       the hub answers 503 / as it should
    commit N        `main` of all repositories stands for another commit, whose files have other contents
"""

import argparse
import hashlib
import json
import random
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote, urlsplit

TOKEN = "Bearer hf_" + "right" * 8
SIZE = 300_000

lock = threading.Lock()
go = threading.Event()
state = {"down": False, "commit": "1"}
counts: dict[str, int] = {}
together = threading.Barrier(3)


def say(line):
    with lock:
        print(json.dumps(line), flush=True)


def count(key):
    """How often this was asked for, this time included."""
    with lock:
        counts[key] = counts.get(key, 0) + 1
        return counts[key]


def content(name, size=SIZE):
    return random.Random(name + state["commit"]).randbytes(size)


def parts(name, count):
    return [f"{name}-{index:05}-of-{count:05}.gguf" for index in range(1, count + 1)]


PLAIN = ["README.md", "tiny-Q4_K_M.gguf", "tiny-Q8_0.gguf", "mmproj-tiny-Q4_K_M.gguf"]
REPOS = {
    "test/tiny": PLAIN,
    "test/private": PLAIN,
    "test/gated": PLAIN,
    "test/cut": ["a-Q4_K_M.gguf"],
    "test/norange": ["a-Q4_K_M.gguf"],
    "test/broken": ["a-Q4_K_M.gguf"],
    "test/shifted": ["a-Q4_K_M.gguf"],
    "test/wrong": ["README.md", "a-Q4_K_M.gguf"],
    "test/more": ["a-Q4_K_M.gguf"],
    "test/stall": ["a-Q4_K_M.gguf"],
    "test/unsized": ["a-Q4_K_M.gguf"],
    "test/large": ["a-Q4_K_M.gguf"],
    "test/busy": ["a-Q4_K_M.gguf"],
    "test/parts": ["README.md", *parts("big/b-Q8_0", 3)],
    "test/gap": parts("b-Q8_0", 3)[:2],
    "test/names": ["a b+ü-Q4_K_M.gguf"],
    "test/pages": [f"{i:03}.txt" for i in range(20)] + ["z-Q4_K_M.gguf"],
    "test/hostile": [
        "../../../evil-Q4_K_M.gguf", "/tmp/evil-Q4_K_M.gguf", "a/../../evil-Q4_K_M.gguf", "..\\evil-Q4_K_M.gguf",
        "C:evil-Q4_K_M.gguf", "good-Q4_K_M.gguf",
    ],
    "test/recommends": ["preset.ini", "tiny-Q4_K_M.gguf"],
    "test/one": ["preset.ini"],
    "test/several": ["preset.ini"],
    "test/greedy": ["preset.ini", "tiny-Q4_K_M.gguf"],
    "test/leads-out": ["preset.ini"],
    "test/mistaken": ["preset.ini", "tiny-Q4_K_M.gguf"],
}

PRESETS = {
    "test/recommends": "version = 1\n[*]\nn = 3\ntemp = 0.5\n",
    "test/one": "[*]\nn = 2\n[only]\nhf = test/tiny\nn = 3\n",
    "test/several": "[small]\nhf = test/tiny\nn = 3\n[large]\nhf = test/tiny:Q8_0\n",
    "test/greedy": """
        n = 3
        m = /etc/passwd
        model-url = http://127.0.0.1:1/x.gguf
        hf-token = hf_stolen
        hub-endpoint = http://127.0.0.1:1
        cache-dir = elsewhere
        tool-command = touch ran
        yes = on
        tools = []
        system-prompt-file = /etc/passwd
        chat-template-file = /etc/passwd
        log-file = ran
        history = ran
        threads = 64
        no-such-key = 1
    """,
    "test/leads-out": "hf = ../../etc\n",
    "test/mistaken": "temp = hot\n",
}


def commit_of(repo):
    return hashlib.sha1((repo + state["commit"]).encode()).hexdigest()


def bytes_of(repo, path):
    if path == "preset.ini":
        return PRESETS[repo].encode()
    if options.model and path == "tiny-Q4_K_M.gguf":
        with open(options.model, "rb") as file:
            return file.read()
    return content(repo + path, 4_000_000 if repo == "test/large" else SIZE)


def entry(repo, path):
    data = bytes_of(repo, path)
    row = {"type": "file", "path": path, "size": len(data), "oid": hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()}
    if path.endswith(".gguf"):
        row["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
    if repo == "test/unsized":
        del row["size"], row["lfs"]["size"]
    return row


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        url = urlsplit(self.path)
        self.query = parse_qs(url.query)
        token = self.headers.get("Authorization")
        line = {"server": self.server.name, "path": unquote(url.path), "token": token is not None,
                "range": self.headers.get("Range"), "match": self.headers.get("If-None-Match")}
        say(line)
        try:
            self.answer(url.path.lstrip("/"), token)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def answer(self, path, token):
        if self.server.name == "cdn":
            _, user, name, path = path.split("/", 3)
            return self.blob(f"{user}/{name}", unquote(path))
        if state["down"]:
            return self.refuse(503, "down")
        if path.startswith("files/"):
            return self.file(path)
        if path == "loop":
            return self.redirect("/loop")
        api = path.startswith("api/models/")
        user, name, what, *rest = (path[len("api/models/"):] if api else path).split("/")
        repo = f"{user}/{name}"
        if repo == "test/moved" or repo == "test/tiny" and self.query.get("moved"):
            return self.redirect(f"/{'api/models/' if api else ''}test/tiny/{'/'.join([what, *rest])}")
        if repo == "test/private" and token != TOKEN or repo not in REPOS and token is None and repo != "test/gone":
            return self.refuse(401, "Invalid username or password.")
        if repo not in REPOS:
            return self.refuse(404, "Repository not found", "RepoNotFound")
        if api:
            return self.api(repo, what)
        if repo == "test/gated":
            return self.refuse(403, "Access to model test/gated is restricted", "GatedRepo")
        return self.resolve(repo, unquote("/".join(rest[1:])))

    def api(self, repo, what):
        if repo == "test/busy" and count(repo) <= 2:
            return self.refuse(503, "busy")
        if what == "refs":
            branches = [{"name": "dev", "ref": "refs/heads/dev", "targetCommit": "0" * 40},
                        {"name": "main", "ref": "refs/heads/main", "targetCommit": commit_of(repo)}]
            return self.json({"tags": [], "branches": branches})
        rows = [{"type": "directory", "path": "big", "oid": "0" * 40, "size": 0}]
        rows += [entry(repo, path) for path in REPOS[repo]]
        if repo != "test/pages":
            return self.json(rows)
        at = int(self.query.get("cursor", ["0"])[0])
        more = at + 8 < len(rows)
        next_page = f"http://{self.headers['Host']}{urlsplit(self.path).path}?recursive=true&cursor={at + 8}"
        self.json(rows[at:at + 8], {"Link": f'<{next_page}>; rel="next"'} if more else {})

    def resolve(self, repo, path):
        row = entry(repo, path)
        location = f"{addresses['cdn']}/blob/{repo}/{quote(path)}?signature=topsecret"
        self.redirect(location, {"X-Linked-ETag": f'"{row.get("lfs", row)["oid"]}"', "X-Repo-Commit": commit_of(repo)})

    def blob(self, repo, path):
        data = bytes_of(repo, path)
        asked = count(repo + path)
        if repo == "test/parts":
            together.wait(60)
        if repo == "test/wrong":
            data = data[:-1] + bytes([data[-1] ^ 1])
        if repo == "test/more":
            data += b"x"
        begin = self.begin() if repo != "test/norange" else 0
        if repo == "test/shifted" and asked == 2:
            begin = 1
        cut = repo == "test/shifted" and asked == 1 or repo in ("test/cut", "test/norange") and asked <= 2 or repo == "test/broken"
        self.send(data, begin, half=cut or repo == "test/stall", stall=repo == "test/stall")

    def file(self, path):
        """A file that is of no repository."""
        data = content(path)
        etag = '"' + hashlib.md5(data).hexdigest() + '"'
        if self.headers.get("If-None-Match") == etag:
            self.send_response(304)
            self.end_headers()
            return
        begin = self.begin() if self.headers.get("If-Range") == etag else 0
        self.send(data, begin, half="cut" in path and count(path) == 1, headers={"ETag": etag})

    def begin(self):
        return int(self.headers.get("Range", "bytes=0-")[len("bytes="):-1])

    def send(self, data, begin, half=False, stall=False, headers={}):
        rest = data[begin:]
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(rest)))
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if not half:
            self.wfile.write(rest)
            return
        self.wfile.write(rest[:len(rest) // 2])
        self.wfile.flush()
        if not stall:
            self.close_connection = True
            return
        say({"stalled": self.path.split("?")[0]})
        go.wait()
        self.wfile.write(rest[len(rest) // 2:])

    def json(self, value, headers={}):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def redirect(self, location, headers={}):
        self.send_response(302)
        self.send_header("Location", location)
        self.send_header("Content-Length", "0")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def refuse(self, status, message, code=None):
        self.send_response(status)
        self.send_header("X-Error-Message", message)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()


def serve(name):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.name, server.daemon_threads = name, True
    scheme = "http"
    if options.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*options.tls)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"{scheme}://127.0.0.1:{server.server_address[1]}"


parser = argparse.ArgumentParser()
parser.add_argument("--model")
parser.add_argument("--tls", nargs=2)
options = parser.parse_args()
addresses = {name: serve(name) for name in ("hub", "cdn")}
say(addresses)
for command in sys.stdin:
    word, _, rest = command.strip().partition(" ")
    if word == "mark":
        say({"mark": rest})
    elif word == "go":
        go.set()
    elif word in ("down", "up"):
        state["down"] = word == "down"
    elif word == "commit":
        state["commit"] = rest
