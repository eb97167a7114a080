"""Which images are trained on and which are held out, of the small real data set."""

import re
from pathlib import Path

import pytest
import torch
from digits.core.command import UserError
from digits.data.examples import as_examples
from digits.data.splitting import VALIDATION_SPLITS, output_classes, split_validation, training_images
from digits.data.tensors import Split, load_split
from small import recipe

ALL = list(range(10))


@pytest.fixture(scope="module")
def split(tensors: Path) -> Split:
    return load_split(tensors / "train.safetensors")


def labels(split: Split, indices: torch.Tensor) -> list[int]:
    return [int(label) for label in split.labels[indices]]


def test_the_same_images_are_held_out_for_every_seed_and_recipe(split: Split) -> None:
    train, held_out = training_images(split, recipe(validation_size=100), ALL, seed=0)
    assert sorted([*train.tolist(), *held_out.tolist()]) == list(range(500))
    assert len(held_out) == 100 and held_out.tolist() != list(range(400, 500))
    for settings, seed in ((recipe(validation_size=100), 1), (recipe(validation_size=100, labels_per_class=3), 0)):
        assert torch.equal(training_images(split, settings, ALL, seed)[1], held_out)
    fewer = training_images(split, recipe(validation_size=50), ALL, 0)[1]
    assert set(fewer.tolist()) < set(held_out.tolist())
    assert [len(part) for part in training_images(split, recipe(), ALL, 0)] == [500, 0]


