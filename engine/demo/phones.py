"""Phone numbers that belong to nobody, for the demo's customers.

Regulators keep some numbers free for films and books. There are not many, so only the first few thousand customers of a
country have one, each their own: customers who share a number would share each other's refusals.
"""

from typing import NamedTuple


class Numbers(NamedTuple):
    """Numbers of one country: each of ``beginnings``, in E.164, with ``digits`` more digits from 0 on."""

    beginnings: tuple[str, ...]
    digits: int


def _each(before: str, middles: str, after: str) -> tuple[str, ...]:
    return tuple(f"{before}{middle}{after}" for middle in middles.split())


NUMBERS = {
    # 555-0100 to 555-0199 of every area code (NANPA).
    "US": Numbers(
        _each(
            "+1",
            "202 203 205 206 207 208 209 210 212 213 214 215 216 217 218 219 224 225 228 229 231 234 239 240 248 251 252 253"
            " 254 256 260 262 267 269 270 272 276 281 301 302 303 304 305 307 308 309 310 312 313 314",
            "55501",
        ),
        2,
    ),
    # Ofcom: mobile numbers, those of no area, and those of cities.
    "GB": Numbers(("+447700900", "+441632960", "+442079460", "+441134960", "+441414960"), 3),
    # Bundesnetzagentur: Berlin, Hamburg, München, Köln, Frankfurt.
    "DE": Numbers(("+493023125", "+494066969", "+498999998", "+492214710", "+496990009"), 3),
    # Arcep: mobile numbers.
    "FR": Numbers(("+3363998",), 4),
    # None are kept free in mainland China; but mobile numbers begin with 13 to 19, and no number of 11 digits with 12.
    "CN": Numbers(("+8612000",), 6),
}
"""ISO 3166 -> numbers; countries that keep none free are not here."""


def number_of(country: str, index: int) -> str | None:
    """Return the number of customer ``index`` (from 0); None if the country has none left that is nobody's."""
    numbers = NUMBERS.get(country)
    if numbers is None:
        return None
    beginning, rest = divmod(index, 10**numbers.digits)
    return f"{numbers.beginnings[beginning]}{rest:0{numbers.digits}}" if beginning < len(numbers.beginnings) else None
