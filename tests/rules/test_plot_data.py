"""`digits.plot_data`: the figures show the images, means and counts of the data set."""

from pathlib import Path

import numpy as np
import pytest
from digits.data.tensors import load_split
from digits.plot_data import chosen_samples, class_means, draw_class_counts, likeness
from digits.rendering.plotting import SHADES
from drawings import svg_images, svg_texts
from project import DATA_FIGURES, NARROW_FIGURES, TENSORS

STEP = 255 / (SHADES - 1)  # between two shades; what is drawn is at most half of it, and a rounding, away


@pytest.mark.parametrize(("files", "columns"), [(DATA_FIGURES, 12), (NARROW_FIGURES["plot_data"], 6)])
def test_samples_show_images_of_each_class_evenly_spaced(built: Path, files: dict[str, str], columns: int) -> None:
    train = load_split(built / TENSORS[0])
    (picture,) = svg_images(built / files["samples"])
    assert not picture[..., :3].any(), "ink alone: the page shows through"
    shown = picture[..., 3].astype(int).reshape(10, 30, columns, 30)
    for label in range(10):
        of_class = [i for i, found in enumerate(train.labels) if found == label]
        for column in range(columns):
            place = round((len(of_class) - 1) * (column * 12 // columns) / 11)
            expected = train.images[of_class[place]].astype(int)
            assert abs(shown[label, :28, column, :28] - expected).max() <= STEP / 2 + 2
    assert svg_texts(built / files["samples"]) == [*"0123456789"]


def test_class_means_show_the_mean_of_all_images_of_a_class(built: Path) -> None:
    train = load_split(built / TENSORS[0])
    shown = svg_images(built / DATA_FIGURES["class-means"])
    for label, picture in enumerate(shown):
        images = [image.astype(float) for image, of in zip(train.images, train.labels, strict=True) if of == label]
        assert abs(picture[..., 3] - sum(images) / len(images)).max() <= STEP / 2 + 2
    assert len(shown) == 10 and svg_texts(built / DATA_FIGURES["class-means"]) == [*"0123456789"]


def test_class_counts_say_how_many_images_each_class_has(built: Path) -> None:
    labels = [load_split(built / path).labels.tolist() for path in TENSORS]
    train, test = ([str(of_split.count(label)) for label in range(10)] for of_split in labels)
    texts = svg_texts(built / DATA_FIGURES["class-counts"])
    assert texts == [*"0123456789", *train, "training images", *test, "test images"]


def test_a_class_without_images_leaves_its_place_empty(built: Path) -> None:
    """`--train-limit` can leave a class with none."""
    train = load_split(built / TENSORS[0])
    kept = train.labels != 3
    few = train._replace(images=train.images[kept], labels=train.labels[kept])
    for images in (chosen_samples(few), class_means(few)):
        assert [number for number, image in enumerate(images) if not image.any()] == [3]
    left, _ = draw_class_counts(few, few).axes
    assert left.texts[3].get_text() == "0"


def test_the_class_most_alike_is_by_the_correlation_of_mean_images(built: Path) -> None:
    train = load_split(built / TENSORS[0])
    expected = np.corrcoef(class_means(train).reshape(10, -1))
    np.fill_diagonal(expected, -1)
    found = likeness(class_means(train), train.classes)
    assert found["most_alike"].tolist() == [str(number) for number in expected.argmax(axis=1)]
    np.testing.assert_allclose(found["correlation"], expected.max(axis=1), rtol=1e-12)
    flat = np.full((10, 28, 28), 7, np.uint8)
    assert set(likeness(flat, train.classes)["correlation"]) == {0}, "of one grey"
