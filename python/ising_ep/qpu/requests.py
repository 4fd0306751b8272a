"""The client's requests about problems, where an answer may be other than the client expects."""

from __future__ import annotations

import json
from typing import Any

import pydantic
from dwave.cloud import api

from ..settings.refusals import what_is_wrong
from .qp import BadAnswerError


class Problems(api.Problems):  # type: ignore[misc]
    """The client's requests, which read answers without times too.

    Where a reply holds what should be an answer and is none, another try is of little use: the error is
    `BadAnswerError`, and not one of the network.
    """

    def get_problem(self, problem_id: str, timeout: int | None = None) -> Any:
        """Status of a problem, and its answer if it has one."""
        try:
            return super().get_problem(problem_id, timeout=timeout)
        except pydantic.ValidationError:
            reply = self.session.get(problem_id, params={} if timeout is None else {"timeout": timeout})
            body = json.loads(reply.content)
            if not isinstance(body, dict) or not isinstance(body.get("answer"), dict):
                raise
        return _checked(api.models.ProblemStatusMaybeWithAnswer, body | {"answer": _timed(body["answer"])})

    def get_problem_answer(self, problem_id: str) -> Any:
        """The answer to a problem."""
        try:
            return super().get_problem_answer(problem_id)
        except (KeyError, TypeError):
            raise api.exceptions.ResourceBadResponseError("the answer lacks its main part") from None
        except pydantic.ValidationError:
            answer = json.loads(self.session.get(f"{problem_id}/answer").content).get("answer")
        return _checked(api.models.ProblemAnswer, _timed(answer) if isinstance(answer, dict) else answer)


def _timed(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer with times, be they empty: the client reads no other."""
    return answer if isinstance(answer.get("timing"), dict) else {**answer, "timing": {}}


def _checked(model: Any, body: Any) -> Any:
    try:
        return model.model_validate(body)
    except pydantic.ValidationError as error:
        first = what_is_wrong(error.errors(include_url=False)[:1])
        raise BadAnswerError(f"the answer cannot be read: {first}") from None
