"""The heads of playbooks' files alone: what files say that do not run any more, and whose rest may not compile today."""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.content.bundle import PLAYBOOKS, Bundle
from engine.content.document import Document, parse_document, validate
from engine.incentives.form import COUPONS_PATH
from engine.playbooks.file.head import OnRetire, PlaybookSection, PlaybookState
from engine.playbooks.file.playbook import Playbooks


@dataclass(frozen=True, slots=True)
class FileHead:
    """What the head of a file says about the end of its playbook."""

    name: str
    path: str
    state: PlaybookState
    on_retire: OnRetire


def heads_of(playbooks: Playbooks) -> Mapping[str, FileHead]:
    """Return playbook -> head of compiled files."""
    return {one.name: FileHead(one.name, one.path, one.state, one.on_retire) for one in playbooks.playbooks}


def read_heads(bundle: Bundle) -> Mapping[str, FileHead]:
    """Return playbook -> head, of all files whose head can be read."""
    heads = (read_head(path, text) for path, text in bundle.under(PLAYBOOKS).items() if path != COUPONS_PATH)
    return {head.name: head for head in heads if head is not None}


def read_head(path: str, text: str) -> FileHead | None:
    """Return the head of one file; None if it cannot be read."""
    document = parse_document(path, text)
    if not isinstance(document, Document) or not isinstance(section := document.data.get("playbook"), dict):
        return None
    head, _ = validate(PlaybookSection, document, ("playbook",), section)
    return None if head is None else FileHead(head.name, path, head.state, head.at_retirement)
