"""Domains as mail servers know them: one version of IDNA for addresses in settings, checks, headers and envelopes."""

import idna


def ascii_domain(domain: str) -> str:
    """Return ``domain`` in lower case and ASCII: IDNA 2008 with the mapping of UTS 46, in which ``ß`` is a letter.

    Raises:
        ValueError: there can be no such domain; the error says why, in the words of the library.
    """
    if domain.isascii() and not domain.lower().startswith("xn--") and ".xn--" not in domain.lower():
        return domain.lower()
    return idna.encode(domain, uts46=True).decode("ascii")
