"""The contract of channels with the engine, wherever they come from. Subclass it, set the channel, inherit the tests."""

from collections.abc import Iterator
from dataclasses import is_dataclass

import pytest

from engine.channels.base import Channel, Sending, blocks_of
from engine.errors import RenderError
from engine.messages.email.headers import Mailbox
from engine.messages.render import RenderContext, Rendered
from engine.messages.templates import TemplateLibrary
from engine.store.dialects import DIALECTS


class ChannelContract:
    """Runs for every channel."""

    channel: Channel

    def rendered(self, word: str = "{{ word }}", value: str = "Ann", without: str = "") -> Rendered:
        """Render a template that has all blocks that the channel requires, each of which says ``word``."""
        blocks = "".join(
            f"{{% block {name} %}}{'' if name == without else word}{{% endblock %}}"
            for name in self.channel.blocks.required
        )
        library = TemplateLibrary({f"a.{self.channel.name}.j2": blocks}, blocks_of([self.channel]))
        assert library.check() == []
        return library.find("a", self.channel.name).render(RenderContext({"word": value}))

    def sending(self, mark: str = "") -> Sending:
        sender = Mailbox("hello@example.com", "Maison")
        return Sending("1.offer.1", 0, sender, self.channel.sample, mark=mark)

    def test_the_required_blocks_are_blocks_of_it(self) -> None:
        blocks = self.channel.blocks
        assert set(blocks.required) <= set(blocks.names)
        assert len(set(blocks.names)) == len(blocks.names)
        assert blocks.headline in {"", *blocks.required}

    def test_the_sample_can_be_sent_to_in_a_form_that_stays(self) -> None:
        usable = self.channel.usable(self.channel.sample)
        assert usable is not None
        assert self.channel.usable(usable) == usable
        form = self.channel.suppression_form(usable)
        assert self.channel.suppression_form(form) == form

    @pytest.mark.parametrize("poison", ["\r\n", "\0", "\x85", "\u2028"])
    def test_an_address_with_control_characters_is_none(self, poison: str) -> None:
        sample = self.channel.sample
        for address in (f"{sample}{poison}", f"{poison}{sample}", f"{sample[:2]}{poison}{sample[2:]}", ""):
            assert self.channel.usable(address) is None

    def test_a_masked_address_says_little(self) -> None:
        masked = self.channel.masked(self.channel.sample)
        assert self.channel.sample not in masked
        local = self.channel.sample.partition("@")[0]
        assert local not in masked

    def test_its_address_is_sql_on_both_databases(self) -> None:
        assert self.channel.address.name
        for dialect in DIALECTS:
            assert "u." in self.channel.address.sql(dialect)

    def test_it_composes_its_payload_with_the_value_in_it(self) -> None:
        rendered = self.rendered()
        assert is_dataclass(self.channel.payload)
        payload = self.channel.compose(rendered, self.sending())
        assert type(payload) is self.channel.payload
        assert "Ann" in repr(payload)
        assert payload == self.channel.compose(rendered, self.sending())

    def test_a_mark_tells_a_test_from_the_real_thing(self) -> None:
        assert "[test] Ann" in repr(self.channel.compose(self.rendered(), self.sending("[test] ")))
        assert "[test]" not in repr(self.channel.compose(self.rendered(), self.sending()))

    def test_preview_and_summary_say_what_it_says(self) -> None:
        rendered = self.rendered(value="Ann\n and\x07 Bo")
        shown = self.channel.preview(rendered)
        assert "Ann" in f"{shown.subject}{shown.text}{shown.html}"
        summary = self.channel.summary(rendered)
        assert summary.startswith("Ann")
        assert "\n" not in summary
        if not self.channel.blocks.headline:
            assert len(self.channel.summary(self.rendered("word " * 500))) <= 120

    def test_a_required_part_must_not_turn_out_empty(self) -> None:
        for name in self.needed():
            with pytest.raises(RenderError, match=f"the {name} is empty"):
                self.rendered(without=name)

    def needed(self) -> Iterator[str]:
        """Yield the required blocks that are parts of their own."""
        yield from (name for name in self.channel.blocks.required if name in self.channel.blocks.parts)
