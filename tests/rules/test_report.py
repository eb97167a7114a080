"""`digits.report`: one page that fetches nothing, whose numbers are those of the tables."""

import base64
import csv
import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from conftest import PLOTS, ROOT, Command, Ran, Refused
from digits.core.arithmetic import PORTABLE
from digits.core.files import sha256
from digits.rendering.words import extreme, first_of
from page import Page
from project import (
    ABOUT,
    COMPARISONS,
    CONFIG,
    EXPERIMENT_RUNS,
    EXPLANATION,
    FIGURES,
    MISTAKES,
    RECIPES,
    RUNS,
    TABLES,
    TENSORS,
    arguments,
    rewrite,
    rows,
)

PAGE, EXPLORER = "results/report.html", "results/explorer.json"
NOTEBOOKS = ROOT / "workflow" / "notebooks"
Rebuild = Callable[..., Page]


@pytest.fixture(scope="module")
def source(built: Path) -> str:
    return (built / PAGE).read_text()


@pytest.fixture(scope="module")
def page(source: str) -> Page:
    return Page(source)


def configured(**changes: object) -> list[str]:
    return ["--about", json.dumps({**ABOUT, "configuration": {**CONFIG, **changes}})]


@pytest.fixture
def rebuild(ran: Ran, monkeypatch: pytest.MonkeyPatch, project: Path) -> Rebuild:
    """Write the page of a copy of the project anew, with changes to its configuration."""
    monkeypatch.chdir(project)

    def run(*more: object, **changes: object) -> Page:
        ran("report", Path(), Path(), *more, *configured(**changes))
        return Page((project / PAGE).read_text())

    return run


def percent(fraction: Any, digits: int = 2) -> str:
    return f"{100 * float(fraction):.{digits}f}\u202f%"


def ends(low: Any, high: Any) -> str:
    return f"{100 * float(low):.2f} to {100 * float(high):.2f}\u202f%"


def of_model(path: Path, model: str = "linear") -> list[dict[str, str]]:
    return [row for row in rows(path) if row["model"] == model]


def mean(found: list[dict[str, str]], key: str) -> float:
    return sum(float(row[key]) for row in found) / len(found)


def images(page: Page, tiles: bool = False) -> list[dict[str, str]]:
    """The attributes of the page's figures, or of the test images among its text, which have a size."""
    found = [{k: v or "" for k, v in attributes.items()} for tag, attributes in page.elements if tag == "img"]
    return [attributes for attributes in found if ("width" in attributes) == tiles]


FRAMES = ("frame-src", "child-src", "object-src")


def hashes(texts: list[str]) -> str:
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts]
    return " ".join(f"'sha256-{digest}'" for digest in digests)


def test_nothing_is_fetched_and_only_our_scripts_run(built: Path, source: str, page: Page) -> None:
    assert page.open == [], "every element is closed"
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"link", "iframe", "object", "embed", "base", "video", "audio", "form"}
    for tag, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on")], tag
        for name in ("src", "srcset", *(["href"] if tag != "a" else []), "xlink:href", "background", "action"):
            assert (attributes.get(name) or "data:").startswith(("data:", "#")), f"{tag} {name}"
    ids = {f"#{attributes['id']}" for _, attributes in page.elements if "id" in attributes}
    links = {str(attributes["href"]) for tag, attributes in page.elements if tag == "a" and "href" in attributes}
    assert {link for link in links if not link.startswith("https://doi.org/")} <= ids
    assert "url(" not in source and "@import" not in source
    policy = [attributes["content"] for _, attributes in page.elements if attributes.get("http-equiv")]
    texts = re.findall("<script>(.*?)</script>", source, re.DOTALL)
    assert texts == [path.read_text() for path in sorted((NOTEBOOKS / "template").glob("*.js"))]
    (style,) = re.findall("<style>(.*?)</style>", source, re.DOTALL)
    nothing = "; ".join(f"{kind} 'none'" for kind in ("default-src", "base-uri", "form-action", *FRAMES))
    assert policy == [f"{nothing}; img-src data:; style-src {hashes([style])}; script-src {hashes(texts)}"]
    assert not [tag for tag, attributes in page.elements if "style" in attributes]
    kinds = [attributes for tag, attributes in page.elements if tag == "script" and attributes]
    expected = [{"type": "application/json", "id": name} for name in ("recorded", "files", "explorer")]
    assert kinds == expected, "data, which a browser does not run"
    data = source.partition('id="explorer" type="application/json">')[2].partition("</script>")[0]
    assert json.loads(data) == json.loads((built / EXPLORER).read_text())


