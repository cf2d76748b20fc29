"""The default alphabet of text messages (3GPP TS 23.038, section 6.2.1, with its extension)."""

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = "\f^{}\\[~]|€"
_ALL = frozenset(_BASIC + _EXTENSION)


def fits_gsm(text: str) -> bool:
    """Tell whether every character of ``text`` is in the default alphabet; otherwise it is sent as UCS-2."""
    return _ALL.issuperset(text)
