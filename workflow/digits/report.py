"""Run the report's notebook on the results and turn it into one HTML page that fetches nothing from outside."""

import argparse
import base64
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat
import papermill
from nbconvert import HTMLExporter
from papermill.exceptions import PapermillExecutionError

from digits.core.command import UserError, listed, run
from digits.core.files import read_seal, whole_files
from digits.core.options import command_parser
from digits.core.tables import read_table
from digits.data.tensors import load_split
from digits.rendering.contents import contents
from digits.rendering.inert import markdown_to_html, require_inert
from digits.settings.plan import planned_runs
from digits.statistics.kinds import LADDER, METRICS, SUMMARY
from digits.statistics.runs import read_measures

TEMPLATE = "template"  # the folder beside the notebook
STYLES = ("style", "interactive", "drawing", "experiment", "mistakes")  # later ones win
POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-src 'none'; child-src 'none'; object-src 'none'; img-src data:"
CONTENTS = "<!-- contents -->"  # where the template wants the list of headings
ANCHOR_LINK = r'<a class="anchor-link"[^>]*>[^<]*</a>'  # nbconvert's, of each heading to itself

Run = tuple[str, int]  # model and seed


def execute(notebook: Path, parameters: dict[str, Any]) -> nbformat.NotebookNode:
    """Run a notebook with parameters in a kernel of this Python; the user's own Jupyter settings play no part.

    Nor do those of the environment, of which a command has none but those in core/environment.py.
    """
    with tempfile.TemporaryDirectory() as settings:
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
            os.environ[name] = str(Path(settings) / name)
        try:
            executed: nbformat.NotebookNode = papermill.execute_notebook(
                notebook, None, parameters, kernel_name="python3", progress_bar=False
            )
        except PapermillExecutionError as error:
            if error.ename == "UserError":
                raise UserError(error.evalue) from error
            first_line = error.evalue.strip().partition("\n")[0]
            raise UserError(
                f"{notebook}: cell {error.cell_index} fails with {error.ename}: {first_line}; it needs the tables, "
                "measures and figures as the pipeline makes them"
            ) from error
        return executed


def without_circumstances(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Remove what differs from run to run: times, random cell ids, the interpreter's version."""
    notebook.metadata.pop("papermill", None)
    notebook.metadata.pop("language_info", None)
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
    return notebook


def to_html(notebook: nbformat.NotebookNode, templates: Path) -> str:
    """Convert an executed notebook with the template in `templates`, and put the table of contents into its places.

    The template's scripts may run and its style applies, by their hashes, and nothing else may.
    """
    exporter = HTMLExporter(template_name=TEMPLATE, extra_template_basedirs=[str(templates)])
    exporter.register_filter("markdown2html", markdown_to_html)
    scripts = [path.read_text(encoding="utf-8") for path in sorted((templates / TEMPLATE).glob("*.js"))]
    style = "\n".join((templates / TEMPLATE / f"{name}.css").read_text(encoding="utf-8") for name in STYLES)
    policy = f"{POLICY}; style-src {_sources([style])}; script-src {_sources(scripts)}"
    resources = {"scripts": scripts, "style": style, "policy": policy}
    html = re.sub(ANCHOR_LINK, "", exporter.from_notebook_node(notebook, resources=resources)[0])
    page = html.replace(CONTENTS, contents(html))
    require_inert(page, scripts, style)
    return page


def _sources(texts: Iterable[str]) -> str:
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts]
    return " ".join(f"'sha256-{digest}'" for digest in digests)


def require_the_same_runs(expected: Sequence[Run], where: str, found: Sequence[Run]) -> None:
    """Stop, naming the runs, where results are not of exactly the configuration's runs."""
    named = {"is missing": set(expected) - set(found), "is not in the configuration": set(found) - set(expected)}
    for what, runs in named.items():
        if runs:
            which = ", ".join(f"{model} seed {seed}" for model, seed in sorted(runs))
            raise UserError(f"{where}: {which} {what}; build the results of this configuration first")
    if len(found) != len(set(found)):
        raise UserError(f"{where}: duplicate run; list each once")


