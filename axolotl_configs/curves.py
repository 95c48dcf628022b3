"""The curves of a run as a picture that any browser shows: loss, and loss on unseen rows, over the steps.

python -c "from axolotl_configs.curves import draw; draw(__import__('pathlib').Path('outputs/cpu_smoke'))"
"""

from __future__ import annotations

import math
from pathlib import Path

from axolotl_configs.files import write_text
from axolotl_configs.run import checkpoints, read_json

WIDTH, HEIGHT, EDGE = 720, 360, 48
COLOURS = {"loss": "#9aa5b1", "smoothed": "#1f6feb", "eval_loss": "#d1480b"}
SMOOTHING = 0.9
FILE = "curves.svg"


def points(run_dir: Path) -> dict[str, list[tuple[float, float]]]:
    """The losses that the newest checkpoint remembers, as (step, value); numbers that are not finite are left out."""
    found: dict[str, list[tuple[float, float]]] = {"loss": [], "eval_loss": []}
    for checkpoint in checkpoints(run_dir)[-1:]:
        for entry in read_json(checkpoint / "trainer_state.json").get("log_history", []):
            for name, series in found.items():
                value = entry.get(name)
                if isinstance(value, (int, float)) and math.isfinite(value):
                    series.append((entry["step"], value))
    return found


def draw(run_dir: Path) -> Path | None:
    """Write curves.svg into a run; None where there is nothing to draw."""
    series = points(run_dir)
    if len(series["loss"]) < 2:
        return None
    series = {"loss": series["loss"], "smoothed": _smoothed(series["loss"]), "eval_loss": series["eval_loss"]}
    everything = [point for line in series.values() for point in line]
    last = max(step for step, _ in everything)
    low, high = min(value for _, value in everything), max(value for _, value in everything)
    span = (high - low) or 1.0

    def place(point: tuple[float, float]) -> str:
        x = EDGE + point[0] / last * (WIDTH - 2 * EDGE)
        y = HEIGHT - EDGE - (point[1] - low) / span * (HEIGHT - 2 * EDGE)
        return f"{x:.1f},{y:.1f}"

    lines = [
        f'<polyline fill="none" stroke="{COLOURS[name]}" stroke-width="{1 if name == "loss" else 2}" '
        f'points="{" ".join(map(place, line))}"/>'
        for name, line in series.items()
        if line
    ]
    marks = [
        f'<text x="{EDGE - 6}" y="{HEIGHT - EDGE}" text-anchor="end">{low:.2f}</text>',
        f'<text x="{EDGE - 6}" y="{EDGE}" text-anchor="end">{high:.2f}</text>',
        f'<text x="{WIDTH - EDGE}" y="{HEIGHT - EDGE + 16}" text-anchor="end">step {last:.0f}</text>',
        f'<text x="{EDGE}" y="20">{run_dir.name}</text>',
        f'<text x="{WIDTH - EDGE}" y="20" text-anchor="end" fill="{COLOURS["smoothed"]}">loss</text>',
        f'<text x="{WIDTH - EDGE}" y="36" text-anchor="end" fill="{COLOURS["eval_loss"]}">on unseen rows</text>',
    ]
    frame = f'<path d="M{EDGE},{EDGE} V{HEIGHT - EDGE} H{WIDTH - EDGE}" fill="none" stroke="#57606a"/>'
    style = 'font-family="sans-serif" font-size="12"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {style}>'
    back = f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>'
    write_text(run_dir / FILE, "\n".join([head, back, frame, *lines, *marks, "</svg>"]) + "\n")
    return run_dir / FILE


def _smoothed(line: list[tuple[float, float]]) -> list[tuple[float, float]]:
    smooth, mean = [], line[0][1]
    for step, value in line:
        mean = SMOOTHING * mean + (1 - SMOOTHING) * value
        smooth.append((step, mean))
    return smooth
