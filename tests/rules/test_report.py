"""`digits.report`: one page that fetches nothing, whose numbers are those of the tables, with the same bytes everywhere."""

import base64
import csv
import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest
from conftest import PLOTS, Command, Refused
from digits.networks.weights import load_weights, save_weights
from page import Page
from project import (
    ABOUT,
    COMPARISONS,
    CONFIG,
    EXPLORER,
    FIGURES,
    MISTAKES,
    ROOT,
    RUNS,
    SHOWN,
    TABLES,
    TENSORS,
    arguments,
    built_by,
)

PAGE = "results/report.html"
TEMPLATE = ROOT / "workflow" / "notebooks" / "template"


@pytest.fixture(scope="module")
def source(built: Path) -> str:
    return (built / PAGE).read_text()


@pytest.fixture(scope="module")
def page(source: str) -> Page:
    return Page(source)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def percent(share: float, digits: int) -> str:
    return f"{100 * share:.{digits}f}\u202f%"


def test_nothing_is_fetched_and_only_our_scripts_run(source: str, page: Page) -> None:
    assert page.open == [], "every element is closed"
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"link", "iframe", "object", "embed", "base", "video", "audio", "form"}
    for tag, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on")], tag
        for name in ("src", "srcset", "href", "xlink:href", "background", "action"):
            assert (attributes.get(name) or "data:").startswith(("data:", "#")), f"{tag} {name}"
    assert "url(" not in source and "@import" not in source
    policy = [attributes["content"] for _, attributes in page.elements if attributes.get("http-equiv")]
    texts = re.findall("<script>(.*?)</script>", source, re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts]
    assert texts == [path.read_text() for path in sorted(TEMPLATE.glob("*.js"))]
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    assert policy == [f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {allowed}"]
    (kind,) = [attributes for tag, attributes in page.elements if tag == "script" and attributes]
    assert kind == {"type": "application/json", "id": "explorer"}, "data, which a browser does not run"


def test_the_data_of_its_scripts_is_within(built: Path, page: Page) -> None:
    (data,) = re.findall(r"\{.*\}", page.text["script"].splitlines()[0])
    assert json.loads(data) == json.loads((built / EXPLORER).read_text())


def test_the_figures_are_within_and_described(built: Path, page: Page) -> None:
    images = [attributes for tag, attributes in page.elements if tag == "img"]
    found = {}
    for attributes in images:
        media, data = str(attributes["src"]).removeprefix("data:").split(";base64,")
        found[base64.b64decode(data)] = media
        assert len(str(attributes["alt"])) > 40
    kinds = {".svg": "image/svg+xml", ".png": "image/png"}
    # The confusion matrix is a table; no model of the small project is good enough for what all good ones misread.
    figures = [built / path for path in FIGURES if "confusion" not in path and "shared" not in path]
    assert found == {path.read_bytes(): kinds[path.suffix] for path in figures}
    assert len(images) == len(figures) == 10
    assert "No model here" in page.text["p"]
    first = next(attributes for attributes in images)
    assert (
        base64.b64decode(str(first["src"]).partition("base64,")[2])
        == (built / "results/figures/ladder.svg").read_bytes()
    )


def test_it_opens_with_the_chosen_model_and_its_accuracy(built: Path, page: Page) -> None:
    runs = [row for row in rows(built / TABLES["metrics"]) if row["model"] == "linear"]
    accuracies = [float(row["test_accuracy"]) for row in runs]
    headings = page.text["h1"].strip()
    assert headings.startswith(f"linear classifies {percent(sum(accuracies) / 2, 1)} of 200 unseen images correctly")
    summary = next(row for row in rows(built / TABLES["summary"]) if row["model"] == "linear")
    ends = max(float(summary["interval_low"]), 0), min(float(summary["interval_high"]), 1)
    assert f"The mean of 2 runs with different seeds is {percent(sum(accuracies) / 2, 2)};" in page.text["p"]
    assert f"{100 * ends[0]:.2f} to {100 * ends[1]:.2f}\u202f%" in page.text["p"]
    assert f"{percent(min(accuracies), 2)} to {percent(max(accuracies), 2)}" in page.text["p"]
    low, high = (100 * float(runs[0][f"test_interval_{end}"]) for end in ("low", "high"))
    assert f"{low:.2f} to {high:.2f}\u202f%" in page.text["p"]
    assert next(tag for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)) == "h1"


