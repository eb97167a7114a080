"""The profiles and what a cluster is told about each rule: tests that need no cluster. Those that do are in tests/cluster."""

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from conftest import ROOT, process, write_config

from workflow.conftest import AFTER, EXPERIMENT_RULES, asked, set_keys
from workflow.test_dag import LOCAL

PROFILES = ("slurm", "cluster-generic")


def profile(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "profiles" / name / "config.yaml").read_text()))


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_puts_every_rule_into_a_group_but_the_local_ones(name: str) -> None:
    assert set(profile(name)["groups"]) == (set(AFTER) | EXPERIMENT_RULES) - LOCAL


@pytest.mark.parametrize("name", PROFILES)
def test_no_two_groups_wait_for_each_other(name: str, tmp_path: Path) -> None:
    """Each of the four runs is a group, and what reads several of them is another."""
    config = write_config(tmp_path / "config.yaml", ensembles={"pair": {"recipe": "linear", "members": 2}})
    set_keys(config, {"models": ["linear", "pair"]})
    edges = asked(ROOT, config, lambda workflow: workflow.globals["workflow_graph"]("results/report.html")["edges"])
    assert {("evaluate", "combine"), ("combine", "summarise")} <= set(edges)
    groups = profile(name)["groups"]
    between = {(groups.get(a, a), groups.get(b, b)) for a, b in edges}
    assert ("run", "tables") in between and ("tables", "run") not in between


def test_the_profiles_differ_in_the_scheduler_alone() -> None:
    own = re.compile(r"__|executor|slurm-|cluster-|.*checks")
    common = [{key: value for key, value in profile(name).items() if not own.match(key)} for name in PROFILES]
    assert common[0] == common[1]
    assert len(common[0]) == 10


def test_what_reaches_the_network_runs_where_snakemake_does() -> None:
    network = re.compile(r"^ *(?:import|from) (?:pooch|requests|urllib(?!\.parse)|socket|http)\b", re.MULTILINE)
    package = ROOT / "workflow" / "digits"
    assert [path.name for path in package.rglob("*.py") if network.search(path.read_text())] == ["download.py"]


@pytest.mark.parametrize("name", PROFILES)
def test_without_the_plugin_it_says_what_to_install(name: str, tmp_path: Path) -> None:
    """The Python of the tests, but with all installed packages except the plugins."""
    for path in Path(sysconfig.get_paths()["purelib"]).iterdir():
        if not path.name.startswith("snakemake_executor_plugin"):
            (tmp_path / path.name).symlink_to(path)
    line = [sys.executable, "-S", "-m", "snakemake", "--profile", f"profiles/{name}", "--dry-run"]
    error = process(line, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(tmp_path)}).error()
    plugin = f"snakemake-executor-plugin-{name}"
    assert error == f"error: profiles/{name} needs {plugin}; install it by: make cluster-env"


def written_commands(scheduler: str) -> list[str]:
    """Return the commands to submit and to follow a job that profiles/cluster-generic has for another scheduler."""
    text = (ROOT / "profiles" / "cluster-generic" / "config.yaml").read_text()
    found = re.findall(rf"^#   {scheduler}: (sh -c '.*(?:\n#        [^(\n].*)*)", text, re.MULTILINE)
    assert len(found) == 2
    values = {"{threads}": "2", "{resources.mem_mb}": "1000", "{resources.runtime}": "5"}
    commands = [re.sub(r"\n# +", " ", command) for command in found]
    return [re.sub(r"\{[a-z_.]+\}", lambda match: values[match[0]], command) for command in commands]


def with_stubs(folder: Path, command: str, stubs: dict[str, str]) -> tuple[int, str]:
    """Run a command as the plugin does, where the scheduler's programs are what the stubs say."""
    for name, body in stubs.items():
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)
    path = f"{folder}:{os.environ['PATH']}"
    line = ["sh", "-c", command]
    done = subprocess.run(line, cwd=folder, env={"PATH": path}, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.strip()


@pytest.mark.parametrize(
    ("scheduler", "program", "says", "asks"),
    [
        ("SGE", "qsub", "echo 12", "-pe smp 2 -l h_vmem=3000M,h_rt=300 job.sh"),
        ("PBS", "qsub", "echo 12", "-l select=1:ncpus=2:mem=1000mb -l walltime=300 job.sh"),
        ("LSF", "bsub", "echo 'Job <12> is submitted to queue <q1>.'; cat", "-n 2 -M 1000MB -W 5"),
    ],
)
def test_another_scheduler_is_asked(tmp_path: Path, scheduler: str, program: str, says: str, asks: str) -> None:
    """Its answer is the job's number."""
    submit = f'{written_commands(scheduler)[0]} "job.sh"'
    (tmp_path / "job.sh").write_text("the script\n")
    assert with_stubs(tmp_path, submit, {program: f'echo "$@" > asked; {says}'}) == (0, "12")
    assert asks in (tmp_path / "asked").read_text()
    assert (tmp_path / "logs" / "cluster").is_dir()
    status, said = with_stubs(tmp_path, submit, {program: "echo 'no such queue' >&2; exit 1"})
    assert status != 0 and said == "", "a refusal fails"


@pytest.mark.parametrize(
    ("scheduler", "stubs", "state"),
    [
        ("SGE", {"qstat": "exit 0", "qacct": "exit 1"}, "running"),
        ("SGE", {"qstat": "exit 1", "qacct": "echo 'exit_status  0'"}, "success"),
        ("SGE", {"qstat": "exit 1", "qacct": "echo 'exit_status  137'"}, "failed"),
        ("SGE", {"qstat": "exit 1", "qacct": "echo 'error: job id 12 not found' >&2; exit 1"}, "running"),
        ("PBS", {"qstat": "echo 'job_state = R'"}, "running"),
        ("PBS", {"qstat": "echo 'Exit_status = 0'"}, "success"),
        ("PBS", {"qstat": "echo 'Exit_status = 1'"}, "failed"),
        ("PBS", {"qstat": "echo 'qstat: Unknown Job Id 12' >&2; exit 153"}, "failed"),
        ("PBS", {"qstat": "echo 'cannot connect to server' >&2; exit 255"}, "running"),
        ("LSF", {"bjobs": "echo PEND"}, "running"),
        ("LSF", {"bjobs": "echo DONE"}, "success"),
        ("LSF", {"bjobs": "echo EXIT"}, "failed"),
        ("LSF", {"bjobs": "echo 'Job <12> is not found' >&2; exit 255"}, "failed"),
    ],
)
def test_a_schedulers_states_are_understood(tmp_path: Path, scheduler: str, stubs: dict[str, str], state: str) -> None:
    assert with_stubs(tmp_path, f"{written_commands(scheduler)[1]} 12", stubs) == (0, state)


ANSWERS = {"warning: a lot\n12": 0, "error: invalid account": 1, "Unable to contact slurm controller": 1}


@pytest.mark.parametrize(("says", "status"), ANSWERS.items())
def test_slurm_is_asked_again_only_where_it_does_not_answer(tmp_path: Path, says: str, status: int) -> None:
    command = str(profile("cluster-generic")["cluster-generic-submit-cmd"])
    command = command.format(threads=1, resources=SimpleNamespace(mem_mb=1000, runtime=5))
    stubs = {"sbatch": f"echo asked >> asked; printf '{says}\\n' >&2; exit {status}", "sleep": "exit 0"}
    found = with_stubs(tmp_path, f'{command} "job.sh"', stubs)
    assert found == (status, "" if status else "12")
    assert (tmp_path / "asked").read_text().count("asked") == (6 if "contact" in says else 1)
