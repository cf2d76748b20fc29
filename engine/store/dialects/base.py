"""The port: what the program wants of a database in words, and each database says in its own.

Whoever writes SQL asks a ``Dialect`` for what differs in meaning, and never which database it is.
"""

from abc import abstractmethod

from engine.store.dialects.expressions import Expressions
from engine.store.dialects.opening import Opening
from engine.store.dialects.sets import Sets


class Dialect(Expressions, Sets, Opening):
    """A database that Habitué runs on: one instance for each kind, without state."""

    @property
    @abstractmethod
    def name(self) -> str:
        """SQLAlchemy's name for it, with which its URLs begin."""

    def __repr__(self) -> str:
        return self.name
