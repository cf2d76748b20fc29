"""Which replies refuse, which take that back, and which nobody can be sure about."""

from pathlib import Path
from typing import Any

import pytest

from engine.text_messages import OPT_OUT_WORDS, START_WORDS, STOP_WORDS, Keywords, Meaning, SmsSettings
from tests.world import World

WORDS = SmsSettings().keywords()


@pytest.mark.parametrize(
    "text",
    ["STOP", "stop", " Stop. ", "STOP!!!", "ＳＴＯＰ", "“Stop”", "S.T.O.P.", "stop all", "STOPALL", "Unsubscribe", "cancel",
     "End", "quit", "opt-out", "Arrêt", "ARRET", "baja", "退订", "退订。", "【退订】", "退訂", "TD", "td", "Ｔ", "t", "R", "Ｒ", "N", "n.",
     "stop\n", "STOP\u200b", "Stopp"],
)  # fmt: skip
def test_these_refuse(text: str) -> None:
    assert WORDS.meaning(text) is Meaning.STOP


@pytest.mark.parametrize("text", ["START", "start!", "Unstop", "订阅", "訂閱", "恢复订阅"])
def test_these_take_it_back(text: str) -> None:
    assert WORDS.meaning(text) is Meaning.START


@pytest.mark.parametrize(
    "text",
    ["", "…", "🛑", "HELP", "Yes", "Don't stop", "Please stop by", "stop it", "START STOP", "Is it the end?", "no", "NO", "to",
     "不退订", "退订吗？我很喜欢", "re-start", "unsubscribe me and thank you", "STOP " * 400, "\ud800"],
)  # fmt: skip
def test_these_mean_nothing_known(text: str) -> None:
    assert WORDS.meaning(text) is Meaning.OTHER


def test_every_word_of_the_settings_is_understood() -> None:
    assert all(WORDS.meaning(one) is Meaning.STOP for one in STOP_WORDS)
    assert all(WORDS.meaning(one) is Meaning.START for one in START_WORDS)
    own = Keywords.of(["Koniec"], ["Wróć"])
    assert (own.meaning("KONIEC!"), own.meaning("wroc"), own.meaning("STOP")) == ("stop", "start", "other")


def test_what_templates_may_offer_is_understood() -> None:
    for words in OPT_OUT_WORDS.values():
        for word in words:
            assert WORDS.meaning(word.removeprefix("回复").removeprefix("回覆").removeprefix("回")) is Meaning.STOP


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ({"stop_words": ["STOP"], "start_words": ["stop!"]}, "`STOP` is among `stop_words` and `start_words`"),
        ({"stop_refuses": []}, "`stop_refuses` is empty"),
        ({"stop_words": ["!"]}, "neither letters nor digits"),
        ({"stop_refuses": ["transactional"]}, "stop_refuses"),
        ({"max_segments": 0}, "max_segments"),
    ],
)
def test_settings_that_make_no_sense_are_refused(
    tmp_path: Path, migrated_sqlite_url: str, section: dict[str, Any], says: str
) -> None:
    done = World(tmp_path / "maison", migrated_sqlite_url, settings={"sms": section}).program("status")
    assert done.returncode == 2
    assert says in done.stderr