def test_the_figures_are_within_and_described(built: Path, page: Page) -> None:
    found, kinds = {}, {".svg": "image/svg+xml", ".png": "image/png"}
    small = [attributes for tag, attributes in page.elements if tag == "source"]
    assert {attributes["media"] for attributes in small} == {"screen and (max-width: 44rem)"}, "on paper the wide form"
    for shown in [attributes["src"] for attributes in images(page)] + [str(form["srcset"]) for form in small]:
        media, data = shown.removeprefix("data:").split(";charset=utf-8,")
        found[unquote(data)] = media
    assert all(len(attributes["alt"]) > 40 for attributes in images(page))
    # The confusion matrix is a table, and mistakes are images with text; those files are for who wants them elsewhere.
    figures = [built / path for path in FIGURES if "confusion" not in path and "mistakes" not in path]
    assert found == {path.read_text().replace("\n", " "): kinds[path.suffix] for path in figures}
    assert len(images(page)) == len(small) == len(figures) / 2 == 12
    assert next(iter(found)) == (built / "results/figures/learning.svg").read_text().replace("\n", " ")


def test_it_opens_with_the_chosen_model_and_its_accuracy(built: Path, page: Page) -> None:
    runs, (summary,) = of_model(built / TABLES["metrics"]), of_model(built / TABLES["summary"])
    accuracies = [float(row["test_accuracy"]) for row in runs]
    assert page.text["h1"].strip().endswith(f" stops at {percent(0.3481)}")
    interval = summary["interval_low"], summary["interval_high"]
    wilson = (runs[0][f"test_interval_{end}"] for end in ("low", "high"))
    lowest_and_highest = f"{percent(min(accuracies))} to {percent(max(accuracies))}"
    for text in (percent(sum(accuracies) / 2), ends(*interval), lowest_and_highest, ends(*wilson)):
        assert text in page.text["p"]
    assert next(tag for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)) == "h1"


def test_its_tables_are_the_results(built: Path, page: Page) -> None:
    for row in rows(built / TABLES["metrics"]):
        shown = [row["model"], row["seed"], percent(row["test_accuracy"])]
        shown += [ends(row["test_interval_low"], row["test_interval_high"]), row["test_errors"]]
        likelihood = f"{float(row['negative_log_likelihood']):.3f}"
        assert [*shown, likelihood, percent(row["expected_calibration_error"])] in page.rows
    for row in rows(built / TABLES["summary"]):
        held_out = percent(row["validation_accuracy"]) if row["validation_accuracy"] else "—"
        interval = ends(row["interval_low"], row["interval_high"])
        shown = [row["model"], percent(row["test_accuracy"]), interval, percent(row["test_accuracy_std"])]
        assert [*shown, "2", held_out, f"{int(row['parameters']):,}"] in page.rows
        together = [percent(row["test_accuracy"]), percent(row["ensemble_accuracy"])]
        assert [row["model"], "2", *together, ends(row["ensemble_low"], row["ensemble_high"])] in page.rows
    measures = [json.loads((built / run / "metrics.json").read_text()) for run in RUNS[2:4]]
    first, second = (found["snapshots"][0]["accuracy"] for found in measures)
    assert ["1", percent(0.1871), percent(first), percent(second)] in page.rows, "the post's beside ours"
    linear = of_model(built / TABLES["metrics"])
    kinds = ("", "calibrated_")
    calibration = [f"{mean(linear, f'{kind}negative_log_likelihood'):.3f}" for kind in kinds]
    calibration += [percent(mean(linear, f"{kind}expected_calibration_error")) for kind in kinds]
    assert mean(linear, "temperature") > 1000
    assert ["linear", "> 1,000", *calibration] in page.rows


