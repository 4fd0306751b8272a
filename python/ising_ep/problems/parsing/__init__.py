"""What readers of formats share: tables of numbers, JSON, sizes, how a file is known."""