def test_its_tables_are_the_results(built: Path, page: Page) -> None:
    for row in rows(built / TABLES["metrics"]):
        low, high = (100 * float(row[f"test_interval_{end}"]) for end in ("low", "high"))
        assert [
            row["model"],
            row["seed"],
            percent(float(row["test_accuracy"]), 2),
            f"{low:.2f} to {high:.2f}\u202f%",
            row["test_errors"],
            f"{float(row['negative_log_likelihood']):.3f}",
            percent(float(row["expected_calibration_error"]), 2),
        ] in page.rows
    for row in rows(built / TABLES["summary"]):
        (shown,) = [cells for cells in page.rows if cells[:3] == [row["model"], f"{int(row['parameters']):,}", "2"]]
        held_out = percent(float(row["validation_accuracy"]), 2) if row["validation_accuracy"] else "—"
        expected = [percent(float(row[name]), 2) for name in ("test_accuracy", "test_accuracy_std")]
        assert shown[3:6] == [held_out, *expected]
    first = json.loads((built / RUNS[2] / "metrics.json").read_text())["snapshots"][0]["accuracy"]
    second = json.loads((built / RUNS[3] / "metrics.json").read_text())["snapshots"][0]["accuracy"]
    assert ["1", percent(0.1871, 2), percent(first, 2), percent(second, 2)] in page.rows, "the post's beside ours"


def points(difference: float, low: float, high: float) -> str:
    return f"{100 * difference:+.2f} ({100 * low:.2f} to {100 * high:.2f})".replace("-", "−")


def test_the_ladder_has_a_line_and_a_paragraph_for_each_rung(built: Path, page: Page) -> None:
    foot, top, _ = rows(built / COMPARISONS["table"])
    (shown,) = [cells for cells in page.rows if cells[:2] == ["linear", "one layer"]]
    assert shown[2] == percent(float(foot["test_accuracy"]), 2)
    # Forward 2 · 784 · 10 operations an image, and as many for the gradient of the weights; 3 epochs of 400 images.
    assert shown[4:] == ["7,850", "3.8 × 10⁷"]
    assert [cells for cells in page.rows if cells[:2] == ["published", "20 hidden units"]]
    (shown,) = [cells for cells in page.rows if cells[:2] == ["published", "linear"]]
    expected = points(*(float(top[name]) for name in ("difference", "difference_low", "difference_high")))
    assert shown[2] == expected + (" *" if top["significant"] == "True" else "")
    p_value = float(top["p_adjusted"])
    assert shown[3] == f"{float(top['images']):+.1f}".replace("-", "−")
    assert shown[4] == ("< 0.001" if p_value < 0.001 else f"{p_value:.2g}")
    for rung in CONFIG["ladder"]:
        assert f"{rung['model']}: {rung['adds']}." in page.text["strong"] and rung["why"] in page.text["p"]
    assert "The ladder, rung by rung" in page.text["h3"] and "What each step gains" in page.text["h3"]


def test_calibration_and_ensembles_are_shown(built: Path, page: Page) -> None:
    runs = [row for row in rows(built / TABLES["metrics"]) if row["model"] == "linear"]
    names = ("negative_log_likelihood", "expected_calibration_error")
    before, after = (
        [sum(float(row[f"{kind}{name}"]) for row in runs) / 2 for name in names] for kind in ("", "calibrated_")
    )
    temperature = sum(float(row["temperature"]) for row in runs) / 2
    likelihoods, errors = (
        [f"{value[0]:.3f}" for value in (before, after)],
        [percent(value[1], 2) for value in (before, after)],
    )
    assert ["linear", f"{temperature:.2f}", *likelihoods, *errors] in page.rows
    assert "Calibration" in page.text["h2"]
    for row in rows(built / TABLES["summary"]):
        low, high = (100 * float(row[f"ensemble_{end}"]) for end in ("low", "high"))
        together = [percent(float(row[name]), 2) for name in ("test_accuracy", "ensemble_accuracy")]
        assert [row["model"], "2", *together, f"{low:.2f} to {high:.2f}\u202f%"] in page.rows
    assert "Doubted labels" not in page.text["h3"], "the small data set has none by default"


