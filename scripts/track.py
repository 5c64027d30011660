"""Follows a run and tells a tracker of it, until the run has written nothing for a minute.

    python scripts/track.py RUN [MODULE]     # MODULE: trackio, wandb ... (trackio)
"""
import importlib
import json
import os
import sys
import time

run, module = os.path.abspath(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "trackio"
patience = float(os.environ.get("TRACK_PATIENCE", 60))
tracker = importlib.import_module(module)
tracker.init(project="forger", name=os.path.basename(run), config={"config.yaml": open(f"{run}/config.yaml").read()})
last, place, seen = -1, 0, time.time()
while time.time() - seen < patience:
    with open(f"{run}/metrics.jsonl") as lines:
        if os.fstat(lines.fileno()).st_size < place:
            place = 0  # the run went back to a checkpoint
        lines.seek(place)
        while (line := lines.readline()).endswith("\n"):
            place, figures = lines.tell(), json.loads(line)
            if (step := figures.pop("step")) > last:
                tracker.log({k: v for k, v in figures.items() if v is not None}, step=step)
                last, seen = step, time.time()
    time.sleep(min(1, patience))
tracker.finish()
