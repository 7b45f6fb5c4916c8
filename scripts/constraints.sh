#!/bin/sh
# Writes constraints.txt: what a fresh virtual environment gets today, to be tested and committed.
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
"${PYTHON:-python3}" -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet ".[dev]" hatchling editables
{
    echo "# What CI installs. Made by 'make constraints'; the ranges that work are in pyproject.toml."
    "$place/venv/bin/pip" freeze --exclude minimq
} > constraints.txt
