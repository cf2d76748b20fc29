"""Prints an explanation, readable on a terminal of 80 columns."""

from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape
from rich.text import Text
from rich.tree import Tree

from engine.cli.tables import WordTable
from engine.clock import NEVER, SECOND, Instant, iso
from engine.explain.models import (
    ActionRecord,
    AtomState,
    DimensionPlacement,
    EnrolmentRecord,
    Explanation,
    NextEvaluation,
    PastTransition,
    PauseNote,
    Person,
    RuleText,
    SlotPlacement,
)
from engine.explain.pauses import GO_ON_BY_FILE
from engine.explain.words import CAUSES
from engine.store.paused import PauseOrigin

_MARKS = {True: "[green]✓[/]", False: "[red]✗[/]", None: "[yellow]?[/]"}
_ENDED_WELL = frozenset({"accepted", "delivered", "opened", "clicked"})
_ON_ITS_WAY = frozenset({"planned", "queued", "claimed", "handed_off", "deferred", "retrying"})


def show(console: Console, found: Explanation) -> None:
    """Print an explanation."""
    console.print(_headline(found.user), highlight=False)
    _show_addresses(console, found)
    if found.profile:
        _title(console, "Profile", "changes, newest last")
        console.print(_profile(found))
    _title(console, "Facts", _looked_at(found.at, found.next_evaluation))
    console.print(_facts(found))
    _title(console, "Placements", f"rules {found.rules_version}")
    for placement in found.dimensions:
        console.print(_placement(placement), highlight=False)
    if found.next_evaluation:
        console.print(_next_evaluation(found.next_evaluation, found.at), highlight=False)
    if found.transitions:
        _title(console, "History")
        for move in found.transitions:
            console.print(_transition(move, found.rules_version), highlight=False)
    if found.enrolments:
        _title(console, "Enrolments")
        console.print(_enrolments(found))
    if found.actions:
        _title(console, "Actions")
        for action in found.actions:
            console.print(_action(action), highlight=False)
    for pause in found.pauses:
        console.print(_pause(pause), highlight=False)
    _title(console, "Playbooks", "why the user is in or out")
    console.print(_playbooks(found))


def _show_addresses(console: Console, found: Explanation) -> None:
    """Print where messages to the user go, and what the user agreed to."""
    if found.devices:
        _title(console, "Devices", "the one seen last first")
        console.print(_devices(found))
    if found.suppressed:
        _title(console, "Suppressed", "addresses that get no more messages")
        console.print(_suppressed(found))
    if found.consents:
        _title(console, "Consent")
        console.print(_consents(found))


