"""The brand's files: reading and parsing them, the line of every key, findings, versions."""
