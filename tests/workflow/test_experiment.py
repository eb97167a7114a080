"""The experiment is built where what it explains is, and again where one of its recipes changed."""

import re
from pathlib import Path

import yaml
from conftest import DATA, copy_project, planned, write_config

from workflow.conftest import EXPERIMENT_RULES, Project, make, run, set_keys

EXPERIMENT = yaml.safe_load((DATA / "config.yaml").read_text())["experiment"]
TABLE, FIGURE = "results/experiment.csv", "results/figures/experiment.svg"


def test_it_follows_its_recipes_and_its_models(tmp_path: Path) -> None:
    config = write_config(tmp_path / "config.yaml", experiment=EXPERIMENT)
    project = Project(copy_project(tmp_path / "project"), config)
    make(project, FIGURE)
    assert planned(make(project, FIGURE, "--dry-run")) == set()
    set_keys(config, {"recipes.balanced.learning_rate": 2})
    again = make(project, FIGURE, "--dry-run")
    assert planned(again) == {"train", *EXPERIMENT_RULES}
    assert sorted(re.findall("Training (.*)", again.output)) == ["balanced, seed 0", "balanced, seed 1"]
    set_keys(config, {"models": ["linear"]})
    assert run(project, TABLE).status != 0, "nothing makes it where the model is not built"
