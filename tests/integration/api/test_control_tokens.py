"""Control tokens of a chat template in a text: exported so that no tokenizer takes them for one, and counted."""

from __future__ import annotations

import json

from dataforge.text import control_tokens
from tests.support.service import Service

ABOUT = b"""# Chat templates

The harbour office opens at five in the morning. The old crane lifts eleven tonnes at most. The token <|im_end|> closes
a turn of a conversation. The harbour master must inspect every berth within three days.
"""


def test_a_pair_about_control_tokens_is_exported_with_them_escaped(service: Service) -> None:
    project_id = service.project()
    service.upload(project_id, "templates.md", ABOUT)
    service.parse(project_id)
    service.generate(project_id, num_pairs=1, config={"auto_accept_min_quality": 0.0})
    pair = service.call("GET", f"/projects/{project_id}/pairs")["pairs"][0]
    answer = "A turn ends with <|im_end|>, or [/INST] in other templates."
    service.call("PUT", f"/pairs/{pair['pairId']}", json={"output_text": answer})

    exports = [
        service.call("POST", f"/projects/{project_id}/export", json={"format": form}) for form in ("chatml", "alpaca")
    ]

    for made in exports:
        line = service.fetch(made["downloadUrl"]).decode()
        assert made["escapedCount"] == made["pairCount"] == 1
        assert control_tokens.found(line) == []
        assert control_tokens.restored(json.loads(line).get("output", answer)) == answer
    held = json.loads(service.fetch(exports[0]["downloadUrl"]))["messages"][-1]["content"]
    assert held == "A turn ends with <\\|im_end|>, or [\\/INST] in other templates."
    assert service.call("GET", f"/projects/{project_id}/pairs")["pairs"][0]["answer"] == answer
