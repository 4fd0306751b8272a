"""Why a run ends before its end."""


class StoppedError(RuntimeError):
    """Error of a run that lost something it needs, and has to end at its last checkpoint."""


class QPUStoppedError(StoppedError):
    """The QPU cannot be used any longer, or must not be: the run has to end at its last checkpoint."""


class BudgetSpentError(QPUStoppedError):
    """Error of a run whose next problems would take more QPU time than is allowed."""


class NotSavedError(StoppedError):
    """A checkpoint could not be written: what was learned since the one before is lost."""
