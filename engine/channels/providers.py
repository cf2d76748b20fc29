"""Making each channel's adapter from the settings, with clear errors for what does not fit."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeAlias

from adapters.base import Adapter, Message
from adapters.clock import Now
from adapters.kinds import AdapterKind, Review, checked_options, find_kind, make_adapter
from engine.channels.base import Channel, by_name
from engine.channels.outlets import Outlet
from engine.content.findings import did_you_mean
from engine.errors import HabitueError
from engine.settings import Settings
from engine.store.devices import PLATFORMS, UNKNOWN

MessageReview: TypeAlias = Callable[[Message], Review]
"""Tells what a provider's rules say about a message, without asking the provider."""


def make_adapters(
    settings: Settings, channels: Sequence[Channel], kinds: Sequence[AdapterKind], now: Now
) -> Mapping[str, tuple[Outlet, ...]]:
    """Return the configured adapters of each channel that has any. ``now`` tells the machine's time.

    Raises:
        HabitueError: a channel or an adapter is unknown, an adapter is configured for a channel that it does not
            serve, or beside another although it does not say which platforms it serves, or its options are invalid.
    """
    known = by_name(channels)
    for name in settings.channels:
        if name not in known:
            guess = did_you_mean(name, known)
            raise HabitueError(f"config.toml: channels.{name}: unknown channel; known: {', '.join(known)}{guess}")
    served = settings.served_channels()
    return {
        name: _beside(known[name], [_outlet(known[name], adapter, settings, kinds, now) for adapter in one.adapters])
        for name, one in served.items()
    }


def make_reviews(settings: Settings, kinds: Sequence[AdapterKind]) -> Mapping[str, MessageReview]:
    """Return the review of each channel whose provider has rules that are known beforehand.

    Raises:
        HabitueError: the options of an adapter are invalid.
    """
    reviews: dict[str, MessageReview] = {}
    for channel, one in settings.served_channels().items():
        kind = next((kind for name in one.adapters for kind in kinds if kind.name == name and kind.review), None)
        if kind is None or kind.review is None:
            continue
        name = kind.name
        try:
            options = checked_options(kind, settings.adapters.get(name, {}))
        except ValueError as error:
            raise HabitueError(f"config.toml: adapters.{name}: {error}") from error
        reviews[channel] = partial(kind.review, options)
    return reviews


def _beside(channel: Channel, outlets: Sequence[Outlet]) -> tuple[Outlet, ...]:
    """Check that several adapters can serve one channel: each has devices of its own."""
    for one in outlets if len(outlets) > 1 else ():
        if not channel.address.devices or not one.platforms:
            raise HabitueError(
                f"config.toml: channels.{channel.name}.adapters: `{one.adapter.name}` serves whatever the channel has, so it"
                " cannot stand beside another adapter: name one adapter, or only such as serve certain platforms"
            )
    return tuple(outlets)


def _outlet(channel: Channel, name: str, settings: Settings, kinds: Sequence[AdapterKind], now: Now) -> Outlet:
    try:
        kind = find_kind(name, kinds)
    except ValueError as error:
        raise HabitueError(f"config.toml: channels.{channel.name}.adapters: {error}") from error
    if kind.channel not in {None, channel.name}:
        fitting = [one.name for one in kinds if one.channel in {None, channel.name}]
        raise HabitueError(
            f"config.toml: channels.{channel.name}.adapters: `{name}` is an adapter for {kind.channel}, not "
            f"{channel.name}; name one of: {', '.join(sorted(fitting))}"
        )
    try:
        adapter = make_adapter(name, settings.adapters.get(name, {}), kinds, now)
    except ValueError as error:
        raise HabitueError(f"config.toml: adapters.{name}: {error}") from error
    _require_fit(channel, adapter, kind)
    return Outlet(adapter, kind.platforms)


def _require_fit(channel: Channel, adapter: Adapter, kind: AdapterKind) -> None:
    """Check what an adapter declares; an error is a bug in the adapter, not in the brand's files.

    Raises:
        HabitueError: it is for another channel, accepts another payload, or has no concurrency.
    """
    mistake = ""
    unknown = sorted(kind.platforms - {*PLATFORMS, UNKNOWN})
    if adapter.channel not in {None, channel.name}:
        mistake = f"declares the channel {adapter.channel}"
    elif not issubclass(channel.payload, adapter.payload):
        mistake = f"accepts {adapter.payload.__name__}, but the channel produces {channel.payload.__name__}"
    elif unknown:
        mistake = f"declares platforms that there are not: {', '.join(unknown)}"
    elif adapter.concurrency < 1:
        mistake = f"declares a concurrency of {adapter.concurrency}, so nothing would ever be sent"
    if mistake:
        raise HabitueError(f"the adapter `{adapter.name}` does not fit the channel {channel.name}: it {mistake}")
