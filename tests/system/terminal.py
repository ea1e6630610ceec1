"""A terminal for programs under test: runs one in it and tells what a person would see."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import unicodedata

ESCAPE = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])")


def width(text):
    """Columns that a text takes."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


class Terminal:
    """Runs a command in a terminal of this size, to its end; `written` is all that it wrote."""

    def __init__(self, command, columns=80, rows=24, **environment):
        self.columns = columns
        master, slave = pty.openpty()
        self.resize(slave, columns, rows)
        self.process = subprocess.Popen([str(part) for part in command], stdin=slave, stdout=slave, stderr=slave,
                                        start_new_session=True, env=os.environ | {"TERM": "xterm"} | environment)
        os.close(slave)
        self.written = ""
        pieces = []
        while piece := self.read(master):
            pieces.append(piece)
        self.written = b"".join(pieces).decode()
        self.status = self.process.wait(timeout=60)
        os.close(master)

    @staticmethod
    def resize(descriptor, columns, rows):
        fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    @staticmethod
    def read(master):
        try:
            return os.read(master, 65536)
        except OSError:  # The last program that had the terminal open has ended.
            return b""

    def screen(self):
        """The lines that a person sees in the end, what has scrolled away included. Only what amas uses is known:
        line feeds, cursor up, erasing a line, colours (which are left out)."""
        lines, at = [""], 0
        for part in re.split(r"(\r\n|\r|\n|\x1b\[[?0-9;]*[A-Za-z])", self.written):
            escape = ESCAPE.fullmatch(part)
            if part in ("\n", "\r\n"):
                at += 1
                if at == len(lines):
                    lines.append("")
            elif escape and escape[2] == "A":
                at = max(at - int(escape[1] or 1), 0)
            elif escape and escape[2] == "K":
                lines[at] = ""
            elif not escape and part != "\r":
                lines[at] += part
        return [line.rstrip() for line in lines]

    def too_wide(self):
        """The lines of the screen that the terminal breaks by itself, but for those of one long word (a path)."""
        return [line for line in self.screen() if width(line) > self.columns and " " in line.strip()]
