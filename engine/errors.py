"""The error tree. An error gets its own class only if a caller handles it differently.

HabitueError                 a sentence for the person at the terminal; the CLI prints it and exits 2
├── ContentError             the brand's files have errors; has all findings
├── StoreError               the database cannot be opened, is read-only, or has another version
│   ├── SchemaDrift          user_state does not follow the declared facts and dimensions: run `habitue migrate`
│   ├── StoreConflict        another transaction was in the way: a retry may succeed
│   │   └── StoreRolledBack  the database undid the transaction, so all of it can be repeated
│   ├── StoreNameError       a statement of the program or an extension uses a table or column that does not exist
│   └── StoreValueError      a value in one of the rows is at fault: smaller batches find it
├── VersionReplaced          another version of the files has been applied since: read again what runs
├── NoReceipts               no receipts can come from this adapter
├── NothingApplied           no version of the files was ever applied: run `habitue apply`
├── InputError               a file to import, an option or a user key is invalid
├── BrandError               no message can be composed, because of the brand's settings: all wait
├── BadRow                   a stored row has invalid data: the row is quarantined
├── MessageTooLong           a message is longer than its playbook allows: the step's next channel is tried
└── RenderError              a template cannot be rendered for this user: the action is quarantined
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.content.findings import Finding


class HabitueError(Exception):
    """An error with one sentence that says what is wrong and what would be right, without personal data."""


class ContentError(HabitueError):
    """The brand's files have errors."""

    def __init__(self, findings: "Sequence[Finding]") -> None:
        self.findings = tuple(findings)
        super().__init__("\n".join(str(finding) for finding in self.findings))


class StoreError(HabitueError):
    """The database cannot be used as it is."""


class SchemaDrift(StoreError):
    """The columns of ``user_state`` and the declared facts and dimensions differ."""


class StoreConflict(StoreError):
    """Another transaction was in the way (a deadlock, or a lock that was not released): a retry may succeed."""


class StoreRolledBack(StoreConflict):
    """The database undid the whole transaction in favour of another one: ``Database.in_transaction`` repeats it."""


class StoreNameError(StoreError):
    """A statement uses a table or column that does not exist: the schema is older, or the statement is wrong."""


class StoreValueError(StoreError):
    """The database cannot process a value in one of the rows that it was given or that it read."""


class VersionReplaced(HabitueError):
    """Another version of the files has been made the running one since."""


class NothingApplied(HabitueError):
    """No version of the files was ever applied, and ticks do not apply the files."""

    def __init__(self) -> None:
        super().__init__(
            "no version of the files has been applied yet: run `habitue apply` (`content.apply` is `manual`)"
        )


class NoReceipts(HabitueError):
    """There is no such adapter, it is not configured, or its provider reports nothing."""


class InputError(HabitueError):
    """An argument, option or input file of a command is invalid."""


class BrandError(HabitueError):
    """No message can be composed with the brand's own address or links, so it is the fault of none of them.

    Settings are checked when they are loaded; this is for those that were made in other ways.
    """


class BadRow(HabitueError):
    """A stored row has invalid data. The error gives the column, never its value."""


class MessageTooLong(HabitueError):
    """A message is longer than its channel or its playbook allows. It is never cut.

    ``reason`` is the short word for the action log.
    """

    def __init__(self, message: str, reason: str) -> None:
        self.reason = reason
        super().__init__(message)


class RenderError(HabitueError):
    """A template cannot be rendered with this user's values.

    ``reason`` is the short word for the action log: ``render_failed``, ``address_invalid``, ``url_invalid``, ….
    """

    def __init__(self, message: str, reason: str = "render_failed") -> None:
        self.reason = reason
        super().__init__(message)
