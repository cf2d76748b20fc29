"""What an error of the database says about the cause, told by codes and never by words in a message."""

from enum import StrEnum, auto


class Fault(StrEnum):
    """Who or what is at fault."""

    UNREACHABLE = auto()
    """There is no answer from the server."""
    NO_DATABASE = auto()
    """The server has no database of that name."""
    LOGIN = auto()
    """The server does not let this user in."""
    DENIED = auto()
    """The user may not do this."""
    CANNOT_OPEN = auto()
    """The file cannot be opened."""
    NOT_A_DATABASE = auto()
    """The file is something else, or is damaged."""
    READ_ONLY = auto()
    """Nothing can be written."""
    FULL = auto()
    """There is no room left on the disk."""
    OVERLOADED = auto()
    """The server has no connection or memory to spare."""
    CONFLICT = auto()
    """Another transaction was in the way: the same again may succeed."""
    ROLLED_BACK = auto()
    """The database undid the whole transaction in favour of another one: repeated from its beginning, it may succeed."""
    UNKNOWN_NAME = auto()
    """The statement names a table or column that is not there."""
    VALUE = auto()
    """The statement is right, a value that it met is not: a row is at fault."""
    CONSTRAINT = auto()
    """A row would break a constraint."""
    OTHER = auto()
    """None of these: most likely the program is at fault."""
