"""What an owner is told of a task: a mail, or an event for a webhook."""

from collections.abc import Mapping
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from zoneinfo import ZoneInfo

from engine.brand_values import own_address
from engine.clock import Instant, iso, to_datetime
from engine.messages.email.headers import one_line
from engine.messages.email.mime import message_id
from engine.settings import Brand
from engine.tasks.notices import DueNotice, TaskNoticeKind

_HEADINGS: Mapping[TaskNoticeKind, str] = {
    TaskNoticeKind.NEW: "New task",
    TaskNoticeKind.REASSIGNED: "Task for you",
    TaskNoticeKind.OVERDUE: "Overdue",
}
_LONGEST_SUBJECT = 200


def mail_of(notice: DueNotice, recipient: str, brand: Brand, link: str, now: Instant) -> bytes:
    """Return the mail to ``recipient``: the same on every try but for its date. ``link`` may be empty."""
    sender, zone = own_address(brand.sender), ZoneInfo(brand.timezone)
    mail = EmailMessage(policy=SMTP)
    mail["From"] = formataddr((sender.name or brand.name, sender.address))
    mail["To"] = recipient
    mail["Subject"] = one_line(f"{_HEADINGS[notice.kind]}: {notice.title}")[:_LONGEST_SUBJECT]
    mail["Date"] = format_datetime(to_datetime(now))
    mail["Message-ID"] = message_id(notice.key, sender.address.rpartition("@")[2])
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(_text(notice, link, zone))
    return mail.as_bytes()


def _text(notice: DueNotice, link: str, zone: ZoneInfo) -> str:
    due = datetime.fromtimestamp(notice.due_at / 1000, zone).strftime("%Y-%m-%d %H:%M")
    lines = [
        notice.title,
        "",
        notice.body,
        "",
        f"Customer: {notice.user}",
        f"Owner: {notice.task_owner}",
        f"{'Was due' if notice.kind is TaskNoticeKind.OVERDUE else 'Due'}: {due} ({zone.key})",
        "",
        f"Task {notice.task}: `habitue task take {notice.task}`, `habitue task done {notice.task}`",
    ]
    return "\n".join([*lines, *(["", f"Take it, or report it done: {link}"] if link else []), ""])


def event_of(notice: DueNotice, link: str) -> tuple[str, dict[str, object]]:
    """Return the name of the event and its data, for a webhook. ``link`` may be empty."""
    told: dict[str, object] = {
        "task": notice.task,
        "owner": notice.task_owner,
        "told": notice.owner,
        "title": notice.title,
        "body": notice.body,
        "due_at": iso(Instant(notice.due_at)),
    }
    return f"task.{notice.kind}", {**told, "link": link} if link else told