def test_the_ladder_has_a_row_and_a_paragraph_for_each_rung(built: Path, page: Page) -> None:
    foot, top, _ = rows(built / COMPARISONS["table"])
    (shown,) = [cells for cells in page.rows if cells[:1] == ["linear"] and "one layer" in cells]
    assert shown[1] == percent(foot["test_accuracy"])
    assert shown[3:] == ["one layer", "7,850", "1×"]
    # Forward 2 · 784 · 10 operations an image, and as many for the gradient of the weights; 3 epochs of 400 images.
    assert "multiple of those of linear (3.8 × 10⁷ floating-point operations)" in page.text["caption"]
    (shown,) = [cells for cells in page.rows if cells[::2][:2] == ["published", "linear"]]
    gained = 100 * float(top["difference"])
    low, high = max(100 * float(top["difference_low"]), -100), min(100 * float(top["difference_high"]), 100)
    star, p = " *" if top["significant"] == "True" else "", float(top["p_adjusted"])
    expected = [f"{gained:+.2f} ({low:.2f} to {high:.2f}){star}", f"{float(top['images']):+.1f}"]
    assert shown[1::2] == [text.replace("-", "−") for text in expected]
    assert shown[4] == ("< 0.001" if p < 0.001 else f"{p:.2g}")
    for rung in CONFIG["ladder"]:
        assert f"{rung['model']}: {rung['adds']}." in page.text["strong"] and rung["why"] in page.text["p"]


def test_without_a_ladder_and_with_suspected_label_errors(ran: Ran, rebuild: Rebuild, project: Path) -> None:
    for run in RUNS:
        ran("evaluate", Path(), Path(), "--label-errors", "[0, 5, 7]", run=run)
    ran("summarise", Path(), Path())
    figures = [path for path in FIGURES if "ladder" not in path]
    dataset = {**CONFIG["dataset"], "label_errors": [0, 5, 7], "about": "**Licence.** Ask my <i>aunt</i>."}
    page = rebuild("--ladder", "--figures", *figures, ladder=[], dataset=dataset)
    assert "ladder" not in page.text["h3"] and len(images(page)) == 11
    assert "no. 0, 5, 7." in page.text["p"]
    runs = of_model(project / TABLES["metrics"])
    means = [percent(mean(runs, f"test_accuracy{kind}")) for kind in ("", "_without_label_errors")]
    assert ["linear", *means] in page.rows
    assert "Licence." in page.text["strong"], "what the configuration says of the images"
    assert "Ask my <i>aunt</i>." in page.text["p"] and "i" not in page.text, "in Markdown, which holds no HTML"


def test_another_kind_of_processor_is_marked(rebuild: Rebuild, project: Path) -> None:
    assert "another kind of processor" not in rebuild().text["strong"]
    path = project / RUNS[3] / "metrics.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "processors": ["cuda", PORTABLE]}))
    page = rebuild()
    assert "another kind of processor" in page.text["strong"] and "computed on cuda." in page.text["p"]


NAMES = {"linear": "30", "published": "500", "tiny-conv": "nan"}


def renamed(text: str) -> str:
    for name, number in NAMES.items():
        text = text.replace(name, number)
    return text


def test_a_model_may_be_named_by_a_number(
    command: Command, monkeypatch: pytest.MonkeyPatch, built: Path, page: Page, tmp_path: Path
) -> None:
    """From the trained weights on, each step says of `30` what it says of `linear`, and the page too."""
    project = tmp_path / "project"
    shutil.copytree(built / "results" / "tensors", project / "results" / "tensors")
    for run in dict.fromkeys([*RUNS, *EXPERIMENT_RUNS]):
        folder = shutil.copytree(built / run, project / renamed(run))
        for name in ("weights", "snapshots"):
            rewrite(folder / f"{name}.safetensors", model=renamed(run.split("/")[2]))
    monkeypatch.chdir(project)
    steps = [*(("evaluate", run) for run in RUNS)]
    steps += [(name, RUNS[0]) for name in ("summarise", "compare", "explain", *PLOTS, "explore", "report")]
    for name, run in steps:
        result = command(name, *map(renamed, arguments(name, Path(), Path(), run)))
        assert result.status == 0, result.output
    assert Page((project / PAGE).read_text()).rows == [[renamed(cell) for cell in row] for row in page.rows]


def test_it_says_how_it_was_made(built: Path, page: Page) -> None:
    for path in (*TENSORS, *(f"{run}/weights.safetensors" for run in RUNS)):
        assert f"{sha256(built / path)}  {path}" in page.text["pre"]
    for name, checksum in CONFIG["dataset"]["sha256"].items():
        assert f"{checksum}  resources/{name}" in page.text["pre"]
    assert "learning_rate: 50" in page.text["pre"] and "torch==2.13.0" in page.text["pre"]
    assert (
        "snakemake --cores 1 --configfile config.yaml --force results/runs/balanced/seed-0/history.csv   # train"
        in page.text["pre"]
    )
    (workflow,) = [image["alt"] for image in images(page) if "The workflow" in image["alt"]]
    assert "train (12 jobs) needs convert; evaluate (6 jobs) needs convert, train" in workflow
    assert "linear." in page.text["strong"] and "wx + b" in page.text["p"] + page.text["li"]
    assert "Model card of linear" in page.text["h2"]
    # The small data set is not the whole of MNIST, and its checksums say so.
    about_data = page.text["p"].partition("To cite this report")[0]
    assert "MNIST" not in about_data.replace("mnist/", "") and "Licence" not in page.text["strong"]


