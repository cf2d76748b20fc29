"""Composing in this process, for faults that a test plants while it runs: another process would not see them."""

from concurrent.futures import Future

from engine.composing.composer import Composer, attempt
from engine.composing.draft import Recipe
from engine.composing.jobs import Job, Work
from engine.composing.processes import Made


class InThisProcess:
    """Composes as the processes do, but without their limits."""

    def submit(self, recipe: Recipe, job: Job) -> "Future[list[Made]]":
        composer, done = Composer(recipe), Future[list[Made]]()
        if job.work is Work.PREVIEW:
            done.set_result([attempt(composer.preview, draft) for draft in job.drafts])
        else:
            done.set_result([attempt(composer.compose, draft) for draft in job.drafts])
        return done
