"""The official client, and helpers that turn its answers and refusals into JSON."""

import json
import os

from mistralai.client import Mistral, errors

client = Mistral(api_key=os.environ["SIROCCO_API_KEY"], server_url=os.environ["SIROCCO_URL"])


def plain(model):
    return json.loads(model.model_dump_json())


def refused(call):
    try:
        call()
    except (errors.SDKError, errors.HTTPValidationError) as error:
        return {"error": type(error).__name__, "status": error.status_code, "body": json.loads(error.body)}
    return None
