"""The management API of event hooks, as far as a check needs it: list them, look at one, verify one."""

import json
from collections.abc import Callable

from okta_source.simulator import answers
from okta_source.simulator.errors import OktaError
from okta_source.simulator.event_hook import EventHook
from okta_source.simulator.records import Answer, Request

__all__ = ["HOOKS_PATH", "HOOKS_SCOPE", "HookApi"]

HOOKS_PATH = "/api/v1/eventHooks"
HOOKS_SCOPE = "okta.eventHooks.read"


class HookApi:
    """Answers requests for an organisation's hooks.

    Args:
        hooks: Its hooks.
        admit: Raises `OktaError` for a credential that isn't good for a scope at this Unix time.
        verify: Sends a hook its challenge; whether it came back.
    """

    def __init__(self, hooks: list[EventHook], admit: Callable[[Request, float, str], None], verify: Callable[[EventHook], bool]) -> None:
        self._hooks = hooks
        self._admit = admit
        self._verify = verify

    @staticmethod
    def serves(path: str) -> bool:
        """Whether a path is one of its own."""
        return path == HOOKS_PATH or path.startswith(f"{HOOKS_PATH}/")

    def respond(self, request: Request, request_id: str, now: float) -> Answer:
        """The answer to a request."""
        headers = answers.base_headers(now, request_id, None)
        try:
            self._admit(request, now, HOOKS_SCOPE)
            found = self._found(request)
        except OktaError as error:
            return answers.error_answer(error, headers, f"oae{request_id}")
        return Answer(200, [*headers, ("content-type", answers.JSON)], json.dumps(found).encode())

    def _found(self, request: Request) -> object:
        hooks = [hook for hook in self._hooks if hook.form == "hook"]
        hook_id, _, action = request.path[len(HOOKS_PATH) + 1 :].partition("/")
        if not hook_id and request.method == "GET":
            return [hook.as_resource(request.base_url) for hook in hooks]
        hook = next((hook for hook in hooks if hook.hook_id == hook_id), None)
        if hook is None:
            raise OktaError(404, "E0000007", f"{hook_id} (EventHook)")
        if action == "lifecycle/verify" and request.method == "POST":
            if not self._verify(hook):
                cause = f"Unable to verify event hook. Hook {hook.name} execution failed"
                raise OktaError(400, "E0000001", "eventHook", (cause,))
            hook.verification_status = "VERIFIED"
        elif action or request.method != "GET":
            raise OktaError(405, "E0000022")
        return hook.as_resource(request.base_url)
