"""Naming an unexpected exception without what it says: its text and its frames' variables may hold personal data."""

import traceback
from pathlib import Path

_FRAMES = 4


def trail(error: BaseException) -> str:
    """Return kind and place of ``error``, innermost first: ``KeyError at smtp.py:41 < lane.py:203``."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    places = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))
    return f"{type(error).__name__} at {places}" if places else type(error).__name__
