"""`digits.predict` on a thousand test images made into what a user might bring: README's figures."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
from conftest import ROOT, Command
from digits.data.tensors import load_split
from PIL import Image
from safetensors.numpy import load_file

RUN = ROOT / "results" / "runs" / "convnet" / "seed-0"


def sheet(image: np.ndarray, draws: np.random.Generator) -> Image.Image:
    """Return a digit enlarged 4 to 12 times, somewhere on a sheet; in three of four, dark on light."""
    digit = Image.fromarray(image)
    digit = digit.resize((28 * int(draws.integers(4, 13)),) * 2, Image.Resampling.BICUBIC)
    width, height = (int(digit.width * draws.uniform(1, 2)) for _ in "xy")
    paper = Image.new("L", (width, height))
    paper.paste(digit, (int(draws.integers(width - digit.width + 1)), int(draws.integers(height - digit.height + 1))))
    return paper.point(lambda grey: 255 - grey) if draws.random() < 0.75 else paper


def test_the_documents_say_how_many_drawings_are_classified_correctly(tmp_path: Path, command: Command) -> None:
    test = load_split(ROOT / "results" / "tensors" / "test.safetensors")
    chosen = np.arange(0, 10_000, 10)
    draws = np.random.default_rng(0)
    files = [tmp_path / f"{number:05}.{'jpg' if draws.random() < 0.5 else 'png'}" for number in chosen]
    for number, path in zip(chosen, files, strict=True):
        sheet(test.images[number], draws).save(path)

    written = ("--table", tmp_path / "p.csv", "--page", tmp_path / "p.html")
    assert command("predict", "--weights", RUN / "weights.safetensors", "--images", *files, *written).status == 0
    answers = pd.read_csv(tmp_path / "p.csv")["prediction"].to_numpy()
    logits = load_file(RUN / "predictions.safetensors")["logits"][chosen]
    drawn, given = ((read == test.labels[chosen]).sum() for read in (answers, logits.argmax(axis=1)))
    print(f"{drawn} of 1,000 drawings are classified correctly, and {given} of the images as they are")
    (said,) = re.findall(r"`convnet` classified (\d+) correctly, and (\d+)", (ROOT / "docs/results.md").read_text())
    assert [int(number) for number in said] == [drawn, given]
    assert drawn >= 985
    assert abs(drawn - given) <= 5
