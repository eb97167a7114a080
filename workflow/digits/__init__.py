"""The pipeline's commands, one module a rule (`python -m digits.train --help`), and the library they share in `lib`."""
