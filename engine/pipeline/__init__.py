"""The tick: one pass over the users who are due, then over the enrolments that are due."""

from engine.pipeline.progress import ChunkSettings, Progress, TickSettings, Watch
from engine.pipeline.tick import Pipeline

__all__ = ["ChunkSettings", "Pipeline", "Progress", "TickSettings", "Watch"]
