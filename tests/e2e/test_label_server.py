"""``kws label``: whom its server answers, what it serves, and the commands beside the page."""

import http.client
import json
import subprocess
import sys
import wave
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import soundfile

from tests.browser import ROOT, label_server, wait_for
from tests.tiny_model import bursts, write_tiny_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("label")
    soundfile.write(folder / "talk.wav", bursts(), 16_000)
    (folder / "broken.flac").write_bytes(b"no audio")
    (folder.parent / "secret.txt").write_text("secret")
    return folder


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with label_server(folder, "--keyword", "loud") as address:
        yield address


class Client:
    """Requests as a browser, or somebody else, may send them."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self.port, self.token = parts.port, parts.path.strip("/")

    def ask(self, path: str, method: str = "GET", body: object = None, **headers: str) -> tuple[int, bytes, dict]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.putrequest(method, path, skip_host="Host" in sent)
        text = b"" if body is None else json.dumps(body).encode()
        for name, value in {**sent, "Content-Length": str(len(text))}.items():
            connection.putheader(name, value)
        connection.endheaders(text)
        answer = connection.getresponse()
        found = answer.status, answer.read(), {name.lower(): value for name, value in answer.getheaders()}
        connection.close()
        return found

    def page(self, path: str, **more) -> tuple[int, bytes, dict]:
        return self.ask(f"/{self.token}/{path}", **more)


@pytest.fixture
def client(address: str) -> Client:
    return Client(address)


def test_the_page_is_served_to_its_own_address_only(client: Client) -> None:
    status, body, headers = client.page("")
    assert status == 200 and b"<title>Labels</title>" in body
    assert "default-src 'self'" in headers["content-security-policy"] and headers["referrer-policy"] == "no-referrer"
    assert len(client.token) >= 32
    for path in ("/", "/api/session", f"/{client.token}", f"/{client.token[:-1]}/", f"/x{client.token}/api/session"):
        assert client.ask(path)[0] == 404, path


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "[::1]:{port}", ""]
)
def test_other_hosts_are_refused(client: Client, host: str) -> None:
    status, body, _ = client.page("api/session", Host=host.format(port=client.port))
    assert (status, body) == (421, b"this is not the address of the page\n")


def test_other_sites_are_refused(client: Client) -> None:
    for headers in (
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": f"http://127.0.0.1:{client.port + 1}"},
        {"Origin": f"https://127.0.0.1:{client.port}"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ):
        status, body, _ = client.page("api/writer", method="POST", body={"tab": "a"}, **headers)
        assert (status, body) == (403, b"requests of other sites are refused\n"), headers
    own = f"http://127.0.0.1:{client.port}"
    assert client.page("api/session", Origin=own, Sec_Fetch_Site="same-origin")[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "../secret.txt",
        "../../secret.txt",
        "..%2f..%2fsecret.txt",
        "%2e%2e/%2e%2e/secret.txt",
        "js/../../__init__.py",
        "js/..%2f..%2fguard.py",
        "//etc/passwd",
        "%2fetc/passwd",
        "..\\guard.py",
        "api/files/-1",
        "api/files/../session.py",
    ],
)
def test_nothing_outside_the_page_is_served(client: Client, path: str) -> None:
    status, body, _ = client.page(path)
    assert status in (404, 405) and b"secret" not in body and b"root:" not in body and b"import" not in body


def test_audio_comes_in_ranges(client: Client, folder: Path) -> None:
    path = "api/files/1/audio.wav?start_s=1&end_s=1.5"
    status, whole, headers = client.page(path)
    assert (status, headers["content-type"], headers["accept-ranges"]) == (200, "audio/wav", "bytes")
    with wave.open(BytesIO(whole)) as file:
        assert file.readframes(8000) == bursts()[16_000:24_000].tobytes()
    for asked, first, last in (("0-43", 0, 44), ("100-", 100, 16_044), ("-10", 16_034, 16_044), ("101-102", 101, 103)):
        status, body, headers = client.page(path, Range=f"bytes={asked}")
        assert (status, headers["content-range"]) == (206, f"bytes {first}-{last - 1}/16044")
        assert body == whole[first:last]
    for asked in ("bytes=16044-", "bytes=5-2", "bytes=a-b", "lines=1-2"):
        assert client.page(path, Range=asked)[0] == 416, asked
    # All of the recording, where no times are given.
    assert client.page("api/files/1/audio.wav", Range="bytes=0-1")[2]["content-range"].endswith(f"/{44 + 160_000}")


def test_wrong_requests_are_one_line(client: Client, folder: Path) -> None:
    def line(path: str, **more) -> tuple[int, str]:
        status, body, _ = client.page(path, **more)
        found = json.loads(body)["error"]
        assert "\n" not in found
        return status, found

    assert line("api/files/9/audio.wav") == (422, "recording 9: there is none; accepted are 0 to 1")
    assert line("api/files/1/audio.wav?start_s=x") == (422, "start_s is 'x'; accepted are seconds")
    assert line("api/files/1/audio.wav?start_s=60")[1].endswith("accepted are stretches inside, not 60 s on")
    assert "not readable as audio" in line("api/files/0/audio.wav")[1]
    assert line("api/writer", method="POST", body=[1])[1].startswith("a request that is no JSON object")
    # Who does not hold the pen changes nothing.
    save = {"tab": "stranger", "revision": 0, "complete": True, "regions": []}
    assert line("api/files/1/labels", method="PUT", body=save)[0] == 409
    assert not (folder / "talk.labels.json").exists()

    def failed() -> str:
        return str(json.loads(client.page("api/files/0")[1]).get("error", ""))

    assert "not readable as audio" in wait_for(failed, "the broken recording is told")


def kws(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from kws.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


def test_labels_are_what_an_evaluation_hears(tmp_path: Path) -> None:
    """Two words and a false accept, labelled in a track: the real ``kws eval`` counts them."""
    model = write_tiny_model(tmp_path / "tiny.onnx")
    place = tmp_path / "recordings"
    place.mkdir()
    soundfile.write(place / "talk.wav", bursts((2.0, 4.0, 20.0), 90.0), 16_000)
    (tmp_path / "talk.txt").write_text("2.0\t2.5\tloud\n4.0\t4.5\tloud\n")
    assert kws("label", "import", place / "talk.wav", tmp_path / "talk.txt").stdout.startswith("2 labels taken over")
    labels = json.loads((place / "talk.labels.json").read_text())
    (place / "talk.labels.json").write_text(json.dumps(labels | {"complete": True}))
    test = tmp_path / "test"
    made = kws("label", "export", place, "--manifest", test / "manifest.csv", "--audacity", tmp_path / "tracks")
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith(f"{test / 'manifest.csv'}: 2 of 'loud', 1.4 minutes without")
    said = f"judge a model on it: kws eval MODEL --words {test}/words/loud --negatives {test}/negatives"
    assert made.stdout.splitlines()[1] == said
    assert (tmp_path / "tracks" / "talk.txt").read_text() == "2.000000\t2.500000\tloud\n4.000000\t4.500000\tloud\n"
    folders = ("--words", test / "words" / "loud", "--negatives", test / "negatives")
    heard = kws("eval", model, *folders, "--rooms", 0, "--with", "noise", "--processes", 1, "--json", "-")
    assert heard.returncode == 0, heard.stderr
    result = json.loads(heard.stdout)["results"][0]
    assert [(row["missed"], row["words"]) for row in result["words"]] == [(0, 2)]
    # From 4.5 + 1.2 to 90 s, in whole steps of 40 ms; before the first word there is less than a second. The burst at
    # 20 s is nobody's word.
    assert [row["false_accepts"] for row in result["negatives"]] == [1]
    assert result["negatives"][0]["hours"] == pytest.approx((90 - 5.7) / 3600, abs=0.04 / 3600)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("nowhere.wav",), "nowhere.wav: no such file or folder"),
        (("kws/assets/demo.flac", "--floor", "2", "--model", "kws/assets/computer.onnx"), "--floor is 2.0"),
        (("kws/assets/demo.flac", "--model", "README.md"), "README.md"),
        (
            ("export", "kws/assets/demo.flac"),
            "nothing to export to: accepted are --manifest FILE, --audacity DIR, or both",
        ),
        (
            ("export", "kws/assets/demo.flac", "--manifest", "nowhere/manifest.csv"),
            "kws/assets/demo.flac: nothing is labelled there yet",
        ),
    ],
)
def test_wrong_input_is_one_line_and_code_2(arguments: tuple, line: str) -> None:
    finished = kws("label", *arguments)
    assert finished.returncode == 2 and line in finished.stderr
    assert finished.stderr.startswith("error: ") and finished.stderr.count("\n") == 1


def test_a_port_that_is_taken_is_one_line(client: Client) -> None:
    finished = kws("label", "kws/assets/demo.flac", "--no-browser", "--port", client.port)
    assert finished.returncode == 2 and f"port {client.port} cannot be used" in finished.stderr
