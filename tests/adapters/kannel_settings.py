"""The settings for Kannel that the page of the ``sms_gateway`` adapter shows."""

import re
import tomllib
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "adapters" / "sms_gateway.md"


def of_the_page() -> dict[str, Any]:
    """Return ``[adapters.sms_gateway]`` of the page's example for Kannel, without what the environment has."""
    section = PAGE.read_text(encoding="utf-8").split("\n## Kannel\n")[1]
    shown = tomllib.loads(re.findall(r"^```toml\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)[0])
    settings: dict[str, Any] = shown["adapters"]["sms_gateway"]
    return settings


def kannels_own() -> list[str]:
    """Return the lines of ``kannel.conf`` that the page shows."""
    section = PAGE.read_text(encoding="utf-8").split("\n## Kannel\n")[1]
    shown: str = re.findall(r"^```ini\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)[0]
    return [line for line in shown.splitlines() if line and not line.startswith("#")]
