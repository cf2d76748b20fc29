"""Converting batches of a file of suppressed addresses, such as a former provider's bounces, to rows for the store."""

import re
from collections.abc import Callable, Mapping, Sequence

from engine.errors import InputError
from engine.intake.files.options import ImportOptions
from engine.intake.files.plan import Plan, make_plan, require
from engine.intake.files.records import Batch, Rejected
from engine.intake.rows.model import Json, SuppressionRow
from engine.intake.rows.values import BadValue, Conventions, parse_instant

SUPPRESSION_NAMES: Mapping[str, Sequence[str]] = {
    "address": ("address", "email", "email_address", "e_mail", "recipient", "recipient_address", "mail", "phone",
                "phone_number", "mobile", "number", "push_token", "token"),
    "reason": ("reason", "bounce_type", "type", "event", "status", "classification"),
    "at": ("at", "date", "timestamp", "bounced_at", "suppressed_at", "created_at", "created", "time", "datetime",
           "last_update_time", "updated_at"),
}  # fmt: skip
IMPORTED = "imported"
"""The reason of addresses of which the file gives none that can be kept."""
_REASON = re.compile(r"[\w .,/()-]{1,64}")
"""Words alone: what servers say may repeat the address."""


class SuppressionRows:
    """Converts the batches of one file."""

    def __init__(
        self, form: Callable[[str], str | None], sample: str, options: ImportOptions, header: Sequence[str]
    ) -> None:
        """``form`` returns an address as the list stores it, None if it is not one; ``sample`` shows one in a remedy.

        Raises:
            InputError: no column has the address, or a column given with ``--map`` does not exist.
        """
        self.plan = Plan({}, {}, ())
        """The meaning of the latest batch's columns."""
        self.undated = 0
        """Rows whose date could not be read: their addresses are suppressed from now on."""
        self._form, self._sample, self._options, self._header = form, sample, options, header
        self._reading = Conventions(options.zone, options.date_format, options.decimal)
        self._checked = False
        if header:
            if any(form(name) is not None for name in header):
                raise InputError(
                    "the first line is an address, and should name the columns: write a line `address` before it"
                )
            self._replan(header)

    def rows(self, batch: Batch) -> tuple[list[SuppressionRow], list[Rejected]]:
        """Return the rows to import, and the rejected ones."""
        if not self._header and batch.lines:
            self._replan(list(batch.columns))
        absent: Sequence[Json] = [""] * len(batch.lines)
        cells = {name: batch.columns.get(self.plan.fields.get(name, ""), absent) for name in SUPPRESSION_NAMES}
        cells |= {name: [value] * len(batch.lines) for name, value in self._options.constants.items()}
        rows, rejected = [], []
        for index, line in enumerate(batch.lines):
            address = _text(cells["address"][index])
            if not address:
                why = ("no address", "fill it in")
            elif (form := self._form(address)) is None:
                why = ("not an address of this channel", f"write it like {self._sample}")
            else:
                reason = _text(cells["reason"][index])
                kept = reason if _REASON.fullmatch(reason) else IMPORTED
                rows.append(SuppressionRow(form, kept, self._instant(cells["at"][index])))
                continue
            rejected.append(Rejected(line, *why, batch.originals[index]))
        return rows, rejected

    def _replan(self, columns: Sequence[str]) -> None:
        self.plan = make_plan(columns, SUPPRESSION_NAMES, (), self._options)
        # Whatever else the file has is not kept.
        self.plan = Plan(self.plan.fields, {}, (*self.plan.ignored, *self.plan.others.values()))
        if not self._checked:
            require(self.plan, ("address",), self._options, columns)
            self._checked = True

    def _instant(self, value: Json) -> int | None:
        if value is None or value == "":
            return None
        try:
            return parse_instant(value, self._reading)
        except BadValue:  # a bad date must not let mail through
            self.undated += 1
            return None


def _text(value: Json) -> str:
    return "" if value is None else str(value).strip()
