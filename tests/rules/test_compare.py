"""`digits.compare`: the ladder's tables against numbers worked out by hand and those of other libraries."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats
from conftest import Command, Refused
from digits.core.arithmetic import PORTABLE
from digits.statistics.metrics import evaluate_logits
from project import COMPARISONS, RUNS, rows
from safetensors.numpy import load_file, save_file

IMAGES = 100
COLUMNS = [
    *("model", "adds", "against", "beside", "runs", "parameters", "training_flops"),
    *("test_accuracy", "interval_low", "interval_high", "difference", "difference_low", "difference_high"),
    *("images", "p_value", "p_adjusted", "significant"),
]


def rung(model: str, against: str | None = None, beside: bool = False) -> dict[str, Any]:
    return {"model": model, "adds": f"what {model} adds", "against": against, "beside": beside}


def write_run(folder: Path, model: str, seed: int, wrong: range, counted: range = range(IMAGES), **more: Any) -> None:
    """Write measures and predictions of a network that reads all images right but those in `wrong`."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers, labels = np.arange(IMAGES), (np.arange(IMAGES) % 10).astype(np.uint8)
    logits = np.eye(10, dtype=np.float32)[np.where(np.isin(numbers, wrong), (labels + 1) % 10, labels)]
    arrays: dict[str, np.ndarray] = {"logits": logits, "labels": labels, "counted": np.isin(numbers, counted)}
    save_file(arrays, folder / f"{model}-{seed}.safetensors")
    of_these = arrays["counted"]
    counts = {"seed": seed, "parameters": 7850, "epochs": 1, "train_size": 400, "training_flops": 2_000_000}
    measures: dict[str, Any] = {
        "model": model,
        **counts,
        "processors": [PORTABLE],
        "validation_accuracy": None,
        "validation": None,
        "temperature": None,
    }
    measures |= {"test": evaluate_logits(logits[of_these], labels[of_these], list("0123456789")), "snapshots": []}
    (folder / f"{model}-{seed}.json").write_text(json.dumps({**measures, **more}))


def line(folder: Path, ladder: list[dict[str, Any]], target: Path) -> list[str]:
    """The command line on all runs of a folder, the last seeds first."""
    runs = sorted(folder.glob("*.json"), reverse=True)
    given = ["--runs", *map(str, runs), "--predictions", *(str(run.with_suffix(".safetensors")) for run in runs)]
    outputs = [part for option, path in COMPARISONS.items() for part in (f"--{option}", str(target / path))]
    return ["--ladder", json.dumps(ladder), *given, *outputs]


def compare(command: Command, folder: Path, ladder: list[dict[str, Any]], target: Path) -> list[list[dict[str, str]]]:
    result = command("compare", *line(folder, ladder, target))
    assert result.status == 0 and result.output.startswith(f"{len(ladder)} rungs, "), result.output
    return [rows(target / path) for path in COMPARISONS.values()]


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """Three seeds of a foot, of a better model, and of one that is better in two seeds and worse in one.

    Wrong of a: 40 each. Wrong of b: 10, 14, 12, all of them wrong in a too, so that b gains 30, 26 and 28 images.
    """
    folder = tmp_path / "runs"
    for seed, (b, c) in enumerate([(10, 35), (14, 30), (12, 50)]):
        write_run(folder, "a", seed, range(40))
        write_run(folder, "b", seed, range(b), training_flops=3_000_000, parameters=9000)
        write_run(folder, "c", seed, range(c), training_flops=None)
    return folder


def test_a_line_for_each_rung(command: Command, three: Path, target: Path) -> None:
    (a, b, c), _ = compare(command, three, [rung("a"), rung("b", "a"), rung("c", "a", beside=True)], target)
    assert list(a) == COLUMNS
    assert [a[name] for name in COLUMNS[:8]] == ["a", "what a adds", "", "False", "3", "7850", "2000000.0", "0.6"]
    assert [a[name] for name in COLUMNS[10:]] == ["", "", "", "", "", "", "False"], "the foot is compared with nothing"
    assert [b[name] for name in COLUMNS[:7]] == ["b", "what b adds", "a", "False", "3", "9000", "3000000.0"]
    # Accuracies 0.90, 0.86, 0.88: mean 0.88, standard deviation 0.02; t is 4.302653, so 0.88 ± 4.302653 · 0.02 / √3.
    shown = [float(b[name]) for name in ("test_accuracy", "interval_low", "interval_high")]
    assert shown == pytest.approx([0.88, 0.8303172, 0.9296828], abs=1e-7)
    # Gained 0.30, 0.26, 0.28: the same interval around 0.28, which is 28 images.
    shown = [float(b[name]) for name in ("difference", "difference_low", "difference_high", "images")]
    assert shown == pytest.approx([0.28, 0.2303172, 0.3296828, 28], abs=1e-7)
    theirs = scipy.stats.ttest_rel([0.90, 0.86, 0.88], [0.6] * 3).confidence_interval()
    assert shown[1:3] == pytest.approx([theirs.low, theirs.high])
    # All images that only one reads right fall to b. P-values 2 / 2^30, 2 / 2^26, 2 / 2^28: 3/2 of the middle one, of
    # 2^28. Of two comparisons the smaller p-value is doubled.
    assert float(b["p_value"]) == pytest.approx(1.5 * 2 / 2**28)
    assert float(b["p_adjusted"]) == pytest.approx(2 * 1.5 * 2 / 2**28)
    assert b["significant"] == "True"
    assert (c["against"], c["beside"], c["training_flops"]) == ("a", "True", "")


