"""The time that adapters may ask for: given to them by the program, so that tests can set it.

Signatures and tokens state when they were made, and providers compare that with their own clocks. The instant of a
message does not serve: it may have waited since it was composed.
"""

from collections.abc import Callable
from typing import TypeAlias

Now: TypeAlias = Callable[[], int]
"""Returns the machine's present time in UTC milliseconds."""
