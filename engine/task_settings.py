"""The section ``[tasks]`` of ``config.toml``."""

from typing import Self

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from engine.brand_values import own_address
from engine.content.values import Duration

BY_WEBHOOK = "webhook"
"""In ``tasks.people``: the owner is told by the adapter of the channel ``webhook``."""


class TaskSettings(BaseModel):
    """Tasks for the brand's people: whose they are, when they are due, and where their owners are told of them."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    owners: dict[str, str] = {"default": "team"}
    """``dimension=place`` -> the owner of tasks for users in that place; the first that fits. ``default`` is for others."""
    people: dict[str, str] = {}
    """Owner -> an email address, or ``webhook``; others are told nothing."""
    due: Duration = 172_800_000
    """How long owners have for tasks whose template does not say."""
    escalate_to: str | None = None
    """Who is told of overdue tasks, besides their owners."""

    @field_validator("owners")
    @classmethod
    def _by_place(cls, owners: dict[str, str]) -> dict[str, str]:
        for key, owner in owners.items():
            dimension, equals, place = key.partition("=")
            if key != "default" and not (dimension.strip() and equals and place.strip()):
                raise ValueError(f'`{key}` is not a place: write "value=high", or default')
            if not owner.strip() or not owner.isprintable():
                raise ValueError(f"`{key}` has no owner: write a name on one line, such as vip-team")
        if "default" not in owners:
            raise ValueError('say whose all other tasks are: default = "team"')
        return {key.replace(" ", ""): owner for key, owner in owners.items()}

    @field_validator("people")
    @classmethod
    def _addresses(cls, people: dict[str, str]) -> dict[str, str]:
        return {owner: one if one == BY_WEBHOOK else own_address(one).address for owner, one in people.items()}

    @field_validator("due")
    @classmethod
    def _some_time(cls, due: int) -> int:
        if not due:
            raise ValueError("every task would be overdue at once: write at least `1h`")
        return due

    @model_validator(mode="after")
    def _can_be_told(self) -> Self:
        if self.escalate_to is not None and self.escalate_to not in self.people:
            raise ValueError(f"`escalate_to`: `{self.escalate_to}` has no address in `tasks.people`: add one")
        return self
