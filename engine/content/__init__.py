"""Files that ops write, read as text, with the place of every key: the ground under facts, rules and playbooks."""
