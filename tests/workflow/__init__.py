"""Tests of the whole workflow: a package, so that its conftest.py is not taken for the one above."""
