"""A run in one HTML file: what it was asked for, what it learned, and what it cost."""

from .page import page

__all__ = ["page"]