def test_without_a_ladder_and_with_suspected_label_errors(
    command: Command, monkeypatch: pytest.MonkeyPatch, built: Path, tmp_path: Path
) -> None:
    project = shutil.copytree(built, tmp_path / "project")
    monkeypatch.chdir(project)
    for run in RUNS:
        assert (
            command("evaluate", *arguments("evaluate", Path(), Path(), run), "--label-errors", "[0, 5, 7]").status == 0
        )
    assert command("summarise", *arguments("summarise", Path(), Path())).status == 0
    dataset = {**CONFIG["dataset"], "label_errors": [0, 5, 7]}
    about = {**ABOUT, "configuration": {**SHOWN, "ladder": [], "dataset": dataset}}
    figures = [path for path in FIGURES if "ladder" not in path]
    line = arguments("report", Path(), Path())
    result = command("report", *line, "--ladder", "--figures", *figures, "--about", json.dumps(about))
    assert result.status == 0, result.output
    page = Page((project / PAGE).read_text())
    assert "The ladder" not in page.text["h3"] and "Data" in page.text["h2"]
    images = [attributes for tag, attributes in page.elements if tag == "img"]
    assert len(images) == 9 and str(images[0]["alt"]).startswith("Test accuracy of every run")
    assert "3 test images have suspected label errors: no. 0, 5, 7." in page.text["p"]
    runs = [row for row in rows(project / TABLES["metrics"]) if row["model"] == "linear"]
    means = [sum(float(row[f"test_accuracy{kind}"]) for row in runs) / 2 for kind in ("", "_without_label_errors")]
    assert ["linear", *(percent(mean, 2) for mean in means)] in page.rows


NAMES = {"linear": "30", "published": "500", "tiny-conv": "nan"}


def renamed(text: str) -> str:
    for name, number in NAMES.items():
        text = text.replace(name, number)
    return text


def test_models_may_be_named_by_what_looks_like_a_number(
    command: Command, monkeypatch: pytest.MonkeyPatch, built: Path, page: Page, tmp_path: Path
) -> None:
    """From the trained weights on, each step says of `30` what it says of `linear`, and the page too."""
    project = tmp_path / "project"
    shutil.copytree(built / "results" / "tensors", project / "results" / "tensors")
    for run in RUNS:
        folder = shutil.copytree(built / run, project / renamed(run))
        for path in (folder / "weights.safetensors", folder / "snapshots.safetensors"):
            tensors, training = load_weights(path)
            save_weights(path, tensors, {**training, "model": NAMES[training["model"]]})
    monkeypatch.chdir(project)
    lines = [("evaluate", arguments("evaluate", Path(), Path(), run)) for run in RUNS]
    steps = ("summarise", "compare", *PLOTS, "explore", "report")
    for name, line in [*lines, *((name, arguments(name, Path(), Path())) for name in steps)]:
        result = command(name, *map(renamed, line))
        assert result.status == 0, result.output
    assert Page((project / PAGE).read_text()).rows == [[renamed(cell) for cell in row] for row in page.rows]


def test_it_says_how_it_was_made(built: Path, page: Page) -> None:
    for path in TENSORS:
        assert f"{hashlib.sha256((built / path).read_bytes()).hexdigest()}  {path}" in page.text["pre"]
    for name, checksum in CONFIG["dataset"]["sha256"].items():
        assert f"{checksum}  resources/{name}" in page.text["pre"]
    assert "learning_rate: 50" in page.text["pre"] and "torch==2.13.0" in page.text["pre"]
    assert "# train\npython -m digits.train" in page.text["pre"]
    for run in RUNS:
        path = f"{run}/weights.safetensors"
        assert f"{hashlib.sha256((built / path).read_bytes()).hexdigest()}  {path}" in page.text["pre"]
    (workflow,) = [str(a["alt"]) for tag, a in page.elements if tag == "img" and "The workflow" in str(a["alt"])]
    assert "train (6 jobs); evaluate (6 jobs) needs train; report (1 job) needs evaluate." in workflow


def test_each_recipe_is_told_in_words_and_the_model_has_a_card(page: Page) -> None:
    text = page.text["p"] + page.text["li"]
    assert "linear." in page.text["strong"] and "A linear model, wx + b." in text
    assert "Model card of linear" in page.text["h2"] and "Not meant for." in page.text["strong"]


def test_the_contents_lead_to_every_heading_on_both_widths(page: Page) -> None:
    targets = [str(a["href"]) for tag, a in page.elements if tag == "a" and a.get("class") != "skip"]
    headings = [f"#{a['id']}" for tag, a in page.elements if tag in ("h2", "h3")]
    assert len(headings) == len(set(headings)) > 20
    assert [target for target in targets if targets.count(target) > 1][: len(headings)] == headings
    ids = {f"#{a['id']}" for _, a in page.elements if "id" in a}
    assert set(targets) <= ids
    assert len([tag for tag, _ in page.elements if tag == "h1"]) == 1


def test_what_scrolls_can_be_reached_by_keyboard_and_has_a_name(page: Page) -> None:
    boxes = [
        a
        for tag, a in page.elements
        if tag == "pre" or (tag == "div" and a.get("class") not in ("behind", "pad", "reading") and "id" not in a)
    ]
    assert len(boxes) > 15
    assert all(a["tabindex"] == "0" and a["role"] in ("region", "group") and a["aria-label"] for a in boxes)
    regions = [a["aria-label"] for a in boxes if a["role"] == "region"]
    assert len(set(regions)) == len(regions)


