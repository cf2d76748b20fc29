"""What all routes share: the app, the public address, the threads for the store, and what has gone wrong."""

from dataclasses import dataclass, field

from engine.app import App
from engine.web.store_threads import StoreThreads

MOMENT = 2.0


@dataclass(frozen=True, slots=True)
class Site:
    """The web door of one process."""

    app: App
    public_url: str
    """How others reach it, without a slash at the end. It comes from the settings, because anybody can send a Host header."""
    store: StoreThreads
    moment: float = MOMENT
    """Seconds in which a worker records the answers of its provider."""
    faults: dict[str, str] = field(default_factory=dict)
    """Route -> the bug at which its last request failed, with type, file and line."""

    @classmethod
    def of(cls, app: App) -> "Site":
        """Return the site that the settings of ``app`` describe."""
        web = app.settings.web
        return cls(app, web.public_url or f"http://{web.listen}", StoreThreads())
