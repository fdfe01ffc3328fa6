"""Leaves out requests whose refusal no schema can describe."""

import os

import schemathesis

# The tokens of lists are opaque: the server has issued none of those that a generator makes up.
TOKENS = ("cursor", "next_page_token")
# JSON in which a whole number would lose digits is refused at any place (docs/api.md).
EXACT = 2**53 - 1


def _loses_digits(value: object) -> bool:
    if isinstance(value, dict):
        return any(_loses_digits(inner) for inner in value.values())
    if isinstance(value, list):
        return any(_loses_digits(inner) for inner in value)
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) > EXACT


@schemathesis.hook
def filter_case(context, case):
    # An admin may revoke its own key. All later requests would get 401, and would test nothing.
    if (case.path_parameters or {}).get("key_id") == os.environ["SIROCCO_FUZZ_KEY_ID"]:
        return False
    query = case.query if isinstance(case.query, dict) else {}
    return not any(query.get(name) for name in TOKENS) and not _loses_digits(case.body)


@schemathesis.hook
def map_case(context, case):
    """What a schema says of one field, the server also says of two, or of the text inside of one."""
    if isinstance(case.body, dict):
        # The header and the field must not differ.
        if case.body.get("idempotency_key") and case.headers:
            case.headers.pop("Idempotency-Key", None)
        # The old name of the field and the new one must not differ.
        if case.body.get("deployment_name"):
            case.body.pop("task_queue", None)
        # No worker runs, so a call that waits would wait until its end.
        if case.body.get("wait_for_result") is True:
            case.body["timeout_seconds"] = 0.1
        # Without encodings the payload is JSON in base64.
        for encoded in (case.body.get("encoded_input"), case.body.get("input")):
            if isinstance(encoded, dict) and isinstance(encoded.get("b64payload"), str):
                if not encoded.get("encoding_options"):
                    encoded["b64payload"] = "e30="
    return case
