"""The experiment on the page: guess first, then see what the runs recorded; the address says what is chosen."""

from pathlib import Path

from playwright.sync_api import Page, expect
from project import EXPERIMENT, EXPLANATION, rows

from browser.conftest import Open


def choose(page: Page, name: str, value: str) -> None:
    page.locator(f"#experiment [name={name}][value={value}]").check()


def recalls(page: Page) -> list[list[str]]:
    return [row.locator("td").all_inner_texts() for row in page.locator("#experiment tbody tr").all()]


def recorded(built: Path, model: str, epoch: int) -> list[list[str]]:
    """The recalls of the runs of a model at an epoch, in percent."""
    found = [
        row for row in rows(built / EXPLANATION["learning"]) if (row["model"], row["epoch"]) == (model, str(epoch))
    ]
    return [
        [f"{100 * float(v) + 1e-9:.0f}" if v else "—" for k, v in row.items() if k.startswith("recall_")]
        for row in found
    ]


def test_first_the_guess_then_what_the_runs_recorded(built: Path, page: Page) -> None:
    model, recipe = list(EXPERIMENT["recipes"].items())[-1]
    choose(page, "init", recipe["init"])
    choose(page, "loss", recipe["loss"])
    expect(page.locator("#experiment .seen")).to_be_hidden()
    page.locator("#experiment [name=guess]").fill("7")
    page.locator("#experiment button").click()
    status = page.locator("#experiment [role=status]")
    row = [row for row in rows(built / EXPLANATION["experiment"]) if row["model"] == model][-1]
    expect(status).to_contain_text(
        f"After 2 of 2 epochs: {100 * float(row['validation_accuracy']):.1f}\u202f% of the validation"
    )
    expect(status).to_contain_text("you guessed 7")
    assert recalls(page) == recorded(built, model, 2)
    page.locator("#experiment [name=epoch]").fill("1")
    assert recalls(page) == recorded(built, model, 1)
    choose(page, "init", "normal")  # another network: guess again
    expect(page.locator("#experiment .seen")).to_be_hidden()


def test_a_view_can_be_sent_to_someone(built: Path, report: Path, page: Page, open_page: Open) -> None:
    model, recipe = list(EXPERIMENT["recipes"].items())[-1]
    for name in ("init", "loss"):
        choose(page, name, recipe[name])
    page.locator("#experiment button").click()
    page.locator("#experiment [name=epoch]").fill("1")
    address = page.evaluate("location.hash")
    other = open_page(report)
    other.evaluate("(hash) => { location.hash = hash; }", address)
    expect(other.locator("#experiment .seen")).to_be_visible()
    assert recalls(other) == recorded(built, model, 1)
    expect(other.locator("#experiment [role=status]")).not_to_contain_text("guessed")


def test_what_was_not_run_is_said(page: Page) -> None:
    choose(page, "init", "kaiming")
    choose(page, "loss", "mnist_loss")
    expect(page.locator("#experiment")).to_contain_text("This combination was not run.")
    expect(page.locator("#experiment .guess")).to_be_hidden()


def test_without_javascript_the_figure_says_it(report: Path, open_page: Open) -> None:
    page = open_page(report, java_script_enabled=False)
    expect(page.locator("#experiment")).to_be_hidden()
    expect(page.get_by_role("heading", name="The experiment")).to_be_visible()
