"""Parts that readers of formats share: tables of numbers, JSON, sizes, recognition of files."""
