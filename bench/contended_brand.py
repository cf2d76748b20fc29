"""A small brand for ``contention``, and what is imported: the end state depends on the inputs and not on their order.

Places follow from the present alone, without lock, grace or keep; the playbook answers to every order by itself.
"""

from collections.abc import Iterable
from pathlib import Path

from engine.clock import HOUR, Instant, iso
from engine.intake.files.source import Source

NOW = Instant(1_790_000_000_000)
EDITS = (4, 2, 3)
"""The scores from which customers are in the tier ``high``, edit after edit."""
LAST_EDIT = 3

FACTS = """
[events.order_completed]
amount = "money"

[facts.first_name]
attribute = "first_name"
type = "text"

[facts.is_vip]
attribute = "is_vip"
type = "boolean"

[facts.orders]
count = "order_completed"

[facts.spend]
sum = "order_completed.amount"

[facts.spend_score]
quantile = "spend"
buckets = 4
"""
VALUE = """
[dimension]
name = "value"
kind = "tiers"

[[tier]]
name = "high"
when = "spend_score >= {score}"

[[tier]]
name = "low"
"""
NEEDS = """
[dimension]
name = "needs"
kind = "segments"

[[segment]]
name = "vip"
when = "is_vip"
"""
THANKS = """
[playbook]
name = "thanks"
class = "service"
reentry = "always"
expires = "7d"

[trigger]
event = "order_completed"

[[step]]
id = "mail"
send = ["email"]
template = "thanks/mail"
"""
MAIL = "{% block subject %}Thank you{% endblock %}{% block html %}<p>{{ facts.first_name }}</p>{% endblock %}"


def write_brand(folder: Path) -> None:
    """Write all files of the brand."""
    files = {
        "rules/facts.toml": FACTS,
        "rules/needs.toml": NEEDS,
        "playbooks/thanks.toml": THANKS,
        "templates/thanks/mail.email.j2": MAIL,
    }
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content, encoding="utf-8")
    edit(folder, EDITS[0])


def edit(folder: Path, score: int) -> None:
    """Set the score of the tier ``high``, atomically, as an editor does."""
    draft = folder / "value.draft"
    draft.write_text(VALUE.format(score=score), encoding="utf-8")
    draft.replace(folder / "rules" / "value.toml")


def users_file(folder: Path, number: int, size: int) -> Source:
    """Write the attributes of all users, in an order of its own; the last file says what they are in the end."""
    rows = (f"u{user},Ann{number},{str((user + number) % 3 == 0).lower()}" for user in _shuffled(number, size))
    return _write(folder / f"users{number}.csv", "key,first_name,is_vip", rows)


def events_file(folder: Path, number: int, size: int) -> Source:
    """Write an order of every user, in an order of its own."""
    at = iso(NOW - HOUR - number)
    rows = (
        f"o{number}-{user},u{user},order_completed,{at},{user % 50 + number % 7}" for user in _shuffled(number, size)
    )
    return _write(folder / f"events{number}.csv", "key,user,event,at,amount", rows)


def _shuffled(number: int, size: int) -> list[int]:
    return sorted(range(size), key=lambda user: user * (2_654_435_761 + 2 * number) % 4_294_967_296)


def _write(path: Path, header: str, rows: Iterable[str]) -> Source:
    path.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return Source(path)
