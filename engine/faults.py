"""Describing an unexpected exception without its text or variables, which may contain personal data."""

import sysconfig
import traceback
from pathlib import Path

_FRAMES = 4
_PROGRAM = tuple(str(Path(__file__).resolve().parents[1] / name) for name in ("engine", "adapters"))
_LIBRARIES = tuple(sysconfig.get_path(name) for name in ("purelib", "platlib", "stdlib", "platstdlib"))


def trail(error: BaseException) -> str:
    """Return type and places of ``error``, innermost first: ``KeyError at hours.py:41 < asking.py:20``.

    For libraries only the innermost place is given: what matters is which lines of the program led there. For an
    exception raised from another, the original one is described.
    """
    chain = [error]
    while (cause := chain[-1].__cause__) is not None:
        chain.append(cause)
    root = chain[-1]
    innermost = traceback.extract_tb(root.__traceback__)[-1:]
    ours = [frame for one in chain for frame in traceback.extract_tb(one.__traceback__) if _is_ours(frame)]
    trace = [frame for frame in ours if frame not in innermost] + innermost
    places = " < ".join(_place(frame) for frame in reversed(trace[-_FRAMES:]))
    return f"{type(root).__name__} at {places}" if places else type(root).__name__


def _is_ours(frame: traceback.FrameSummary) -> bool:
    return frame.filename.startswith(_PROGRAM) or not frame.filename.startswith(_LIBRARIES)


def _place(frame: traceback.FrameSummary) -> str:
    return f"{Path(frame.filename).name}:{frame.lineno}"
