"""`digits.report`: one page that fetches nothing, whose numbers are those of the tables, with the same bytes everywhere."""

import base64
import csv
import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest
from conftest import Command, Refused
from page import Page
from project import (
    ABOUT,
    COMPARISONS,
    CONFIG,
    EXPLORER,
    FIGURES,
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
    figures = [built / path for path in FIGURES if "confusion" not in path]  # that one is a table
    assert found == {path.read_bytes(): kinds[path.suffix] for path in figures}
    assert len(images) == 8


def test_it_opens_with_the_chosen_model_and_its_accuracy(built: Path, page: Page) -> None:
    runs = [row for row in rows(built / TABLES["metrics"]) if row["model"] == "linear"]
    accuracies = [float(row["test_accuracy"]) for row in runs]
    headings = page.text["h1"].strip()
    assert headings.startswith(f"linear classifies {percent(sum(accuracies) / 2, 1)} of 200 unseen images correctly")
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
    assert "The ladder" in page.text["h2"] and "What each step gains" in page.text["h3"]


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
    assert "Calibration" in page.text["h3"]
    for row in rows(built / TABLES["summary"]):
        low, high = (100 * float(row[f"ensemble_{end}"]) for end in ("low", "high"))
        together = [percent(float(row[name]), 2) for name in ("test_accuracy", "ensemble_accuracy")]
        assert [row["model"], "2", *together, f"{low:.2f} to {high:.2f}\u202f%"] in page.rows
    assert "Doubted labels" not in page.text["h3"], "the small data set has none by default"


def test_without_a_ladder_and_with_doubted_labels(
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
    assert "The ladder" not in page.text["h2"] and "The data" in page.text["h2"]
    assert len([tag for tag, _ in page.elements if tag == "img"]) == 7
    assert "The labels of 3 test images are doubted: no. 0, 5, 7." in page.text["p"]
    runs = [row for row in rows(project / TABLES["metrics"]) if row["model"] == "linear"]
    means = [sum(float(row[f"test_accuracy{kind}"]) for row in runs) / 2 for kind in ("", "_without_label_errors")]
    assert ["linear", *(percent(mean, 2) for mean in means)] in page.rows


def test_it_says_how_it_was_made(built: Path, page: Page) -> None:
    for path in TENSORS:
        assert f"{hashlib.sha256((built / path).read_bytes()).hexdigest()}  {path}" in page.text["pre"]
    for name, checksum in CONFIG["dataset"]["sha256"].items():
        assert f"{checksum}  resources/{name}" in page.text["pre"]
    assert "learning_rate: 50" in page.text["pre"] and "torch==2.13.0" in page.text["pre"]
    assert "# train\npython -m digits.train" in page.text["pre"]


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
    "path", [*FIGURES, *TABLES.values(), EXPLORER, COMPARISONS["table"], f"{RUNS[0]}/metrics.json"]
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


@pytest.mark.parametrize("path", [f"{RUNS[0]}/metrics.json", TABLES["metrics"]])
def test_a_result_that_is_something_else(built: Path, tmp_path: Path, refused: Refused, path: str) -> None:
    project = shutil.copytree(built, tmp_path / "project")
    (project / path).write_text("{}")
    assert re.fullmatch(
        r"error: .*/report\.ipynb: cell \d+ fails with KeyError: '(model|chosen|test)'; "
        "it needs the tables, measures and figures as the pipeline makes them",
        refused("report", project),
    )
