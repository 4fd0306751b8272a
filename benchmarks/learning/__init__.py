"""Learning: what makes it better, the presets, and its speed."""
