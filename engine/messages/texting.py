"""Checking the templates of text messages: characters that cost a segment, and words by which customers can refuse."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

from engine.content.bundle import TEMPLATES
from engine.content.findings import Finding
from engine.messages.locales import language
from engine.messages.segments import PLAIN, typographic
from engine.messages.templates import TemplateLibrary, TemplateName
from engine.playbooks.file.playbook import Playbooks

_OTHER_LANGUAGES = "en"


def check_texts(
    library: TemplateLibrary, playbooks: Playbooks, opt_out: Mapping[str, Sequence[str]], default_locale: str
) -> list[Finding]:
    """Return warnings about the templates of channels whose messages are texts.

    ``opt_out`` has the words of each language by which a text says how to refuse it; a language that is not there uses
    those of English. ``default_locale`` is the brand's.
    """
    marketing = _marketing(playbooks)
    found: list[Finding] = []
    for name, channel in sorted(library.names()):
        blocks = library.blocks(channel)
        for path in library.files(name, channel) if blocks and blocks.texting else ():
            found += _typography(library, path)
            if (playbook := marketing.get((name, channel))) is not None:
                found += _no_way_out(library, path, playbook, _words(path, opt_out, default_locale))
    return sorted(set(found))


def _marketing(playbooks: Playbooks) -> dict[tuple[str, str], str]:
    """Return the messages that marketing playbooks send: template and channel -> the first such playbook."""
    sent: dict[tuple[str, str], str] = {}
    for playbook in playbooks.playbooks:
        for step in playbook.steps if playbook.message_class == "marketing" else ():
            for message in step.act.messages:
                for channel in message.channels:
                    sent.setdefault((message.template, channel), playbook.name)
    return sent


def _typography(library: TemplateLibrary, path: str) -> Iterator[Finding]:
    texts = list(library.texts(path))
    guilty = typographic("".join(text for _, text in texts))
    for file in dict.fromkeys(file for file, text in texts if not set(guilty).isdisjoint(text)):
        here = [one for one in guilty if any(one in text for at, text in texts if at == file)]
        what = ", ".join(f"{_shown(one)} ({_instead(one)})" for one in here)
        message = f"only for {what} is it sent as UCS-2, with 70 characters in a segment instead of 160"
        yield Finding(f"{TEMPLATES}/{file}", library.line_with(file, here), message, "warning")


def _shown(character: str) -> str:
    code = f"U+{ord(character):04X}"
    return code if unicodedata.category(character) == "Cf" else f"`{character}` {code}"


def _instead(character: str) -> str:
    return f"write `{PLAIN[character]}`" if PLAIN[character] else "leave it out"


def _words(path: str, opt_out: Mapping[str, Sequence[str]], default_locale: str) -> Sequence[str]:
    name = TemplateName.of(path)
    spoken = language(name.locale if name and name.locale else default_locale)
    return opt_out.get(spoken, opt_out.get(_OTHER_LANGUAGES, ()))


def _no_way_out(library: TemplateLibrary, path: str, playbook: str, words: Sequence[str]) -> Iterator[Finding]:
    text = " ".join(text for _, text in library.texts(path))
    linked = any(variable.name == "unsubscribe_url" for variable in library.reading(path).variables)
    if linked or not words or any(_says(text, word) for word in words):
        return
    message = (
        f"`{playbook}` is marketing, and this text does not say how to refuse it: write such as"
        f" `{words[0]}` in it (`sms.opt_out_words`), or link to `unsubscribe_url`"
    )
    yield Finding(f"{TEMPLATES}/{path}", 0, message, "warning")


def _says(text: str, word: str) -> bool:
    """Tell whether ``text`` has ``word``, not as a part of a longer one in Latin letters."""
    sought, among = (unicodedata.normalize("NFKC", one).casefold() for one in (word, text))
    before = r"(?<![a-z0-9])" if sought[:1].isascii() else ""
    after = r"(?![a-z0-9])" if sought[-1:].isascii() else ""
    return bool(sought) and re.search(f"{before}{re.escape(sought)}{after}", among) is not None
