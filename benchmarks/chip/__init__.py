"""Scripts that hold the chip model against real chips."""
