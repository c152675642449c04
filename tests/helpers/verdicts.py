"""The words that call one net, search or schedule better than another: only lib.evaluate.compare may say them."""

import json
import re

VERDICT = re.compile(
    r"\b(is|are) (really )?(better|worse)\b|\breal (difference|gain)\b|\b(wins|beats|outperforms)\b", re.I
)


def outputs_of(path):
    """All text that an executed notebook shows."""
    found = []
    for cell in json.loads(path.read_text())["cells"]:
        for output in cell.get("outputs", []):
            texts = [
                output.get("text", ""),
                *(output.get("data", {}).get(f"text/{kind}", "") for kind in ("plain", "markdown")),
            ]
            found += ["".join(text) for text in texts]
    return "\n".join(found)
