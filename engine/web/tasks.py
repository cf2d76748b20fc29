"""``/tasks/{token}``: the page behind the link that owners of tasks get by mail.

Looking changes nothing, because programs that scan mails follow links; pressing a button does.
"""

from functools import partial
from html import escape
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from engine.app import App
from engine.control import tasks
from engine.control.interventions import Hand
from engine.errors import InputError
from engine.tasks.links import PATH, LinkedTask
from engine.tasks.rows import Task, task_by_id
from engine.web.body import read_body
from engine.web.site import Site

_LARGEST = 20_000
"""Octets of what somebody writes into the form."""
_LONGEST_NAME = 100
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
}
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem}"
    "label{display:block;margin:1rem 0}input,textarea{font:inherit;width:100%;box-sizing:border-box}"
    "button{font:inherit;padding:.5rem 1.5rem;margin-right:1rem}pre{font:inherit;white-space:pre-wrap}"
)


def routes(site: Site) -> tuple[Route, ...]:
    """Return the routes of this family."""

    async def show(request: Request) -> Response:
        return await _show(site, str(request.path_params["token"]))

    async def press(request: Request) -> Response:
        return await _press(site, request)

    return (
        Route(f"{PATH}/{{token}}", show, methods=["GET"], name="task"),
        Route(f"{PATH}/{{token}}", press, methods=["POST"], name="task_press"),
    )


async def _show(site: Site, token: str) -> Response:
    linked, task = await site.store.run(partial(_find, site.app, token))
    if linked is None or task is None:
        return _gone()
    return _page(_task(task, linked.owner))


async def _press(site: Site, request: Request) -> Response:
    token = str(request.path_params["token"])
    form = parse_qs((await read_body(request, _LARGEST)).decode("utf-8", "replace"), keep_blank_values=True)
    written = {name: values[-1].strip() for name, values in form.items()}
    linked, task = await site.store.run(partial(_find, site.app, token))
    if linked is None or task is None:
        return _gone()
    hand = Hand(" ".join(written.get("name", "").split())[:_LONGEST_NAME] or linked.owner)
    try:
        await site.store.run(partial(_do, site.app, task.id, written, hand))
    except InputError as error:
        return _page(f"<h1>Nothing was changed</h1><p>{escape(str(error))}</p>", 409)
    return RedirectResponse(token, 303, _HEADERS)


def _find(app: App, token: str) -> tuple[LinkedTask | None, Task | None]:
    """Return what ``token`` names, and its task; None where there is none."""
    linked = app.task_links().read(token)
    if linked is None:
        return None, None
    try:
        with app.database.read() as connection:
            task = task_by_id(connection, linked.number)
    except InputError:
        return linked, None
    return linked, task if task.key == linked.key else None


def _do(app: App, number: int, written: dict[str, str], hand: Hand) -> None:
    now = app.present()
    match written.get("press"):
        case "take":
            tasks.take(app.database, number, hand, now)
        case "done":
            tasks.done(app.database, number, hand, written.get("note", ""), now)
        case _:
            raise InputError("press one of the two buttons")


def _task(task: Task, owner: str) -> str:
    """Return the page of a task; one that is closed says no more than that."""
    if not task.to_do:
        return f"<h1>Task {task.id} is {task.state}</h1><p>By {escape(task.closed_by or '')}.</p>"
    taken = f"<p>Taken by {escape(task.taken_by)}.</p>" if task.taken_by else ""
    take = "" if task.taken_by else '<button name="press" value="take">Take it</button>'
    return (
        f"<h1>{escape(task.title)}</h1><pre>{escape(task.body)}</pre>"
        f"<p>Customer {escape(task.user)}, task {task.id} of {escape(task.owner)}.</p>{taken}"
        f'<form method="post"><label>Your name<input name="name" value="{escape(owner)}" maxlength="100"></label>'
        '<label>What came of it<textarea name="note" rows="4" maxlength="2000"></textarea></label>'
        f'{take}<button name="press" value="done">It is done</button></form>'
    )


def _gone() -> Response:
    return _page("<h1>There is no such task</h1><p>The link is incomplete, or the task was deleted.</p>", 404)


def _page(content: str, status: int = 200) -> Response:
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Task</title>'
        '<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">'
        f"<style>{_STYLE}</style></head><body>{content}</body></html>"
    )
    return HTMLResponse(page, status, _HEADERS)
