"""A report about other images than MNIST's reads as if it had been made for them."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from conftest import PLOTS, Command
from digits.core.arrays import label_type
from digits.data.tensors import Split
from digits.statistics.by_class import RANKED
from page import Page
from project import ABOUT, CONFIG, FIGURES, RUNS, arguments, rows, write_data

MODELS = ["linear", "tiny-conv"]
OWN_RUNS = [run for run in RUNS if run.split("/")[2] in MODELS]
FIRST = OWN_RUNS[::2]
OF_MNIST = r"tutorials?|mnist|digits?|numerals?|strokes?|pens?|writers?|writing|ink|handwrit\w*|drawn|cheques"
THE_SAME = {"ladder": [], "references": [], "experiment": {"explains": None, "beside": None, "recipes": []}}
NUMBERS = np.random.default_rng(0)


def images(
    count: int, classes: int, shape: tuple[int, ...], ground: int, largest: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return images, each class with a bar in a place of its own, and labels; the first class has `largest` times as many."""
    labels = np.resize([0] * (largest - 1) + [*range(classes)], count)
    found = NUMBERS.integers(ground, ground + 20, (count, *shape)).astype(np.uint8)
    for image, label in zip(found, labels, strict=True):
        image[..., 4:16, 3 + label * 16 // classes] = 230
    return found, labels.astype(label_type(classes))


def page_about(command: Command, names: list[str], shape: tuple[int, ...], ground: int, largest: int) -> Page:
    """Build the report about made-up images, in the working folder, from their tensors on."""
    counts = max(150, 2 * len(names)), max(60, len(names))
    train, test = (Split(*images(count, len(names), shape, ground, largest), names) for count in counts)
    write_data(Path(), train, test)
    figures = [
        path for path in FIGURES if not any(part in path for part in ("ladder", "learning", "experiment", "slopes"))
    ]
    numbers = [
        f"results/figures/{name}.csv"
        for name in ("class-counts", "class-means", "curves", "calibration", "first-layers")
    ]
    recipes = {model: CONFIG["recipes"][model] for model in MODELS}
    dataset = {
        **CONFIG["dataset"],
        "format": "idx" if ground == 0 else "images",
        "sources": [],
        "about": "",
        "label_errors": [],
    }
    about = {**ABOUT, "configuration": {**CONFIG, **THE_SAME, "models": MODELS, "recipes": recipes, "dataset": dataset}}
    runs = {"--runs": OWN_RUNS, "--ensembles": []}
    more: dict[str, dict[str, list[str]]] = {
        "summarise": {
            "--runs": [f"{run}/metrics.json" for run in OWN_RUNS],
            "--predictions": [f"{run}/predictions.safetensors" for run in OWN_RUNS],
        },
        "plot_results": {**runs, "--references": ["[]"]},
        "plot_mistakes": runs,
        "plot_weights": runs,
        "explore": {
            "--models": MODELS,
            "--predictions": [f"{run}/predictions.safetensors" for run in FIRST],
            "--metrics": [f"{run}/metrics.json" for run in FIRST],
            "--weights": [f"{run}/weights.safetensors" for run in FIRST],
            "--label-errors": ["[]"],
        },
        "report": {
            "--runs": [f"{run}/metrics.json" for run in OWN_RUNS],
            "--weights": [f"{run}/weights.safetensors" for run in OWN_RUNS],
            "--figures": figures,
            "--numbers": numbers,
            "--about": [json.dumps(about)],
            **{f"--{name}": [] for name in ("ladder", "learning", "experiment")},
        },
    }
    plots = [name for name in PLOTS if name not in {"plot_ladder", "plot_experiment"}]
    steps = [(name, run) for run in OWN_RUNS for name in ("train", "evaluate")]
    for name, run in [*steps, *((name, RUNS[0]) for name in ("summarise", *plots, "explore", "report"))]:
        changed = [word for option, words in more.get(name, {}).items() for word in (option, *words)]
        result = command(name, *arguments(name, Path(), Path(), run), *changed)
        assert result.status == 0, f"{name}: {result.output}"
    return Page(Path("results/report.html").read_text())


@pytest.mark.parametrize(
    ("names", "shape", "ground", "largest", "said"),
    [
        (["a rose", "an oak", "moss"], (3, 20, 24), 60, 3, "coloured"),
        (["T-shirt", "boot"], (20, 20), 0, 1, "grey"),
        ([f"kind {number}" for number in range(300)], (20, 20), 60, 1, "300 classes"),
    ],
)
def test_nothing_is_said_of_digits(
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    names: list[str],
    shape: tuple[int, ...],
    ground: int,
    largest: int,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    page = page_about(command, names, shape, ground, largest)
    texts = [text for tag, text in page.text.items() if tag not in {"pre", "code", "script", "style"}]
    texts += [str(attributes.get(name)) for _, attributes in page.elements for name in ("alt", "aria-label", "title")]
    whole = " ".join(texts).replace("The digits contributors (2026). Digits (version", "")
    assert re.findall(rf"[^.]{{0,40}}\b(?:{OF_MNIST})\b[^.]{{0,40}}", whole, re.IGNORECASE) == []
    assert said in page.text["p"] + page.text["li"] and "of 20×" in page.text["p"]
    assert f"They came from the user's own {'IDX' if ground == 0 else 'image'} files." in page.text["p"].replace(
        "\n", " "
    )
    assert "About 25\u202f% of the images were set aside as test images, by their content" in page.text["p"]
    assert "The files have 2 sizes, from 30×40 to 90×80 pixels" in page.text["p"]
    for row in rows(Path("results/metrics.csv")):
        ends = (100 * float(row[f"test_macro_f1_{end}"]) for end in ("low", "high"))
        shown = f"{100 * float(row['test_macro_f1']):.2f}\u202f% ({{:.1f}} to {{:.1f}}\u202f%)".format(*ends)
        assert any(cells[:2] == [row["model"], row["seed"]] and shown in cells for cells in page.rows) == (largest > 1)
    always = [["always a rose", "60.00\u202f%", "—", "33.33\u202f%", "25.00\u202f%", "—", "—", "—", "0"]]
    assert [cells for cells in page.rows if cells[0].startswith("always")] == (always if largest > 1 else [])
    beaten = "always answering a rose would get 60\u202f% right" if largest > 1 else "guessing would get"
    assert beaten in page.text["p"].replace("\n", " ")
    by_class = json.loads(Path(FIRST[0], "metrics.json").read_text())["test"]["per_class"][-1]
    ranks = [f"{100 * by_class[name]:.1f}\u202f%" for name in ("f1", *RANKED)]
    assert any(cells[0] == names[-1] and cells[-4:] == ranks for cells in page.rows) == (largest > 1)
    assert Path("results/report.html").stat().st_size < 2_500_000
