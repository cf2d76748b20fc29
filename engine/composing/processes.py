"""A few processes that compose, started when there is something to do, and replaced when they end.

A message that exceeds the limits takes its process with it; those that were composed together with it are composed again.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Protocol

from engine.channels.base import Shown
from engine.composing.draft import Draft, Outcome, Recipe, Unrendered
from engine.composing.jobs import Job, Limits
from engine.composing.process import Child, ComposingStopped, Ended
from engine.messages.reasons import MessageReason

Made = Outcome | Shown
"""What becomes of a draft: ``Shown`` if a preview was asked for and worked, else an ``Outcome``."""


_PATIENCE, _TIMES = 30.0, 10
"""How long nothing may come from a process: these seconds, and that many times the limit, as the machine may be busy."""


class Composers(Protocol):
    """Whatever composes; in the program that is ``Processes``."""

    def submit(self, recipe: Recipe, job: Job) -> "Future[list[Made]]":
        """Begin ``job``. The future has what became of its first drafts, at least of one.

        It ends early after a message that exceeded the limits, so that the caller can leave out others like it. Its
        exception may be ``ComposingStopped``: nothing can be composed, and no message is to blame.
        """
        ...


class Processes:
    """Up to ``count`` processes with these limits. Safe to share between threads."""

    def __init__(self, count: int, limits: Limits, patience: float | None = None) -> None:
        """Give up a process when nothing comes from it for ``patience`` seconds; by default long after its limit."""
        self._limits = limits
        self._patience = _PATIENCE + _TIMES * limits.seconds if patience is None else patience
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="composing")
        self._lock = Lock()
        self._idle: list[Child] = []
        self._busy: set[Child] = set()
        self._closed = False

    def submit(self, recipe: Recipe, job: Job) -> "Future[list[Made]]":
        """Begin ``job``; see ``Composers``."""
        return self._threads.submit(self._do, recipe, job)

    def close(self) -> None:
        """End all processes, whatever they do."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            for child in self._busy:
                child.kill()  # its thread does the rest
        for child in idle:
            child.end()
        self._threads.shutdown()

    def _do(self, recipe: Recipe, job: Job, *, anew: bool = False) -> list[Made]:
        """Do ``job``, in a process of its own if ``anew``."""
        child = self._take(anew=anew)
        fresh = child.fresh
        try:
            made = child.do(recipe, job)
        except Ended as ended:
            self._discard(child)
            return self._after(recipe, job, ended, certain=ended.certain or (fresh and not ended.at))
        except ComposingStopped:
            self._discard(child)
            if fresh:
                raise
            return self._do(recipe, job, anew=True)  # something ended it while it had nothing to do
        except BaseException:
            self._discard(child)
            raise
        self._give_back(child)
        return made

    def _after(self, recipe: Recipe, job: Job, ended: Ended, *, certain: bool) -> list[Made]:
        """Return what becomes of the drafts up to the one at which a process ended.

        If earlier ones may be to blame, because of the memory that they took, it is tried again in a process of its own.
        """
        made: list[Made] = ended.made
        before, suspect = job.drafts[len(made) : ended.at], job.drafts[ended.at]
        if before:
            made += self._do(recipe, Job(job.work, before))
        if len(made) < ended.at:
            return made
        if certain:
            return [*made, _exceeded(recipe, suspect, ended)]
        return made + self._do(recipe, Job(job.work, (suspect,)), anew=True)

    def _take(self, *, anew: bool) -> Child:
        with self._lock:
            child = self._idle.pop() if self._idle else None
        if child is not None and anew:
            child.end()
            child = None
        child = child or Child(self._limits, self._patience)
        with self._lock:
            self._busy.add(child)
            closed = self._closed
        if closed:
            self._discard(child)
            raise ComposingStopped("the processes that compose messages have been ended")
        return child

    def _give_back(self, child: Child) -> None:
        with self._lock:
            self._busy.discard(child)
            if not self._closed:
                self._idle.append(child)
                return
        child.end()

    def _discard(self, child: Child) -> None:
        with self._lock:
            self._busy.discard(child)
        child.end()


def _exceeded(recipe: Recipe, draft: Draft, ended: Ended) -> Unrendered:
    """Return the outcome of a message that exceeded the limits, with file and line as far as they are known."""
    library = recipe.library_for(draft.template, draft.channel, draft.locale)
    for path, line in ended.places:
        if number := library.line_of(path, line):
            return Unrendered(MessageReason.RENDER_LIMIT, f"{path}:{number}: {ended.why}")
    path = library.path_of(draft.template, draft.channel, draft.locale) or draft.template
    return Unrendered(MessageReason.RENDER_LIMIT, f"{path}: {ended.why}")
