"""Calling the program as a shell does, and how it ends."""

import subprocess

# sysexits.h, as src/base/result.cpp maps error codes.
USAGE, DATA, NO_INPUT, NO_SERVICE, IO, TEMPORARY, NO_PERMISSION = 64, 65, 66, 69, 74, 75, 77


def call(amas, home, *arguments, **options):
    """Runs `amas --home HOME ARGUMENTS…` to its end."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "timeout": 300} | options
    return subprocess.run([amas, "--home", home, *arguments], **options)
