"""Files: written whole or not at all, read with a bound, one writer to a folder."""
