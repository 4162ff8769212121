"""The races' CPU per event as bars: an SVG that reads well on light and on dark pages, without a library."""

from collections.abc import Sequence
from html import escape

_WIDTH = 860
_LABEL_WIDTH = 190
_BAR_WIDTH = 400
_ROW_HEIGHT = 30
_TOP = 44
_STYLE = """\
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600 }
.note { fill: #59636e; font-size: 12px }
.bar { fill: #8c959f }
.start { fill: #d1d9e0 }
.ours { fill: #1a7f37 }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc }
  .note { fill: #9198a1 }
  .bar { fill: #848d97 }
  .start { fill: #3d444d }
  .ours { fill: #3fb950 }
}"""


def draw(title: str, note: str, bars: Sequence[tuple[str, float, float]]) -> str:
    """Draw the bars.

    Args:
        title: What it shows.
        note: Under what conditions.
        bars: Of each collector its name, the whole in µs and how much of it is start-up. The first one is ours.
    """
    height = _TOP + _ROW_HEIGHT * len(bars) + 28
    widest = max((whole for _, whole, _ in bars), default=1.0)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>\n{_STYLE}\n</style>",
        f'<text class="title" x="0" y="20">{escape(title)}</text>',
    ]
    for row, (label, whole, start_up) in enumerate(bars):
        top = _TOP + row * _ROW_HEIGHT
        bare_width = max(whole - start_up, 0.0) / widest * _BAR_WIDTH
        width = whole / widest * _BAR_WIDTH
        middle = top + 15
        words = f"{whole:.1f}" + (_times((whole, start_up), bars[0][1:]) if row else "")
        parts += [
            f'<text x="{_LABEL_WIDTH - 8}" y="{middle}" text-anchor="end">{escape(label)}</text>',
            f'<rect class="{"bar" if row else "ours"}" x="{_LABEL_WIDTH}" y="{top}" width="{bare_width:.1f}" height="20"/>',
            f'<rect class="start" x="{_LABEL_WIDTH + bare_width:.1f}" y="{top}" width="{width - bare_width:.1f}" height="20"/>',
            f'<text x="{_LABEL_WIDTH + width + 8:.1f}" y="{middle}">{words}</text>',
        ]
    parts += [f'<text class="note" x="0" y="{height - 8}">{escape(note)}</text>', "</svg>", ""]
    return "\n".join(parts)


def _times(other: tuple[float, float], ours: tuple[float, float]) -> str:
    """How many times as much, as a whole and less start-up."""
    return f" ({other[0] / ours[0]:.1f} x; less start-up {(other[0] - other[1]) / (ours[0] - ours[1]):.1f} x)"
