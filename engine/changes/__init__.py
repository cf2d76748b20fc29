"""What changes when another version of the files is applied."""
