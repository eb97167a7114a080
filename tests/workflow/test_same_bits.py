"""The same configuration gives the same bytes, wherever, by whomever and with however many cores it is built."""

from pathlib import Path

import pytest
from conftest import copy_project, snakemake

from workflow.conftest import Project, checksums, plan


def test_elsewhere_the_bits_are_the_same(build: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The build that all tests share used four cores, in its own folder, in the environment of the tests."""
    clone = copy_project(tmp_path / "another clone" / "project")
    results, home = tmp_path / "où les résultats", tmp_path / "home"
    for folder in (results, home / ".ipython/profile_default/startup", home / ".jupyter"):
        folder.mkdir(parents=True)
    (home / "matplotlibrc").write_text("savefig.dpi: 30\nlines.linewidth: 9\nfont.size: 20\n")
    startup = "import pandas; pandas.options.display.precision = 1\n"
    (home / ".ipython/profile_default/startup/00.py").write_text(startup)
    (home / ".jupyter/jupyter_nbconvert_config.py").write_text("c.HTMLExporter.exclude_output = True\n")
    places = {"HOME": str(home), "MPLCONFIGDIR": str(home), "LC_ALL": "C", "TZ": "Asia/Kathmandu", "COLUMNS": "40"}
    kernel = home / "kernels/python3/kernel.json"
    kernel.parent.mkdir(parents=True)
    kernel.write_text(
        '{"argv": ["/bin/false", "-f", "{connection_file}"], "display_name": "site", "language": "python"}'
    )
    settings = {"PYTHONHASHSEED": "7", "PYTHONWARNINGS": "error", "PYTHONOPTIMIZE": "2", "OMP_NUM_THREADS": "2"}
    settings |= {"JUPYTER_PATH": str(home), "MPLBACKEND": "none such", "MATPLOTLIBRC": str(home / "matplotlibrc")}
    for name, value in {**places, **settings}.items():
        monkeypatch.setenv(name, value)
    arguments = ("--snakefile", clone / "Snakefile", "--directory", results)
    result = snakemake(tmp_path, "--cores", 1, "--configfile", build.config, *arguments)
    assert result.status == 0, result.output

    expected = checksums(build.folder / "results")
    assert len(expected) == 84
    assert checksums(results / "results") == expected
    assert not (clone / "results").exists()

    for path in sorted(results.rglob("*"), reverse=True):
        path.touch()
    assert plan(Project(tmp_path, build.config), *arguments).all == set()
