"""LIKE patterns, with or without an escape character, and the one form that dialects take."""

from collections.abc import Iterator

MAX_WILDCARDS = 10
"""The maximum number of ``%``, because each multiplies the worst-case cost of matching a value."""

_ANY, _ONE = object(), object()


def check_pattern(pattern: str, escape: str | None) -> None:
    """Check a pattern.

    Raises:
        ValueError: it ends in its escape character, escapes a character needlessly, or has too many ``%``.
    """
    parts = list(_parts(pattern, escape))
    if sum(part is _ANY for part in parts) > MAX_WILDCARDS:
        raise ValueError(f"the pattern has too many `%`: at most {MAX_WILDCARDS}")


def as_like(pattern: str, escape: str | None) -> str:
    r"""Return the pattern for ``LIKE … ESCAPE '\'``."""
    return "".join(
        "%" if part is _ANY else "_" if part is _ONE else f"\\{part}" if part in ("%", "_", "\\") else str(part)
        for part in _parts(pattern, escape)
    )


def _parts(pattern: str, escape: str | None) -> Iterator[object]:
    """Yield literal characters and the two wildcards."""
    escaped = False
    for character in pattern:
        if escaped:
            if character not in ("%", "_", escape):
                raise ValueError(f"the escape character precedes `{character}`, which needs no escaping")
            escaped = False
            yield character
        elif character == escape:
            escaped = True
        else:
            yield _ANY if character == "%" else _ONE if character == "_" else character
    if escaped:
        raise ValueError("the pattern ends in its escape character")
