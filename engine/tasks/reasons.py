"""What the log says of a task after it was handed to its owner."""

from adapters.reasons import AnswerReason

TAKEN = AnswerReason("task_taken", "Someone took on the task.")
DONE = AnswerReason("task_done", "Someone did the task.")
REASSIGNED = AnswerReason("task_reassigned", "The task has another owner.")
CANCELLED = AnswerReason("task_cancelled", "Someone called the task off.")
OVERDUE = AnswerReason("task_overdue", "The task was not done in time.")
TASK_REASONS = (TAKEN, DONE, REASSIGNED, CANCELLED, OVERDUE)
"""The reasons of remarks about tasks."""
