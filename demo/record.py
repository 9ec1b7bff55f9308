"""Records the run of `make demo` for the pictures and the tests: `python -m demo.record FILE`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from demo.choices import Choices
from demo.picture import while_there_was_mail
from demo.scene import play
from tools.boards import recording


def main(path: str) -> None:
    """Run the demo and write what was submitted while there was mail."""
    with tempfile.TemporaryDirectory() as folder:
        recording.write(while_there_was_mail(play(Choices(), Path(folder))), Path(path))


if __name__ == '__main__':
    main(*sys.argv[1:])
