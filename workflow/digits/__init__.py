"""The pipeline's commands, one module per rule (`python -m digits.train --help`), and the rooms that they share."""

from digits.core.arithmetic import pin_arithmetic
from digits.core.environment import clean_environment

clean_environment()
pin_arithmetic()
