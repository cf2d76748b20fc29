"""docs/settings.md: every key, its default and its variable, as the models have them."""

import re
import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel, Field

from adapters.kinds import make_adapter
from adapters.registry import ADAPTERS as KINDS
from engine.settings import ChannelSettings, Settings, load_settings
from tests.docs.tables import DOCS, mistakes, rows

SECTIONS = {
    name: field.annotation
    for name, field in Settings.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
}


@pytest.mark.parametrize("section", SECTIONS)
def test_the_page_says_what_the_settings_are(section: str) -> None:
    model = SECTIONS[section]
    assert list(mistakes(model, rows("settings.md"), f"{section}.", f"HABITUE_{section.upper()}__")) == []


def test_the_page_says_what_the_settings_of_a_channel_are() -> None:
    usual = Settings().channel("email")
    for key in ChannelSettings.model_fields:
        default, variable, meaning = rows("settings.md")[f"channels.email.{key}"]
        read = tomllib.loads(f"{key} = {default.strip('`')}")
        assert getattr(ChannelSettings.model_validate(read), key) == getattr(usual, key)
        assert variable == f"`HABITUE_CHANNELS__EMAIL__{key.upper()}`"
        assert meaning


def test_the_page_has_no_key_that_there_is_not() -> None:
    known = {f"{name}.{key}" for name, model in SECTIONS.items() for key in model.model_fields} | {"adapters"}
    known |= {f"channels.email.{key}" for key in ChannelSettings.model_fields}
    assert set(rows("settings.md")) == known


class Other(BaseModel):
    batch: int = Field(default=100)
    new: int = 1


def test_another_default_and_a_missing_row_are_noticed() -> None:
    found = list(mistakes(Other, rows("settings.md"), "delivery.", "HABITUE_DELIVERY__"))
    assert found == ["`delivery.batch`: the default is 100, not `200`", "`delivery.new` has no row"]


def test_the_adapters_section_shown_is_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = re.findall(r"^```toml\n(.*?)^```$", (DOCS / "adapters.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)[0]
    file = tmp_path / "config.toml"
    file.write_text(shown, encoding="utf-8")
    monkeypatch.setenv("HABITUE_ADAPTERS__SMTP__PASSWORD", "secret")
    settings = load_settings(file)
    for name in tomllib.loads(shown)["adapters"]:
        assert make_adapter(name, settings.adapters[name], KINDS, lambda: 0).name == name
    assert settings.adapters["smtp"] == {**tomllib.loads(shown)["adapters"]["smtp"], "password": "secret"}