def day_time(at: int | None) -> str:
    """Return an instant to the second, as ``2026-01-31 10:00:00Z``; a dash for None."""
    if at is None:
        return "-"
    return "never" if at >= NEVER else iso(at // SECOND * SECOND).replace("T", " ")


def _title(console: Console, title: str, remark: str = "") -> None:
    console.print()
    console.print(f"[bold]{title}[/]" + (f"  [dim]{remark}[/]" if remark else ""), highlight=False)


def _headline(user: Person) -> Text:
    parts = [*user.addresses.values(), user.locale, user.timezone, user.country]
    known = ", ".join(part for part in parts if part)
    return Text.assemble((user.key, "bold cyan"), f"  {known}  since {day_time(user.first_seen_at)}")


def _looked_at(at: Instant, due: NextEvaluation | None) -> str:
    if due is None or due.evaluated_at is None:
        return f"as of {day_time(at)}; this user has not been evaluated yet"
    return f"as of {day_time(at)}; last evaluated {day_time(due.evaluated_at)}"


_ANSWERS = {True: "[green]agreed[/]", False: "[yellow]refused[/]", None: "no choice any more"}


def _devices(found: Explanation) -> WordTable:
    table = WordTable("last seen", "platform", "token", "language", "suppressed")
    for one in found.devices:
        said = Text(one.suppressed or "", "yellow")
        table.add_row(day_time(one.last_seen_at), one.platform, Text(one.token), one.locale or "", said)
    return table


def _suppressed(found: Explanation) -> WordTable:
    table = WordTable("since", "channel", "address", "reason", "by")
    for one in found.suppressed:
        table.add_row(day_time(one.since), one.channel, Text(one.address), one.reason, Text(one.source or "-", "dim"))
    return table


def _consents(found: Explanation) -> WordTable:
    table = WordTable("changed at", "channel", "messages", "", "by")
    for consent in found.consents:
        for change in consent.changes:
            answer = _ANSWERS[change.granted]
            source = Text(change.source, "dim")
            table.add_row(day_time(change.at), consent.channel, consent.message_class, answer, source)
    return table


def _profile(found: Explanation) -> WordTable:
    table = WordTable("changed at", "what", "from", "to", "by")
    for edit in found.profile:
        values = ("-" if value is None else str(value) for value in (edit.before, edit.after))
        by = edit.source if edit.person is None else f"{edit.source}, {edit.person}"
        table.add_row(day_time(edit.at), *map(Text, (edit.field, *values)), Text(by, "dim"))
    return table


def _facts(found: Explanation) -> WordTable:
    table = WordTable("fact", "value", "from")
    for fact in found.facts:
        style = "dim" if fact.value is None else ""
        table.add_row(fact.name, Text(fact.shown, style), Text(fact.source, "dim"))
    return table


def _placement(placement: DimensionPlacement) -> Tree:
    places = ", ".join(placement.places) or ("none" if placement.kind == "segments" else "not placed yet")
    signature = f"[dim]signature {placement.signature}[/]"
    tree = Tree(f"[bold]{placement.dimension}[/]: [cyan]{places}[/]  {signature}", guide_style="dim")
    for slot in placement.slots:
        tree.add(_slot(slot, several=placement.kind == "segments"))
    atoms = [atom for atom in placement.atoms if atom.applies]
    if atoms:
        tree.add("\n".join(_atom(atom) for atom in atoms))
    return tree


def _atom(atom: AtomState) -> str:
    return f"{_MARKS[atom.holds]} {escape(atom.text)}" + (" [dim](a fact is unknown)[/]" if atom.holds is None else "")


def _slot(slot: SlotPlacement, *, several: bool) -> str:
    name = f"{slot.slot.rpartition('.')[2]}: {slot.place}, " if several else ""
    since = f"since {day_time(slot.since)}; " if slot.since is not None else ""
    said = {
        "stays": "stays",
        "held": f"held until {day_time(slot.until)}",
        "waits": f"downgrade in grace until {day_time(slot.until)}",
        "moves": f"[yellow]moves to {slot.moves_to} at the next evaluation[/]",
    }[slot.decision]
    return f"{name}{since}{said}{_by(slot.rule)}"


def _by(rule: RuleText) -> str:
    """Return the rule that decided, with its file, line and condition."""
    if not rule.line and rule.condition:
        return f": [italic]{escape(rule.condition)}[/]"
    place = f" [dim]{rule.file}:{rule.line}[/]" if rule.line else ""
    said = escape(" ".join(rule.condition.split())) or ("everyone else" if rule.file else "")
    return f" by {escape(rule.name)}{place}" + (f" [italic]{said}[/]" if said else "")


def _next_evaluation(due: NextEvaluation, now: Instant) -> str:
    when = "the next tick" if due.at <= now else day_time(due.at)
    return f"Next evaluation: [bold]{when}[/] ({escape('; '.join(due.why))})"


def _transition(move: PastTransition, running: str) -> str:
    way = f"{move.from_place or '-'} to [cyan]{move.to_place or '-'}[/]"
    older = "" if move.rules_version == running else f" [yellow]rules {move.rules_version}[/]"
    head = f"{day_time(move.at)}  [bold]{move.dimension}[/]: {way}{_by(move.rule)}{older}"
    cause = f"{move.cause} ({CAUSES.get(move.cause, '')})"
    return f"{head}\n  [dim]cause: {escape(cause)}; held: {escape(_held(move))}[/]"


def _held(move: PastTransition) -> str:
    if move.held is None:
        return f"signature {move.signature}; the rules of that time can no longer be read"
    return "; ".join(move.held) or "nothing"


def _enrolments(found: Explanation) -> WordTable:
    table = WordTable("entered", "playbook", "trigger", "state", "next step or why it ended")
    for enrolment in found.enrolments:
        table.add_row(
            day_time(enrolment.entered_at),
            enrolment.playbook,
            enrolment.trigger,
            enrolment.state,
            Text(_outlook(enrolment), "dim"),
        )
    return table


def _outlook(enrolment: EnrolmentRecord) -> str:
    if enrolment.state == "active":
        waits = f"waits for {enrolment.waits_for}, until" if enrolment.waits_for else "due"
        return f"step {enrolment.step or '?'}, {waits} {day_time(enrolment.due_at)}"
    ended = f"{day_time(enrolment.ended_at)} {enrolment.reason}: {enrolment.sentence or ''}".rstrip(": ")
    return f"{ended} {escape(hand_words(enrolment.who, enrolment.why))}".rstrip()


def _action(action: ActionRecord) -> str:
    style = "green" if action.state in _ENDED_WELL else "cyan" if action.state in _ON_ITS_WAY else "yellow"
    what = escape(action.template or action.coupon or action.kind)
    by = f" by {action.channel}" if action.channel else ""
    to = f" to {escape(action.address)}" if action.address else ""
    subject = f" [italic]{escape(action.subject)}[/]" if action.subject else ""
    code = f", code {escape(action.coupon_code)}" if action.coupon_code else ""
    due = f", due {day_time(action.due_at)}" if action.state in _ON_ITS_WAY else ""
    sentence = action.sentence or action.state_sentence
    state = f"[{style}]{action.state}[/] ({escape(action.reason)}{due})"
    head = f"[bold]{action.playbook}[/].{action.step} {what}{by}{to}{subject}{code}: {state} {sentence}"
    return "\n".join([head, *_history(action)])


def _history(action: ActionRecord) -> Iterator[str]:
    for change in action.history:
        details = ": ".join(escape(part) for part in (change.detail, change.provider_text) if part)
        by_hand = escape(hand_words(change.who, change.why))
        what = " ".join(part for part in (escape(change.reason), change.sentence, details, by_hand) if part)
        yield f"  [dim]{day_time(change.at)}  {change.state:<10} {what}[/]"


def _pause(one: PauseNote) -> str:
    subject, since = escape(one.subject), day_time(one.since)
    if one.origin == PauseOrigin.FILE:
        return f"[yellow]{subject} is paused by its file since {since}[/]; {GO_ON_BY_FILE}"
    if one.origin == PauseOrigin.RETIRED:
        until = "it goes on at the next tick" if one.cancel_at is None else f"it is cancelled {day_time(one.cancel_at)}"
        return f"[yellow]{subject} is retired, or its file is gone, since {since}[/]: what waits is held, and {until}"
    by_hand = escape(hand_words(one.who, one.why))
    said = f"{escape(one.subject)} is paused since {day_time(one.since)} {by_hand}".rstrip()
    return f"[yellow]{said}[/]; `habitue resume {escape(one.subject)}` lets it go on"


def hand_words(who: str | None, why: str | None) -> str:
    """Return who did something by hand, and why, in brackets; empty if neither is known."""
    said = ": ".join(part for part in (f"by {who}" if who else "", why or "") if part)
    return f"({said})" if said else ""


def _playbooks(found: Explanation) -> WordTable:
    table = WordTable("playbook", "", "why")
    for answer in found.playbooks:
        why = answer.sentence + (f" ({answer.detail})" if answer.detail else "")
        table.add_row(answer.playbook, "[green]in[/]" if answer.inside else "[dim]out[/]", Text(why))
    return table
