"""Papers whose results are run again, a folder each. They are imported from the root of a checkout."""
