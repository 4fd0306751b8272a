"""Why a run ends before its end."""


class QPUStoppedError(RuntimeError):
    """The QPU cannot be used any longer, or must not be: the run has to end at its last checkpoint."""
