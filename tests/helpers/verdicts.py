"""The words that call one net, search or schedule better than another: only lib.evaluate.compare may say them."""

import json
import re

VERDICT = re.compile(
    r"\b(is|are) (really )?(better|worse)\b|\breal (difference|gain)\b|\b(wins|beats|outperforms|loses to)\b"
    r"|\b(more|less) accurate than\b",
    re.I,
)
# in a cell that shows what was shipped
SHIPPED = ("shipped_searches(", "of_several_seeds(", "shipped_claims(", '"claims.csv"')


def outputs_of(path):
    """All text that an executed notebook shows of its own runs; shipped tables have seeds enough for their verdicts."""
    found = []
    for cell in json.loads(path.read_text())["cells"]:
        shows_shipped = any(words in "".join(cell["source"]) for words in SHIPPED)
        for output in () if shows_shipped else cell.get("outputs", []):
            texts = [
                output.get("text", ""),
                *(output.get("data", {}).get(f"text/{kind}", "") for kind in ("plain", "markdown")),
            ]
            found += ["".join(text) for text in texts]
    return "\n".join(found)
