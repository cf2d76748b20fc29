"""The page behind the link in an owner's mail: looking changes nothing, pressing a button does."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.tasks.desk import Desk
from tests.web.door import PUBLIC, Door, door


@pytest.fixture
def desk(tmp_path: Path, database_url: str) -> Iterator[Desk]:
    made = Desk.create(tmp_path / "maison", database_url)
    yield made
    made.close()


def link(desk: Desk, to: str = "vip@shop.example") -> str:
    """Return the path of the link in the mail to ``to``."""
    text = desk.letter(to).get_payload(decode=True)
    assert isinstance(text, bytes)
    (found,) = re.findall(rf"{re.escape(PUBLIC)}(/tasks/\S+)", text.decode())
    return str(found)


def press(web: Door, path: str, **form: str) -> httpx2.Response:
    return web.client.post(path, data=form)


def test_looking_changes_nothing_and_pressing_does(desk: Desk) -> None:
    with door(desk) as web:
        desk.told(1.1)
        path = link(desk)
        for _ in range(2):
            page = web.client.get(path)
            assert (page.status_code, page.headers["cache-control"]) == (200, "no-store")
            assert page.headers["referrer-policy"] == "no-referrer"
            assert "Call Ann" in page.text
            assert desk.task("ann").state == "open"
        taken = press(web, path, press="take", name="Eve")
        assert (taken.status_code, web.client.get(path).text.count("Taken by Eve")) == (303, 1)
        assert web.client.get(f"/tasks/{taken.headers['location']}").status_code == 200
        assert press(web, path, press="done", name="Eve", note="Wants a refund.").status_code == 303
        task = desk.task("ann")
        assert (task.state, task.closed_by, task.outcome) == ("done", "Eve", "Wants a refund.")
        closed = web.client.get(path)
        assert f"Task {task.id} is done" in closed.text
        assert "Ask what went wrong" not in closed.text
        assert press(web, path, press="done", name="Joe").status_code == 409
    assert [reason for _, reason, _ in desk.history("ann")][-2:] == ["task_taken", "task_done"]
    assert desk.history("ann")[-1][2] == "Eve"


def test_who_gives_no_name_is_the_owner_who_was_told(desk: Desk) -> None:
    with door(desk) as web:
        desk.told(1.1)
        assert press(web, link(desk, "care@shop.example"), press="take", name=" ").status_code == 303
    assert desk.task("bo").taken_by == "care"


@pytest.mark.parametrize("change", [lambda path: path[:-1], lambda path: path + "x", lambda _: "/tasks/MXwyfGE.abc"])
def test_a_link_that_was_not_signed_leads_nowhere(desk: Desk, change: object) -> None:
    assert callable(change)
    with door(desk) as web:
        desk.told(1.1)
        forged = change(link(desk))
        assert web.client.get(forged).status_code == 404
        assert press(web, forged, press="done").status_code == 404
    assert desk.task("ann").state == "open"


def test_a_task_that_is_gone_leads_nowhere(desk: Desk) -> None:
    with door(desk) as web:
        desk.told(1.1)
        path = link(desk)
        desk.execute("UPDATE task SET key = key || 'of another store'")
        assert web.client.get(path).status_code == 404
        desk.execute("DELETE FROM task")
        assert web.client.get(path).status_code == 404


def test_without_a_button_and_with_too_much_nothing_is_done(desk: Desk) -> None:
    with door(desk) as web:
        desk.told(1.1)
        path = link(desk)
        assert press(web, path).status_code == 409
        assert press(web, path, press="done", note="x" * 30_000).status_code == 413
    assert desk.task("ann").state == "open"


def test_what_stands_in_a_task_is_no_markup(desk: Desk) -> None:
    with door(desk) as web:
        desk.told(1.1)
        desk.execute("UPDATE task SET title = '<script>1</script>', body = '<b>', owner = '\"><i>'")
        page = web.client.get(link(desk)).text
    assert "<script>" not in page
    assert "<b>" not in page
    assert "<i>" not in page


def test_without_a_web_door_a_mail_has_no_link(desk: Desk) -> None:
    desk.told(1.1)
    text = desk.letter("vip@shop.example").get_payload(decode=True)
    assert isinstance(text, bytes)
    assert b"http" not in text