def check_results(args: argparse.Namespace, config: Mapping[str, Any]) -> None:
    """Stop where tables and measures are of other models or seeds than the configuration, or of more or fewer of them."""
    planned = planned_runs(config)
    expected = [(model, seed) for model, seeds in planned.items() for seed in seeds]
    metrics = read_table(args.metrics, METRICS)[["model", "seed"]]
    require_the_same_runs(expected, str(args.metrics), list(metrics.itertuples(index=False, name=None)))
    require_the_same_runs(expected, "--runs", [(m["model"], m["seed"]) for m in map(read_measures, args.runs)])
    if len(args.weights) != len(args.runs):
        raise UserError(f"--weights: {len(args.weights)} files for {len(args.runs)} runs; name one for each")
    tables = [(args.summary, SUMMARY, list(planned))]
    ladder = [rung["model"] for rung in config["ladder"]]
    tables += [(path, LADDER, ladder) for path in args.ladder]
    for path, kind, models in tables:
        found = read_table(path, kind)["model"].tolist()
        if sorted(found) != sorted(models):
            raise UserError(
                f"{path}: it is about {', '.join(found)}, but the configuration is about {', '.join(models) or 'none'}; "
                "build the results of this configuration first"
            )


def main() -> None:
    parser = command_parser("report", __doc__)
    parser.file("--notebook", "the notebook to run; its page's template lies beside it")
    parser.file("--metrics", "metrics.csv, from digits.summarise")
    parser.file("--summary", "summary.csv, from digits.summarise")
    parser.file("--mistakes", "mistakes.csv, from digits.plot_mistakes")
    parser.file("--explorer", "explorer.json, from digits.explore")
    for name, command in {"ladder": "compare", "learning": "explain", "experiment": "explain"}.items():
        about = f"{name}.csv, from digits.{command}; no file, no such section"
        parser.file(f"--{name}", about, nargs="*", default=[], required=False)
    parser.files("--runs", "metrics.json of each run, from digits.evaluate")
    parser.files("--weights", "weights of each run, whose checksums are shown")
    parser.file("--tensors", "train.safetensors and test.safetensors", nargs=2)
    parser.file("--datasheet", "datasheet.json, from digits.convert")
    parser.files("--figures", "figures, from the commands digits.plot_…")
    parser.files("--numbers", "tables beside the figures, from the same commands")
    parser.add_argument("--about", required=True, help="configuration, libraries, citation and graph to show, as JSON")
    parser.output("--inputs", "JSON file to write: what the notebook reads")
    parser.output("--executed", "notebook to write: the executed one")
    parser.output("--html", "page to write")
    args = parser.parse_args()

    files = [
        args.notebook,
        args.metrics,
        args.summary,
        args.mistakes,
        args.explorer,
        args.datasheet,
        *args.ladder,
        *args.runs,
    ]
    files += [*args.learning, *args.experiment]
    files += [*args.weights, *args.tensors, *args.figures, *args.numbers]
    missing = [path for path in files if not path.is_file()]
    if missing:
        raise UserError(f"missing: {listed(missing)}; build what the report is made of first")
    about = json.loads(args.about)
    check_results(args, about["configuration"])
    inputs = {
        "metrics": str(args.metrics),
        "summary": str(args.summary),
        "mistakes": str(args.mistakes),
        "explorer": str(args.explorer),
        "datasheet": str(args.datasheet),
        **{name: [str(path) for path in getattr(args, name)] for name in ("ladder", "learning", "experiment")},
        "runs": [str(path) for path in args.runs],
        "figures": {
            f"{'narrow-' if path.parent.name == 'narrow' else ''}{path.stem}": str(path) for path in args.figures
        },
        "numbers": [str(path) for path in args.numbers],
        "tensors": {
            p.name: {"sha256": args.made_from[p], "shape": [*load_split(p).images.shape]} for p in args.tensors
        },
        "raw": {
            os.path.relpath(path): value
            for tensors in args.tensors
            for path, value in [*(read_seal(tensors) or {}).items()][1:]
        },
        "checksums": {str(path): args.made_from[path] for path in args.weights},
        "about": about,
    }
    executed = without_circumstances(execute(args.notebook, {"root": ".", "inputs": inputs}))
    with whole_files(args.inputs, args.executed, args.html, made_from=args.made_from) as (
        inputs_part,
        notebook_part,
        html_part,
    ):
        inputs_part.write_text(json.dumps(inputs, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        notebook_part.write_text(nbformat.writes(executed) + "\n", encoding="utf-8")
        html_part.write_text(to_html(executed, args.notebook.parent), encoding="utf-8")


if __name__ == "__main__":
    run(main)