@pytest.mark.parametrize("sort", [False, True], ids=["mixed", "class after class"])
def test_the_last_of_each_class_are_held_out(split: Split, sort: bool) -> None:
    """As many of each class as its fraction of the images, wherever its images are."""
    values = torch.tensor([0] * 10 + [1] * 20 + [2] * 30)
    mixed = values if sort else values[torch.randperm(60, generator=torch.Generator().manual_seed(0))]
    train, held_out = split_validation(mixed, 12, "last")
    for number, size in enumerate((10, 20, 30)):
        of_class = (mixed == number).nonzero().flatten().tolist()
        assert [i for i in held_out.tolist() if i in of_class] == of_class[-size // 5 :]
    assert sorted([*train.tolist(), *held_out.tolist()]) == list(range(60))
    fewer = split_validation(mixed, 7, "last")[1]
    assert len(fewer) == 7 and set(fewer.tolist()) < set(held_out.tolist())
    settings = recipe(validation_size=100, validation_split="last")
    assert torch.equal(training_images(split, settings, ALL, 0)[1], training_images(split, settings, ALL, 1)[1])


def test_a_stratified_part_has_as_large_a_part_of_each_class() -> None:
    """Of one image that a class has alone, the training gets it."""
    values = torch.tensor([0] * 100 + [1] * 50 + [2] * 10 + [3])
    train, held_out = split_validation(values, 0.2, "stratified")
    assert [int((values[held_out] == number).sum()) for number in range(4)] == [20, 10, 2, 0]
    assert sorted([*train.tolist(), *held_out.tolist()]) == list(range(161))
    assert held_out.tolist() != split_validation(values, 32, "last")[1].tolist(), "random ones"
    assert set(split_validation(values, 0.1, "stratified")[1].tolist()) < set(held_out.tolist())


@pytest.mark.parametrize("choice", VALIDATION_SPLITS)
def test_groups_are_held_out_whole(choice: str) -> None:
    """As many images as groups of one to seven allow; where each image is a group, the same as without groups."""
    shuffled = torch.randperm(280, generator=torch.Generator().manual_seed(0))
    groups = torch.cat([torch.full((1 + n % 7,), 1000 - n) for n in range(70)])[shuffled]
    values = groups % 3
    before = torch.empty(0, dtype=torch.int64)
    for size in (0, 20, 0.25, 140):
        train, held_out = split_validation(values, size, choice, groups)
        assert sorted([*train.tolist(), *held_out.tolist()]) == list(range(280))
        assert not set(groups[train].tolist()) & set(groups[held_out].tolist())
        assert abs(len(held_out) - (70 if size == 0.25 else size)) <= 3
        assert set(before.tolist()) <= set(held_out.tolist())
        before = held_out
    alone = split_validation(values, 0.2, choice, torch.arange(280))
    assert [part.tolist() for part in alone] == [part.tolist() for part in split_validation(values, 0.2, choice)]
    train, held_out = split_validation(values, 0.01, choice, groups % 2)
    assert len(set((groups % 2)[held_out].tolist())) == len(set((groups % 2)[train].tolist())) == 1, (
        "one of two, however large"
    )


@pytest.mark.parametrize(
    ("of_one_group", "message"),
    [
        (True, "recipe.validation_size: all 500 images are of one group; holding some out needs two, or 0"),
        (False, "recipe.validation_size: holds out all groups with images of class '"),
    ],
)
def test_groups_of_which_none_is_left_to_train_on_are_refused(split: Split, of_one_group: bool, message: str) -> None:
    grouped = split._replace(groups=split.labels.astype("uint32") * (not of_one_group))  # else each class is a group
    with pytest.raises(UserError, match="^" + re.escape(message)):
        training_images(grouped, recipe(validation_size=0.2), ALL, 0)
    assert len(training_images(grouped, recipe(), ALL, 0)[0]) == 500


@pytest.mark.parametrize(("size", "count"), [(0, 0), (0.2, 100), (0.0011, 1), (1, 1), (100, 100)])
def test_a_size_below_1_is_a_fraction(size: float, count: int) -> None:
    assert len(split_validation(torch.zeros(500), size, "random")[1]) == count


def test_classes_are_chosen_by_name_in_the_data_sets_order(split: Split) -> None:
    settings = recipe(classes=["7", "3"], validation_size=100)
    outputs = output_classes(settings, split.classes)
    assert outputs == [3, 7]
    assert output_classes(recipe(), split.classes) == ALL
    train, held_out = training_images(split, settings, outputs, 0)
    whole = split_validation(torch.from_numpy(split.labels), 100, "random")
    for part, of_all in ((train, whole[0]), (held_out, whole[1])):
        assert part.tolist() == [i for i in of_all.tolist() if split.labels[i] in (3, 7)]
    y = as_examples(split, train, outputs, torch.device("cpu")).y
    assert torch.equal(y.int().argmax(1) * 4 + 3, torch.tensor(labels(split, train)))
    assert (y.sum(1) == 1).all()


def test_few_labels_are_chosen_by_the_seed_alone(split: Split) -> None:
    def few(count: int = 3, seed: int = 0, outputs: list[int] = ALL, **changes: object) -> list[int]:
        settings = recipe(labels_per_class=count, validation_size=100, **changes)
        train, held_out = training_images(split, settings, outputs, seed)
        assert sorted(labels(split, train)) == sorted(outputs * count)
        assert not set(train.tolist()) & set(held_out.tolist())
        return train.tolist()

    assert few(hidden=[3], loss="mnist_loss") == few() != few(seed=1)
    assert set(few()) < set(few(5))
    few(4, outputs=[3, 7], classes=["3", "7"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"validation_size": 500}, "recipe.validation_size: 500 of 500 images leaves none to train on; hold out fewer"),
        ({"labels_per_class": 100_000, "classes": ["3", "7"]}, "recipe.labels_per_class: 100,000, but of class '3' there are 50 "),
        ({"batch_size": 31, "labels_per_class": 3}, "recipe.batch_size: 31 is more than the 30 images to train on; choose a "),
        ({"classes": ["10", "2"]}, "recipe.classes: unknown class '10', did you mean '1'? (known: 0, 1, "),
    ],
    ids=str,
)  # fmt: skip
def test_what_the_images_do_not_allow_is_refused(split: Split, changes: dict[str, object], message: str) -> None:
    settings = recipe(**changes)
    with pytest.raises(UserError, match="^" + re.escape(message)):
        training_images(split, settings, output_classes(settings, split.classes), 0)
