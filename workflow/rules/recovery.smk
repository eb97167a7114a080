# Needs: all rules, and what is there of resources/, results/ and .snakemake/.
# Does: before anything is planned, clears away what a killed run left and what has changed on the disk since it was made.
from digits.core.command import listed
from digits.core.recovery import alone, look, remember, remove, set_aside

# What only asks Snakemake something, or writes down what is there: it clears nothing away.
QUESTIONS = {
    *("--list-rules", "--list", "-l", "--list-target-rules", "--lt", "--summary", "-S", "--detailed-summary", "-D"),
    *("--dag", "--rulegraph", "--filegraph", "--d3dag", "--lint", "--unlock", "--report", "--reporter", "--archive"),
    *("--list-changes", "--lc", "--list-input-changes", "--li", "--list-params-changes", "--lp", "--list-untracked"),
    *("--lu", "--touch", "-t", "--cleanup-metadata", "--cm", "--cleanup-shadow", "--delete-all-output", "--export-cwl"),
    *("--delete-temp-output", "--generate-unit-tests", "--containerize", "--print-compilation"),
}


def only_asks():
    """Whether this Snakemake builds nothing: a dry run, a question, or a call from Python, which may be either."""
    typed = "snakemake" in Path(sys.argv[0]).parts[-2:]  # …/bin/snakemake or …/snakemake/__main__.py
    asked = {word.partition("=")[0] for word in sys.argv} & QUESTIONS
    return workflow.output_settings.dryrun or not typed or bool(asked)


def recover(state, asks):
    """Clear away what a killed run left, and have made again what has changed since it was made; a question is only told."""
    if not alone(state):
        return
    expected = {Path("resources", name): value for name, value in DATASET["sha256"].items()}
    found = look(state, expected if DATASET["format"] == "idx" else {})
    if found.changed:
        print(f"Changed since they were made, so they will be made again: {listed(found.changed)}.", file=sys.stderr)
    unknown = [path for path in found.unrecorded if any(rule.is_producer(str(path)) for rule in workflow.rules)]
    if unknown and found.no_record:
        where = "results.old" if asks else set_aside(Path("results")).name
        print(
            f".snakemake/ has no record of what results/ was made from: it is kept as {where}/ and made again.",
            file=sys.stderr,
        )
    elif unknown:
        print(
            f"No record of what these were made from, so they will be made again: {listed(unknown)}.", file=sys.stderr
        )
    if not asks:
        remove([*found.changed, *unknown])
        for record in found.unreadable:
            record.unlink()
        remember(state)


if workflow.is_main_process:
    with mistakes_in_one_line():
        recover(Path(".snakemake"), only_asks())