def test_what_a_recipe_leaves_to_the_images_is_said_as_it_was_decided(rebuild: Rebuild) -> None:
    """Of 500 training images, a fifth is held out, and batches of the 400 others have 16, the fewest."""
    page = rebuild(recipes={**RECIPES, "linear": {**RECIPES["linear"], "batch_size": "auto", "validation_size": 0.2}})
    (row,) = [cells for cells in page.rows if cells[0] == "linear" and "400" in cells]
    assert row[3] == "16" and row[-2] == "100 (20\u202f%)"
    assert "with batches of 16," in page.text["p"] and "20\u202f% of the training images are held out" in page.text["p"]


def test_a_second_source_of_accuracies_has_a_column_of_its_own(rebuild: Rebuild) -> None:
    post, book = ({"model": "published", "accuracy": 0.5, "source": source} for source in ("a post", "a book"))
    found = rebuild(references=[{**post, "epoch": 1}, {**book, "epoch": 3, "accuracy": 0.6}]).rows
    header = found.index(["epoch", "a post", "here, seed 0", "here, seed 1", "a book"])
    shown = [(cells[0], cells[1], cells[-1]) for cells in found[header + 1 : header + 3]]
    assert shown == [("1", percent(0.5), "—"), ("3", "—", percent(0.6))]


def test_what_good_models_misclassify_is_shown(rebuild: Rebuild, project: Path) -> None:
    right = {"test_accuracy": "0.9", "test_errors": "20", "test_interval_high": "0.95"}
    rewrite_rows(project / TABLES["metrics"], "tiny-conv", right)
    (project / MISTAKES).write_text("image,label,predicted,agree,runs\n7,3,5,2,2\n9,4,9,1,2\n")
    page = rebuild(dataset={**CONFIG["dataset"], "label_errors": [7, 11]})
    assert re.search(r"tiny-conv\W.*\b2 runs\b.*\b2 of 200 test images.*\(no\. 7\)", page.text["p"])
    shared = [image["alt"] for image in images(page, tiles=True) if image["alt"].endswith("runs")]
    assert shared == [
        "Test image no. 7: 3 classified as 5 by 2 of 2 runs",
        "Test image no. 9: 4 classified as 9 by 1 of 2 runs",
    ]


def test_equal_runs_and_scores_that_say_nothing(rebuild: Rebuild, project: Path) -> None:
    """Neither an interval without width nor a temperature at the end of where it is looked for is shown as if it were measured."""
    first = of_model(project / TABLES["metrics"])[0]
    same = {key: first[key] for key in ("test_accuracy", "test_errors", "test_interval_low", "test_interval_high")}
    calibrated = {
        "temperature": "9999.99",
        "calibrated_negative_log_likelihood": "2.3",
        "calibrated_expected_calibration_error": "0",
    }
    rewrite_rows(project / TABLES["metrics"], "linear", {**same, **calibrated})
    share = first["test_accuracy"]
    rewrite_rows(
        project / TABLES["summary"],
        "linear",
        {"test_accuracy": share, "test_errors": first["test_errors"], "interval_low": "", "interval_high": ""},
    )
    page = rebuild()
    wilson = ends(first["test_interval_low"], first["test_interval_high"])
    assert (
        f"the same in 2 runs with different seeds (95 % interval for the size of the test set {wilson})"
        in page.text["p"]
    )
    low, high = (float(first[f"test_interval_{end}"]) for end in ("low", "high"))
    close = [row["model"] for row in rows(project / TABLES["summary"]) if low <= float(row["test_accuracy"]) <= high]
    assert (
        f" and {close[-1]} score{'s' * (len(close) == 2)} within its 95 % interval ({wilson}), and may"
        in f" and {page.text['p']}"
    )
    assert [cells[1] for cells in page.rows if cells[0] == "linear" and len(cells) == 6][-1] == "> 1,000"
    worst, least = extreme(json.loads((project / RUNS[0] / "metrics.json").read_text())["test"]["per_class"], min)
    assert f"reads {first_of(worst, 3)} worst (recall {percent(least, 1)})" in page.text["li"]


