"""Where the demo's customers live: countries with their languages, cities, time zones and first names."""

from typing import NamedTuple


class City(NamedTuple):
    """A city, its IANA time zone, its standard offset from UTC in hours, and its share of the country's customers."""

    name: str
    zone: str
    offset: float
    weight: float


class FirstName(NamedTuple):
    """A first name, and its spelling in an email address."""

    name: str
    ascii: str


class Country(NamedTuple):
    """A country. ``code`` is ISO 3166, ``weight`` its share of the customers, ``calendar`` a key of the seasons."""

    code: str
    locale: str
    weight: float
    calendar: str
    cities: tuple[City, ...]
    names: tuple[FirstName, ...]


def _ascii_names(names: str) -> tuple[FirstName, ...]:
    return tuple(FirstName(name, name.lower()) for name in names.split())


def _names(names: str) -> tuple[FirstName, ...]:
    return tuple(FirstName(*pair.split("/")) for pair in names.split())


_ENGLISH = _ascii_names(
    "Emma Olivia Ava Sophia Isabella Mia Charlotte Amelia Harper Evelyn Abigail Ella Grace Chloe Lily Hannah Zoe Nora "
    "Liam Noah James William Benjamin Lucas Henry Daniel Jack Samuel David Joseph Owen Leo Nathan Aaron Simon Rachel"
)
_GERMAN = _names(
    "Anna/anna Lena/lena Mia/mia Jürgen/juergen Björn/bjoern Käthe/kaethe Lukas/lukas Jonas/jonas Sophie/sophie "
    "Marie/marie Felix/felix Paul/paul Jörg/joerg Änne/aenne Clara/clara Max/max Greta/greta Emil/emil Ida/ida"
)
_FRENCH = _names(
    "Léa/lea Chloé/chloe Camille/camille Inès/ines Manon/manon Jules/jules Hugo/hugo Zoé/zoe Louis/louis Élise/elise "
    "Théo/theo Anaïs/anais Margaux/margaux Gabriel/gabriel Noémie/noemie Rémi/remi Agathe/agathe"
)
_CHINESE = _names(
    "晓雯/xiaowen 子涵/zihan 雨桐/yutong 思远/siyuan 佳怡/jiayi 梓萱/zixuan 浩然/haoran 静怡/jingyi 文博/wenbo "
    "欣妍/xinyan 若曦/ruoxi 俊杰/junjie 诗涵/shihan 明轩/mingxuan 雅婷/yating 志强/zhiqiang 海燕/haiyan 宇航/yuhang "
    "晨曦/chenxi 美玲/meiling 建国/jianguo 丽华/lihua"
)
_SPANISH = _names(
    "Lucía/lucia Martín/martin Sofía/sofia Hugo/hugo María/maria Pablo/pablo Paula/paula Álvaro/alvaro Carmen/carmen "
    "Diego/diego Elena/elena Javier/javier Irene/irene Nuño/nuno"
)
_JAPANESE = _names(
    "陽菜/hina 結衣/yui 葵/aoi 蓮/ren 悠真/yuma 美咲/misaki 翔太/shota さくら/sakura 大輔/daisuke 真由美/mayumi 健一/kenichi"
)

COUNTRIES = (
    Country(
        "US", "en-US", 0.38, "west",
        (
            City("New York", "America/New_York", -5, 0.26), City("Boston", "America/New_York", -5, 0.10),
            City("Atlanta", "America/New_York", -5, 0.10), City("Chicago", "America/Chicago", -6, 0.17),
            City("Austin", "America/Chicago", -6, 0.11), City("Denver", "America/Denver", -7, 0.06),
            City("Phoenix", "America/Phoenix", -7, 0.04), City("Seattle", "America/Los_Angeles", -8, 0.07),
            City("San Francisco", "America/Los_Angeles", -8, 0.08), City("Honolulu", "Pacific/Honolulu", -10, 0.01),
        ),
        _ENGLISH,
    ),
    Country(
        "GB", "en-GB", 0.14, "west",
        (City("London", "Europe/London", 0, 0.6), City("Leeds", "Europe/London", 0, 0.2), City("Glasgow", "Europe/London", 0, 0.2)),
        _ENGLISH,
    ),
    Country(
        "CN", "zh-CN", 0.20, "china",
        (
            City("上海", "Asia/Shanghai", 8, 0.34), City("北京", "Asia/Shanghai", 8, 0.26), City("杭州", "Asia/Shanghai", 8, 0.14),
            City("深圳", "Asia/Shanghai", 8, 0.16), City("成都", "Asia/Shanghai", 8, 0.10),
        ),
        _CHINESE,
    ),
    Country(
        "DE", "de-DE", 0.09, "west",
        (City("Berlin", "Europe/Berlin", 1, 0.4), City("Hamburg", "Europe/Berlin", 1, 0.3), City("München", "Europe/Berlin", 1, 0.3)),
        _GERMAN,
    ),
    Country(
        "FR", "fr-FR", 0.07, "west",
        (City("Paris", "Europe/Paris", 1, 0.6), City("Lyon", "Europe/Paris", 1, 0.25), City("Nantes", "Europe/Paris", 1, 0.15)),
        _FRENCH,
    ),
    Country("ES", "es-ES", 0.04, "west", (City("Madrid", "Europe/Madrid", 1, 0.6), City("Valencia", "Europe/Madrid", 1, 0.4)), _SPANISH),
    Country("JP", "ja-JP", 0.03, "west", (City("東京", "Asia/Tokyo", 9, 0.7), City("大阪", "Asia/Tokyo", 9, 0.3)), _JAPANESE),
    Country(
        "AU", "en-AU", 0.04, "west",
        (City("Sydney", "Australia/Sydney", 10, 0.6), City("Perth", "Australia/Perth", 8, 0.25), City("Adelaide", "Australia/Adelaide", 9.5, 0.15)),
        _ENGLISH,
    ),
    Country("NZ", "en-NZ", 0.01, "west", (City("Auckland", "Pacific/Auckland", 12, 1.0),), _ENGLISH),
)  # fmt: skip
"""All countries; the weights add up to one."""
