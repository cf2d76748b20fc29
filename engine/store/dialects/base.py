"""The port: everything that the program needs from a database and that databases do differently.

Code that writes SQL asks a ``Dialect`` for what it means, and never asks which database it is.
"""

from abc import abstractmethod

from engine.store.dialects.expressions import Expressions
from engine.store.dialects.opening import Opening
from engine.store.dialects.sets import Sets


class Dialect(Expressions, Sets, Opening):
    """A database that Habitué runs on. There is one instance per kind, and it has no state."""

    @property
    @abstractmethod
    def name(self) -> str:
        """SQLAlchemy's name for it; its URLs begin with this name."""

    def __repr__(self) -> str:
        return self.name
