"""Explaining one user: everything known about them, and why, from one read-only snapshot of the store."""

from dataclasses import dataclass

from sqlalchemy import Connection

from engine.clock import Instant
from engine.explain.actions import ActionReader
from engine.explain.devices import devices
from engine.explain.enrolments import enrolments
from engine.explain.finding import find_user
from engine.explain.history import transitions
from engine.explain.models import Explanation, PlaybookAnswer
from engine.explain.next_evaluation import next_evaluation
from engine.explain.pauses import pauses_of_user
from engine.explain.people import facts, person, suppressed
from engine.explain.placements import placements
from engine.explain.profile import consents, profile_edits
from engine.loading import Content
from engine.playbooks.membership import Membership, Memberships
from engine.rules.decide.decider import Deciders
from engine.rules.look import Look
from engine.settings import Brand
from engine.store.dialects import dialect_of
from engine.store.due import look_at


@dataclass(frozen=True)
class Explainer:
    """Explains users with the running version of the content."""

    content: Content
    deciders: Deciders
    brand: Brand

    def explain(self, connection: Connection, said: str, now: Instant, *, show_addresses: bool = False) -> Explanation:
        """Return the explanation of the user whose key or address is ``said``, as of ``now``.

        Facts and decisions are those of a look at ``now``; placements are those that the user has.

        Raises:
            InputError: there is no such user, or there are several.
        """
        content, channels = self.content, self.content.kinds.channels
        found = find_user(connection, channels, said, self.brand.country)
        user_id, key = found.id, found.key
        dialect = dialect_of(connection)
        look = Look(content.catalog, content.rules, dialect, self.deciders)
        look_at(connection, dialect, user_id)
        look.find_facts(connection, now)
        moves = transitions(connection, content, self.brand.currency_scale, user_id)
        return Explanation(
            at=now,
            content_version=content.version,
            rules_version=content.rules.version,
            user=person(connection, channels, key, show_addresses=show_addresses),
            devices=devices(connection, channels, user_id, show_addresses=show_addresses),
            suppressed=suppressed(connection, channels, key, show_addresses=show_addresses),
            consents=consents(connection, user_id),
            profile=profile_edits(connection, channels, user_id, show_addresses=show_addresses),
            facts=facts(connection, content.catalog, channels, self.brand.currency, show_addresses=show_addresses),
            dimensions=placements(connection, content.rules, look, self.deciders, now),
            next_evaluation=next_evaluation(connection, content, user_id, now),
            transitions=moves,
            enrolments=enrolments(connection, content, moves, user_id),
            actions=ActionReader(content.kinds.reasons, channels, show_addresses).read(connection, user_id),
            pauses=pauses_of_user(connection, user_id),
            playbooks=self._playbooks(connection, user_id, now),
        )

    def _playbooks(self, connection: Connection, user_id: int, now: Instant) -> tuple[PlaybookAnswer, ...]:
        memberships = Memberships(self.content.playbooks, dialect_of(connection), self.brand.timezone)
        return tuple(_answer(one) for one in memberships.of(connection, user_id, now))


def _answer(one: Membership) -> PlaybookAnswer:
    return PlaybookAnswer(one.playbook, one.inside, one.reason.value, one.reason.sentence, one.detail)
