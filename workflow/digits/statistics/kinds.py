"""What the files hold that commands write about runs and models: tables, histories and measures, each declared once."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from digits.core.fields import AMOUNT, BIG_COUNT, COUNT, FLAG, NUMBER, ORDINAL, SHARE, TEXT, Field, Kind, Maybe, Rule
from digits.statistics.by_class import AVERAGES, RANKED, class_means

CLOSE = 1e-9  # of sums: a table's reader may round a number's last digit


def within(value: str, low: str, high: str) -> Rule:
    """Return the rule that a value lies in its interval, where it has one."""

    def holds(table: Any) -> Any:
        return ~((table[value] < table[low] - CLOSE) | (table[value] > table[high] + CLOSE))

    return Rule(value, f"between {low} and {high}", holds)


def only_row_of(*names: str) -> Rule:
    """Return the rule that no two rows are about the same."""
    return Rule(names[-1], f"in one row alone for its {' and '.join(names)}", lambda table: ~table.duplicated([*names]))


def there_where(one: str, other: str) -> Rule:
    """Return the rule that a column is empty in the rows where another is, and in no other."""
    return Rule(other, f"there where {one} is", lambda table: table[other].isna() == table[one].isna())


def every_epoch(*run: str) -> Rule:
    """Return the rule that the rows of each run, which the columns name, are its epochs in order."""

    def holds(table: Any) -> Any:
        before = table.groupby([*run], sort=False).cumcount() if run else table.index
        return table["epoch"] == before + 1

    return Rule("epoch", "the next epoch, counted from 1", holds)


def around(part: str, name: str) -> Callable[[Any], bool]:
    """Return whether a measure of a run lies in its interval, where there is one."""

    def holds(run: Any) -> bool:
        of = run[part]
        return of is None or bool(of[f"{name}_interval"][0] <= of[name] <= of[f"{name}_interval"][1])

    return holds


def of_counts(name: str) -> Callable[[Any], bool]:
    """Return whether a mean over the classes is that of the confusion matrix, to the last bit."""

    def holds(run: Any) -> bool:
        counts = counts_of(run["test"])
        means = class_means(counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0))
        return bool(means[AVERAGES.index(name)] == run["test"][name])

    return holds


ERRORS = Rule(
    "test_errors",
    "what test_accuracy leaves of test_images",
    lambda table: abs((1 - table["test_accuracy"]) * table["test_images"] - table["test_errors"]) < 1e-6,
)
EPOCH = {
    "epoch": ORDINAL,
    "learning_rate": AMOUNT,
    "train_loss": AMOUNT,
    "train_accuracy": SHARE,
    "validation_loss": Maybe(AMOUNT),
    "validation_accuracy": Maybe(SHARE),
    "saturated": SHARE,
    "gradient_*": Maybe(AMOUNT),
    "recall_*": Maybe(SHARE),
}
INTERVAL = {"interval_low": Maybe(SHARE), "interval_high": Maybe(SHARE)}
BY_CLASS = {name: spec for of in AVERAGES for name, spec in ((of, SHARE), (f"{of}_interval", (SHARE, SHARE)))}
PROBABILITIES = {"negative_log_likelihood": AMOUNT, "expected_calibration_error": SHARE}

ENDS = ("", "_low", "_high")  # a measure's columns: itself and its interval

HISTORY = Kind("digits.train", EPOCH, [every_epoch()])
METRICS = Kind(
    "digits.summarise",
    {
        "model": TEXT,
        "seed": COUNT,
        "parameters": COUNT,
        "epochs": COUNT,
        "train_size": COUNT,
        "training_flops": Maybe(AMOUNT),
        "validation_accuracy": Maybe(SHARE),
        "test_accuracy": SHARE,
        "test_images": ORDINAL,
        "test_errors": COUNT,
        "test_interval_low": SHARE,
        "test_interval_high": SHARE,
        **{f"test_{name}{end}": SHARE for name in AVERAGES for end in ENDS},
        **{f"validation_{name}{end}": Maybe(SHARE) for name in AVERAGES for end in ENDS},
        **PROBABILITIES,
        "temperature": Maybe(AMOUNT),
        **{f"calibrated_{name}": Maybe(spec) for name, spec in PROBABILITIES.items()},
        "test_accuracy_without_label_errors": Maybe(SHARE),
    },
    [
        only_row_of("model", "seed"),
        ERRORS,
        within("test_accuracy", "test_interval_low", "test_interval_high"),
        *(within(of, f"{of}_low", f"{of}_high") for name in AVERAGES for of in (f"test_{name}", f"validation_{name}")),
        *(there_where("validation_accuracy", f"validation_{name}{end}") for name in AVERAGES for end in ENDS),
        *(there_where("temperature", f"calibrated_{name}") for name in PROBABILITIES),
    ],
)
SUMMARY = Kind(
    "digits.summarise",
    {
        "model": TEXT,
        "runs": ORDINAL,
        "parameters": COUNT,
        "training_flops": Maybe(AMOUNT),
        "validation_accuracy": Maybe(SHARE),
        "test_accuracy": SHARE,
        "test_accuracy_std": Maybe(SHARE),
        **INTERVAL,
        "test_images": ORDINAL,
        "test_errors": AMOUNT,  # their mean
        **{f"test_{name}{end}": Maybe(SHARE) if end else SHARE for name in AVERAGES for end in ENDS},
        **{f"validation_{name}": Maybe(SHARE) for name in AVERAGES},
        "largest_class": TEXT,
        "largest_class_accuracy": SHARE,
        "imbalance_ratio": AMOUNT,
        **dict.fromkeys(("ensemble_accuracy", "ensemble_low", "ensemble_high"), Maybe(SHARE)),
        "chosen": FLAG,
    },
    [
        only_row_of("model"),
        ERRORS,
        within("test_accuracy", "interval_low", "interval_high"),
        *(within(f"test_{name}", f"test_{name}_low", f"test_{name}_high") for name in AVERAGES),
        within("ensemble_accuracy", "ensemble_low", "ensemble_high"),
        Rule("chosen", "True of one model alone", lambda t: t["chosen"].sum() == 1),
    ],
)
LADDER = Kind(
    "digits.compare",
    {
        "model": TEXT,
        "adds": TEXT,
        "against": Maybe(TEXT),
        "beside": FLAG,
        "runs": ORDINAL,
        "parameters": COUNT,
        "training_flops": Maybe(AMOUNT),
        "test_accuracy": SHARE,
        **INTERVAL,
        **dict.fromkeys(("difference", "difference_low", "difference_high", "images"), Maybe(NUMBER)),
        **dict.fromkeys(("p_value", "p_adjusted"), Maybe(SHARE)),
        "significant": FLAG,
    },
    [
        within("test_accuracy", "interval_low", "interval_high"),
        within("difference", "difference_low", "difference_high"),
        Rule("difference", "of -1 to 1", lambda t: ~(abs(t["difference"]) > 1)),
        there_where("against", "difference"),
        Rule("p_adjusted", "p_value or above it", lambda t: ~(t["p_adjusted"] < t["p_value"] * (1 - CLOSE))),
    ],
)
LEARNING = Kind("digits.explain", {"model": TEXT, "seed": COUNT, **EPOCH}, [every_epoch("model", "seed")])
EXPERIMENT = Kind(
    "digits.explain",
    {
        "model": TEXT,
        "init": TEXT,
        "loss": TEXT,
        "learning_rate": AMOUNT,
        "epoch": ORDINAL,
        "runs": ORDINAL,
        "validation_accuracy": Maybe(SHARE),
        **INTERVAL,
        "train_loss": AMOUNT,
        "classes_learned": AMOUNT,
        "saturated": SHARE,
        "gradient_*": Maybe(AMOUNT),
    },
    [every_epoch("model"), within("validation_accuracy", "interval_low", "interval_high")],
)
MISTAKES = Kind(
    "digits.plot_mistakes",
    {"image": COUNT, "label": TEXT, "predicted": TEXT, "agree": ORDINAL, "runs": ORDINAL},
    [
        only_row_of("image"),
        Rule("agree", "at most runs", lambda t: t["agree"] <= t["runs"]),
        Rule("predicted", "another class than label", lambda t: t["predicted"] != t["label"]),
    ],
    may_be_empty=True,
)
CORRELATION = Field("a correlation of -1 to 1", float, -1, 1)
LIKENESS = Kind(
    "digits.plot_data", {"class": TEXT, "most_alike": TEXT, "correlation": CORRELATION}, [only_row_of("class")]
)
SMOOTHNESS = Kind(
    "digits.plot_weights", {"model": TEXT, "neighbour_correlation": Maybe(CORRELATION)}, [only_row_of("model")]
)
RATES = ("precision", "recall", "f1")
MEASURES = Kind(
    "digits.evaluate",
    {
        "model": TEXT,
        "seed": COUNT,
        "parameters": COUNT,
        "epochs": COUNT,
        "train_size": COUNT,
        "training_flops": Maybe(BIG_COUNT),
        "processors": [TEXT],
        "validation_accuracy": Maybe(SHARE),
        "validation": Maybe(BY_CLASS),
        "temperature": Maybe(AMOUNT),
        "test": {
            "images": ORDINAL,
            "errors": COUNT,
            "accuracy": SHARE,
            "interval": (SHARE, SHARE),
            **BY_CLASS,
            **PROBABILITIES,
            "calibrated": Maybe(PROBABILITIES),
            "without_label_errors": Maybe({"images": COUNT, "errors": COUNT, "accuracy": Maybe(SHARE)}),
            "per_class": [
                {
                    "class": TEXT,
                    "images": COUNT,
                    **dict.fromkeys(RATES, SHARE),
                    **dict.fromkeys(RANKED, Maybe(SHARE)),
                }
            ],
            "confusion": [[COUNT]],
        },
        "snapshots": [{"epoch": ORDINAL, "accuracy": SHARE}],
    },
    [
        Rule("test.confusion", "as many rows and columns as there are classes", lambda run: is_square(run["test"])),
        Rule("test.per_class", "what test.confusion gives", lambda run: of_confusion(run["test"])),
        Rule(
            "test.images",
            "the sum of test.confusion",
            lambda run: counts_of(run["test"]).sum() == run["test"]["images"],
        ),
        Rule(
            "test.errors",
            "what is beside the diagonal of test.confusion",
            lambda run: counts_of(run["test"]).sum() - counts_of(run["test"]).trace() == run["test"]["errors"],
        ),
        Rule("test.accuracy", "what test.errors leave of test.images", lambda run: is_rate(run["test"])),
        Rule(
            "test.interval",
            "around test.accuracy",
            lambda run: run["test"]["interval"][0] <= run["test"]["accuracy"] <= run["test"]["interval"][1],
        ),
        *(Rule(f"test.{name}", "what test.confusion gives", of_counts(name)) for name in AVERAGES),
        *(Rule(f"test.{name}_interval", f"around test.{name}", around("test", name)) for name in AVERAGES),
        *(
            Rule(f"validation.{name}_interval", f"around validation.{name}", around("validation", name))
            for name in AVERAGES
        ),
        Rule(
            "validation",
            "there where validation_accuracy is",
            lambda run: (run["validation"] is None) == (run["validation_accuracy"] is None),
        ),
        Rule(
            "test.calibrated",
            "there where temperature is",
            lambda run: (run["test"]["calibrated"] is None) == (run["temperature"] is None),
        ),
        Rule(
            "test.without_label_errors",
            "a part of test.images",
            lambda run: (
                not (left := run["test"]["without_label_errors"])
                or (is_rate(left) and left["images"] <= run["test"]["images"])
            ),
        ),
    ],
)


def counts_of(test: Mapping[str, Any]) -> np.ndarray:
    """Return the confusion matrix of what was measured on the test images: rows are true classes, columns predicted ones."""
    return np.array(test["confusion"], dtype=np.int64)


def is_square(test: Mapping[str, Any]) -> bool:
    """Whether the confusion matrix has a row and a column for each class, and at least one."""
    names = [row["class"] for row in test["per_class"]]
    rows = [len(row) for row in test["confusion"]]
    return 0 < len(names) == len(set(names)) and rows == [len(names)] * len(names)


def of_confusion(test: Mapping[str, Any]) -> bool:
    """Whether the measures of each class are those of the confusion matrix, to the last bit; those of its scores are no such ones."""
    rows = [{key: value for key, value in row.items() if key not in RANKED} for row in test["per_class"]]
    there = all((row[name] is None) == (row["images"] == 0) for row in test["per_class"] for name in RANKED)
    return there and bool(per_class(counts_of(test), [row["class"] for row in rows]) == rows)


def is_rate(counted: Mapping[str, Any]) -> bool:
    """Whether an accuracy is that of its images and errors, to the last bit."""
    images, errors, accuracy = (counted[name] for name in ("images", "errors", "accuracy"))
    return bool(accuracy == ((images - errors) / images if images else None))


def per_class(confusion: np.ndarray, classes: Sequence[str]) -> list[dict[str, Any]]:
    """Return precision, recall and F1 of each class, 0 where there is nothing to divide by."""
    right, true, predicted = (counts.tolist() for counts in (confusion.diagonal(), confusion.sum(1), confusion.sum(0)))
    return [
        {
            "class": name,
            "images": true[i],
            "precision": right[i] / max(predicted[i], 1),
            "recall": right[i] / max(true[i], 1),
            "f1": 2 * right[i] / max(true[i] + predicted[i], 1),
        }
        for i, name in enumerate(classes)
    ]
