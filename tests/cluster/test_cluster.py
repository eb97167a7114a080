"""All that is done to the cluster. What one job suffers alone happens at the same time as everything else, each in a project
of its own: most of it waits for a clock. What takes a part of the cluster away comes first, one after the other.
"""

import functools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import skip

from cluster import bits, failures
from cluster.conftest import OFTEN, starting


def by_name(*functions: Callable[..., None]) -> dict[str, Callable[..., None]]:
    return {function.__name__.replace("_", "-"): function for function in functions}


OUTAGES = by_name(failures.a_node_that_disappears, failures.a_scheduler_that_does_not_answer)
FAILURES = by_name(failures.a_killed_training, failures.a_cancelled_job, failures.too_little_memory)
FAILURES |= by_name(failures.too_little_time, failures.a_full_disk)
FAILURES |= {f"ctrl-c-{profile}": functools.partial(failures.ctrl_c, profile=profile) for profile in OFTEN}
QUICK = {f"quick-{profile}": profile for profile in OFTEN}
NAMES = [*OUTAGES, *FAILURES, *QUICK, "several-runs-share-a-job"]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[None]]]:
    """All of it, under way."""
    if not (bits.RESOURCES / "train-images-idx3-ubyte").exists():
        skip("the images are not there: make report")
    folders = {name: tmp_path_factory.mktemp(name) for name in [*NAMES, "small-locally", "quick-locally"]}
    build = bits.small_locally(folders["small-locally"])
    found: dict[str, Future[None]] = {}

    def suffer(failure: Callable[..., None], folder: Path, *more: object) -> None:
        with starting() as start, failures.lacking_two_runs(build, folder) as project:
            failure(start, project, build, *more)

    def compare(check: Callable[..., None], *arguments: object) -> None:
        with starting() as start:
            check(start, *arguments)

    with ThreadPoolExecutor(len(folders)) as pool:

        def undergo(name: str) -> None:
            over = threading.Event()
            found[name] = pool.submit(suffer, OUTAGES[name], folders[name], over.set)
            while not over.wait(timeout=1) and not found[name].done():
                pass

        undergo("a-node-that-disappears")
        local = pool.submit(bits.quick_locally, folders["quick-locally"])  # which needs no scheduler
        undergo("a-scheduler-that-does-not-answer")
        for name, profile in QUICK.items():  # first, as they take longest
            found[name] = pool.submit(compare, bits.quick_handed_over, folders[name], local.result(), profile)
        for name, failure in FAILURES.items():
            found[name] = pool.submit(suffer, failure, folders[name])
        name = "several-runs-share-a-job"
        found[name] = pool.submit(compare, bits.several_runs_share_a_job, folders[name], build)
        yield found


@pytest.mark.parametrize("name", NAMES)
def test_on_a_cluster(outcomes: dict[str, Future[None]], name: str) -> None:
    outcomes[name].result()
