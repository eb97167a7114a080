"""Tests of the same results on several processors: a package, so that its modules' names are its own."""