def rewrite_rows(path: Path, model: str, changes: dict[str, str]) -> None:
    table = rows(path)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, table[0])
        writer.writeheader()
        writer.writerows({**row, **changes} if row["model"] == model else row for row in table)


def test_no_code_cell_is_shown(source: str, page: Page) -> None:
    cells = json.loads((NOTEBOOKS / "report.ipynb").read_text())["cells"]
    lines = [line.strip() for cell in cells if cell["cell_type"] == "code" for line in cell["source"]]
    code = [line for line in lines if re.search(r"[=(]", line) and len(line) > 15 and not line.startswith(('f"', '"'))]
    assert len(code) > 50
    shown = " ".join(page.text.values())
    assert not [line for line in code if line in shown]
    assert 'class="highlight' not in source and "In&nbsp;[" not in source


READ = {
    f"{RUNS[0]}/metrics.json": "evaluate",
    TABLES["metrics"]: "summarise",
    TABLES["summary"]: "summarise",
    COMPARISONS["table"]: "compare",
    TENSORS[0]: "convert",
}


@pytest.mark.parametrize(("path", "maker"), READ.items())
def test_what_is_something_else_is_named(project: Path, refused: Refused, path: str, maker: str) -> None:
    (project / path).write_text("{}")
    wanted = rf"error: {project / path}: not a file that `digits\.{maker}` wrote \(.*\); delete it and start again"
    assert re.fullmatch(wanted, refused("report", project))


@pytest.mark.parametrize(
    ("path", "old", "new", "error"),
    [
        (MISTAKES, "runs\n", "runs\n7,3,x,2,2\n", "plot_mistakes` wrote (x: none of the classes that were measured); "),
        (
            EXPLANATION["learning"],
            "recall_0",
            "recall_x",
            "explain` wrote (x: none of the classes that were measured); ",
        ),
        (EXPLORER, '"labels":"', '"labels":"////', "explore` wrote (labels is not of its classes); "),
        (EXPLANATION["experiment"], "normal,", ",", "explain` wrote (row 1, init: nothing is not a text); "),
    ],
)
def test_what_the_notebook_reads_is_checked(
    project: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch, path: str, old: str, new: str, error: str
) -> None:
    text = (project / path).read_text()
    assert old in text
    (project / path).write_text(text.replace(old, new, 1))
    monkeypatch.chdir(project)
    line = arguments("report", Path(), Path())
    assert refused("report", project, *line).startswith(f"error: {path}: not a file that `digits.{error}delete it ")


def test_measures_that_lack_a_part(project: Path, refused: Refused) -> None:
    (project / RUNS[0] / "metrics.json").write_text('{"model": "linear", "seed": 0}')
    assert "not a file that `digits.evaluate` wrote (no 'parameters'); " in refused("report", project)


def test_all_that_is_missing_is_named(tmp_path: Path, refused: Refused) -> None:
    error = refused("report", tmp_path)
    assert re.match(
        f"error: missing: {tmp_path}/{TABLES['metrics']}, .* and \\d\\d more; build what the report is", error
    )
    assert all(f"{tmp_path}/{path}, " in error for path in (*TABLES.values(), MISTAKES, EXPLORER))


def test_runs_that_are_not_the_configurations_are_named(built: Path, refused: Refused) -> None:
    metrics, weights = ([built / run / name for run in RUNS] for name in ("metrics.json", "weights.safetensors"))
    too_many = "linear seed 1, published seed 1, tiny-conv seed 1 is not in the configuration; "
    for more, where, message in (
        (configured(seeds=[0]), built / TABLES["metrics"], too_many),
        (
            configured(models=["small", *CONFIG["models"]]),
            built / TABLES["metrics"],
            "small seed 0, small seed 1 is mis",
        ),
        (["--runs", *metrics[1:]], "--runs", "linear seed 0 is missing; "),
        (["--runs", *metrics, metrics[0]], "--runs", "duplicate run; "),
        (["--weights", *weights[1:]], "--weights", "5 files for 6 runs; "),
    ):
        assert refused("report", built, *more).startswith(f"error: {where}: {message}")


@pytest.mark.parametrize("path", [TABLES["summary"], COMPARISONS["table"]])
def test_a_table_of_other_models_is_named(project: Path, refused: Refused, path: str) -> None:
    lines = (project / path).read_text().splitlines(keepends=True)
    (project / path).write_text("".join(lines[:-1]))
    error = refused("report", project)
    assert error.startswith(f"error: {project / path}: it is about linear, published, but ") and "tiny-conv" in error