def test_a_second_source_of_accuracies_has_a_column_of_its_own(
    command: Command, monkeypatch: pytest.MonkeyPatch, built: Path, tmp_path: Path
) -> None:
    project = shutil.copytree(built, tmp_path / "project")
    monkeypatch.chdir(project)
    post, book = ({"model": "published", "accuracy": 0.5, "source": source} for source in ("a post", "a book"))
    references = [{**post, "epoch": 1}, {**book, "epoch": 3, "accuracy": 0.6}]
    line = arguments("report", Path(), Path())
    assert command("report", *line, *with_config(references=references)).status == 0
    rows = Page((project / PAGE).read_text()).rows
    header = rows.index(["epoch", "a post", "here, seed 0", "here, seed 1", "a book"])
    shown = [(cells[0], cells[1], cells[-1]) for cells in rows[header + 1 : header + 3]]
    assert shown == [("1", percent(0.5, 2), "—"), ("3", "—", percent(0.6, 2))]


def test_only_mnist_is_told_about_as_mnist(source: str, page: Page) -> None:
    """The small data set is not the whole of MNIST, and its checksums say so."""
    assert "MNIST" not in page.text["p"].replace("mnist/", "") and "Licence" not in page.text["strong"]


def test_what_the_configuration_says_of_the_images_is_shown(
    command: Command, monkeypatch: pytest.MonkeyPatch, built: Path, tmp_path: Path
) -> None:
    project = shutil.copytree(built, tmp_path / "project")
    monkeypatch.chdir(project)
    dataset = {**CONFIG["dataset"], "about": "**Licence.** Ask my <i>aunt</i>."}
    about = {**ABOUT, "configuration": {**SHOWN, "dataset": dataset}}
    assert command("report", *arguments("report", Path(), Path()), "--about", json.dumps(about)).status == 0
    text = Page((project / PAGE).read_text()).text
    assert "Licence." in text["strong"] and "aunt" in text["i"]


def test_what_good_models_misclassify_is_shown(
    command: Command, monkeypatch: pytest.MonkeyPatch, built: Path, tmp_path: Path
) -> None:
    project = shutil.copytree(built, tmp_path / "project")
    monkeypatch.chdir(project)
    table = rows(project / TABLES["metrics"])
    changed = [{**row, "test_accuracy": "0.9"} if row["model"] == "tiny-conv" else row for row in table]
    with (project / TABLES["metrics"]).open("w", newline="") as file:
        writer = csv.DictWriter(file, table[0])
        writer.writeheader()
        writer.writerows(changed)
    (project / MISTAKES).write_text("image,label,predicted,agree,runs\n7,3,5,2,2\n9,4,9,1,2\n")
    dataset = {**CONFIG["dataset"], "label_errors": [7, 11]}
    about = {**ABOUT, "configuration": {**SHOWN, "dataset": dataset}}
    assert command("report", *arguments("report", Path(), Path()), "--about", json.dumps(about)).status == 0
    page = Page((project / PAGE).read_text())
    assert "tiny-conv (2 runs)" in page.text["p"]
    assert "2 of 200 test images. Of these, 1 are among the 2 suspected label errors (no. 7)." in page.text["p"]
    (picture,) = [str(a["alt"]) for tag, a in page.elements if tag == "img" and "all good models" in str(a["alt"])]
    assert picture.endswith("no. 7, a 3 classified as 5; no. 9, a 4 classified as 9.")


def test_no_code_cell_is_shown(source: str, page: Page) -> None:
    cells = json.loads((ROOT / "workflow" / "notebooks" / "report.ipynb").read_text())["cells"]
    lines = [line.strip() for cell in cells if cell["cell_type"] == "code" for line in cell["source"]]
    code = [line for line in lines if re.search(r"[=(]", line) and len(line) > 15 and not line.startswith(('f"', '"'))]
    assert len(code) > 50
    shown = " ".join(page.text.values())
    assert not [line for line in code if line in shown]
    assert 'class="highlight' not in source and "In&nbsp;[" not in source


def test_it_says_neither_when_nor_where_it_was_made(built: Path, source: str) -> None:
    notebook = (built / "results" / "report.ipynb").read_text()
    for text in (source, notebook):
        assert str(built) not in text and str(ROOT) not in text
        assert not re.search(r"20\d\d-\d\d-\d\d", text)


