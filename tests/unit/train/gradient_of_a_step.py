"""Write the gradient of the first step, and what a few steps lead to; for one process or several (test_processes.py).

python -m tests.unit.train.gradient_of_a_step FILE [SETTING=VALUE ...]
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import torch

from kws.train import loop
from tests.unit.train.runs import make_batches, make_recipe, make_trainer


def main(path: Path, settings: list[str]) -> None:
    """Train three steps without clipping, dropout and carried states."""
    given = dict(text.split("=", 1) for text in settings)
    values = {key: value if key == "comm_hook" else int(value) for key, value in given.items()}
    recipe = make_recipe(dropout=0.0, gradient_clip=1e6, keep_state=0.0, steps=3, validate_every=100, **values)
    trainer = make_trainer(Path(tempfile.mkdtemp()), recipe)
    loop.draw_curves = lambda *arguments: None
    trainer._validate = lambda: None  # type: ignore[method-assign]
    processes = trainer._processes
    batches = make_batches(recipe, 0, processes.index, processes.count)
    parts = [next(batches) for _ in range(recipe.training.accumulate_batches)]
    loss = processes.agree(trainer.learner.step(parts, 0), False, False).loss
    found = {"loss": torch.tensor(loss), "count": torch.tensor(processes.count)}
    found |= {name: p.grad.clone() for name, p in trainer.learner.network.named_parameters() if p.grad is not None}
    trainer.step = 1
    trainer.run(batches, lambda report: None)
    # Every process has the same weights.
    for name, weight in trainer.learner.network.state_dict().items():
        found[f"then {name}"] = weight
        together = processes.gather(weight[None].float())
        found[f"spread {name}"] = (together - together[0]).abs().max()
    if processes.is_main:
        torch.save(found, path)
        print(json.dumps({"processes": processes.count}))
    del trainer, weight, together
    processes.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
