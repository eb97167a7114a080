"""`digits.plot_data`: the pictures show the images, means and counts of the data set."""

from pathlib import Path

import numpy as np
from digits.data.tensors import load_split
from digits.plot_data import draw_class_means, draw_samples
from drawings import drawn_images, svg_texts
from project import DATA_FIGURES, TENSORS


def test_samples_show_twelve_images_of_each_class_evenly_spaced(built: Path) -> None:
    train = load_split(built / TENSORS[0])
    shown = drawn_images(built / DATA_FIGURES["samples"], draw_samples(train))
    assert len(shown) == 120
    for number, picture in enumerate(shown):
        of_class = [i for i, label in enumerate(train.labels) if label == number // 12]
        place = round((len(of_class) - 1) * (number % 12) / 11)
        np.testing.assert_allclose(picture, train.images[of_class[place]], atol=2)


def test_class_means_show_the_mean_of_all_images_of_a_class(built: Path) -> None:
    train = load_split(built / TENSORS[0])
    shown = drawn_images(built / DATA_FIGURES["class-means"], draw_class_means(train))
    assert len(shown) == 10
    for label, picture in enumerate(shown):
        images = [image.astype(float) for image, of in zip(train.images, train.labels, strict=True) if of == label]
        np.testing.assert_allclose(picture, sum(images) / len(images), atol=2)


def test_class_counts_say_how_many_images_each_class_has(built: Path) -> None:
    texts = svg_texts(built / DATA_FIGURES["class-counts"])
    labels = [load_split(built / path).labels.tolist() for path in TENSORS]
    counts = [str(of_split.count(label)) for of_split in labels for label in range(10)]
    start = texts.index(counts[0], texts.index("images"))
    assert texts[start : start + 20] == counts
    assert texts[:11] == [*"0123456789", "class"]
    assert texts[-2:] == ["training images", "test images"]


def test_a_class_without_images_leaves_its_place_empty(built: Path) -> None:
    """`--train-limit` can leave a class with none."""
    train = load_split(built / TENSORS[0])
    kept = train.labels != 3
    few = train._replace(images=train.images[kept], labels=train.labels[kept])
    for draw, each in ((draw_class_means, 1), (draw_samples, 12)):
        shown = [np.asarray(axis.images[0].get_array()).max() for axis in draw(few).axes]
        assert [number // each for number, highest in enumerate(shown) if highest == 0] == [3] * each
        assert len(shown) == 10 * each