def test_seeds_that_contradict_each_other_are_not_significant(command: Command, three: Path, target: Path) -> None:
    """Gained by c: 5, 10 and -10 images. The p-values 2 / 2^5, 2 / 2^10 and 2 / 2^10 say that the networks differ, but which
    is better depends on the seed.
    """
    (_, c), _ = compare(command, three, [rung("a"), rung("c", "a")], target)
    assert float(c["p_value"]) == pytest.approx(1.5 * 2 / 2**10)
    assert float(c["difference"]) == pytest.approx(5 / 3 / 100)
    assert float(c["difference_low"]) < 0 < float(c["difference_high"])
    assert c["significant"] == "False"


def test_a_line_for_each_rung_and_seed(command: Command, three: Path, target: Path) -> None:
    _, found = compare(command, three, [rung("b"), rung("c", "b")], target)
    expected = [["c", "b", "0", "0", "25"], ["c", "b", "1", "0", "16"], ["c", "b", "2", "0", "38"]]
    assert [list(row.values())[:5] for row in found] == expected
    assert [float(row["p_value"]) for row in found] == pytest.approx([2 / 2**25, 2 / 2**16, 2 / 2**38])


def test_one_seed_has_no_interval_but_a_p_value(command: Command, tmp_path: Path, target: Path) -> None:
    write_run(tmp_path / "runs", "a", 7, range(40))
    write_run(tmp_path / "runs", "b", 7, range(30, 50))  # 30 right where a is wrong, 10 the other way round
    (_, b), (row,) = compare(command, tmp_path / "runs", [rung("a"), rung("b", "a")], target)
    assert (row["only_model_correct"], row["only_against_correct"]) == ("30", "10")
    assert float(b["p_value"]) == pytest.approx(scipy.stats.binomtest(10, 40).pvalue)
    assert (b["difference"], b["difference_low"], b["significant"]) == ("0.2", "", "True")


def test_only_images_that_both_count_are_compared(command: Command, tmp_path: Path, target: Path) -> None:
    """Of images 20 to 59, which both count, a reads 20 to 39 wrongly and b none."""
    write_run(tmp_path / "runs", "a", 0, range(40), range(60))
    write_run(tmp_path / "runs", "b", 0, range(10), range(20, 100))
    (_, b), (row,) = compare(command, tmp_path / "runs", [rung("a"), rung("b", "a")], target)
    assert (row["only_model_correct"], row["only_against_correct"]) == ("20", "0")
    assert (float(b["difference"]), float(b["images"])) == (0.5, 20)


def test_a_ladder_of_one_rung(command: Command, three: Path, target: Path) -> None:
    ladder, found = compare(command, three, [rung("a")], target)
    assert len(ladder) == 1 and found == []
    header = "model,against,seed,only_model_correct,only_against_correct,p_value\n"
    assert (target / COMPARISONS["comparisons"]).read_text() == header


@pytest.mark.parametrize(
    ("ladder", "message"),
    [
        *((text, "--ladder: expected a JSON list of rungs") for text in ("{", "[3]", '[{"model": "a"}]')),
        ("[]", "--ladder: no rungs; "),
        *((json.dumps([it]), "--runs: no run of wide, ") for it in (rung("wide"), rung("linear", "wide"))),
    ],
)
def test_a_ladder_that_is_none(measured: Path, refused: Refused, ladder: str, message: str) -> None:
    assert refused("compare", measured, "--ladder", ladder).startswith(f"error: {message}")


def test_runs_that_cannot_be_compared(tmp_path: Path, target: Path, refused: Refused) -> None:
    write_run(tmp_path / "runs", "a", 0, range(4), range(50))
    for seed, message in ((1, "--runs: b and a have no seed in common; "), (0, "ladder: b and a share no class; ")):
        write_run(tmp_path / "runs", "b", seed, range(4), range(50, IMAGES))
        more = line(tmp_path / "runs", [rung("a"), rung("b", "a")], target)
        assert refused("compare", tmp_path, *more).startswith(f"error: {message}")


@pytest.mark.parametrize("name", ["compare", "summarise"])
def test_predictions_that_are_not_of_the_same_images(project: Path, refused: Refused, name: str) -> None:
    first, other = (project / run / "predictions.safetensors" for run in (RUNS[0], RUNS[3]))
    error = refused(name, project, "--predictions", first)
    assert error.startswith("error: --predictions: 1 files for 6 runs; ")
    arrays = load_file(other)
    save_file({**arrays, "labels": arrays["labels"][::-1].copy()}, other)
    error = refused(name, project)
    assert "not about the same images as" in error and str(other) in error


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"counted": np.ones(200, np.uint8)}, "counted: uint8 [200] is not bool [200]"),
        ({"counted": np.ones(199, np.bool_)}, "counted: bool [199] is not bool [200]"),
        ({"labels": np.full(200, 10, np.uint8)}, "label 10 of 10 classes"),
        ({"logits": np.zeros((200, 10))}, "logits: float64 [200, 10] is not float32 [N, classes]"),
        ({"logits": np.full((200, 10), np.nan, np.float32)}, "logits: those of image 0 are not finite"),
        ({"other": np.zeros(1)}, "other: unknown"),
    ],
)
def test_other_predictions(project: Path, refused: Refused, change: dict[str, np.ndarray], reason: str) -> None:
    path = project / RUNS[0] / "predictions.safetensors"
    save_file({**load_file(path), **change}, path)
    error = refused("compare", project)
    assert error.startswith(f"error: {path}: not a file that `digits.evaluate` wrote ({reason}); ")