def test_elsewhere_it_has_the_same_bytes(
    command: Command, monkeypatch: pytest.MonkeyPatch, built: Path, tmp_path: Path
) -> None:
    project = shutil.copytree(built, tmp_path / "else where" / "project")
    for path in built_by("report", project):
        (project / path).unlink()
    monkeypatch.chdir(project)
    result = command("report", *arguments("report", Path(), Path()))
    assert result.status == 0, result.output
    assert built_by("report", project) == built_by("report", built)


def missing(path: Path) -> str:
    return f"error: missing: {path}; build what the report is made of first"


@pytest.mark.parametrize(
    "path",
    [
        *FIGURES,
        *TABLES.values(),
        COMPARISONS["table"],
        MISTAKES,
        EXPLORER,
        TENSORS[0],
        f"{RUNS[0]}/metrics.json",
        f"{RUNS[0]}/weights.safetensors",
    ],
)
def test_what_is_missing_is_named(built: Path, tmp_path: Path, refused: Refused, path: str) -> None:
    project = shutil.copytree(built, tmp_path / "project")
    (project / path).unlink()
    assert refused("report", project) == missing(project / path)


def test_all_that_is_missing_is_named(tmp_path: Path, refused: Refused) -> None:
    error = refused("report", tmp_path / "empty")
    assert error.startswith(
        f"error: missing: {tmp_path}/empty/results/metrics.csv, {tmp_path}/empty/results/summary.csv, "
    )
    assert all(path in error for path in FIGURES)


@pytest.mark.parametrize(
    ("path", "maker"),
    [
        (f"{RUNS[0]}/metrics.json", "evaluate"),
        (TABLES["metrics"], "summarise"),
        (TABLES["summary"], "summarise"),
        (COMPARISONS["table"], "compare"),
        (TENSORS[0], "convert"),
    ],
)
def test_a_result_that_is_something_else(built: Path, tmp_path: Path, refused: Refused, path: str, maker: str) -> None:
    project = shutil.copytree(built, tmp_path / "project")
    (project / path).write_text("{}")
    assert re.fullmatch(
        rf"error: {project / path}: not a file that `digits\.{maker}` wrote \(.*\); delete it and start again",
        refused("report", project),
    )


def test_measures_that_lack_a_part(built: Path, tmp_path: Path, refused: Refused) -> None:
    project = shutil.copytree(built, tmp_path / "project")
    (project / RUNS[0] / "metrics.json").write_text('{"model": "linear", "seed": 0}')
    assert re.fullmatch(
        r"error: .*/report\.ipynb: cell \d+ fails with KeyError: 'test'; "
        "it needs the tables, measures and figures as the pipeline makes them",
        refused("report", project),
    )


FIRST_BUILD = "build the results of this configuration first"


def with_config(**changes: object) -> list[str]:
    return ["--about", json.dumps({**ABOUT, "configuration": {**SHOWN, **changes}})]


def test_runs_of_another_configuration_are_named(built: Path, refused: Refused) -> None:
    metrics = built / TABLES["metrics"]
    assert refused("report", built, *with_config(seeds=[0])) == (
        f"error: {metrics}: linear seed 1, published seed 1, tiny-conv seed 1 is not in the configuration; {FIRST_BUILD}"
    )
    assert refused("report", built, *with_config(models=["linear", "published", "tiny-conv", "small"])) == (
        f"error: {metrics}: small seed 0, small seed 1 is missing; {FIRST_BUILD}"
    )


def test_runs_that_are_missing_or_twice_are_named(built: Path, refused: Refused) -> None:
    metrics = [built / run / "metrics.json" for run in RUNS]
    assert refused("report", built, "--runs", *metrics[1:]) == f"error: --runs: linear seed 0 is missing; {FIRST_BUILD}"
    assert refused("report", built, "--runs", *metrics, metrics[0]) == ("error: --runs: duplicate run; list each once")
    weights = [built / run / "weights.safetensors" for run in RUNS]
    assert (
        refused("report", built, "--weights", *weights[1:]) == "error: --weights: 5 files for 6 runs; name one for each"
    )


@pytest.mark.parametrize("path", [TABLES["summary"], COMPARISONS["table"]])
def test_a_table_of_other_models_is_named(built: Path, tmp_path: Path, refused: Refused, path: str) -> None:
    project = shutil.copytree(built, tmp_path / "project")
    lines = (project / path).read_text().splitlines(keepends=True)
    (project / path).write_text("".join(lines[:-1]))
    assert refused("report", project) == (
        f"error: {project / path}: it is about linear, published, but the configuration about linear, published, tiny-conv; "
        f"{FIRST_BUILD}"
    )
