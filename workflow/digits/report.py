"""Run the report's notebook on the results and turn it into one HTML page that fetches nothing from outside."""

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import nbformat
import papermill
from nbconvert import HTMLExporter
from papermill.exceptions import PapermillExecutionError

from digits.lib.command import UserError, run
from digits.lib.files import sha256, whole_files

TEMPLATE = "template"  # the folder beside the notebook


def execute(notebook: Path, parameters: dict[str, Any]) -> nbformat.NotebookNode:
    """Run a notebook with parameters in a kernel of this Python; the user's own Jupyter settings play no part."""
    with tempfile.TemporaryDirectory() as settings:
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
            os.environ[name] = str(Path(settings) / name)
        try:
            executed: nbformat.NotebookNode = papermill.execute_notebook(
                notebook, None, parameters, kernel_name="python3", progress_bar=False
            )
        except PapermillExecutionError as error:
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
    """Convert an executed notebook with the template in `templates`."""
    exporter = HTMLExporter(template_name=TEMPLATE, extra_template_basedirs=[str(templates)])
    html, _ = exporter.from_notebook_node(notebook)
    return html


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m digits.report", description=__doc__)
    parser.add_argument(
        "--notebook", type=Path, required=True, help="the notebook to run; its page's template lies beside it"
    )
    parser.add_argument("--metrics", type=Path, required=True, help="metrics.csv, from digits.summarise")
    parser.add_argument("--summary", type=Path, required=True, help="summary.csv, from digits.summarise")
    parser.add_argument(
        "--ladder", nargs="*", type=Path, default=[], help="ladder.csv, from digits.compare; no file, no such section"
    )
    parser.add_argument(
        "--runs", nargs="+", type=Path, required=True, help="metrics.json of each run, from digits.evaluate"
    )
    parser.add_argument(
        "--tensors", nargs="+", type=Path, required=True, help="tensor files, whose checksums are shown"
    )
    parser.add_argument(
        "--figures",
        nargs="+",
        type=Path,
        required=True,
        help="figures, from digits.plot_data, plot_results and plot_ladder",
    )
    parser.add_argument("--about", required=True, help="configuration, commands and libraries to show, as JSON")
    parser.add_argument("--executed", type=Path, required=True, help="notebook to write: the executed one")
    parser.add_argument("--html", type=Path, required=True, help="page to write")
    args = parser.parse_args()

    files = [args.notebook, args.metrics, args.summary, *args.ladder, *args.runs, *args.figures]
    missing = [str(path) for path in files if not path.is_file()]
    if missing:
        raise UserError(f"missing: {', '.join(missing)}; build what the report is made of first")
    parameters = {
        "metrics_file": str(args.metrics),
        "summary_file": str(args.summary),
        "ladder_files": [str(path) for path in args.ladder],
        "run_files": [str(path) for path in args.runs],
        "figure_files": {path.stem: str(path) for path in args.figures},
        "tensor_checksums": {path.name: sha256(path) for path in args.tensors},
        "about": json.loads(args.about),
    }
    executed = without_circumstances(execute(args.notebook, parameters))
    with whole_files(args.executed, args.html) as (notebook_part, html_part):
        notebook_part.write_text(nbformat.writes(executed) + "\n")
        html_part.write_text(to_html(executed, args.notebook.parent))


if __name__ == "__main__":
    run(main)
