"""What ``habitue check`` says about templates that are gone from the files while somebody still needs them."""

from collections.abc import Collection, Iterator, Mapping

from sqlalchemy import Connection, text

from engine.actions.states import HELD_SQL, WAITING_SQL
from engine.content.bundle import TEMPLATES
from engine.content.findings import Finding
from engine.delivery.kept_templates import read_kept
from engine.explain.pauses import LOOKED_AT
from engine.loading import Content
from engine.messages.checking import unknown_value
from engine.messages.templates import SUFFIX, MessageName, TemplateLibrary

_ENROLLED = text(
    "SELECT playbook, version, min(step) AS step FROM enrolment WHERE state = 'active' GROUP BY playbook, version"
)
_UNSENT = tuple(
    text(
        "SELECT DISTINCT q.playbook, q.template, q.channel, q.next_channels FROM (SELECT playbook, template, channel,"
        f" next_channels FROM action WHERE {condition} AND template IS NOT NULL LIMIT :limit) AS q"
    )
    for condition in (WAITING_SQL, HELD_SQL)
)


def check_kept_templates(
    connection: Connection, content: Content, served: Collection[str], ending: Collection[str] = ()
) -> list[Finding]:
    """Return a warning for each template that ``content`` does not have, but that users who entered earlier need.

    ``served`` are the channels with an adapter, ``ending`` the playbooks whose messages are cancelled anyway. Of the
    messages that wait, a limited number is looked at.
    """
    needed = _needed(connection, content)
    library = content.library
    gone = {
        one: going_on
        for one, playbooks in needed.items()
        if (going_on := playbooks - {*ending}) and one[1] in served and library.path_of(*one) is None
    }
    kept = read_kept(connection, library, gone) if gone else {}
    return sorted(
        Finding(f"{TEMPLATES}/{name}.{channel}{SUFFIX}", 0, _said(content, (name, channel), playbooks, kept), "warning")
        for (name, channel), playbooks in gone.items()
    )


def _said(
    content: Content,
    message: MessageName,
    playbooks: Collection[str],
    kept: Mapping[MessageName, TemplateLibrary],
) -> str:
    who = " and ".join(f"`{name}`" for name in sorted(playbooks))
    said = f"it is gone, but users who entered {who} earlier still get this message"
    if message not in kept:
        return f"{said}, and no stored version has it: write it again, or their messages are never sent"
    if problem := next(_problems(content, kept[message], message), None):
        return f"{said}, and it cannot be sent as it was last: {problem}; write it again"
    return f"{said}, as it was last"


def _problems(content: Content, library: TemplateLibrary, message: MessageName) -> Iterator[str]:
    """Yield why messages from a kept template fail: values that there are no more."""
    for variable in library.variables(*message):
        problem = unknown_value(variable.name, content.catalog)
        if problem and not variable.guarded:
            yield f"{TEMPLATES}/{variable.path}:{variable.line}: {problem}"


def _needed(connection: Connection, content: Content) -> dict[MessageName, set[str]]:
    """Return the templates that enrolments in older versions and unsent messages need, and their playbooks."""
    needed: dict[MessageName, set[str]] = {}
    pinned = content.pinned()
    today = {(one.name, one.version) for one in content.playbooks.playbooks}
    for row in connection.execute(_ENROLLED).all():
        older = None if (row.playbook, row.version) in today else pinned.get(connection, row.playbook, row.version)
        for step in older.steps[row.step :] if older else ():
            for message in step.act.messages:
                for channel in message.channels:
                    needed.setdefault((message.template, channel), set()).add(row.playbook)
    for query in _UNSENT:
        for playbook, template, channel, later in connection.execute(query, {"limit": LOOKED_AT}).all():
            for one in (channel, *filter(None, later.split(","))):
                needed.setdefault((template, one), set()).add(playbook)
    return needed
