"""Tensors that come in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def check_on_cpu(name: str, tensor: torch.Tensor) -> None:
    """Refuses a tensor that is elsewhere, or holds other than real floating-point numbers."""
    if tensor.device.type != "cpu":
        raise ValueError(f"{name} is on the device {tensor.device}, expected cpu: the core computes there")
    if not tensor.is_floating_point():
        raise ValueError(f"{name} holds {tensor.dtype}, expected floating-point numbers")
