"""The good brand of these tests, and the mistakes that are put into it."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.content.bundle import Bundle, read_bundle

HERE = Path(__file__).parent
GOOD = HERE / "good"
CONFIG = "config.toml"


@dataclass(frozen=True)
class Mistake:
    """One change to the good brand, and what is found then: ``file:line: severity: fragment of the message``."""

    name: str
    file: str
    finds: tuple[str, ...]
    replace: str = ""
    put: str = ""
    also: tuple[tuple[str, str], ...] = ()
    append: str = ""
    text: str | None = None
    rename: str | None = None
    remove: bool = False

    def into(self, files: Mapping[str, str]) -> dict[str, str]:
        """Return ``files`` with the mistake in them."""
        changed = dict(files)
        before = changed.pop(self.file, "")
        if self.remove:
            return changed
        after = self._changed(before) if self.text is None else self.text
        return {**changed, self.rename or self.file: after}

    def _changed(self, text: str) -> str:
        for old, new in ((self.replace, self.put), *self.also):
            assert not old or text.count(old) == 1, f"{self.name}: stands {text.count(old)} times in {self.file}: {old}"
            text = text.replace(old, new) if old else text
        return text + self.append


def mistakes() -> list[Mistake]:
    """All mistakes, named ``area.mistake``."""
    found = []
    for path in sorted((HERE / "mistakes").glob("*.toml")):
        for name, entry in tomllib.loads(path.read_text(encoding="utf-8")).items():
            finds, put = tuple(entry.pop("finds")), entry.pop("with", "")
            also = tuple((old, new) for old, new in entry.pop("also", []))
            found.append(Mistake(f"{path.stem}.{name}", finds=finds, put=put, also=also, **entry))
    return found


def good() -> dict[str, str]:
    """The good brand's files."""
    return dict(read_bundle(GOOD / "rules", GOOD / "playbooks", GOOD / "templates").files)


def write(folder: Path, files: Mapping[str, str]) -> Path:
    """Write a brand; return its config.toml."""
    for name in ("rules", "playbooks", "templates"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    settings = (GOOD / CONFIG).read_text(encoding="utf-8")
    paths = "".join(f"{name} = {str(folder / name)!r}\n" for name in ("rules", "playbooks", "templates"))
    config = folder / CONFIG
    config.write_text(f"{settings}\n[content]\n{paths}", encoding="utf-8")
    return config


def bundle(files: Mapping[str, str]) -> Bundle:
    """The files as the engine takes them."""
    return Bundle(dict(files))
