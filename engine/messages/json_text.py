"""A part of a message that is JSON: values are put into it so that they can neither break it nor add to it.

Inside quotes, a value becomes part of the string. Without quotes, a number is a number, and anything else becomes a
string. So whether a template makes JSON does not depend on any value, and is checked once for each skeleton.
"""

import json
import re
from collections.abc import Iterator
from math import isfinite

from engine.errors import RenderError
from engine.messages.reasons import MessageReason
from engine.messages.sandbox import FIRST_SLOT
from engine.messages.skeleton import Hole, Part
from engine.messages.slots import SLOT

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?").fullmatch
_LONGEST_NUMBER = 40
_GLUED = re.compile("[^\\s,:\\[\\]{}][\ue000-\uf8ff]|[\ue000-\uf8ff][^\\s,:\\[\\]{}]")
"""A value beside something that is not punctuation."""
_TOKEN = re.compile('\\\\.|["\ue000-\uf8ff]', re.DOTALL)


def json_part(skeleton: str, name: str) -> Part:
    """Prepare the block ``name``, which is to be a JSON object; an empty one stays empty.

    Raises:
        RenderError: it is not a JSON object, whatever the values are; the error says where.
    """
    text = skeleton.strip()
    quoted = list(_quoted(text))
    if text:
        _check(text, quoted, name)
    slots = (ord(letter) - FIRST_SLOT for letter in SLOT.findall(text))
    holes = tuple(Hole(slot, _inside if inside else _bare) for slot, inside in zip(slots, quoted, strict=True))
    return Part(tuple(SLOT.split(text)), holes)


def _quoted(text: str) -> Iterator[bool]:
    """Yield for each slot whether it is inside a string."""
    inside = False
    for piece in _TOKEN.findall(text):
        if piece == '"':
            inside = not inside
        elif SLOT.match(piece):
            yield inside


def _check(text: str, quoted: list[bool], name: str) -> None:
    if len(quoted) < len(SLOT.findall(text)):
        raise RenderError(f"the {name} has a backslash right before a value: remove it", MessageReason.TEMPLATE_INVALID)
    kinds = iter(quoted)
    if _GLUED.search(bare := SLOT.sub(lambda slot: "x" if next(kinds) else slot[0], text)):
        raise RenderError(
            f"the {name} has a value without quotes right beside other text: put both into quotes",
            MessageReason.TEMPLATE_INVALID,
        )
    try:
        read = json.loads(SLOT.sub("0", bare))
    except json.JSONDecodeError as error:
        raise RenderError(
            f"the {name} is not JSON: {error.msg}, in line {error.lineno} of the block, at character {error.colno}",
            MessageReason.TEMPLATE_INVALID,
        ) from None
    except RecursionError:
        raise RenderError(f"the {name} is nested too deeply", MessageReason.TEMPLATE_INVALID) from None
    if not isinstance(read, dict):
        raise RenderError(f'the {name} is not a JSON object: write {{"name": …}}', MessageReason.TEMPLATE_INVALID)


def _inside(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)[1:-1]


def _bare(value: str) -> str:
    is_number = len(value) <= _LONGEST_NUMBER and _NUMBER(value) and isfinite(float(value))
    return value if is_number else json.dumps(value, ensure_ascii=False)
