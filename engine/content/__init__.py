"""The files that ops write: reading and parsing them, the line of every key, findings, versions."""
