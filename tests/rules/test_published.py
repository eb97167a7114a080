"""`make verify`: results as published are confirmed; others get one line with the first step, by how much, and why."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import published
import pytest
from digits.core.arrays import read_arrays
from digits.core.files import checked, whole_files
from project import CONFIG, RUNS, TENSORS, rewrite
from safetensors.numpy import save_file

WEIGHTS = f"{RUNS[1]}/weights.safetensors"


@pytest.fixture
def results(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The small project, published as if it were the default configuration's."""
    monkeypatch.setattr(published, "PUBLISHED", tmp_path / "published")
    monkeypatch.setattr(published, "merged", lambda name: {key: CONFIG[key] for key in ("models", "seeds", "recipes")})
    published.write(project, "config")
    return project


def test_results_as_published_are_confirmed(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert str(published.check(results, "config")).startswith(f"{TENSORS[0]}: has no seal (56 files have none); ")
    # Tensors and datasheet, weights and predictions of six runs, seven tables, 27 figures in both forms, six tables of
    # their numbers, the page.
    assert capsys.readouterr().out.startswith("all 56 files as published (docs/published/config.sha256)\n")


def made(path: Path, text: str, *sources: Path) -> Path:
    with whole_files(path, made_from=checked(sources)) as (part,):
        part.write_text(text)
    return path


def test_the_first_broken_link_of_the_chain_is_named(tmp_path: Path) -> None:
    raw = made(tmp_path / "resources/raw", "raw")
    made(tmp_path / "results/z-first", "1", made(tmp_path / "results/tensors/zero", "0", raw))
    made(tmp_path / "results/a-second", "2", tmp_path / "results/z-first")
    assert published.broken_link(tmp_path) is None
    (tmp_path / "results/z-first").write_text("other")
    assert published.broken_link(tmp_path) == (
        "results/z-first: changed since it was made; `snakemake --cores 4` makes it again"
    )
    made(tmp_path / "results/z-first", "other", tmp_path / "results/tensors/zero")
    assert str(published.broken_link(tmp_path)).startswith("results/a-second: made from another results/z-first; ")
    raw.write_text("other")
    assert str(published.broken_link(tmp_path)).startswith("results/tensors/zero: made from another resources/raw; ")


def change_a_weight(path: Path, **keys: Any) -> None:
    arrays, _ = read_arrays(path)
    rewrite(path, {"w1": arrays["w1"] * np.float32(1.001)}, **keys)


def change_images(path: Path) -> None:
    arrays, texts = read_arrays(path)
    save_file({**arrays, "images": 255 - arrays["images"]}, path, texts)


def recipe(path: Path) -> dict[str, object]:
    return {**CONFIG["recipes"]["linear"], "learning_rate": 7, "epochs": 4}


@pytest.mark.parametrize(
    ("name", "change", "cause"),
    [
        (WEIGHTS, change_a_weight, "a changed or damaged file, as no other run's weights differ; "),
        (
            WEIGHTS,
            lambda path: change_a_weight(path, recipe=recipe(path)),
            "another recipe; compare learning_rate, epochs",
        ),
        (WEIGHTS, lambda path: change_a_weight(path, processors=["cuda"]), "trained on cuda; published results are "),
        (TENSORS[1], change_images, "other images; "),
        ("results/summary.csv", lambda path: path.write_text("model\n"), "the code has changed since"),
    ],
)
def test_the_first_step_that_differs_is_named_with_the_likely_cause(
    results: Path, name: str, change: Callable[[Path], object], cause: str
) -> None:
    change(results / name)
    problem = published.check(results, "config")
    assert problem is not None and f" of 56 files are not as published; the first is {name}" in problem
    assert f"Likely cause: {cause}" in problem
    if name == WEIGHTS:
        accuracy = f"{published.measured(results)[RUNS[1].removeprefix('results/runs/')]['test_accuracy']:.2%}"
        assert f"(test accuracy {accuracy}, published {accuracy}; the norm of its weights differs by " in problem


def test_other_libraries_or_code_explain_what_the_run_itself_does_not(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for run in RUNS[:2]:
        change_a_weight(results / run / "weights.safetensors")
    monkeypatch.setattr(published, "source_fingerprint", lambda *_: "another")
    assert "Likely cause: the code of digits.train" in (published.check(results, "config") or "")
    monkeypatch.setattr(published, "is_installed", lambda pin: not pin.startswith("torch=="))
    assert "Likely cause: other libraries; requirements.lock has torch==" in (published.check(results, "config") or "")


def test_a_file_that_is_missing(results: Path) -> None:
    (results / WEIGHTS).unlink()
    assert (published.check(results, "config") or "").startswith(f"{WEIGHTS} is missing (1 of 56 files are); build ")


def test_the_locked_libraries_are_those_of_a_training() -> None:
    names = {pin.split("==")[0] for pin in published.locked()}
    assert {"torch", "numpy", "safetensors"} <= names and "matplotlib" not in names
    assert all(published.is_installed(pin) for pin in published.locked())
    assert not published.is_installed("numpy==0.1")


def test_a_configuration_is_merged_as_snakemake_merges_it() -> None:
    best = published.merged("best")
    assert best["models"] == ["best"] and {"linear", "best-single"} <= set(best["recipes"])
