"""What the program says of its messages, against what arrived at their provider."""

from collections import Counter

from tests.faults.processes import SinkProcess
from tests.faults.providers import CONNECTIONS, Planned
from tests.world import World


class Ledger:
    """The action log and its surroundings against what arrived."""

    def __init__(self, world: World, wire: SinkProcess, users: int) -> None:
        self.world = world
        self.users, self.vips = users, users // 4
        self.provider = wire.provider
        self.arrived, self.recognised = wire.arrived(), wire.recognised()
        rows = world.rows(
            f"SELECT a.id, a.state, a.step, u.key, {self.provider.address}, coalesce(c.code, '') FROM action a"
            " JOIN users u ON u.id = a.user_id LEFT JOIN device d ON d.id = a.device_id"
            " LEFT JOIN coupon_code c ON c.enrolment_id = a.enrolment_id"
        )
        self.state = {action: state for action, state, *_ in rows}
        [(installation,)] = world.rows("SELECT value FROM secret WHERE name = 'store'")
        planned = {action: Planned(installation, *message) for action, _, *message in rows}
        self.message = {action: (self.provider.identifier(one), one.address) for action, one in planned.items()}
        self.unknowns = Counter(
            action for (action,) in world.rows("SELECT action_id FROM action_event WHERE state = 'unknown'")
        )
        self.not_begun = self._changes("not_begun")
        self.repeated = self._changes("repeated_after_unknown")

    def _changes(self, reason: str) -> int:
        [(number,)] = self.world.rows("SELECT count(*) FROM action_event WHERE reason = :reason", reason=reason)
        return int(number)

    def figures(self, kills: int) -> dict[str, float]:
        """What a report says of them."""
        return {
            "messages": len(self.state),
            "unknown_per_kill": self.unknowns.total() / kills,
            "repeated_per_kill": self.repeated / kills,
            "not_begun_per_kill": self.not_begun / kills,
            "delivered_twice": sum(times - 1 for times in self.arrived.values()),
            "second_copies_recognised": self.recognised,
        }

    def check(self, policy: str, kills: int) -> None:
        self.nothing_lost()
        self.nothing_twice()
        self.wire(policy, kills)
        self.history()

    def nothing_lost(self) -> None:
        steps = self.world.rows("SELECT step, count(*) FROM action GROUP BY step ORDER BY step")
        copies = self.provider.devices or 1
        assert steps == [("gift", copies * self.users), ("hello", copies * self.users), ("thanks", copies * self.vips)]
        assert len(set(self.message.values())) == len(self.message), "a message is in the ledger twice"
        assert set(self.state.values()) <= {"accepted", "unknown"}
        accepted = {self.message[action] for action, state in self.state.items() if state == "accepted"}
        assert accepted <= self.arrived.keys(), "accepted, but it never arrived"

    def nothing_twice(self) -> None:
        assert self.world.rows("SELECT playbook, count(*), count(DISTINCT user_id) FROM enrolment GROUP BY playbook"
                               " ORDER BY playbook") == [("vip", self.vips, self.vips), ("welcome", self.users, self.users)]  # fmt: skip
        assert self.world.rows("SELECT state, count(*) FROM enrolment GROUP BY state") == [
            ("finished", self.users + self.vips)
        ]
        assert self.world.rows("SELECT count(*), count(DISTINCT enrolment_id), count(DISTINCT code) FROM coupon_code"
                               " WHERE enrolment_id IS NOT NULL") == [(self.users + self.vips,) * 3]  # fmt: skip
        chains = self.world.rows("SELECT user_id, from_place, to_place FROM transition ORDER BY id")
        assert len(chains) == len({user for user, _, _ in chains}) == self.users
        assert {start for _, start, _ in chains} == {None}
        assert Counter(end for _, _, end in chains) == {"high": self.vips, "low": self.users - self.vips}

    def wire(self, policy: str, kills: int) -> None:
        known = {message: action for action, message in self.message.items()}
        assert self.arrived.keys() <= known.keys(), "arrived, but nobody planned it"
        assert self.unknowns.total() <= kills * CONNECTIONS, "unknown are only calls that had begun and had no answer"
        if self.provider.recognises:
            assert self.arrived == Counter(known.keys()), "everybody has everything once"
            assert self.recognised <= self.repeated == self.unknowns.total(), "all were sent again, whatever the policy"
            assert set(self.state.values()) == {"accepted"}
            return
        for message, times in self.arrived.items():
            action = known[message]
            assert times <= 1 + (self.unknowns[action] if policy == "resend" else 0), (message, times)
        if policy == "hold":
            assert set(self.unknowns) == {action for action, state in self.state.items() if state == "unknown"}
        else:
            assert set(self.state.values()) == {"accepted"}

    def history(self) -> None:
        newest = dict(self.world.rows("SELECT action_id, state FROM action_event ORDER BY id"))
        assert newest == self.state
        assert not self.world.rows("SELECT action_id FROM action_event WHERE state = 'accepted' GROUP BY action_id"
                                   " HAVING count(*) > 1")  # fmt: skip
        assert not self.world.rows("SELECT id FROM action WHERE lease_until IS NOT NULL")
